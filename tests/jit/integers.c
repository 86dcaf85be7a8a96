// integers.c -- whole numbers in the JIT and in the interpreter: the same bits at every vector
// width, at the ends of their ranges too; and requantize and isqrt against a longer arithmetic.

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "codegen/llvm/jit.h"
#include "graph/ops/ops.h"
#include "random.h"

#define MAX_INPUTS 3
#define BATCH 3
#define MAX_BYTES 65536

// --- requantize -------------------------------------------------------------------------------

// floor(a * m / 2^s + 1/2) in numbers that hold all of it.
static int32_t exact_requantize(int32_t a, int32_t m, int32_t s)
{
    const __int128 doubled = 2 * (__int128)a * m + ((__int128)1 << s);
    const __int128 y = doubled >> (s + 1);
    return (int32_t)(y < INT32_MIN ? INT32_MIN : y > INT32_MAX ? INT32_MAX : y);
}

static const int32_t extremes[] = {
    INT32_MIN, INT32_MIN + 1, -1000001, -128,    -3,       -2, -1, 0, 1, 2, 3,
    5,         127,           1000001,  1 << 30, INT32_MAX};
enum { EXTREMES = sizeof extremes / sizeof *extremes };

Test(integers, requantize_is_the_rounded_product)
{
    for (int i = 0; i < EXTREMES; i++)
        for (int k = 0; k < EXTREMES; k++)
            for (int s = 0; s <= 62; s++)
                cr_expect_eq(requantize(extremes[i], extremes[k], s),
                             exact_requantize(extremes[i], extremes[k], s), "%d * %d >> %d",
                             extremes[i], extremes[k], s);
    for (uint32_t i = 0; i < 100000; i++) {
        const int32_t a = (int32_t)nnrt_random_u32(1, 1, 0, i);
        const int32_t m = (int32_t)nnrt_random_u32(1, 2, 0, i);
        const int32_t s = (int32_t)(nnrt_random_u32(1, 3, 0, i) % 63);
        cr_expect_eq(requantize(a, m, s), exact_requantize(a, m, s), "%d * %d >> %d", a, m, s);
    }
}

Test(integers, requantize_rounds_halves_up)
{
    cr_expect_eq(requantize(1, 1, 1), 1);
    cr_expect_eq(requantize(-1, 1, 1), 0);
    cr_expect_eq(requantize(-3, 1, 1), -1);
    cr_expect_eq(requantize(3, 1, 1), 2);
    cr_expect_eq(requantize(7, 1, 64), 7, "a shift is taken modulo 64");
    cr_expect_eq(requantize(INT32_MIN, INT32_MIN, 30), INT32_MAX);
}

// --- isqrt ------------------------------------------------------------------------------------

// The largest y with y^2 <= a 2^30.
static void expect_root(int32_t a)
{
    const __int128 square = (__int128)(a > 0 ? a : 0) << 30, y = scaled_sqrt(a);
    cr_expect(y * y <= square && (y + 1) * (y + 1) > square && y >= 0, "%d: %d", a, (int)y);
}

Test(integers, isqrt_is_the_root_without_its_fraction)
{
    for (int i = 0; i < EXTREMES; i++)
        expect_root(extremes[i]);
    for (int bit = 0; bit < 31; bit++)  // a double's root of 2^28 - 1 is rounded up to a whole one
        for (int off = -1; off <= 1; off++)
            expect_root((1 << bit) + off);
    for (uint32_t i = 0; i < 100000; i++)
        expect_root((int32_t)(nnrt_random_u32(1, 4, 0, i) >> i % 32));
    cr_expect_eq(scaled_sqrt(4), 2 << 15);
    cr_expect_eq(scaled_sqrt(INT32_MAX), 1518500249);
}

// --- engines ----------------------------------------------------------------------------------

typedef struct Scene {
    Arena *arena;
    Builder b;
    int64_t batch;
    const void *inputs[MAX_INPUTS];
} Scene;

static Scene scene_new(void)
{
    Scene s = {.arena = arena_new(NULL), .batch = BATCH};
    Interner *names = interner_new(s.arena);
    s.b.graph = graph_new(s.arena, names, variables_new(s.arena), "integers");
    return s;
}

// Mostly the ends of the range, and numbers in between.
static int32_t number(DType dtype, uint32_t stream, int64_t i)
{
    const uint32_t r = nnrt_random_u32(7, stream, 1, (uint64_t)i);
    if (dtype == DTYPE_I8)
        return (int8_t)(r % 5 == 0 ? -128 : r % 5 == 1 ? 127 : (int)(r >> 8));
    return r % 4 == 0 ? extremes[r / 4 % EXTREMES] : (int32_t)(r * 2654435761u);
}

