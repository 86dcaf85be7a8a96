// fold_batchnorm.c -- tests of pass_fold_batchnorm: golden pairs, and a batch norm after every kind
// of convolution, in numbers.

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "pass/evaluate.h"
#include "pass/golden.h"
#include "support/convolution.h"

Test(fold_batchnorm, golden)
{
    golden_pass("fold_batchnorm", pass_fold_batchnorm);
}

static Node *new_variable(Builder *b, const char *path, Type type)
{
    Graph *g = b->graph;
    return build_variable(
        b, variables_add(g->variables, (Variable){.path = intern(g->names, path), .type = type}));
}

// y op v, where v is a variable as long as the last axis of y.
static Node *with_channels(Builder *b, OpId op, Node *y, const char *path)
{
    const int last = y->type.rank - 1;
    Node *v = new_variable(b, path, type_of(DTYPE_F32, 1, &y->type.dims[last]));
    v = build_broadcast(b, v, y->type, (int8_t[]){(int8_t)last});
    return build_binary(b, op, y, v);
}

static Graph *normed_convolution(Arena *a, const Convolution *c)
{
    Graph *g = graph_new(a, interner_new(a), variables_new(a), "predict");
    Builder b = {.graph = g};
    Node *x = build_input(&b, intern(g->names, "image"), convolution_input(c));
    Node *y = build_convolution(&b, c, x, new_variable(&b, "w", convolution_weights(c)));
    y = with_channels(&b, OP_add, y, "bias");
    y = with_channels(&b, OP_sub, y, "mean");
    y = with_channels(&b, OP_mul, y, "gamma");
    y = with_channels(&b, OP_div, y, "var");
    y = with_channels(&b, OP_add, y, "beta");
    graph_output(g, intern(g->names, "y"), y);
    return g;
}

static bool has(const Graph *g, OpId op)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op)
            return true;
    return false;
}

// Element-wise operations on values that have the batch.
static int batched_operations(const Graph *g)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++)
        count += op_is(g->nodes[i]->op, ELEMENTWISE) && type_batched(&g->nodes[i]->type);
    return count;
}

// But where the elements of a transposed convolution stand apart, among zeros that the norm shifts,
// one addition is left.
static void folds(const Convolution *c)
{
    Arena *a = arena_new(NULL);
    const Graph *before = normed_convolution(a, c);
    Graph *after = graph_clone(before);
    passes_run(after, &(PassOptions){.verify = true});
    const bool apart = has(after, OP_unwindow) || (c->transposed && c->kernel[0] == 1);
    if (!apart)
        cr_expect_eq(batched_operations(after), 1, "%s\n%s", c->name, graph_text(a, after));
    World w = world_new(a, before->variables, 1);
    double *want, *got;
    world_run(&w, before, &want);
    world_run(&w, after, &got);
    for (int64_t i = 0; i < world_count(&before->outputs[0].type); i++)
        cr_expect(fabs(got[i] - want[i]) <= 1e-12 * (1 + fabs(want[i])), "%s at %d: %g, not %g",
                  c->name, (int)i, got[i], want[i]);
    arena_free(a);
}

Test(fold_batchnorm, folds_into_convolutions)
{
    for (int i = 0; i < convolution_count; i++)
        folds(&convolutions[i]);
}
