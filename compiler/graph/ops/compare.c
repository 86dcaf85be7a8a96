// compare.c -- comparisons, logic, choice and casts: what has to do with bool and i32.

#include "graph/ops/shapes.h"

// Both f32, i32 or i8, one shape; the result is bool.
static SHAPE_RULE(shape_compare)
{
    (void)attr;
    *out = in[0];
    out->dtype = DTYPE_BOOL;
    if (in[0].dtype == DTYPE_BOOL)
        return shape_fail(a, why, "numbers are compared, not %s", type_text(a, &in[0]));
    return shape_wants(a, in[0].dtype, &in[1], why) && shape_alike(a, &in[0], &in[1], why);
}

static SHAPE_RULE(shape_not)
{
    (void)attr;
    *out = in[0];
    return shape_wants(a, DTYPE_BOOL, &in[0], why);
}

static SHAPE_RULE(shape_logic)
{
    return shape_not(a, attr, in, out, why) && shape_wants(a, DTYPE_BOOL, &in[1], why) &&
           shape_alike(a, &in[0], &in[1], why);
}

static SHAPE_RULE(shape_where)
{
    (void)attr;
    *out = in[1];
    return shape_wants(a, DTYPE_BOOL, &in[0], why) && shape_wants(a, in[1].dtype, &in[2], why) &&
           shape_alike(a, &in[0], &in[1], why) && shape_alike(a, &in[1], &in[2], why);
}

static SHAPE_RULE(shape_cast)
{
    (void)attr;
    return shape_alike(a, &in[0], out, why);
}

#define COMPARISON(id, instruction, symbol, at_nan)                                     \
    static Sv scalar_##id(Emit *e, const Sv *in, const Type *in_types, const Type *out) \
    {                                                                                   \
        (void)in_types, (void)out;                                                      \
        return e_bin(e, instruction, in[0], in[1]);                                     \
    }                                                                                   \
    const OpDef op_##id = {                                                             \
        .doc = "Comparison of numbers, y = a " symbol " b.",                            \
        .math = "none: bool",                                                           \
        .edges = at_nan " where a or b is NaN; -0 equals 0",                            \
        .shape = shape_compare,                                                         \
        .scalar = scalar_##id,                                                          \
        .sample_low = -8,                                                               \
        .sample_high = 8,                                                               \
    };

COMPARISON(eq, EMIT_EQ, "==", "false")
COMPARISON(ne, EMIT_NE, "!=", "true")
COMPARISON(lt, EMIT_LT, "<", "false")
COMPARISON(le, EMIT_LE, "<=", "false")
COMPARISON(gt, EMIT_GT, ">", "false")
COMPARISON(ge, EMIT_GE, ">=", "false")

static Sv scalar_not(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_un(e, EMIT_NOT, in[0]);
}

static Sv scalar_and(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_bin(e, EMIT_AND, in[0], in[1]);
}

static Sv scalar_or(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_bin(e, EMIT_OR, in[0], in[1]);
}

static Sv scalar_where(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_select(e, in[0], in[1], in[2]);
}

static Sv grad_where(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    Sv zero = e_const(e, 0);
    return wrt == 1 ? e_select(e, in[0], dy, zero) : e_select(e, in[0], zero, dy);
}

static Sv scalar_cast(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    static const EmitOp to[DTYPE_COUNT] = {
        [DTYPE_F32] = EMIT_TO_F32,
        [DTYPE_I32] = EMIT_TO_I32,
        [DTYPE_BOOL] = EMIT_TO_BOOL,
        [DTYPE_I8] = EMIT_TO_I8,
    };
    return in_types[0].dtype == out->dtype ? in[0] : e_un(e, to[out->dtype], in[0]);
}

// Asked only from f32 to f32, where a cast changes nothing.
static Sv grad_cast(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)e, (void)in, (void)y, (void)wrt;
    return dy;
}

const OpDef op_not = {
    .doc = "Negation of bool, y = not x.",
    .math = "none: bool",
    .shape = shape_not,
    .scalar = scalar_not,
    .sample_high = 1,
};

const OpDef op_and = {
    .doc = "Both, y = a and b.",
    .math = "none: bool",
    .shape = shape_logic,
    .scalar = scalar_and,
    .sample_high = 1,
};

const OpDef op_or = {
    .doc = "One at least, y = a or b.",
    .math = "none: bool",
    .shape = shape_logic,
    .scalar = scalar_or,
    .sample_high = 1,
};

const OpDef op_where = {
    .doc = "Choice by a mask, y = a where the condition is true, else b.",
    .math = "da = dy where the condition is true, else 0; db the other way round",
    .edges = "what is not chosen has no influence, NaN neither, on gradients neither",
    .shape = shape_where,
    .scalar = scalar_where,
    .scalar_grad = grad_where,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_cast = {
    .doc = "Change of the element type, y = the same number as f32, i32, i8 or bool (x != 0).",
    .math = "dx = dy from f32 to f32; nothing flows through i32, i8 and bool",
    .edges = "to i32 and i8 rounds towards zero and stops at their ends, NaN gives 0; i32 beyond "
             "2^24 is rounded to f32; NaN is true",
    .shape = shape_cast,
    .scalar = scalar_cast,
    .scalar_grad = grad_cast,
    .sample_low = -100,
    .sample_high = 100,
};
