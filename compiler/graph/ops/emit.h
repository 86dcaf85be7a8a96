// emit.h -- the small interface against which the meaning of an element-wise operation is written
// once, and which every engine implements once: the interpreter computes, LLVM and C write code,
// and autodiff builds graph nodes.
//
// A scalar value is opaque. All values are f32 unless said; comparisons give bool.

#ifndef NNC_EMIT_H
#define NNC_EMIT_H

#include "graph/graph.h"

typedef struct Sv {
    uintptr_t v;  // what it is, the engine knows
} Sv;

// The operations that engines implement. The arithmetic ones are exact IEEE 754 as written; the
// functions have a stated error (in ulp of f32) in each engine.
typedef enum EmitOp {
    EMIT_NEG,      // -a
    EMIT_ABS,      // |a|
    EMIT_FLOOR,    // largest integer <= a
    EMIT_SQRT,     // within an ulp, correctly rounded but in vectors of AVX-512
    EMIT_EXP,      // 2 ulp; 0 below -104, inf above 88.73, NaN stays
    EMIT_LOG,      // 2 ulp; -inf at 0, NaN below
    EMIT_SIN,      // 2 ulp for |a| <= 1e4
    EMIT_COS,      // 2 ulp for |a| <= 1e4
    EMIT_TANH,     // 2 ulp
    EMIT_SIGMOID,  // 1 / (1 + exp(-a)): 4 ulp
    EMIT_ERF,      // 6 ulp
    EMIT_NOT,      // bool
    EMIT_TO_F32,   // from i32, i8 or bool (0, 1)
    EMIT_TO_I32,   // from f32, towards zero; from i8, bool
    EMIT_TO_BOOL,  // a != 0
    EMIT_TO_I8,    // from i32, the nearest that there is; from f32, towards zero, NaN gives 0
    EMIT_ADD,
    EMIT_SUB,
    EMIT_MUL,
    EMIT_DIV,
    EMIT_POW,  // C's powf
    EMIT_MAX,  // b > a ? b : a, so a NaN in a stays
    EMIT_MIN,  // b < a ? b : a
    EMIT_EQ,   // comparisons: f32, i32 or i8 (both alike) to bool
    EMIT_NE,
    EMIT_LT,
    EMIT_LE,
    EMIT_GT,
    EMIT_GE,
    EMIT_AND,  // bool
    EMIT_OR,
    EMIT_SELECT,  // bool ? b : c
    EMIT_FMA,     // a * b + c, rounded once
    // i32, the low 32 bits of the exact result
    EMIT_IADD,
    EMIT_ISUB,
    EMIT_IMUL,
    EMIT_IDIV,  // towards zero; 0 where b is 0, -2^31 / -1 is -2^31
    // i32: (a * b + (2^s >> 1)) >> s with s = c modulo 64, in 64 bits; then the nearest i32
    EMIT_REQUANTIZE,
    EMIT_ISQRT,  // i32: floor(sqrt(a) * 2^15); 0 where a <= 0
    EMIT_COUNT
} EmitOp;

typedef struct Emit Emit;
struct Emit {
    Sv (*constant)(Emit *e, DType dtype, double value);
    Sv (*apply)(Emit *e, EmitOp op, Sv a, Sv b, Sv c);  // unused operands are {0}
};

static inline Sv e_const(Emit *e, double value)
{
    return e->constant(e, DTYPE_F32, value);
}
static inline Sv e_un(Emit *e, EmitOp op, Sv a)
{
    return e->apply(e, op, a, (Sv){0}, (Sv){0});
}
static inline Sv e_bin(Emit *e, EmitOp op, Sv a, Sv b)
{
    return e->apply(e, op, a, b, (Sv){0});
}
static inline Sv e_add(Emit *e, Sv a, Sv b)
{
    return e_bin(e, EMIT_ADD, a, b);
}
static inline Sv e_sub(Emit *e, Sv a, Sv b)
{
    return e_bin(e, EMIT_SUB, a, b);
}
static inline Sv e_mul(Emit *e, Sv a, Sv b)
{
    return e_bin(e, EMIT_MUL, a, b);
}
static inline Sv e_div(Emit *e, Sv a, Sv b)
{
    return e_bin(e, EMIT_DIV, a, b);
}
static inline Sv e_select(Emit *e, Sv condition, Sv a, Sv b)
{
    return e->apply(e, EMIT_SELECT, condition, a, b);
}

#endif
