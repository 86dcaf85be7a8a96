// lanes.c -- scalar bodies, computed for LANES elements at a time.
//
// In f32 mode everything is computed in double and then rounded. For + - * / and sqrt that is the
// same as rounding once, since double has more than twice the digits of f32 (Figueroa 1995, "When
// is double rounding innocuous?"); for the fused multiply-add it is not, so it has its own
// function.

#include <assert.h>
#include <math.h>

#include "codegen/interpret/interpreter.h"

typedef void LaneFunction(double *y, const double *a, const double *b, const double *c);

#define LANE(name, expression)                                                            \
    static void lane_##name(double *y, const double *a, const double *b, const double *c) \
    {                                                                                     \
        (void)a, (void)b, (void)c;                                                        \
        for (int i = 0; i < LANES; i++)                                                   \
            y[i] = (expression);                                                          \
    }

static double to_i32(double x)
{
    if (isnan(x))
        return 0;
    return trunc(fmin(fmax(x, INT32_MIN), INT32_MAX));
}

static double to_i8(double x)
{
    return fmin(fmax(to_i32(x), INT8_MIN), INT8_MAX);
}

// The number of 32 bits that x ends in.
static double wrapped(int64_t x)
{
    return (double)(int32_t)(uint32_t)(uint64_t)x;
}

static double divided(double a, double b)
{
    return b == 0 ? 0 : wrapped((int64_t)a / (int64_t)b);
}

LANE(neg, -a[i])
LANE(abs, fabs(a[i]))
LANE(floor, floor(a[i]))
LANE(sqrt, sqrt(a[i]))
LANE(exp, exp(a[i]))
LANE(log, log(a[i]))
LANE(sin, sin(a[i]))
LANE(cos, cos(a[i]))
LANE(tanh, tanh(a[i]))
LANE(sigmoid, 1 / (1 + exp(-a[i])))
LANE(erf, erf(a[i]))
LANE(not, a[i] == 0)
LANE(to_f32, a[i])
LANE(to_i32, to_i32(a[i]))
LANE(to_bool, a[i] != 0)
LANE(to_i8, to_i8(a[i]))
LANE(add, a[i] + b[i])
LANE(sub, a[i] - b[i])
LANE(mul, a[i] * b[i])
LANE(div, a[i] / b[i])
LANE(pow, pow(a[i], b[i]))
LANE(max, b[i] > a[i] ? b[i] : a[i])
LANE(min, b[i] < a[i] ? b[i] : a[i])
LANE(eq, a[i] == b[i])
LANE(ne, a[i] != b[i])
LANE(lt, a[i] < b[i])
LANE(le, a[i] <= b[i])
LANE(gt, a[i] > b[i])
LANE(ge, a[i] >= b[i])
LANE(and, a[i] != 0 && b[i] != 0)
LANE(or, a[i] != 0 || b[i] != 0)
LANE(select, a[i] != 0 ? b[i] : c[i])
LANE(iadd, wrapped((int64_t)a[i] + (int64_t)b[i]))
LANE(isub, wrapped((int64_t)a[i] - (int64_t)b[i]))
LANE(imul, wrapped((int64_t)a[i] * (int64_t)b[i]))
LANE(idiv, divided(a[i], b[i]))
LANE(requantize, (double)requantize((int32_t)a[i], (int32_t)b[i], (int32_t)c[i]))
LANE(isqrt, (double)scaled_sqrt((int32_t)a[i]))
LANE(fma, fma(a[i], b[i], c[i]))
LANE(fmaf, (double)fmaf((float)a[i], (float)b[i], (float)c[i]))

// `rounds`: the result may be no f32 though the operands are. The others must not be rounded, they
// may carry i32.
static const struct {
    LaneFunction *run;
    bool rounds;
} instructions[EMIT_COUNT] = {
    [EMIT_NEG] = {lane_neg, false},         [EMIT_ABS] = {lane_abs, false},
    [EMIT_FLOOR] = {lane_floor, false},     [EMIT_SQRT] = {lane_sqrt, true},
    [EMIT_EXP] = {lane_exp, true},          [EMIT_LOG] = {lane_log, true},
    [EMIT_SIN] = {lane_sin, true},          [EMIT_COS] = {lane_cos, true},
    [EMIT_TANH] = {lane_tanh, true},        [EMIT_SIGMOID] = {lane_sigmoid, true},
    [EMIT_ERF] = {lane_erf, true},          [EMIT_NOT] = {lane_not, false},
    [EMIT_TO_F32] = {lane_to_f32, true},    [EMIT_TO_I32] = {lane_to_i32, false},
    [EMIT_TO_BOOL] = {lane_to_bool, false}, [EMIT_ADD] = {lane_add, true},
    [EMIT_SUB] = {lane_sub, true},          [EMIT_MUL] = {lane_mul, true},
    [EMIT_DIV] = {lane_div, true},          [EMIT_POW] = {lane_pow, true},
    [EMIT_MAX] = {lane_max, false},         [EMIT_MIN] = {lane_min, false},
    [EMIT_EQ] = {lane_eq, false},           [EMIT_NE] = {lane_ne, false},
    [EMIT_LT] = {lane_lt, false},           [EMIT_LE] = {lane_le, false},
    [EMIT_GT] = {lane_gt, false},           [EMIT_GE] = {lane_ge, false},
    [EMIT_AND] = {lane_and, false},         [EMIT_OR] = {lane_or, false},
    [EMIT_SELECT] = {lane_select, false},   [EMIT_FMA] = {lane_fma, true},
    [EMIT_TO_I8] = {lane_to_i8, false},     [EMIT_IADD] = {lane_iadd, false},
    [EMIT_ISUB] = {lane_isub, false},       [EMIT_IMUL] = {lane_imul, false},
    [EMIT_IDIV] = {lane_idiv, false},       [EMIT_REQUANTIZE] = {lane_requantize, false},
    [EMIT_ISQRT] = {lane_isqrt, false},
};

static double *new_register(LaneEmit *e)
{
    assert(e->used < REGISTERS && "a scalar body is longer than the interpreter allows");
    return e->registers[e->used++];
}

static void round_lanes(double *y)
{
    for (int i = 0; i < LANES; i++)
        y[i] = (double)(float)y[i];
}

static Sv lane_constant(Emit *emit, DType dtype, double value)
{
    LaneEmit *e = (LaneEmit *)emit;
    double *y = new_register(e);
    for (int i = 0; i < LANES; i++)
        y[i] = value;
    if (!e->f64 && dtype == DTYPE_F32)
        round_lanes(y);
    return (Sv){(uintptr_t)y};
}

static Sv lane_apply(Emit *emit, EmitOp op, Sv a, Sv b, Sv c)
{
    LaneEmit *e = (LaneEmit *)emit;
    double *y = new_register(e);
    LaneFunction *run = op == EMIT_FMA && !e->f64 ? lane_fmaf : instructions[op].run;
    run(y, (const double *)a.v, (const double *)b.v, (const double *)c.v);
    if (!e->f64 && instructions[op].rounds)
        round_lanes(y);
    return (Sv){(uintptr_t)y};
}

void lanes_init(LaneEmit *e, Arena *a, bool f64)
{
    e->emit = (Emit){.constant = lane_constant, .apply = lane_apply};
    e->f64 = f64;
    e->registers = arena_calloc(a, REGISTERS, sizeof *e->registers);
}
