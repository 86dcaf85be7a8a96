// test_convolution.c -- convolutions of windows and contractions against loops; pooling.

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "support/convolution.h"
#include "support/random_graph.h"
#include "support/run_graph.h"

#define BATCH 3
#define SEED 11u

static void expect_all_near(const double *got, const double *want, int64_t count, const char *what)
{
    for (int64_t i = 0; i < count; i++)
        cr_expect(fabs(got[i] - want[i]) <= 1e-12 * (1 + fabs(want[i])), "%s: %d: %g, not %g", what,
                  (int)i, got[i], want[i]);
}

static void check_convolution(const Convolution *c)
{
    Scene s = scene_new();
    Node *x = scene_input(&s, convolution_input(c)), *w = scene_input(&s, convolution_weights(c));
    Node *y = build_convolution(&s.builder, c, x, w);
    scene_output(&s, y);
    cr_assert_null(graph_verify(s.builder.graph, s.arena));
    double *in[] = {random_data(s.arena, &x->type, BATCH, SEED, true),
                    random_data(s.arena, &w->type, BATCH, SEED + 1, true)};
    const double *got = run_graph(s.arena, s.builder.graph, BATCH, true, in, (RunArgs){0})[0];
    const double *want = naive_convolution(s.arena, c, BATCH, in[0], in[1]);
    expect_all_near(got, want, count_of(&y->type, BATCH), c->name);
    scene_free(&s);
}

Test(convolution, every_kind_meets_naive_loops)
{
    for (int i = 0; i < convolution_count; i++)
        check_convolution(&convolutions[i]);
}

// --- pooling ----------------------------------------------------------------------------------

typedef struct Pooling {
    int n, size, stride;
    int low, high;  // padding
} Pooling;

// The largest or the sum of each window, elements outside being passed over.
static void pool(const Pooling *p, ReduceKind kind, const double *x, double *y)
{
    const int count = (p->n + p->low + p->high - p->size) / p->stride + 1;
    for (int o = 0; o < count; o++) {
        y[o] = kind == REDUCE_SUM ? 0 : -INFINITY;
        for (int j = 0; j < p->size; j++) {
            const int i = o * p->stride + j - p->low;
            if (i >= 0 && i < p->n)
                y[o] = kind == REDUCE_SUM ? y[o] + x[i] : fmax(y[o], x[i]);
        }
    }
}

static void check_pooling(const Pooling *p, ReduceKind kind)
{
    Scene s = scene_new();
    Builder *b = &s.builder;
    Node *x = scene_input(&s, type_f32(1, (int64_t[]){p->n}));
    Node *wide = build_pad(b, x, type_f32(1, (int64_t[]){p->low + p->n + p->high}),
                           (int32_t[]){p->low}, (int32_t[]){0}, kind == REDUCE_SUM ? 0 : -INFINITY);
    Node *y = build_reduce(b, kind, build_window(b, wide, 0, p->size, p->stride, 1), 2);
    scene_output(&s, y);
    double *in[] = {random_data(s.arena, &x->type, 1, SEED, true)};
    const double *got = run_graph(s.arena, b->graph, 1, true, in, (RunArgs){0})[0];
    double want[32];
    pool(p, kind, in[0], want);
    expect_all_near(got, want, count_of(&y->type, 1), "pooling");
    scene_free(&s);
}

Test(convolution, pooling_meets_naive_loops)
{
    static const Pooling poolings[] = {
        {8, 2, 2, 0, 0}, {7, 2, 2, 0, 0}, {7, 3, 2, 1, 1}, {9, 3, 1, 1, 1},
        {9, 2, 3, 0, 0}, {5, 5, 1, 0, 0}, {4, 3, 3, 1, 2},
    };
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++) {
        check_pooling(&poolings[i], REDUCE_MAX);
        check_pooling(&poolings[i], REDUCE_SUM);
    }
}
