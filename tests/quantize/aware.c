// aware.c -- the training graph that sees what quantization will do: its values, gradients, ranges.

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "pass/pass.h"
#include "support/run_graph.h"

#define EXAMPLES 5
#define FEATURES 4
#define UNITS 3

// y = x w, loss = sum y
typedef struct Product {
    Scene s;
    double *x;
    float *block;
} Product;

static Product product_new(double size)
{
    Product p = {.s = scene_new()};
    Graph *g = p.s.builder.graph;
    Builder *b = &p.s.builder;
    variables_add(g->variables, (Variable){.path = intern(p.s.names, "dense.w"),
                                           .kind = VARIABLE_PARAM,
                                           .type = type_f32(2, (int64_t[]){FEATURES, UNITS})});
    Node *x = scene_input(&p.s, type_f32(2, (int64_t[]){DIM_BATCH, FEATURES}));
    Node *y = build_contract(b, x, build_variable(b, 0), (int8_t[]){0, 1}, (int8_t[]){1, 2},
                             (int8_t[]){0, 2}, 2);
    scene_output(&p.s, y);
    scene_output(&p.s, build_reduce(b, REDUCE_SUM, y, 3));
    p.x = arena_array(p.s.arena, double, EXAMPLES *FEATURES);
    for (int i = 0; i < EXAMPLES * FEATURES; i++)
        p.x[i] = size * sin(i + 1);
    return p;
}

static double **run(Product *p, int64_t step)
{
    return run_graph(p->s.arena, p->s.builder.graph, EXAMPLES, false, &p->x,
                     (RunArgs){.variables = p->block, .step = step});
}

static void make_block(Product *p)
{
    p->block = arena_calloc(p->s.arena, p->s.builder.graph->variables->bytes, 1);
    for (int i = 0; i < FEATURES * UNITS; i++)
        p->block[i] = (float)cos(3 * i + 1);
}

static float range_of(const Product *p, const char *end)
{
    const Graph *g = p->s.builder.graph;
    const int v = weights_range(g, "dense.w", end);
    cr_assert_geq(v, 0);
    return *(const float *)((const char *)p->block + g->variables->items[v].offset);
}

Test(aware, values_are_near_and_ranges_run)
{
    Product p = product_new(2);
    make_block(&p);
    double plain[EXAMPLES * UNITS];
    double **before = run(&p, 1);
    for (int i = 0; i < EXAMPLES * UNITS; i++)
        plain[i] = before[0][i];
    quantize_aware(p.s.builder.graph);
    const char *wrong = graph_verify(p.s.builder.graph, p.s.arena);
    cr_assert_null(wrong, "%s", wrong);
    make_block(&p);
    double **y = run(&p, 1);
    double worst = 0;
    for (int i = 0; i < EXAMPLES * UNITS; i++)
        worst = fmax(worst, fabs(y[0][i] - plain[i]));
    cr_expect(worst > 0 && worst < 0.05, "%g", worst);
    double low = 0, high = 0;
    for (int i = 0; i < EXAMPLES * FEATURES; i++) {
        low = fmin(low, p.x[i]);
        high = fmax(high, p.x[i]);
    }
    cr_expect_float_eq(range_of(&p, "low"), low, 1e-6);
    cr_expect_float_eq(range_of(&p, "high"), high, 1e-6);
    for (int i = 0; i < EXAMPLES * FEATURES; i++)
        p.x[i] *= 2;
    run(&p, 2);
    cr_expect_float_eq(range_of(&p, "high"), 1.01 * high, 1e-5, "a hundredth of the new one");
    scene_free(&p.s);
}

// With y a sum, dw is the column sums of what x became; and what is out of range gets none.
Test(aware, gradients_go_straight_through)
{
    Product p = product_new(1);
    Graph *g = p.s.builder.graph;
    Node *gradient;
    quantize_aware(g);
    autodiff(g, g->outputs[1].node, (int[]){0}, 1, &gradient);
    scene_output(&p.s, gradient);
    const char *wrong = graph_verify(g, p.s.arena);
    cr_assert_null(wrong, "%s", wrong);
    make_block(&p);
    double **y = run(&p, 1);
    for (int f = 0; f < FEATURES; f++) {
        double sum = 0;
        for (int e = 0; e < EXAMPLES; e++)
            sum += p.x[e * FEATURES + f];
        for (int u = 0; u < UNITS; u++)
            cr_expect_float_eq(y[2][f * UNITS + u], sum, 0.02);
    }
    scene_free(&p.s);
}

Test(aware, the_states_are_declared_alike)
{
    Product p = product_new(1);
    quantize_aware_declare(p.s.builder.graph);
    const int count = p.s.builder.graph->variables->count;
    quantize_aware(p.s.builder.graph);
    cr_expect_eq(count, 3);
    cr_expect_eq(p.s.builder.graph->variables->count, count);
    scene_free(&p.s);
}

Test(aware, gradients_stop_out_of_range)
{
    Scene s = scene_new();
    Type t = type_scalar(DTYPE_F32);
    Node *in[3] = {scene_input(&s, t), scene_input(&s, t), scene_input(&s, t)};
    Node *y = build_node(&s.builder, OP_fake_quantize, 3, in, NULL);
    scene_output(&s, y);
    scene_output(&s, op_grad(&s.builder, y, build_const(&s.builder, DTYPE_F32, 1), 0));
    cr_expect_null(op_grad(&s.builder, y, build_const(&s.builder, DTYPE_F32, 1), 1));
    static const double cases[][5] = {
        // x, step, zero: y, dx
        {0.26, 0.5, 0, 0.5, 1}, {0.24, 0.5, 0, 0, 1},     {100, 0.5, 0, 63.5, 0},
        {-100, 0.5, 0, -64, 0}, {3, 1, -128, 3, 1},       {-3, 1, -128, 0, 0},
        {-0.25, 0.5, 0, 0, 1},  {254.9, 1, -128, 255, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double *c = cases[i];
        double x = c[0], step = c[1], zero = c[2];
        double **out = run_graph(s.arena, s.builder.graph, 1, false, (double *[]){&x, &step, &zero},
                                 (RunArgs){.seed = 0});
        cr_expect_float_eq(out[0][0], c[3], 1e-6, "%g: %g", c[0], out[0][0]);
        cr_expect_eq(out[1][0], c[4], "%g: slope %g", c[0], out[1][0]);
    }
    scene_free(&s);
}
