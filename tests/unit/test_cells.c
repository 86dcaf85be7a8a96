// test_cells.c -- text as a terminal shows it.

#include <criterion/criterion.h>
#include <string.h>

#include "base/cells.h"

static const struct {
    const char *text;
    size_t cells;
    const char *shown;  // NULL: as it is
} cases[] = {
    {"", 0, NULL},
    {"abc", 3, NULL},
    {"a\tb", 5, "a   b"},
    {"\t", 4, "    "},
    {"\u00fc", 1, NULL},                                      // u umlaut
    {"u\u0308", 1, NULL},                                     // the same in two characters
    {"\u6f22\u5b57", 4, NULL},                                // two wide ideographs
    {"\U0001f600", 2, NULL},                                  // a face
    {"\U0001f1e9\U0001f1ea", 2, NULL},                        // a flag
    {"\U0001f468\u200d\U0001f469\u200d\U0001f467", 2, NULL},  // a family
    {"\x1b[31m", 10, "\\u{1b}[31m"},
    {"\u202e", 8, "\\u{202e}"},
    {"\xff", 4, "\\xff"},
};

Test(cells, widths_and_escapes)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *shown = NULL;
        size_t size = 0;
        const size_t n = strlen(cases[i].text);
        FILE *out = open_memstream(&shown, &size);
        const size_t cells = cells_show(out, cases[i].text, n);
        fclose(out);
        cr_expect_eq(cells, cases[i].cells, "\"%s\" fills %zu cells", shown, cells);
        cr_expect_eq(cells_show(NULL, cases[i].text, n), cells);
        cr_expect_str_eq(shown, cases[i].shown ? cases[i].shown : cases[i].text);
        free(shown);
    }
}
