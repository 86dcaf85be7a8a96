// arithmetic.c -- element-wise arithmetic: exact IEEE 754, so that all engines agree to the bit.

#include "graph/ops/shapes.h"

// A scalar body that is one instruction of the engine.
#define UNARY(id, instruction)                                                          \
    static Sv scalar_##id(Emit *e, const Sv *in, const Type *in_types, const Type *out) \
    {                                                                                   \
        (void)in_types, (void)out;                                                      \
        return e_un(e, instruction, in[0]);                                             \
    }

#define BINARY(id, instruction)                                                         \
    static Sv scalar_##id(Emit *e, const Sv *in, const Type *in_types, const Type *out) \
    {                                                                                   \
        (void)in_types, (void)out;                                                      \
        return e_bin(e, instruction, in[0], in[1]);                                     \
    }

UNARY(neg, EMIT_NEG)
UNARY(abs, EMIT_ABS)
UNARY(floor, EMIT_FLOOR)
UNARY(sqrt, EMIT_SQRT)
BINARY(add, EMIT_ADD)
BINARY(sub, EMIT_SUB)
BINARY(mul, EMIT_MUL)
BINARY(div, EMIT_DIV)
BINARY(max, EMIT_MAX)
BINARY(min, EMIT_MIN)

// Zero and NaN stay what they are.
static Sv scalar_sign(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    Sv zero = e_const(e, 0);
    Sv negative = e_select(e, e_bin(e, EMIT_LT, in[0], zero), e_const(e, -1), in[0]);
    return e_select(e, e_bin(e, EMIT_GT, in[0], zero), e_const(e, 1), negative);
}

// How often y goes into x, as a whole number.
static Sv whole_quotient(Emit *e, const Sv *in)
{
    return e_un(e, EMIT_FLOOR, e_div(e, in[0], in[1]));
}

// Fused, because x and floor(x / y) * y are near to each other: a rounded product would be most of
// the result.
static Sv scalar_mod(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    Sv times = e_un(e, EMIT_NEG, whole_quotient(e, in));
    return e->apply(e, EMIT_FMA, times, in[1], in[0]);
}

static Sv grad_neg(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)y, (void)wrt;
    return e_un(e, EMIT_NEG, dy);
}

static Sv grad_abs(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y, (void)wrt;
    Sv zero = e_const(e, 0);
    Sv left = e_select(e, e_bin(e, EMIT_LT, in[0], zero), e_un(e, EMIT_NEG, dy), zero);
    return e_select(e, e_bin(e, EMIT_GT, in[0], zero), dy, left);
}

static Sv grad_sqrt(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)wrt;
    return e_div(e, e_mul(e, e_const(e, 0.5), dy), y);
}

static Sv grad_add(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)e, (void)in, (void)y, (void)wrt;
    return dy;
}

static Sv grad_sub(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)y;
    return wrt == 0 ? dy : e_un(e, EMIT_NEG, dy);
}

static Sv grad_mul(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    return e_mul(e, dy, in[1 - wrt]);
}

static Sv grad_div(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    Sv dx = e_div(e, dy, in[1]);
    return wrt == 0 ? dx : e_un(e, EMIT_NEG, e_mul(e, dx, y));
}

static Sv grad_mod(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    return wrt == 0 ? dy : e_un(e, EMIT_NEG, e_mul(e, dy, whole_quotient(e, in)));
}

// `first` says when in[0] is chosen for sure, `second` when in[1] is or the two are equal.
static Sv grad_choice(Emit *e, const Sv *in, Sv dy, int wrt, EmitOp first, EmitOp second)
{
    Sv chosen = e_bin(e, wrt == 0 ? first : second, in[0], in[1]);
    return e_select(e, chosen, dy, e_const(e, 0));
}

static Sv grad_max(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    return grad_choice(e, in, dy, wrt, EMIT_GT, EMIT_LE);
}

static Sv grad_min(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    return grad_choice(e, in, dy, wrt, EMIT_LT, EMIT_GE);
}

// The nearest whole number of steps, from the zero point, as an i8 would hold it; -128.5 to 127.5.
static Sv steps_of(Emit *e, const Sv *in)
{
    return e_add(e, e_div(e, in[0], in[1]), e_add(e, in[2], e_const(e, 0.5)));
}

static Sv scalar_fake_quantize(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    Sv q = e_bin(e, EMIT_MAX, e_un(e, EMIT_FLOOR, steps_of(e, in)), e_const(e, -128));
    q = e_bin(e, EMIT_MIN, q, e_const(e, 127));
    return e_mul(e, e_sub(e, q, in[2]), in[1]);
}

static Sv grad_fake_quantize(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y;
    if (wrt != 0)
        return (Sv){0};
    Sv q = steps_of(e, in);
    Sv above = e_bin(e, EMIT_GE, q, e_const(e, -128)),
       below = e_bin(e, EMIT_LT, q, e_const(e, 128));
    return e_select(e, e_bin(e, EMIT_AND, above, below), dy, e_const(e, 0));
}

