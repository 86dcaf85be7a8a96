// encoding.c -- whether bytes are what a program may be written in.

#include "syntax/encoding.h"

#include <string.h>

#include "base/cells.h"

enum { BYTE_ORDER_MARK = 0xfeff };

size_t byte_order_mark_size(const char *text, size_t size)
{
    return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static bool is_control(int32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c < 0xa0);
}

static bool offends(int32_t c, bool before_newline)
{
    return c < 0 || is_control(c) || (c == '\r' && !before_newline) || c == BYTE_ORDER_MARK ||
           is_bidi_control(c);
}

static void report(Diags *diags, int32_t c, unsigned char byte, Span span)
{
    if (c < 0)
        diag_report(diags, DIAG_invalid_utf8, span, byte);
    else if (c == 0)
        diag_report(diags, DIAG_nul_byte, span);
    else if (c == '\r')
        diag_report(diags, DIAG_lone_carriage_return, span);
    else if (c == BYTE_ORDER_MARK)
        diag_report(diags, DIAG_byte_order_mark, span);
    else if (is_bidi_control(c))
        diag_report(diags, DIAG_bidi_control, span, (unsigned)c);
    else
        diag_report(diags, DIAG_control_character, span, (unsigned)c);
}

bool check_encoding(Diags *diags, const char *text, size_t size, uint32_t base)
{
    size_t bytes;
    for (size_t i = byte_order_mark_size(text, size); i < size; i += bytes) {
        const int32_t c = utf8_decode(text + i, size - i, &bytes);
        const bool before_newline = i + 1 < size && text[i + 1] == '\n';
        if (!offends(c, before_newline))
            continue;
        const Span span = {base + (uint32_t)i, (uint32_t)bytes};
        if (diags)
            report(diags, c, (unsigned char)text[i], span);
        return false;
    }
    return true;
}
