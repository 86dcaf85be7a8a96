// error.c -- fills and prints NnrtError.

#include "error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Makes text from a file safe to show on a terminal: control characters, C1 ones in their UTF-8
// form (C2 80 to C2 9F) included, become '?', and a UTF-8 sequence cut by the buffer's end goes.
static void make_printable(char *text)
{
    unsigned char *s = (unsigned char *)text;
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x20 || s[i] == 0x7F)
            s[i] = '?';
        if (s[i] == 0xC2 && s[i + 1] >= 0x80 && s[i + 1] < 0xA0)
            s[i] = s[i + 1] = '?';
    }
    size_t tail = 0;
    while (tail < n && tail < 3 && (s[n - 1 - tail] & 0xC0) == 0x80)
        tail++;
    if (tail == n)
        return;
    const unsigned char lead = s[n - 1 - tail];
    const size_t follow = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (tail < follow)
        s[n - 1 - tail] = '\0';
}

static void fill(NnrtError *e, const char *file, const char *format, va_list args)
{
    e->help[0] = '\0';
    e->line = e->column = 0;
    e->offset = -1;
    vsnprintf(e->message, sizeof e->message, format, args);
    make_printable(e->message);
    snprintf(e->file, sizeof e->file, "%s", file);
    make_printable(e->file);
}

bool nnrt_fail(NnrtError *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, "", format, args);
    va_end(args);
    return false;
}

bool nnrt_fail_file(NnrtError *e, const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, file, format, args);
    va_end(args);
    return false;
}

bool nnrt_fail_line(NnrtError *e, const char *file, int64_t line, int64_t column,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, file, format, args);
    va_end(args);
    e->line = line;
    e->column = column;
    return false;
}

bool nnrt_fail_offset(NnrtError *e, const char *file, int64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, file, format, args);
    va_end(args);
    e->offset = offset;
    return false;
}

bool nnrt_fail_help(NnrtError *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->help, sizeof e->help, format, args);
    va_end(args);
    make_printable(e->help);
    return false;
}

void nnrt_error_text(const NnrtError *e, char *out, size_t size)
{
    char place[64] = "";
    if (e->offset >= 0)
        snprintf(place, sizeof place, " byte %" PRId64 ":", e->offset);
    else if (e->line > 0 && e->column > 0)
        snprintf(place, sizeof place, "%" PRId64 ":%" PRId64 ":", e->line, e->column);
    else if (e->line > 0)
        snprintf(place, sizeof place, "%" PRId64 ":", e->line);
    snprintf(out, size, "%s%s%s%s%s", e->file, e->file[0] ? ":" : "", place,
             e->file[0] || place[0] ? " " : "", e->message);
}
