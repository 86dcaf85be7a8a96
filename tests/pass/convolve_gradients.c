// convolve_gradients.c -- tests of pass_convolve_gradients: golden pairs, and every kind of
// convolution with its gradients, in numbers.

#include <criterion/criterion.h>
#include <math.h>

#include "pass/evaluate.h"
#include "pass/golden.h"
#include "support/convolution.h"

Test(convolve_gradients, golden)
{
    golden_pass("convolve_gradients", pass_convolve_gradients);
}

enum { X, W, VARIABLES };  // the graphs' variables

static int new_variable(Graph *g, const char *path, Type type)
{
    return variables_add(g->variables, (Variable){.path = intern(g->names, path), .type = type});
}

// loss = sum of tanh(convolution(input + x, w)), which has both gradients.
static Graph *convolution_loss(Arena *a, const Convolution *c)
{
    Graph *g = graph_new(a, interner_new(a), variables_new(a), "train");
    Builder b = {.graph = g};
    const Type wide = convolution_input(c);
    new_variable(g, "x", type_of(DTYPE_F32, wide.rank - 1, wide.dims + 1));
    new_variable(g, "w", convolution_weights(c));
    Node *x = build_broadcast(&b, build_variable(&b, X), wide, (int8_t[]){1, 2, 3});
    x = build_binary(&b, OP_add, build_input(&b, intern(g->names, "image"), wide), x);
    Node *y = build_unary(&b, OP_tanh, build_convolution(&b, c, x, build_variable(&b, W)));
    graph_output(g, intern(g->names, "loss"),
                 build_reduce(&b, REDUCE_SUM, y, (1u << y->type.rank) - 1));
    return g;
}

static Graph *with_gradients(const Graph *loss)
{
    Graph *g = graph_clone(loss);
    Node *gradients[VARIABLES];
    autodiff(g, g->outputs[0].node, (int[]){X, W}, VARIABLES, gradients);
    for (int i = 0; i < VARIABLES; i++)
        graph_output(g, g->variables->items[i].path, gradients[i]);
    return g;
}

// Whether somewhere windows are put back that lie over each other.
static bool has_overlaps(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        const Attr *attr = &n->attr;
        if (n->op == OP_unwindow && n->in[0]->type.dims[attr->window.axis] > 1 &&
            attr->window.dilation * (attr->window.size - 1) >= attr->window.stride)
            return true;
    }
    return false;
}

static void expect_same(World *w, const Graph *before, const Graph *after, const char *what)
{
    double *want[1 + VARIABLES], *got[1 + VARIABLES];
    world_run(w, before, want);
    world_run(w, after, got);
    for (int i = 0; i < before->output_count; i++)
        for (int64_t k = 0; k < world_count(&before->outputs[i].node->type); k++)
            cr_expect(fabs(got[i][k] - want[i][k]) <= 1e-12 * (1 + fabs(want[i][k])),
                      "%s: output %d at %d: %g, not %g", what, i, (int)k, got[i][k], want[i][k]);
}

// A transposed convolution scatters in the forward pass, the others in the gradient of their input.
static void keeps_convolution(const Convolution *c)
{
    Arena *a = arena_new(NULL);
    Graph *loss = convolution_loss(a, c);
    const Graph *before = with_gradients(loss);
    World w = world_new(a, before->variables, 1);
    Graph *after = graph_clone(before);
    cr_expect_eq(pass_convolve_gradients(&(Pass){.scratch = a}, after), has_overlaps(before));
    cr_expect(!has_overlaps(after), "%s\n%s", c->name, graph_text(a, after));
    expect_same(&w, before, after, c->name);
    after = graph_clone(before);
    passes_run(after, &(PassOptions){.verify = true});
    cr_expect(!has_overlaps(after), "%s\n%s", c->name, graph_text(a, after));
    expect_same(&w, before, after, c->name);
    passes_run(loss, &(PassOptions){.verify = true, .differentiable = true});
    after = with_gradients(loss);
    passes_run(after, &(PassOptions){.verify = true});
    cr_expect(!has_overlaps(after), "%s\n%s", c->name, graph_text(a, after));
    expect_same(&w, before, after, c->name);
    arena_free(a);
}

Test(convolve_gradients, keeps_convolutions)
{
    for (int i = 0; i < convolution_count; i++)
        keeps_convolution(&convolutions[i]);
}

static double loss_at(World *w, const Graph *loss, double *x, double at)
{
    const double kept = *x;
    double *outputs[1];
    *x = at;
    world_run(w, loss, outputs);
    *x = kept;
    return outputs[0][0];
}

// The error of a central difference in double with this step is about 1e-9.
static void meets_differences(const Convolution *c)
{
    Arena *a = arena_new(NULL);
    const double step = 1e-5;
    const Graph *loss = convolution_loss(a, c);
    Graph *g = with_gradients(loss);
    passes_run(g, &(PassOptions){.verify = true});
    World w = world_new(a, g->variables, 2);
    double *outputs[1 + VARIABLES];
    world_run(&w, g, outputs);
    for (int i = 0; i < VARIABLES; i++) {
        int64_t count;
        double *x = world_variable(&w, i, &count);
        for (int64_t k = 0; k < count; k++) {
            const double above = loss_at(&w, loss, &x[k], x[k] + step);
            const double below = loss_at(&w, loss, &x[k], x[k] - step);
            const double want = (above - below) / (2 * step), got = outputs[1 + i][k];
            cr_expect(fabs(got - want) <= 1e-7 * (1 + fabs(want)), "%s: %s at %d: %g, not %g",
                      c->name, g->variables->items[i].path, (int)k, got, want);
        }
    }
    arena_free(a);
}

Test(convolve_gradients, gradients_meet_differences)
{
    for (int i = 0; i < convolution_count; i++)
        meets_differences(&convolutions[i]);
}
