// functions.c -- element-wise functions. Engines compute them with the errors that are stated here
// and in emit.h.

#include "graph/ops/shapes.h"

#define TWO_OVER_SQRT_PI 1.12837916709551257390

#define UNARY(id, instruction)                                                          \
    static Sv scalar_##id(Emit *e, const Sv *in, const Type *in_types, const Type *out) \
    {                                                                                   \
        (void)in_types, (void)out;                                                      \
        return e_un(e, instruction, in[0]);                                             \
    }

UNARY(exp, EMIT_EXP)
UNARY(log, EMIT_LOG)
UNARY(sin, EMIT_SIN)
UNARY(cos, EMIT_COS)
UNARY(tanh, EMIT_TANH)
UNARY(sigmoid, EMIT_SIGMOID)
UNARY(erf, EMIT_ERF)

static Sv scalar_pow(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_bin(e, EMIT_POW, in[0], in[1]);
}

static Sv grad_exp(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)wrt;
    return e_mul(e, dy, y);
}

static Sv grad_log(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y, (void)wrt;
    return e_div(e, dy, in[0]);
}

static Sv grad_sin(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y, (void)wrt;
    return e_mul(e, dy, e_un(e, EMIT_COS, in[0]));
}

static Sv grad_cos(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y, (void)wrt;
    return e_un(e, EMIT_NEG, e_mul(e, dy, e_un(e, EMIT_SIN, in[0])));
}

static Sv grad_tanh(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)wrt;
    return e_mul(e, dy, e_sub(e, e_const(e, 1), e_mul(e, y, y)));
}

static Sv grad_sigmoid(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)in, (void)wrt;
    return e_mul(e, dy, e_mul(e, y, e_sub(e, e_const(e, 1), y)));
}

static Sv grad_erf(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    (void)y, (void)wrt;
    Sv bell = e_un(e, EMIT_EXP, e_un(e, EMIT_NEG, e_mul(e, in[0], in[0])));
    return e_mul(e, dy, e_mul(e, e_const(e, TWO_OVER_SQRT_PI), bell));
}

// With respect to the exponent. The logarithm has a meaning for a positive base alone; elsewhere
// the power is defined at whole exponents only, so there is nothing to follow.
static Sv grad_exponent(Emit *e, const Sv *in, Sv y, Sv dy)
{
    Sv zero = e_const(e, 0);
    Sv slope = e_mul(e, e_un(e, EMIT_LOG, in[0]), y);
    return e_mul(e, dy, e_select(e, e_bin(e, EMIT_GT, in[0], zero), slope, zero));
}

static Sv grad_pow(Emit *e, const Sv *in, Sv y, Sv dy, int wrt)
{
    if (wrt == 1)
        return grad_exponent(e, in, y, dy);
    Sv less = e_sub(e, in[1], e_const(e, 1));
    return e_mul(e, dy, e_mul(e, in[1], e_bin(e, EMIT_POW, in[0], less)));
}

const OpDef op_exp = {
    .doc = "Exponential function, y = e^x.",
    .math = "dx = dy * y",
    .edges = "inf above 88.73, 0 below -104, NaN stays",
    .shape = shape_unary,
    .scalar = scalar_exp,
    .scalar_grad = grad_exp,
    .sample_low = -20,
    .sample_high = 20,
    .forward_ulps = 2,
};

const OpDef op_log = {
    .doc = "Natural logarithm, y = ln(x).",
    .math = "dx = dy / x",
    .edges = "-inf at 0, NaN below",
    .shape = shape_unary,
    .scalar = scalar_log,
    .scalar_grad = grad_log,
    .sample_low = 0.01,
    .sample_high = 100,
    .forward_ulps = 2,
};

const OpDef op_sin = {
    .doc = "Sine, y = sin(x), x in radians.",
    .math = "dx = dy * cos(x)",
    .edges = "NaN at the infinities; the error holds for |x| <= 1e4",
    .shape = shape_unary,
    .scalar = scalar_sin,
    .scalar_grad = grad_sin,
    .sample_low = -20,
    .sample_high = 20,
    .forward_ulps = 2,
};

const OpDef op_cos = {
    .doc = "Cosine, y = cos(x), x in radians.",
    .math = "dx = -dy * sin(x)",
    .edges = "NaN at the infinities; the error holds for |x| <= 1e4",
    .shape = shape_unary,
    .scalar = scalar_cos,
    .scalar_grad = grad_cos,
    .sample_low = -20,
    .sample_high = 20,
    .forward_ulps = 2,
};

const OpDef op_tanh = {
    .doc = "Hyperbolic tangent, y = (e^x - e^-x) / (e^x + e^-x).",
    .math = "dx = dy * (1 - y^2)",
    .edges = "1 and -1 at the infinities",
    .shape = shape_unary,
    .scalar = scalar_tanh,
    .scalar_grad = grad_tanh,
    .sample_low = -6,
    .sample_high = 6,
    .forward_ulps = 2,
};

const OpDef op_sigmoid = {
    .doc = "Logistic function, y = 1 / (1 + e^-x).",
    .math = "dx = dy * y * (1 - y)",
    .edges = "0 and 1 at the infinities",
    .shape = shape_unary,
    .scalar = scalar_sigmoid,
    .scalar_grad = grad_sigmoid,
    .sample_low = -12,
    .sample_high = 12,
    .forward_ulps = 4,
};

const OpDef op_erf = {
    .doc = "Error function, y = 2 / sqrt(pi) * integral of e^-t^2 from 0 to x.",
    .math = "dx = dy * 2 / sqrt(pi) * e^-x^2",
    .edges = "1 and -1 at the infinities",
    .shape = shape_unary,
    .scalar = scalar_erf,
    .scalar_grad = grad_erf,
    .sample_low = -3,
    .sample_high = 3,
    .forward_ulps = 4,
};

const OpDef op_pow = {
    .doc = "Power, y = a^b, as C's powf.",
    .math = "da = dy * b * a^(b - 1), db = dy * ln(a) * y where a > 0, else 0",
    .edges = "a^0 = 1 even for NaN; NaN for a < 0 unless b is whole; da is NaN at a = 0, b = 0",
    .shape = shape_binary,
    .scalar = scalar_pow,
    .scalar_grad = grad_pow,
    .sample_low = 0.1,
    .sample_high = 4,
    .forward_ulps = 4,
};
