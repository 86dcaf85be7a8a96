// literal.c -- the values of numbers, strings and documentation lines.

#include "syntax/literal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cells.h"

enum { MAX_DIGITS = 4096, MAX_HEX_DIGITS = 6 };

// --- numbers ----------------------------------------------------------------------------------

static bool out_of_range(Diags *diags, Token token, const char *limit)
{
    Diag *d = diag_report(diags, DIAG_number_out_of_range, token.span);
    diag_label(d, "%s", limit);
    return false;
}

// 1 without a unit.
static int64_t unit_of(char c)
{
    switch (c) {
    case 'K':
        return 1024;
    case 'M':
        return 1024 * 1024;
    default:
        return 1;
    }
}

bool literal_int(Diags *diags, Token token, int64_t *value)
{
    int64_t n = 0;
    bool overflow = false;
    uint32_t i = 0;
    for (; i < token.span.len &&
           (token.text[i] == '_' || (token.text[i] >= '0' && token.text[i] <= '9'));
         i++)
        if (token.text[i] != '_')
            overflow |= __builtin_mul_overflow(n, 10, &n) ||
                        __builtin_add_overflow(n, token.text[i] - '0', &n);
    while (i < token.span.len && (token.text[i] == ' ' || token.text[i] == '\t'))
        i++;
    const int64_t unit = i < token.span.len ? unit_of(token.text[i]) : 1;
    overflow |= __builtin_mul_overflow(n, unit, value);
    return !overflow || out_of_range(diags, token, "whole numbers go up to 9223372036854775807");
}

bool literal_real(Diags *diags, Token token, double *value)
{
    char digits[MAX_DIGITS + 1];
    size_t n = 0;
    for (uint32_t i = 0; i < token.span.len && n < MAX_DIGITS; i++)
        if (token.text[i] != '_')
            digits[n++] = token.text[i];
    digits[n] = '\0';
    *value = strtod(digits, NULL);
    return isfinite(*value) || out_of_range(diags, token, "real numbers go up to 1.8e308");
}

// --- strings ----------------------------------------------------------------------------------

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// Reads `{1f600}`; returns its bytes and the character, 0 when it is wrong.
static size_t read_code_point(const char *s, size_t n, int32_t *c)
{
    size_t i = 1;
    *c = 0;
    if (n == 0 || s[0] != '{')
        return 0;
    for (; i < n && i <= MAX_HEX_DIGITS && hex_digit(s[i]) >= 0; i++)
        *c = *c * 16 + hex_digit(s[i]);
    return i > 1 && i < n && s[i] == '}' ? i + 1 : 0;
}

// Adds what the escape at s[0] == '\\' stands for; returns its bytes, 0 when it is wrong.
static size_t add_escape(Text *out, const char *s, size_t n)
{
    static const char letters[] = "nrt\\\"", meanings[] = "\n\r\t\\\"";
    const char *letter = n > 1 ? memchr(letters, s[1], sizeof letters - 1) : NULL;
    if (letter) {
        text_add_n(out, &meanings[letter - letters], 1);
        return 2;
    }
    int32_t c;
    char bytes[4];
    const size_t size = n > 2 && s[1] == 'u' ? read_code_point(s + 2, n - 2, &c) : 0;
    const size_t encoded = size && c ? utf8_encode(bytes, c) : 0;
    text_add_n(out, bytes, encoded);
    return encoded ? 2 + size : 0;
}

static void report_escape(Diags *diags, Span span)
{
    Diag *d = diag_report(diags, DIAG_invalid_escape, span);
    diag_help(d,
              "the escapes are \\n, \\r, \\t, \\\\, \\\" and \\u{...} with up to six hexadecimal "
              "digits");
}

const char *literal_string(Arena *a, Diags *diags, Token token)
{
    Text out = text_in(a);
    const size_t end = token.span.len - 1;
    for (size_t i = 1; i < end;) {
        const char *next = memchr(token.text + i, '\\', end - i);
        const size_t plain = next ? (size_t)(next - token.text) - i : end - i;
        text_add_n(&out, token.text + i, plain);
        i += plain;
        if (i == end)
            break;
        const size_t escape = add_escape(&out, token.text + i, end - i);
        if (!escape) {
            report_escape(diags, (Span){token.span.pos + (uint32_t)i, 2});
            return NULL;
        }
        i += escape;
    }
    return text_str(&out);
}

// --- documentation ----------------------------------------------------------------------------

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

const char *literal_doc(Arena *a, const Source *source, Span doc)
{
    if (!doc.pos)
        return NULL;
    Text out = text_in(a);
    const char *s = source->text + (doc.pos - source->base), *const end = s + doc.len;
    while (s < end) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        const char *stop = newline ? newline : end;
        while (*s != '#')
            s++;
        s += s + 2 < stop && s[2] == ' ' ? 3 : 2;
        const char *last = stop;
        while (last > s && is_space(last[-1]))
            last--;
        text_add_n(&out, s, (size_t)(last - s));
        text_add(&out, newline ? "\n" : "");
        s = stop + 1;
    }
    return text_str(&out);
}