static Node *input(Scene *s, Type t)
{
    Graph *g = s->b.graph;
    const int index = g->input_count;
    const int64_t count = type_elements(&t) * (type_batched(&t) ? BATCH : 1);
    void *data = arena_calloc(s->arena, (size_t)count, dtype_size(t.dtype));
    for (int64_t i = 0; i < count; i++) {
        const int32_t x = number(t.dtype, (uint32_t)index, i);
        if (t.dtype == DTYPE_I8)
            ((int8_t *)data)[i] = (int8_t)x;
        else
            ((int32_t *)data)[i] = x;
    }
    s->inputs[index] = data;
    return build_input(&s->b, intern(g->names, arena_printf(s->arena, "x%d", index)), t);
}

static void output(Scene *s, Node *n)
{
    Graph *g = s->b.graph;
    graph_output(g, intern(g->names, arena_printf(s->arena, "y%d", g->output_count)), n);
}

static void run(const Scene *s, Executable *x, void *const *outputs)
{
    executable_run(x, &(RunArgs){.inputs = s->inputs, .outputs = outputs, .batch = s->batch});
    executable_free(x);
}

static void **make_outputs(const Scene *s)
{
    void **y = arena_array(s->arena, void *, (size_t)s->b.graph->output_count);
    for (int i = 0; i < s->b.graph->output_count; i++)
        y[i] = arena_calloc(s->arena, MAX_BYTES, 1);
    return y;
}

static void expect_equal(const Scene *s, void *const *y, void *const *want, int width)
{
    const Graph *g = s->b.graph;
    for (int i = 0; i < g->output_count; i++) {
        const Type *t = &g->outputs[i].node->type;
        const int64_t count = type_elements(t) * (type_batched(t) ? BATCH : 1);
        const size_t bytes = (size_t)count * dtype_size(t->dtype);
        cr_assert_leq(bytes, MAX_BYTES);
        cr_expect_arr_eq(y[i], want[i], bytes, "output %d of %s at width %d", i, g->name, width);
    }
}

static void check(Scene *s)
{
    const char *error = graph_verify(s->b.graph, s->arena);
    cr_assert_null(error, "%s", error);
    void **want = make_outputs(s);
    run(s, interpret_new(s->b.graph, BATCH, false), want);
    for (int width = 4; width <= 16; width *= 2) {
        Jit *jit = jit_open(s->arena, &(JitOptions){.vector_width = width}, &error);
        cr_assert_not_null(jit, "%s", error);
        Executable *x = jit_compile(jit, s->arena, s->b.graph, BATCH, &error);
        cr_assert_not_null(x, "%s", error);
        void **y = make_outputs(s);
        run(s, x, y);
        expect_equal(s, y, want, width);
        jit_close(jit);
    }
    arena_free(s->arena);
}

static Type batch_of(DType dtype, int64_t n)
{
    return type_of(dtype, 2, (int64_t[]){DIM_BATCH, n});
}

Test(integers, element_wise)
{
    static const OpId ops[] = {OP_iadd, OP_isub, OP_imul, OP_idiv, OP_imax, OP_imin, OP_lt, OP_eq};
    Scene s = scene_new();
    Node *in[3];
    for (int i = 0; i < 3; i++)
        in[i] = input(&s, batch_of(DTYPE_I32, 203));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        output(&s, build_node(&s.b, ops[i], 2, in, NULL));
    output(&s, build_node(&s.b, OP_requantize, 3, in, NULL));
    output(&s, build_unary(&s.b, OP_isqrt, in[0]));
    check(&s);
}

Test(integers, casts)
{
    static const DType to[] = {DTYPE_F32, DTYPE_I32, DTYPE_I8, DTYPE_BOOL};
    Scene s = scene_new();
    Node *wide = input(&s, batch_of(DTYPE_I32, 67)), *narrow = input(&s, batch_of(DTYPE_I8, 67));
    Node *real = build_cast(&s.b, wide, DTYPE_F32), *truth = build_cast(&s.b, wide, DTYPE_BOOL);
    Node *nan = build_binary(&s.b, OP_div, real, build_filled(&s.b, &real->type, 0));
    Node *from[] = {wide, narrow, real, truth, nan};
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 4; k++)
            output(&s, build_cast(&s.b, from[i], to[k]));
    check(&s);
}

