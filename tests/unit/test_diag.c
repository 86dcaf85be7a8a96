// test_diag.c -- diagnostics as the user reads them.

#include <criterion/criterion.h>
#include <string.h>

#include "base/session.h"

static const char program[] = "model m {\n"
                              "    flatten\n"
                              "    conv2d(32, kernel = 3)\n"
                              "\tx = \"\u6f22\" + 1\n"
                              "}\n";

// A span of the first place where `text` stands.
static Span span_of(const Source *source, const char *text)
{
    const char *at = strstr(source->text, text);
    return (Span){source->base + (uint32_t)(at - source->text), (uint32_t)strlen(text)};
}

static char *printed(const Session *s, bool color)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diags_print(s->diags, out, color);
    fclose(out);
    return text;
}

static void expect_printed(const Session *s, const char *expected)
{
    char *text = printed(s, false);
    cr_expect_str_eq(text, expected, "printed:\n%s", text);
    free(text);
}

static const Source *add_program(Session *s)
{
    return sources_add(s->sources, "m.nn", program, sizeof program - 1);
}

Test(diag, label_note_and_help)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    Diag *d =
        diag_report(s->diags, DIAG_chained_comparison, span_of(source, "conv2d(32, kernel = 3)"));
    diag_label(d, "needs %s axes", "three");
    diag_note(d, span_of(source, "flatten"), "[28, 28, 1] becomes [784] here");
    diag_help(d, "move flatten below");
    expect_printed(s, "error[chained-comparison]: comparisons do not chain\n"
                      " --> m.nn:3:5\n"
                      "  |\n"
                      "2 |     flatten\n"
                      "  |     ------- [28, 28, 1] becomes [784] here\n"
                      "3 |     conv2d(32, kernel = 3)\n"
                      "  |     ^^^^^^^^^^^^^^^^^^^^^^ needs three axes\n"
                      "  = help: move flatten below\n");
    session_free(s);
}

Test(diag, note_in_another_file)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    const Source *library = sources_add(s->sources, "<stdlib>/a.nn", "layer a(x) = x", 14);
    Diag *d = diag_report(s->diags, DIAG_chained_comparison, span_of(source, "flatten"));
    diag_note(d, span_of(library, "a(x)"), "defined here");
    diag_note(d, NO_SPAN, "without a place");
    expect_printed(s, "error[chained-comparison]: comparisons do not chain\n"
                      " --> m.nn:2:5\n"
                      "  |\n"
                      "2 |     flatten\n"
                      "  |     ^^^^^^^\n"
                      " ::: <stdlib>/a.nn:1:7\n"
                      "  |\n"
                      "1 | layer a(x) = x\n"
                      "  |       ---- defined here\n"
                      "  = note: without a place\n");
    session_free(s);
}

Test(diag, cells_under_wide_characters_and_tabs)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    diag_report(s->diags, DIAG_chained_comparison, span_of(source, "\"\u6f22\""));
    expect_printed(s, "error[chained-comparison]: comparisons do not chain\n"
                      " --> m.nn:4:6\n"
                      "  |\n"
                      "4 |     x = \"\u6f22\" + 1\n"
                      "  |         ^^^^\n");
    session_free(s);
}

Test(diag, a_span_of_several_lines_ends_with_the_first)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    diag_report(s->diags, DIAG_chained_comparison, span_of(source, "flatten\n    conv2d"));
    expect_printed(s, "error[chained-comparison]: comparisons do not chain\n"
                      " --> m.nn:2:5\n"
                      "  |\n"
                      "2 |     flatten\n"
                      "  |     ^^^^^^^\n");
    session_free(s);
}

Test(diag, no_place_and_control_characters)
{
    Session *s = session_new();
    diag_report(s->diags, DIAG_unknown_block, NO_SPAN, "a\x1b[31m");
    expect_printed(s, "error[unknown-block]: there is no block `a\\u{1b}[31m`\n");
    session_free(s);
}

Test(diag, sorted_by_place_and_repetitions_swallowed)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    diag_report(s->diags, DIAG_nul_byte, span_of(source, "conv2d"));
    diag_report(s->diags, DIAG_misplaced_else, span_of(source, "flatten"));
    diag_label(diag_report(s->diags, DIAG_nul_byte, span_of(source, "conv2d")), "not shown");
    cr_assert_eq(diags_count(s->diags), 2);
    cr_expect_eq(diags_errors(s->diags), 2);
    cr_expect_eq(diags_code_at(s->diags, 0), DIAG_misplaced_else);
    cr_expect_eq(diags_code_at(s->diags, 1), DIAG_nul_byte);
    diags_clear(s->diags);
    cr_expect_eq(diags_count(s->diags), 0);
    session_free(s);
}

Test(diag, twenty_are_shown)
{
    Session *s = session_new();
    const Source *source = add_program(s);
    for (uint32_t i = 0; i < 25; i++)
        diag_report(s->diags, DIAG_nul_byte, (Span){source->base + i, 1});
    char *text = printed(s, false);
    int shown = 0;
    for (const char *at = text; (at = strstr(at, "error[")) != NULL; at++)
        shown++;
    cr_expect_eq(shown, 20);
    cr_expect_not_null(strstr(text, "\n... and 5 more errors\n"));
    free(text);
    session_free(s);
}

Test(diag, a_flood_is_counted)
{
    Session *s = session_new();
    for (uint32_t i = 0; i < 5000; i++)
        diag_report(s->diags, DIAG_nul_byte, (Span){i, 1});
    cr_expect_eq(diags_errors(s->diags), 5000);
    session_free(s);
}

Test(diag, a_long_line_is_cut)
{
    Session *s = session_new();
    char line[5000];
    memset(line, 'a', sizeof line);
    const Source *source = sources_add(s->sources, "long.nn", line, sizeof line);
    diag_report(s->diags, DIAG_nul_byte, (Span){source->base + 3000, 4});
    char *text = printed(s, false);
    cr_expect(strlen(text) < 600);
    const char *shown = strstr(text, "...a"), *carets = strstr(text, "^^^^");
    cr_assert(shown && carets);
    session_free(s);
    free(text);
}

Test(diag, color)
{
    Session *s = session_new();
    diag_report(s->diags, DIAG_nul_byte, span_of(add_program(s), "flatten"));
    char *text = printed(s, true);
    cr_expect_not_null(strstr(text, "\033[1;31merror[nul-byte]\033[0m"));
    free(text);
    session_free(s);
}
