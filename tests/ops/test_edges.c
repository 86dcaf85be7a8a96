// test_edges.c -- what the definitions promise at the edges: ties, zeros, NaN, infinities; and what
// the shape rules say.

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"
#include "support/run_graph.h"

// op(a, b), f32, in f32 mode.
static double apply(OpId op, double a, double b)
{
    Scene s = scene_new();
    Type t = type_scalar(DTYPE_F32);
    Node *in[2] = {scene_input(&s, t), scene_input(&s, t)};
    scene_output(&s, build_node(&s.builder, op, op_arity(op), in, NULL));
    double y = run_graph(s.arena, s.builder.graph, 1, false, (double *[]){&a, &b},
                         (RunArgs){.seed = 0})[0][0];
    scene_free(&s);
    return y;
}

// The gradient of op(a, b) to input `wrt`, with dy = 1.
static double slope(OpId op, double a, double b, int wrt)
{
    Scene s = scene_new();
    Type t = type_scalar(DTYPE_F32);
    Node *in[2] = {scene_input(&s, t), scene_input(&s, t)};
    Node *n = build_node(&s.builder, op, op_arity(op), in, NULL);
    scene_output(&s, op_grad(&s.builder, n, build_const(&s.builder, DTYPE_F32, 1), wrt));
    double y = run_graph(s.arena, s.builder.graph, 1, false, (double *[]){&a, &b},
                         (RunArgs){.seed = 0})[0][0];
    scene_free(&s);
    return y;
}

Test(edges, relu_has_slope_zero_at_zero)
{
    cr_expect_eq(slope(OP_max, 0, 0, 0), 0);
    cr_expect_eq(slope(OP_max, 0, 0, 1), 1);
    cr_expect_eq(slope(OP_max, 1, 0, 0), 1);
    cr_expect_eq(slope(OP_max, -1, 0, 0), 0);
    cr_expect_eq(slope(OP_min, 0, 0, 0), 0);
    cr_expect_eq(slope(OP_min, 0, 0, 1), 1);
    cr_expect_eq(slope(OP_abs, 0, 0, 0), 0);
}

Test(edges, larger_and_smaller_keep_nan_of_the_first)
{
    cr_expect(isnan(apply(OP_max, NAN, 1)));
    cr_expect_eq(apply(OP_max, 1, NAN), 1);
    cr_expect(isnan(apply(OP_min, NAN, 1)));
    cr_expect_eq(apply(OP_min, 1, NAN), 1);
}

Test(edges, powers)
{
    cr_expect_eq(apply(OP_pow, NAN, 0), 1);
    cr_expect_eq(apply(OP_pow, -2, 3), -8);
    cr_expect(isnan(apply(OP_pow, -2, 0.5)));
    cr_expect_eq(slope(OP_pow, -2, 3, 0), 12);
    cr_expect_eq(slope(OP_pow, -2, 3, 1), 0);
    cr_expect_eq(slope(OP_pow, 0, 2, 1), 0);
    cr_expect_eq(slope(OP_pow, 0, 2, 0), 0);
}

Test(edges, sign_and_remainder)
{
    cr_expect(signbit(apply(OP_sign, -0.0, 0)));
    cr_expect(isnan(apply(OP_sign, NAN, 0)));
    cr_expect_eq(apply(OP_sign, INFINITY, 0), 1);
    cr_expect_eq(apply(OP_mod, -1, 3), 2);
    cr_expect_eq(apply(OP_mod, 7, -3), -2);
    cr_expect_eq(apply(OP_mod, 6, 3), 0);
    cr_expect(isnan(apply(OP_mod, 1, 0)));
}

Test(edges, functions)
{
    cr_expect_eq(apply(OP_exp, -110, 0), 0);
    cr_expect_eq(apply(OP_exp, 89, 0), INFINITY);
    cr_expect_eq(apply(OP_log, 0, 0), -INFINITY);
    cr_expect(isnan(apply(OP_log, -1, 0)));
    cr_expect_eq(apply(OP_sigmoid, -INFINITY, 0), 0);
    cr_expect_eq(apply(OP_tanh, INFINITY, 0), 1);
    cr_expect_eq(slope(OP_sqrt, 0, 0, 0), INFINITY);
}

static double cast(double x, DType from, DType to)
{
    Scene s = scene_new();
    scene_output(&s, build_cast(&s.builder, scene_input(&s, type_scalar(from)), to));
    double y =
        run_graph(s.arena, s.builder.graph, 1, false, (double *[]){&x}, (RunArgs){.seed = 0})[0][0];
    scene_free(&s);
    return y;
}

