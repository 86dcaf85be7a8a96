// constant_fold.c -- operations on constants, done by the compiler.
//
//   %1 = const 2
//   %2 = const 3        -->    %4 = const 6
//   %3 = mul %1, %2
//
// The meaning of an operation is written once, against Emit; here is the Emit that computes. An f32
// result is rounded to f32, so that the engines, which do the same sum at run time, agree.

#include <assert.h>
#include <math.h>
#include <string.h>

#include "pass/simplify.h"

// Values live in an arena; a double holds f32, i32 and bool exactly.
typedef struct ConstantEmit {
    Emit emit;
    Arena *scratch;
} ConstantEmit;

static double value_of(Sv v)
{
    return v.v ? *(const double *)v.v : 0;
}

static Sv constant(Emit *e, DType dtype, double value)
{
    double *cell = arena_new_of(((ConstantEmit *)e)->scratch, double);
    *cell = dtype == DTYPE_F32 ? (double)(float)value : value;
    return (Sv){(uintptr_t)cell};
}

// A float out of range has no int32: the nearest one stands for it, and 0 for NaN.
static double to_i32(double a)
{
    if (isnan(a))
        return 0;
    return fmin(fmax(trunc(a), INT32_MIN), INT32_MAX);
}

static double compute(EmitOp op, double a, double b, double c)
{
    switch (op) {
    case EMIT_NEG:
        return -a;
    case EMIT_ABS:
        return fabs(a);
    case EMIT_FLOOR:
        return floor(a);
    case EMIT_SQRT:
        return sqrt(a);
    case EMIT_EXP:
        return exp(a);
    case EMIT_LOG:
        return log(a);
    case EMIT_SIN:
        return sin(a);
    case EMIT_COS:
        return cos(a);
    case EMIT_TANH:
        return tanh(a);
    case EMIT_SIGMOID:
        return 1 / (1 + exp(-a));
    case EMIT_ERF:
        return erf(a);
    case EMIT_NOT:
        return a == 0;
    case EMIT_TO_F32:
        return a;
    case EMIT_TO_I32:
        return to_i32(a);
    case EMIT_TO_BOOL:
        return a != 0;
    case EMIT_ADD:
        return a + b;
    case EMIT_SUB:
        return a - b;
    case EMIT_MUL:
        return a * b;
    case EMIT_DIV:
        return a / b;
    case EMIT_POW:
        return pow(a, b);
    case EMIT_MAX:
        return b > a ? b : a;
    case EMIT_MIN:
        return b < a ? b : a;
    case EMIT_EQ:
        return a == b;
    case EMIT_NE:
        return a != b;
    case EMIT_LT:
        return a < b;
    case EMIT_LE:
        return a <= b;
    case EMIT_GT:
        return a > b;
    case EMIT_GE:
        return a >= b;
    case EMIT_AND:
        return a != 0 && b != 0;
    case EMIT_OR:
        return a != 0 || b != 0;
    case EMIT_SELECT:
        return a != 0 ? b : c;
    case EMIT_FMA:
        return fma(a, b, c);
    case EMIT_TO_I8:
        return fmin(fmax(to_i32(a), INT8_MIN), INT8_MAX);
    case EMIT_IADD:  // is_small keeps whole numbers away from the ends of i32
        return a + b;
    case EMIT_ISUB:
        return a - b;
    case EMIT_IMUL:
        return a * b;
    case EMIT_IDIV:
        return b != 0 ? trunc(a / b) : 0;
    case EMIT_REQUANTIZE:
        return requantize((int32_t)a, (int32_t)b, (int32_t)c);
    case EMIT_ISQRT:
        return scaled_sqrt((int32_t)a);
    case EMIT_COUNT:
        break;
    }
    assert(false && "no such operation");
    return 0;
}

// i32 and bool values are exact in f32 as long as they are below 2^24; what computes on i32 beyond
// that is left to the engines by fold_constants.
static Sv apply(Emit *e, EmitOp op, Sv a, Sv b, Sv c)
{
    return constant(e, DTYPE_F32, compute(op, value_of(a), value_of(b), value_of(c)));
}

static bool is_small(const Node *n)
{
    return n->type.dtype == DTYPE_F32 || fabs(n->attr.value) < 1 << 24;
}

Node *fold_constants(Rewriter *r, Node *n)
{
    ConstantEmit e = {.emit = {.constant = constant, .apply = apply}, .scratch = r->scratch};
    Sv in[MAX_ARITY];
    Type types[MAX_ARITY];
    if (n->type.rank > 0)
        return NULL;
    for (int i = 0; i < n->input_count; i++) {
        if (n->in[i]->op != OP_const || !is_small(n->in[i]))
            return NULL;
        in[i] = constant(&e.emit, n->in[i]->type.dtype, n->in[i]->attr.value);
        types[i] = n->in[i]->type;
    }
    const double value = value_of(op_table[n->op]->scalar(&e.emit, in, types, &n->type));
    if (n->type.dtype == DTYPE_I32 && fabs(value) >= 1 << 24)
        return NULL;
    return build_const(&r->b, n->type.dtype, value);
}
