// printing.c -- tables, curves, verdicts.

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/curves.h"
#include "driver/diagnosis.h"
#include "driver/progress.h"
#include "driver/table.h"

typedef struct Paper {
    Terminal terminal;
    char *text;
    size_t size;
    Arena *arena;
} Paper;

static void paper_new(Paper *p, bool unicode)
{
    *p = (Paper){.arena = arena_new(NULL)};
    p->terminal =
        (Terminal){.out = open_memstream(&p->text, &p->size), .unicode = unicode, .width = 60};
}

static void paper_expect(Paper *p, const char *want)
{
    fclose(p->terminal.out);
    cr_expect_str_eq(p->text, want);
    free(p->text);
    arena_free(p->arena);
}

Test(printing, columns_are_aligned_by_cells)
{
    Paper p;
    paper_new(&p, false);
    Table *t = table_new(p.arena, "lr");
    table_cell(t, "name");
    table_cell(t, "size");
    table_rule(t);
    table_cell(t, "na\u00efve");
    table_cell(t, "1");
    table_cell(t, "\u732b");
    table_cell(t, "%s", "");
    table_print(t, &p.terminal);
    paper_expect(&p, "  name   size\n"
                     "  -----------\n"
                     "  na\u00efve     1\n"
                     "  \u732b\n");
}

Test(printing, numbers)
{
    Arena *a = arena_new(NULL);
    cr_expect_str_eq(grouped(a, 1234567), "1 234 567");
    cr_expect_str_eq(grouped(a, 999), "999");
    cr_expect_str_eq(grouped(a, -1000), "-1 000");
    cr_expect_str_eq(bytes_text(a, 1536), "1.5 KiB");
    cr_expect_str_eq(bytes_text(a, 12), "12 B");
    cr_expect_str_eq(bytes_text(a, 300.0 * 1024 * 1024), "300 MiB");
    cr_expect_str_eq(value_text(0.45123).text, "0.4512");
    cr_expect_str_eq(value_text(29098.06).text, "29098.1");
    cr_expect_str_eq(value_text(0.0000123).text, "1.23e-05");
    cr_expect_str_eq(value_text(0).text, "0.0000");
    cr_expect_str_eq(value_text(NAN).text, "-");
    arena_free(a);
}

Test(printing, a_curve)
{
    static const double falling[] = {4, 3, 2, 1};
    const Curve curve = {"training", falling, STYLE_NONE};
    Paper p;
    paper_new(&p, false);
    p.terminal.width = 34;
    curves_print(&p.terminal, p.arena, "loss", &curve, 1, 4);
    paper_expect(&p, "\n  loss by epoch\n"
                     "     4.0000 |*\n"
                     "            |**\n"
                     "            | **\n"
                     "            |  **\n"
                     "            |   **\n"
                     "            |    **\n"
                     "            |     **\n"
                     "            |      **\n"
                     "            |       **\n"
                     "     1.0000 |        ** training\n"
                     "            +----------\n"
                     "             1        4\n");
}

Test(printing, no_curve_of_nothing)
{
    static const double nothing[] = {NAN, NAN, NAN};
    const Curve curve = {"training", nothing, STYLE_NONE};
    Paper p;
    paper_new(&p, true);
    curves_print(&p.terminal, p.arena, "loss", &curve, 1, 3);
    curves_print(&p.terminal, p.arena, "loss", &curve, 1, 1);
    fputs("end", p.terminal.out);
    paper_expect(&p, "end");
}

static const struct {
    double training, held, target;
    Verdict verdict;
} verdicts[] = {
    {0.02, 0.03, NAN, VERDICT_FITS},
    {0.00, 0.02, NAN, VERDICT_FITS},
    {0.01, 0.20, NAN, VERDICT_VARIANCE},
    {0.60, 0.62, NAN, VERDICT_BIAS},
    {0.40, 0.80, NAN, VERDICT_BIAS_AND_VARIANCE},
    {0.20, 0.21, 0.05, VERDICT_BIAS},
    {0.04, 0.05, 0.05, VERDICT_FITS},
    {0.87, 0.88, NAN, VERDICT_BIAS},
    {0.89, 0.88, NAN, VERDICT_CHANCE},
    {0.95, 0.95, NAN, VERDICT_CHANCE},
};

Test(printing, verdicts_on_bias_and_variance)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        const Errors e = {
            verdicts[i].training, verdicts[i].held, 0.9, verdicts[i].target, true, 1, 1};
        cr_expect_eq(diagnose(&e), verdicts[i].verdict, "row %zu", i);
    }
}

Test(printing, a_loss_that_grew)
{
    Errors e = {0.6, 0.6, 0.9, NAN, true, 1.1, 4.7e8};
    cr_expect_eq(diagnose(&e), VERDICT_LOSS_GREW);
    e.least_loss = 1.6;  // as batches differ
    cr_expect_eq(diagnose(&e), VERDICT_BIAS);
    e.first_loss = -10, e.least_loss = -4;
    cr_expect_eq(diagnose(&e), VERDICT_LOSS_GREW);
    e.training = 0.01;  // whatever its loss
    cr_expect_eq(diagnose(&e), VERDICT_VARIANCE);
}

Test(printing, a_verdict_in_words)
{
    const Errors e = {0.01, 0.2, 0.9, NAN, true, 1, 0.1};
    Paper p;
    paper_new(&p, false);
    diagnosis_print(&p.terminal, "validation", &e);
    paper_expect(&p, "\n  high variance (overfitting): training error 1.0 %, validation 20.0 %; "
                     "a constant prediction 90.0 %\n"
                     "  to try: more data or augmentation, l1 or l2, dropout, a smaller model\n");
}