Test(edges, casts)
{
    cr_expect_eq(cast(-1.75, DTYPE_F32, DTYPE_I32), -1);
    cr_expect_eq(cast(1e20, DTYPE_F32, DTYPE_I32), INT32_MAX);
    cr_expect_eq(cast(-INFINITY, DTYPE_F32, DTYPE_I32), INT32_MIN);
    cr_expect_eq(cast(NAN, DTYPE_F32, DTYPE_I32), 0);
    cr_expect_eq(cast(NAN, DTYPE_F32, DTYPE_BOOL), 1);
    cr_expect_eq(cast(-0.0, DTYPE_F32, DTYPE_BOOL), 0);
    cr_expect_eq(cast(16777217, DTYPE_I32, DTYPE_F32), 16777216);
    cr_expect_eq(cast(16777217, DTYPE_I32, DTYPE_I32), 16777217);
    cr_expect_eq(cast(3, DTYPE_I32, DTYPE_BOOL), 1);
    cr_expect_eq(cast(1, DTYPE_BOOL, DTYPE_F32), 1);
}

// --- along axes -------------------------------------------------------------------------------

Test(edges, ties_share_the_gradient_of_a_reduction)
{
    Scene s = scene_new();
    Builder *b = &s.builder;
    Node *x = scene_input(&s, type_f32(1, (int64_t[]){5}));
    Node *top = build_reduce(b, REDUCE_MAX, x, 1);
    scene_output(&s, op_grad(b, top, build_const(b, DTYPE_F32, 6), 0));
    double *y = run_graph(s.arena, b->graph, 1, false, (double *[]){(double[]){3, 1, 3, 3, 0}},
                          (RunArgs){.seed = 0})[0];
    const double want[] = {2, 0, 2, 2, 0};
    for (int i = 0; i < 5; i++)
        cr_expect_eq(y[i], want[i]);
    scene_free(&s);
}

static double extreme(ReduceKind kind, double *x)
{
    Scene s = scene_new();
    Node *in = scene_input(&s, type_f32(1, (int64_t[]){3}));
    scene_output(&s, build_reduce(&s.builder, kind, in, 1));
    double y = run_graph(s.arena, s.builder.graph, 1, false, &x, (RunArgs){.seed = 0})[0][0];
    scene_free(&s);
    return y;
}

Test(edges, reductions_pass_over_nan)
{
    cr_expect_eq(extreme(REDUCE_MAX, (double[]){NAN, 2, NAN}), 2);
    cr_expect_eq(extreme(REDUCE_MIN, (double[]){5, NAN, 3}), 3);
    cr_expect_eq(extreme(REDUCE_MAX, (double[]){NAN, NAN, NAN}), -INFINITY);
    cr_expect(isnan(extreme(REDUCE_SUM, (double[]){1, NAN, 2})));
}

static double place(double *x)
{
    Scene s = scene_new();
    scene_output(&s, build_argmax(&s.builder, scene_input(&s, type_f32(1, (int64_t[]){3})), 0));
    double y = run_graph(s.arena, s.builder.graph, 1, false, &x, (RunArgs){.seed = 0})[0][0];
    scene_free(&s);
    return y;
}

Test(edges, argmax_takes_the_first)
{
    cr_expect_eq(place((double[]){1, 4, 4}), 1);
    cr_expect_eq(place((double[]){NAN, -1, -1}), 1);
    cr_expect_eq(place((double[]){NAN, NAN, NAN}), 0);
}

// --- rows of tables ---------------------------------------------------------------------------

static double *index_rows(Scene *s, bool adds, double *data, double *index)
{
    Builder *b = &s->builder;
    Type four = type_f32(1, (int64_t[]){4}), places = {.dtype = DTYPE_I32, .rank = 1, .dims = {4}};
    Node *x = scene_input(s, four), *i = scene_input(s, places);
    scene_output(s, adds ? build_scatter_add(b, x, i, four) : build_gather(b, x, i));
    return run_graph(s->arena, b->graph, 1, false, (double *[]){data, index},
                     (RunArgs){.seed = 0})[0];
}

Test(edges, an_index_outside_means_the_nearest_row)
{
    Scene s = scene_new(), t = scene_new();
    double data[] = {1, 2, 3, 4}, index[] = {-1, INT32_MIN, 4, INT32_MAX};
    const double read[] = {1, 1, 4, 4}, added[] = {3, 0, 0, 7};
    const double *rows = index_rows(&s, false, data, index);
    const double *sums = index_rows(&t, true, data, index);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(rows[i], read[i]);
        cr_expect_eq(sums[i], added[i]);
    }
    scene_free(&s);
    scene_free(&t);
}

// --- reasons ----------------------------------------------------------------------------------

static const char *reason(Scene *s, OpId op, Attr attr, const Type *in, Type out)
{
    const char *why = NULL;
    cr_expect(!op_table[op]->shape(s->arena, &attr, in, &out, &why));
    return why;
}

#define F32(...) type_f32((int)(sizeof(int64_t[]){__VA_ARGS__} / 8), (int64_t[]){__VA_ARGS__})