const OpDef op_neg = {
    .doc = "Negation, y = -x.",
    .math = "dx = -dy",
    .edges = "flips the sign of zero, inf and NaN too",
    .shape = shape_unary,
    .scalar = scalar_neg,
    .scalar_grad = grad_neg,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_abs = {
    .doc = "Absolute value, y = |x|.",
    .math = "dx = dy where x > 0, -dy where x < 0, 0 at 0",
    .edges = "|-0| = 0, |-inf| = inf, NaN stays",
    .shape = shape_unary,
    .scalar = scalar_abs,
    .scalar_grad = grad_abs,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_sign = {
    .doc = "Sign, y = 1 where x > 0, -1 where x < 0, else x.",
    .math = "zero",
    .edges = "zero keeps its sign, NaN stays",
    .shape = shape_unary,
    .scalar = scalar_sign,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_floor = {
    .doc = "The largest whole number not above x, y = floor(x).",
    .math = "zero",
    .edges = "-0, infinities and NaN stay",
    .shape = shape_unary,
    .scalar = scalar_floor,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_sqrt = {
    .doc = "Square root, y = sqrt(x).",
    .math = "dx = dy / (2 * y)",
    .edges = "NaN below 0, -0 stays; the gradient at 0 is inf",
    .shape = shape_unary,
    .scalar = scalar_sqrt,
    .scalar_grad = grad_sqrt,
    .sample_low = 0.01,
    .sample_high = 100,
    .forward_ulps = 0.5,
};

const OpDef op_add = {
    .doc = "Sum, y = a + b.",
    .math = "da = dy, db = dy",
    .shape = shape_binary,
    .scalar = scalar_add,
    .scalar_grad = grad_add,
    .sample_low = -8,
    .sample_high = 8,
    .forward_ulps = 0.5,
};

const OpDef op_sub = {
    .doc = "Difference, y = a - b.",
    .math = "da = dy, db = -dy",
    .shape = shape_binary,
    .scalar = scalar_sub,
    .scalar_grad = grad_sub,
    .sample_low = -8,
    .sample_high = 8,
    .forward_ulps = 0.5,
};

const OpDef op_mul = {
    .doc = "Product, y = a * b.",
    .math = "da = dy * b, db = dy * a",
    .edges = "0 * inf is NaN",
    .shape = shape_binary,
    .scalar = scalar_mul,
    .scalar_grad = grad_mul,
    .sample_low = -8,
    .sample_high = 8,
    .forward_ulps = 0.5,
};

const OpDef op_div = {
    .doc = "Quotient, y = a / b.",
    .math = "da = dy / b, db = -(dy / b) * y",
    .edges = "a / 0 is an infinity with the signs' product, 0 / 0 NaN",
    .shape = shape_binary,
    .scalar = scalar_div,
    .scalar_grad = grad_div,
    .sample_low = 0.5,
    .sample_high = 8,
    .forward_ulps = 0.5,
};

const OpDef op_mod = {
    .doc = "Remainder with the sign of the divisor, y = a - floor(a / b) * b, rounded once.",
    .math = "da = dy, db = -dy * floor(a / b)",
    .edges = "NaN where b is 0; a / b is rounded first, so just below a multiple y may be a tiny "
             "step out of [0, b)",
    .source = "Knuth, The Art of Computer Programming 1, 1.2.4",
    .shape = shape_binary,
    .scalar = scalar_mod,
    .scalar_grad = grad_mod,
    .sample_low = 0.5,
    .sample_high = 8,
    .forward_ulps = 0.5,
};

const OpDef op_max = {
    .doc = "The larger of two, y = b where b > a, else a.",
    .math = "da = dy where a > b, db = dy where b >= a, else 0",
    .edges = "a tie gives its gradient to b, so that the derivative of max(x, 0) at 0 is 0; NaN in "
             "a stays, NaN in b is passed over, neither gets a gradient",
    .shape = shape_binary,
    .scalar = scalar_max,
    .scalar_grad = grad_max,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_fake_quantize = {
    .doc =
        "What is left of x as an i8, y = (q - zero) * step with q = floor(x / step + zero + 1/2) "
        "between -128 and 127.",
    .math =
        "dx = dy where q is in range, else 0, as if nothing were rounded; none to step and zero",
    .edges = "NaN stays",
    .source = "Bengio, Leonard & Courville 2013, arXiv:1308.3432: straight-through; Jacob et al. "
              "2018, CVPR",
    .shape = shape_ternary,
    .scalar = scalar_fake_quantize,
    .scalar_grad = grad_fake_quantize,
    .sample_low = 0.25,
    .sample_high = 2,
    .forward_ulps = 2,
};

const OpDef op_min = {
    .doc = "The smaller of two, y = b where b < a, else a.",
    .math = "da = dy where a < b, db = dy where b <= a, else 0",
    .edges = "a tie gives its gradient to b; NaN in a stays, NaN in b is passed over, neither gets "
             "a gradient",
    .shape = shape_binary,
    .scalar = scalar_min,
    .scalar_grad = grad_min,
    .sample_low = -8,
    .sample_high = 8,
};
