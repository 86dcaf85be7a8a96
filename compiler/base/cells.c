// cells.c -- text as a terminal shows it.

#include "base/cells.h"

#include <utf8proc.h>

enum { TAB_CELLS = 4, EMOJI_VARIATION = 0xfe0f };

int32_t utf8_decode(const char *s, size_t n, size_t *size)
{
    utf8proc_int32_t c;
    const utf8proc_ssize_t read =
        utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
    *size = read > 0 ? (size_t)read : 1;
    return read > 0 ? c : -1;
}

size_t utf8_encode(char out[4], int32_t c)
{
    if (!utf8proc_codepoint_valid(c))
        return 0;
    return (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)out);
}

bool is_bidi_control(int32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c;
}

static bool is_shown_escaped(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || is_bidi_control(c) || c == 0x2028 ||
           c == 0x2029 || c == 0xfeff;
}

static size_t show_text(FILE *out, const char *s, size_t n)
{
    if (out)
        fwrite(s, 1, n, out);
    return n;
}

static size_t show_escape(FILE *out, const char *format, unsigned c)
{
    char escape[16];
    const int n = snprintf(escape, sizeof escape, format, c);
    return show_text(out, escape, (size_t)n);
}

static size_t show_tab(FILE *out, size_t cells)
{
    return show_text(out, "    ", TAB_CELLS - cells % TAB_CELLS);
}

// A grapheme as it is being read: no terminal gives one more than two cells.
typedef struct Grapheme {
    int32_t last;  // 0: none before
    utf8proc_int32_t state;
    size_t cells;
} Grapheme;

// How many cells the grapheme grows by when `c` follows.
static size_t grapheme_add(Grapheme *g, int32_t c)
{
    if (!g->last || utf8proc_grapheme_break_stateful(g->last, c, &g->state))
        *g = (Grapheme){.state = g->last ? g->state : 0};
    g->last = c;
    const size_t width = c == EMOJI_VARIATION ? 2 : (size_t)utf8proc_charwidth(c);
    const size_t cells = g->cells + width > 2 ? 2 : g->cells + width;
    const size_t grown = cells - g->cells;
    g->cells = cells;
    return grown;
}

size_t cells_show(FILE *out, const char *s, size_t n)
{
    size_t cells = 0;
    Grapheme grapheme = {0};
    for (size_t i = 0, size; i < n; i += size) {
        const int32_t c = utf8_decode(s + i, n - i, &size);
        if (c >= 0 && !is_shown_escaped(c)) {
            cells += grapheme_add(&grapheme, c);
            show_text(out, s + i, size);
            continue;
        }
        grapheme = (Grapheme){0};
        if (c < 0)
            cells += show_escape(out, "\\x%02x", (unsigned char)s[i]);
        else if (c == '\t')
            cells += show_tab(out, cells);
        else
            cells += show_escape(out, "\\u{%x}", (unsigned)c);
    }
    return cells;
}