Test(edges, reasons_name_shapes_and_axes)
{
    Scene s = scene_new();
    Attr none = {.value = 0};
    Type scalar = type_scalar(DTYPE_F32), whole = type_scalar(DTYPE_I32);
    cr_expect_str_eq(reason(&s, OP_add, none, (Type[]){F32(2, 3), F32(2, 4)}, scalar),
                     "shapes differ, f32[2, 3] and f32[2, 4] (axis 1: 3 and 4)");
    cr_expect_str_eq(reason(&s, OP_mul, none, (Type[]){F32(2), whole}, scalar),
                     "f32 is wanted here, not i32");
    cr_expect_str_eq(reason(&s, OP_lt, none, (Type[]){scalar, whole}, scalar),
                     "f32 is wanted here, not i32");
    Attr matmul = {.contract = {{0, 1, -1, -1, -1, -1, -1, -1},
                                {1, 2, -1, -1, -1, -1, -1, -1},
                                {0, 2, -1, -1, -1, -1, -1, -1}}};
    cr_expect_str_eq(
        reason(&s, OP_contract, matmul, (Type[]){F32(DIM_BATCH, 128), F32(64, 10)}, scalar),
        "inner sizes differ, 128 (axis 1) and 64 (axis 0): f32[batch, 128], f32[64, 10]");
    Attr map = {.map = {1, 0}};
    cr_expect_str_eq(reason(&s, OP_transpose, map, (Type[]){F32(DIM_BATCH, 3)}, scalar),
                     "the batch stays the first axis of f32[batch, 3]");
    Attr axis = {.axis = 2};
    cr_expect_str_eq(reason(&s, OP_argmax, axis, (Type[]){F32(4, 3)}, scalar),
                     "f32[4, 3] has no axis 2");
    cr_expect_str_eq(reason(&s, OP_reshape, none, (Type[]){F32(4, 3)}, F32(2, 5)),
                     "f32[4, 3] and f32[2, 5] have not the same number of elements (12 and 10)");
    cr_expect_str_eq(reason(&s, OP_reshape, none, (Type[]){F32(DIM_BATCH, 3)}, F32(3)),
                     "the batch axis must stay, f32[batch, 3] and f32[3]");
    scene_free(&s);
}

Test(edges, reasons_of_moves)
{
    Scene s = scene_new();
    Type five = F32(DIM_BATCH, 5), whole = five;
    whole.dtype = DTYPE_I32;
    Attr attr = {.slice = {.start = {0, 5}, .step = {1, 1}}};
    cr_expect_str_eq(reason(&s, OP_slice, attr, &five, F32(DIM_BATCH, 1)),
                     "element 5 is outside axis 1 of f32[batch, 5]");
    attr = (Attr){.slice = {.start = {0, 1}, .step = {1, 2}}};
    cr_expect_str_eq(reason(&s, OP_slice, attr, &five, F32(DIM_BATCH, 3)),
                     "axis 1 of f32[batch, 5] has 2 elements from 1 in steps of 2, not 3");
    attr = (Attr){.slice = {.start = {0, 1}, .step = {-1, 2}}};
    cr_expect_str_eq(reason(&s, OP_slice, attr, &five, F32(DIM_BATCH, 2)),
                     "the batch stays whole, f32[batch, 5] and f32[batch, 2]");
    attr = (Attr){.pad = {.low = {0, 1}, .interior = {0, 1}}};
    cr_expect_str_eq(reason(&s, OP_pad, attr, &five, F32(DIM_BATCH, 9)),
                     "axis 1 of f32[batch, 5], padded by 1 in front and 1 between, does not fit "
                     "in f32[batch, 9]");
    attr = (Attr){.pad = {.value = 0.5f}};
    cr_expect_str_eq(reason(&s, OP_pad, attr, &whole, whole),
                     "i32[batch, 5] cannot be padded with 0.5");
    attr = (Attr){.window = {.axis = 1, .size = 3, .stride = 1, .dilation = 3}};
    cr_expect_str_eq(reason(&s, OP_window, attr, &five, five),
                     "a window of 3 elements, 3 apart, is longer than axis 1 of f32[batch, 5]");
    attr.window.axis = 0;
    cr_expect_str_eq(reason(&s, OP_window, attr, &five, five),
                     "there are no windows along the batch of f32[batch, 5]");
    attr = (Attr){.window = {.axis = 0, .size = 2, .stride = 2, .dilation = 1}};
    Type windows = F32(3, 2);
    cr_expect_str_eq(reason(&s, OP_unwindow, attr, &windows, F32(8)),
                     "the windows along axis 0 of f32[8] would be f32[4, 2], not f32[3, 2]");
    attr = (Attr){.join = {.axis = 1, .count = 2}};
    Type parts[] = {five, F32(3, 5)};
    cr_expect_str_eq(reason(&s, OP_join, attr, parts, five),
                     "f32[batch, 5] and f32[3, 5] differ along more than axis 1");
    attr.join.axis = 0;
    cr_expect_str_eq(reason(&s, OP_join, attr, parts, five),
                     "f32[batch, 5] has no axis 0 to be joined along");
    Type table[] = {F32(7, 3), F32(2)};
    cr_expect_str_eq(reason(&s, OP_gather, attr, table, five), "i32 is wanted here, not f32[2]");
    scene_free(&s);
}