// A NaN becomes 0, what is out of range the end.
Test(integers, casts_stop_at_the_ends)
{
    Scene s = scene_new();
    Node *x = build_const(&s.b, DTYPE_F32, NAN);
    output(&s, build_cast(&s.b, x, DTYPE_I8));
    output(&s, build_cast(&s.b, build_const(&s.b, DTYPE_F32, -1e9), DTYPE_I8));
    output(&s, build_cast(&s.b, build_const(&s.b, DTYPE_I32, 128), DTYPE_I8));
    output(&s, build_cast(&s.b, build_const(&s.b, DTYPE_F32, -1.9), DTYPE_I8));
    void **y = make_outputs(&s);
    run(&s, interpret_new(s.b.graph, BATCH, false), y);
    static const int8_t want[] = {0, -128, 127, -1};
    for (int i = 0; i < 4; i++)
        cr_expect_eq(*(int8_t *)y[i], want[i]);
    check(&s);
}

Test(integers, reductions)
{
    Scene s = scene_new();
    const int64_t dims[] = {DIM_BATCH, 5, 19};
    Node *wide = input(&s, type_of(DTYPE_I32, 3, dims)),
         *narrow = input(&s, type_of(DTYPE_I8, 3, dims));
    for (uint32_t axes = 1; axes < 8; axes++)
        for (ReduceKind kind = 0; kind < REDUCE_KIND_COUNT; kind++) {
            output(&s, build_reduce(&s.b, kind, wide, axes));
            if (kind != REDUCE_SUM)
                output(&s, build_reduce(&s.b, kind, narrow, axes));
        }
    check(&s);
}

Test(integers, tables_and_moves)
{
    Scene s = scene_new();
    Node *table = input(&s, type_of(DTYPE_I8, 1, (int64_t[]){256}));
    Node *x = input(&s, batch_of(DTYPE_I8, 45));
    Node *wide = build_cast(&s.b, x, DTYPE_I32);
    Node *place =
        build_binary(&s.b, OP_iadd, wide,
                     build_broadcast(&s.b, build_const(&s.b, DTYPE_I32, 128), wide->type, NULL));
    output(&s, build_gather(&s.b, table, place));
    output(&s,
           build_pad(&s.b, x, batch_of(DTYPE_I8, 50), (int32_t[]){0, 2}, (int32_t[]){0, 0}, -128));
    output(&s,
           build_slice(&s.b, x, batch_of(DTYPE_I8, 22), (int32_t[]){0, 44}, (int32_t[]){1, -2}));
    const Type rows = type_of(DTYPE_I8, 3, (int64_t[]){DIM_BATCH, 5, 9});
    Node *turned = build_transpose(&s.b, build_reshape(&s.b, x, rows), (int8_t[]){0, 2, 1});
    output(&s, build_reshape(&s.b, turned, x->type));
    check(&s);
}

// --- contractions -----------------------------------------------------------------------------

#define LABELS(...) ((const int8_t[MAX_RANK]){__VA_ARGS__})

Test(integers, products_of_matrices)
{
    Scene s = scene_new();
    Node *x = input(&s, batch_of(DTYPE_I8, 300));
    Node *w = input(&s, type_of(DTYPE_I8, 2, (int64_t[]){300, 37}));
    Node *v = input(&s, type_of(DTYPE_I8, 2, (int64_t[]){29, 300}));
    output(&s, build_contract(&s.b, x, w, LABELS(0, 1), LABELS(1, 2), LABELS(0, 2), 2));
    output(&s, build_contract(&s.b, x, v, LABELS(0, 1), LABELS(2, 1), LABELS(0, 2), 2));
    output(&s, build_contract(&s.b, w, x, LABELS(1, 2), LABELS(0, 1), LABELS(0, 2), 2));
    check(&s);
}

static Node *windows(Scene *s, Node *x, int size, int stride)
{
    return build_window(&s->b, build_window(&s->b, x, 2, size, stride, 1), 1, size, stride, 1);
}

Test(integers, convolutions)
{
    Scene s = scene_new();
    Node *x = input(&s, type_of(DTYPE_I8, 4, (int64_t[]){DIM_BATCH, 9, 8, 21}));
    Node *w = input(&s, type_of(DTYPE_I8, 4, (int64_t[]){3, 3, 21, 18}));
    Node *d = input(&s, type_of(DTYPE_I8, 3, (int64_t[]){3, 3, 21}));
    output(&s, build_contract(&s.b, windows(&s, x, 3, 1), w, LABELS(0, 1, 3, 2, 4, 6),
                              LABELS(3, 4, 6, 7), LABELS(0, 1, 2, 7), 4));
    output(&s, build_contract(&s.b, windows(&s, x, 3, 2), d, LABELS(0, 1, 3, 2, 4, 5),
                              LABELS(3, 4, 5), LABELS(0, 1, 2, 5), 4));
    check(&s);
}
