// autodiff.c -- tests of autodiff: what gradients look like. Their values are checked against
// differences in values.c.

#include <criterion/criterion.h>

#include "pass/golden.h"
#include "pass/models.h"

enum { MAX_VARIABLES = 8 };

// The graph whose outputs are the gradients of the first output alone, by all variables.
static void differentiate(Graph *g)
{
    int variables[MAX_VARIABLES];
    Node *gradients[MAX_VARIABLES];
    const int count = g->variables->count;
    cr_assert(count <= MAX_VARIABLES);
    for (int i = 0; i < count; i++)
        variables[i] = i;
    autodiff(g, g->outputs[0].node, variables, count, gradients);
    g->output_count = 0;
    for (int i = 0; i < count; i++)
        graph_output(g, g->variables->items[i].path, gradients[i]);
    graph_clean(g);
}

static bool differentiate_pass(Pass *p, Graph *g)
{
    (void)p;
    if (g->outputs[0].node->type.rank > 0)
        return false;  // the second run of a golden test: these are gradients already
    differentiate(g);
    return true;
}

Test(autodiff, golden)
{
    golden_pass("autodiff", differentiate_pass);
}

static int count_of(const Graph *g, OpId op)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++)
        count += g->nodes[i]->op == op;
    return count;
}

static Graph *optimized_gradients(Arena *a, const char *model)
{
    const PassOptions options = {.verify = true};
    Graph *g = graph_from(a, model);
    passes_run(g, &options);
    differentiate(g);
    passes_run(g, &options);
    return g;
}

// The gradient of cross entropy of softmax is softmax less the target: one exp, no logarithm, and
// none of the way through the maximum.
Test(autodiff, softmax_cross_entropy_needs_no_log)
{
    Arena *a = arena_new(NULL);
    const Graph *g = optimized_gradients(a, model_softmax);
    cr_expect_eq(count_of(g, OP_log), 0, "%s", graph_text(a, g));
    cr_expect_eq(count_of(g, OP_exp), 1, "%s", graph_text(a, g));
    cr_expect_eq(count_of(g, OP_eq), 1, "%s", graph_text(a, g));
    arena_free(a);
}

// Batch norm, backward: two sums over the batch for its input, two for gamma and beta, those of the
// forward pass; pow and its logarithm are gone.
Test(autodiff, batchnorm_is_small)
{
    Arena *a = arena_new(NULL);
    const Graph *g = optimized_gradients(a, model_batchnorm);
    cr_expect_eq(count_of(g, OP_pow), 0, "%s", graph_text(a, g));
    cr_expect_eq(count_of(g, OP_log), 0, "%s", graph_text(a, g));
    cr_expect_eq(count_of(g, OP_reduce), 6, "%s", graph_text(a, g));
    arena_free(a);
}

static const char two_reads[] = "graph test {\n"
                                "  param \"w\" f32\n"
                                "  param \"unused\" f32[3]\n"
                                "  %0 = variable \"w\" : f32\n"
                                "  %1 = variable \"w\" : f32\n"
                                "  %2 = variable \"unused\" : f32[3]\n"
                                "  %3 = mul %0, %1 : f32\n"
                                "  output \"loss\" = %3\n"
                                "  output \"other\" = %2\n"
                                "}\n";

Test(autodiff, sums_over_all_reads_and_is_zero_without_any)
{
    Arena *a = arena_new(NULL);
    Graph *g = graph_from(a, two_reads);
    Node *gradients[2];
    autodiff(g, g->outputs[0].node, (const int[]){0, 1}, 2, gradients);
    cr_expect_eq(gradients[0]->op, OP_add);
    cr_expect_eq(gradients[1]->op, OP_broadcast);
    cr_expect(type_equal(&gradients[1]->type, &g->variables->items[1].type));
    arena_free(a);
}
