// integer.c -- arithmetic on i32: what quantized models compute with, the same bits on every
// engine.

#include "graph/ops/shapes.h"

#define BINARY(id, instruction)                                                         \
    static Sv scalar_##id(Emit *e, const Sv *in, const Type *in_types, const Type *out) \
    {                                                                                   \
        (void)in_types, (void)out;                                                      \
        return e_bin(e, instruction, in[0], in[1]);                                     \
    }

BINARY(iadd, EMIT_IADD)
BINARY(isub, EMIT_ISUB)
BINARY(imul, EMIT_IMUL)
BINARY(idiv, EMIT_IDIV)

// The second where it compares so with the first.
static Sv chosen(Emit *e, EmitOp comparison, const Sv *in)
{
    return e_select(e, e_bin(e, comparison, in[1], in[0]), in[1], in[0]);
}

static Sv scalar_imax(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return chosen(e, EMIT_GT, in);
}

static Sv scalar_imin(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return chosen(e, EMIT_LT, in);
}

// Unsigned, because the product of the two lowest numbers and the half may reach 2^63.
int32_t requantize(int32_t a, int32_t multiplier, int32_t shift)
{
    const int s = shift & 63;
    const uint64_t half = (UINT64_C(1) << s) >> 1;
    const int64_t y = (int64_t)((uint64_t)((int64_t)a * multiplier) + half) >> s;
    return (int32_t)(y < INT32_MIN ? INT32_MIN : y > INT32_MAX ? INT32_MAX : y);
}

// One binary digit after the other: `one` is the square of the digit that is tried, `root` twice
// the digits so far times it, `rest` what their square leaves of a 2^30.
int32_t scaled_sqrt(int32_t a)
{
    uint64_t rest = a > 0 ? (uint64_t)a << 30 : 0, root = 0;
    for (uint64_t one = UINT64_C(1) << 60; one > 0; one >>= 2) {
        const bool fits = rest >= root + one;
        rest -= fits ? root + one : 0;
        root = (root >> 1) + (fits ? one : 0);
    }
    return (int32_t)root;
}

static Sv scalar_isqrt(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e_un(e, EMIT_ISQRT, in[0]);
}

static Sv scalar_requantize(Emit *e, const Sv *in, const Type *in_types, const Type *out)
{
    (void)in_types, (void)out;
    return e->apply(e, EMIT_REQUANTIZE, in[0], in[1], in[2]);
}

static SHAPE_RULE(shape_whole)
{
    (void)attr;
    *out = in[0];
    return shape_wants(a, DTYPE_I32, &in[0], why) && shape_wants(a, DTYPE_I32, &in[1], why) &&
           shape_alike(a, &in[0], &in[1], why);
}

static SHAPE_RULE(shape_isqrt)
{
    (void)attr;
    *out = in[0];
    return shape_wants(a, DTYPE_I32, &in[0], why);
}

static SHAPE_RULE(shape_requantize)
{
    return shape_whole(a, attr, in, out, why) && shape_wants(a, DTYPE_I32, &in[2], why) &&
           shape_alike(a, &in[0], &in[2], why);
}

const OpDef op_iadd = {
    .doc = "Sum of whole numbers, y = a + b.",
    .math = "none: whole numbers",
    .edges = "modulo 2^32",
    .shape = shape_whole,
    .scalar = scalar_iadd,
    .sample_low = -1e9,
    .sample_high = 1e9,
};

const OpDef op_isub = {
    .doc = "Difference of whole numbers, y = a - b.",
    .math = "none: whole numbers",
    .edges = "modulo 2^32",
    .shape = shape_whole,
    .scalar = scalar_isub,
    .sample_low = -1e9,
    .sample_high = 1e9,
};

const OpDef op_imul = {
    .doc = "Product of whole numbers, y = a * b.",
    .math = "none: whole numbers",
    .edges = "modulo 2^32",
    .shape = shape_whole,
    .scalar = scalar_imul,
    .sample_low = -40000,
    .sample_high = 40000,
};

const OpDef op_idiv = {
    .doc = "Quotient of whole numbers without its fraction, y = a / b.",
    .math = "none: whole numbers",
    .edges = "towards zero; 0 where b is 0; -2^31 / -1 is -2^31",
    .shape = shape_whole,
    .scalar = scalar_idiv,
    .sample_low = -1000,
    .sample_high = 1000,
};

const OpDef op_imax = {
    .doc = "The larger of two whole numbers, y = b where b > a, else a.",
    .math = "none: whole numbers",
    .shape = shape_whole,
    .scalar = scalar_imax,
    .sample_low = -1000,
    .sample_high = 1000,
};

const OpDef op_imin = {
    .doc = "The smaller of two whole numbers, y = b where b < a, else a.",
    .math = "none: whole numbers",
    .shape = shape_whole,
    .scalar = scalar_imin,
    .sample_low = -1000,
    .sample_high = 1000,
};

const OpDef op_isqrt = {
    .doc = "The square root of a whole number in steps of 2^-15, y = floor(sqrt(a) * 2^15).",
    .math = "none: whole numbers",
    .edges = "0 where a <= 0",
    .shape = shape_isqrt,
    .scalar = scalar_isqrt,
    .sample_low = -10,
    .sample_high = 1e9,
};

const OpDef op_requantize = {
    .doc = "A whole number times a fixed-point one, halves rounded up: y = floor(a * multiplier / "
           "2^shift + 1/2).",
    .math = "none: whole numbers",
    .edges = "the product and the half are added in 64 bits; what is beyond i32 becomes its end; "
             "shift is taken modulo 64, and nothing is added for 0",
    .source = "Jacob et al. 2018, Quantization and training of neural networks for efficient "
              "integer-arithmetic-only inference, CVPR",
    .shape = shape_requantize,
    .scalar = scalar_requantize,
    .sample_low = -1e9,
    .sample_high = 1e9,
};
