// functions.c -- the generated exp, log, tanh, ... over their whole range, in ulp of f32 against
// the C library in double; the errors promised are those of compiler/graph/ops/emit.h.

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "codegen/llvm/jit.h"

#define COUNT (1 << 20)

typedef struct Function {
    OpId op;
    double (*exact)(double);
    double low, high;  // of the samples
    double ulps;
} Function;

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static const Function functions[] = {
    {OP_exp, exp, -104, 89, 2},
    {OP_exp, exp, -1, 1, 2},
    {OP_sqrt, sqrt, 0, 3e38, 1},
    {OP_sqrt, sqrt, 1.2e-38, 1e-37, 1},
    {OP_sqrt, sqrt, 1e-36, 1e-32, 1},
    {OP_sqrt, sqrt, 0.25, 4, 1},
    {OP_log, log, 1e-45, 1e-37, 2},
    {OP_log, log, 1e-37, 3, 2},
    {OP_log, log, 0.9, 1.1, 2},
    {OP_log, log, 1, 3e38, 2},
    {OP_tanh, tanh, -10, 10, 2},
    {OP_tanh, tanh, -1e-3, 1e-3, 2},
    {OP_sigmoid, exact_sigmoid, -100, 100, 4},
    {OP_sigmoid, exact_sigmoid, -3, 3, 4},
    {OP_erf, erf, -5, 5, 6},
    {OP_erf, erf, -1e-2, 1e-2, 6},
    {OP_sin, sin, -1e4, 1e4, 2},
    {OP_sin, sin, -4, 4, 2},
    {OP_cos, cos, -1e4, 1e4, 2},
    {OP_cos, cos, -4, 4, 2},
};

// The distance of neighbouring f32 around y; below the normal range that of the smallest.
static double ulp(double y)
{
    int e;
    frexp(y, &e);
    return ldexp(1, (e < -125 ? -125 : e) - 24);
}

static Executable *compile_function(Jit *j, Arena *a, OpId op)
{
    const char *error;
    Graph *g = graph_new(a, interner_new(a), variables_new(a), "function");
    Builder b = {.graph = g};
    Type t = type_of(DTYPE_F32, 1, (int64_t[]){COUNT});
    Node *x = build_input(&b, intern(g->names, "x"), t);
    graph_output(g, intern(g->names, "y"), build_unary(&b, op, x));
    Executable *e = jit_compile(j, a, g, 1, &error);
    cr_assert(e, "%s", error);
    return e;
}

static void run(Executable *e, const float *x, float *y)
{
    const void *inputs[] = {x};
    void *outputs[] = {y};
    executable_run(e, &(RunArgs){.inputs = inputs, .outputs = outputs, .batch = 1});
    executable_free(e);
}

static double worst_ulps(const Function *f, const float *x, const float *y, float *at)
{
    double worst = 0;
    for (int i = 0; i < COUNT; i++) {
        double want = f->exact((double)x[i]);
        const bool flushed = y[i] == 0 && fabs(want) < FLT_MIN;
        double off = flushed || (double)y[i] == want || (double)(float)want == (double)y[i]
                         ? 0
                         : fabs((double)y[i] - want) / ulp(want);
        if (off <= worst)
            continue;
        worst = off;
        *at = x[i];
    }
    return worst;
}

Test(jit, functions_keep_their_errors)
{
    Arena *a = arena_new(NULL);
    const char *error;
    Jit *j = jit_open(a, NULL, &error);
    float *x = arena_array(a, float, COUNT), *y = arena_array(a, float, COUNT), at = 0;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        const Function *fn = &functions[f];
        for (int i = 0; i < COUNT; i++)
            x[i] = (float)(fn->low + (fn->high - fn->low) * i / (COUNT - 1));
        run(compile_function(j, a, fn->op), x, y);
        double worst = worst_ulps(fn, x, y, &at);
        cr_log_info("function %d on [%g, %g]: %.2f ulp at %g\n", fn->op, fn->low, fn->high, worst,
                    (double)at);
        cr_expect(worst <= fn->ulps, "function %d on [%g, %g] is off by %.2f ulp at %.9g", fn->op,
                  fn->low, fn->high, worst, (double)at);
    }
    jit_close(j);
    arena_free(a);
}

Test(jit, functions_at_the_edges)
{
    static const struct {
        OpId op;
        float x, y;
    } edges[] = {
        {OP_exp, INFINITY, INFINITY},
        {OP_exp, -INFINITY, 0},
        {OP_exp, NAN, NAN},
        {OP_exp, 89, INFINITY},
        {OP_exp, -105, 0},
        {OP_exp, -88, 0},  // no normal number
        {OP_exp, 0, 1},
        {OP_sqrt, 0, 0},
        {OP_sqrt, INFINITY, INFINITY},
        {OP_sqrt, NAN, NAN},
        {OP_sqrt, -1, NAN},
        {OP_sqrt, -INFINITY, NAN},
        {OP_log, 0, -INFINITY},
        {OP_log, -1, NAN},
        {OP_log, INFINITY, INFINITY},
        {OP_log, NAN, NAN},
        {OP_log, 1, 0},
        {OP_log, -INFINITY, NAN},
        {OP_tanh, INFINITY, 1},
        {OP_tanh, -INFINITY, -1},
        {OP_tanh, NAN, NAN},
        {OP_sigmoid, INFINITY, 1},
        {OP_sigmoid, -INFINITY, 0},
        {OP_sigmoid, NAN, NAN},
        {OP_sigmoid, 0, 0.5f},
        {OP_erf, INFINITY, 1},
        {OP_erf, -INFINITY, -1},
        {OP_erf, NAN, NAN},
        {OP_sin, NAN, NAN},
        {OP_cos, 0, 1},
    };
    Arena *a = arena_new(NULL);
    const char *error;
    Jit *j = jit_open(a, NULL, &error);
    float *x = arena_array(a, float, COUNT), *y = arena_array(a, float, COUNT);
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        x[0] = x[COUNT - 1] = edges[i].x;
        run(compile_function(j, a, edges[i].op), x, y);
        cr_expect(isnan(edges[i].y) ? isnan(y[0]) : y[0] == edges[i].y,
                  "function %d of %g is %g, not %g", edges[i].op, (double)edges[i].x, (double)y[0],
                  (double)edges[i].y);
    }
    jit_close(j);
    arena_free(a);
}
