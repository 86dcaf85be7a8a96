// leaves.c -- operations without inputs. Their types are stated; the rules check them.

#include <math.h>

#include "graph/ops/shapes.h"

static SHAPE_RULE(shape_input)
{
    (void)a, (void)attr, (void)in, (void)out, (void)why;
    return true;
}

static SHAPE_RULE(shape_variable)
{
    (void)attr, (void)in;
    if (type_batched(out))
        return shape_fail(a, why, "a variable has no batch axis, this one is %s",
                          type_text(a, out));
    return true;
}

static bool whole_between(double value, double low, double high)
{
    return value >= low && value <= high && value == floor(value);
}

static SHAPE_RULE(shape_const)
{
    (void)in;
    if (out->rank != 0)
        return shape_fail(a, why, "a constant is one number, not %s", type_text(a, out));
    if (out->dtype == DTYPE_I32 && !whole_between(attr->value, INT32_MIN, INT32_MAX))
        return shape_fail(a, why, "%g is no i32", attr->value);
    if (out->dtype == DTYPE_I8 && !whole_between(attr->value, INT8_MIN, INT8_MAX))
        return shape_fail(a, why, "%g is no i8", attr->value);
    if (out->dtype == DTYPE_BOOL && !whole_between(attr->value, 0, 1))
        return shape_fail(a, why, "%g is no bool, which is 0 or 1", attr->value);
    return true;
}

static SHAPE_RULE(shape_scalar)
{
    (void)in;
    if ((unsigned)attr->scalar >= SCALAR_KIND_COUNT)
        return shape_fail(a, why, "there is no number %d of the run", (int)attr->scalar);
    if (out->rank != 0)
        return shape_fail(a, why, "a number of the run has no axes, not %s", type_text(a, out));
    return shape_wants(a, DTYPE_F32, out, why);
}

static SHAPE_RULE(shape_iota)
{
    (void)in;
    if (attr->axis < 0 || attr->axis >= out->rank)
        return shape_fail(a, why, "%s has no axis %d", type_text(a, out), attr->axis);
    return shape_wants(a, DTYPE_I32, out, why);
}

static SHAPE_RULE(shape_random)
{
    (void)attr, (void)in;
    return shape_wants(a, DTYPE_F32, out, why);
}

const OpDef op_input = {
    .doc = "A value that every run is given, with the batch: y = input[slot].",
    .math = "none: data is not learned",
    .shape = shape_input,
    .sample_low = -4,
    .sample_high = 4,
};

const OpDef op_variable = {
    .doc = "A variable's value before the run: y = variables[index].",
    .math = "dvariable = dy, added up over all reads",
    .edges = "updates of the same run are not seen",
    .shape = shape_variable,
    .sample_low = -4,
    .sample_high = 4,
};

const OpDef op_const = {
    .doc = "A number known when compiling: y = value.",
    .math = "none",
    .edges = "rounded to f32; i32 and i8 constants are whole, bool ones 0 or 1",
    .shape = shape_const,
    .sample_low = -4,
    .sample_high = 4,
};

const OpDef op_scalar = {
    .doc = "A number of the run: y = batch size, step, epoch or validation loss.",
    .math = "none",
    .edges = "validation loss is +inf before there is one",
    .shape = shape_scalar,
    .sample_low = 0,
    .sample_high = 1e6,
};

const OpDef op_iota = {
    .doc = "The index along an axis: y[i0, i1, ...] = i_axis.",
    .math = "none: whole numbers",
    .shape = shape_iota,
};

const OpDef op_random = {
    .doc = "Uniform random numbers: y[i] = (philox(seed, stream, step, i) >> 8) * 2^-24.",
    .math = "none",
    .edges = "0 occurs, 1 does not; i is the row-major index, the batch axis included",
    .source = "Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011",
    .shape = shape_random,
    .sample_low = 0,
    .sample_high = 1,
};
