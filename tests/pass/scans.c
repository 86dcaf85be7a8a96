// scans.c -- gradients of scans against central differences, and what passes make of scans.

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "pass/evaluate.h"
#include "pass/golden.h"
#include "pass/pass.h"
#include "support/scan_models.h"

enum { MAX_OUTPUTS = 32 };

static const int64_t lengths[] = {1, 2, 7};

static Graph *model(Arena *a, ScanModel which, int64_t length, bool reverse)
{
    return graph_from(a, scan_model(a, which, length, reverse));
}

static void add_gradients(Graph *g)
{
    const int count = g->variables->count;
    int *variables = arena_array(g->arena, int, (size_t)count);
    Node **gradients = arena_array(g->arena, Node *, (size_t)count);
    for (int i = 0; i < count; i++)
        variables[i] = i;
    autodiff(g, g->outputs[0].node, variables, count, gradients);
    for (int i = 0; i < count; i++)
        graph_output(g, g->variables->items[i].path, gradients[i]);
}

static double loss_of(World *w, const Graph *g)
{
    double *outputs[MAX_OUTPUTS];
    world_run(w, g, outputs);
    return outputs[0][0];
}

// A step of 1e-5 in double: the difference is off by about 1e-10.
static void expect_differences(World *w, const Graph *loss, int variable, const double *gradient)
{
    const double step = 1e-5;
    int64_t count;
    double *x = world_variable(w, variable, &count);
    for (int64_t k = 0; k < count; k++) {
        const double at = x[k];
        x[k] = at + step;
        const double above = loss_of(w, loss);
        x[k] = at - step;
        const double below = loss_of(w, loss);
        x[k] = at;
        const double wanted = (above - below) / (2 * step);
        cr_expect(fabs(gradient[k] - wanted) <= 1e-7 * (1 + fabs(wanted)), "%s[%d]: %.12g, not %g",
                  w->variables->items[variable].path, (int)k, gradient[k], wanted);
    }
}

static void check_gradients(Arena *a, const Graph *loss, bool optimized)
{
    Graph *g = graph_clone(loss);
    double *outputs[MAX_OUTPUTS];
    if (optimized)
        passes_run(g, &(PassOptions){.verify = true});
    add_gradients(g);
    const char *wrong = graph_verify(g, a);
    cr_assert(!wrong, "%s\n%s", wrong, graph_text(a, g));
    if (optimized)
        passes_run(g, &(PassOptions){.verify = true});
    World w = world_new(a, g->variables, 5);
    world_run(&w, g, outputs);
    for (int i = 0; i < g->variables->count; i++)
        expect_differences(&w, loss, i, outputs[loss->output_count + i]);
}

Test(scans, gradients_meet_differences)
{
    for (int m = 0; m < SCAN_MODEL_COUNT; m++)
        for (size_t t = 0; t < sizeof lengths / sizeof *lengths; t++)
            for (int k = 0; k < 4; k++) {
                Arena *a = arena_new(NULL);
                check_gradients(a, model(a, (ScanModel)m, lengths[t], k & 1), k & 2);
                arena_free(a);
            }
}

static int scan_count(const Graph *g)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == OP_scan;
    return count;
}

static const ScanBody *nth_scan(const Graph *g, int n)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan && n-- == 0)
            return g->nodes[i]->attr.scan;
    return NULL;
}

static int count_of(const Graph *g, OpId op)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == op;
    return count;
}

// The gradients of weights are contractions behind the scan: a step of the backward scan does no
// more of them than hand an adjoint on.
Test(scans, weights_are_contracted_over_all_steps_at_once)
{
    Arena *a = arena_new(NULL);
    Graph *g = model(a, SCAN_MODEL_CELL, 7, false);
    add_gradients(g);
    passes_run(g, &(PassOptions){.verify = true});
    cr_assert_eq(scan_count(g), 2);
    cr_expect_eq(count_of(nth_scan(g, 1)->graph, OP_contract), 1, "%s", graph_text(a, g));
    cr_expect_eq(count_of(g, OP_contract), 2);
    arena_free(a);
}

Test(scans, what_nothing_reads_is_pruned)
{
    Arena *a = arena_new(NULL);
    Graph *g = model(a, SCAN_MODEL_NESTED, 5, false);
    g->output_count = 1;
    passes_run(g, &(PassOptions){.verify = true});
    const ScanBody *s = nth_scan(g, 0);
    cr_expect_eq(s->carried, 2);  // the i32 scales the rows
    cr_expect_eq(s->graph->output_count, 3, "%s", graph_text(a, g));
    cr_expect_eq(count_of(s->graph, OP_lt), 0);
    graph_output(g, intern(g->names, "s"), g->outputs[0].node->in[1]);
    g->outputs[0] = g->outputs[1];
    g->output_count = 1;
    passes_run(g, &(PassOptions){.verify = true});
    cr_expect_eq(nth_scan(g, 0)->carried, 1, "%s", graph_text(a, g));
    arena_free(a);
}

Test(scans, what_depends_on_variables_alone_is_split_off)
{
    Arena *a = arena_new(NULL);
    Graph *g = model(a, SCAN_MODEL_NESTED, 3, true), *before = graph_clone(g);
    Graph *fold = graph_split_constants(g);
    cr_assert(fold);
    cr_expect_eq(scan_count(g), 0, "%s", graph_text(a, g));
    const char *wrong = graph_verify(fold, a);
    cr_expect(!wrong, "%s", wrong);
    World w = world_new(a, g->variables, 6);
    const double want = loss_of(&w, before);
    world_run(&w, fold, NULL);
    cr_expect_eq(loss_of(&w, g), want);
    arena_free(a);
}
