// slices.c -- taking elements of axes out at even distances, and putting them back among others:
// each is the gradient of the other. And tensors one behind the other.

#include "graph/ops/shapes.h"

static bool same_rank(Arena *a, const Type *x, const Type *out, const char **why)
{
    if (x->rank == out->rank)
        return true;
    return shape_fail(a, why, "%s and %s have not the same number of axes (%d and %d)",
                      type_text(a, x), type_text(a, out), x->rank, out->rank);
}

// Past the rank stand zeros: attributes are compared byte by byte.
static bool ends_in_zeros(const int32_t *items, int rank)
{
    for (int i = rank; i < MAX_RANK; i++)
        if (items[i] != 0)
            return false;
    return true;
}

static bool stays_whole(Arena *a, const Type *x, const Type *out, bool whole, const char **why)
{
    if (whole && x->dims[0] == out->dims[0])
        return true;
    return shape_fail(a, why, "the batch stays whole, %s and %s", type_text(a, x),
                      type_text(a, out));
}

// --- slice ------------------------------------------------------------------------------------

static bool slice_fits(Arena *a, const Attr *attr, const Type *x, const Type *out, int axis,
                       const char **why)
{
    const int64_t start = attr->slice.start[axis], step = attr->slice.step[axis];
    const int64_t size = x->dims[axis], count = out->dims[axis];
    if (size == DIM_BATCH || count == DIM_BATCH)
        return stays_whole(a, x, out, start == 0 && step == 1, why);
    if (step == 0)
        return shape_fail(a, why, "the step along axis %d of %s is 0", axis, type_text(a, x));
    if (start < 0 || start >= size)
        return shape_fail(a, why, "element %lld is outside axis %d of %s", (long long)start, axis,
                          type_text(a, x));
    const int64_t room = step > 0 ? (size - 1 - start) / step : start / -step;
    if (count - 1 <= room)
        return true;
    return shape_fail(
        a, why, "axis %d of %s has %lld elements from %lld in steps of %lld, not %lld", axis,
        type_text(a, x), (long long)room + 1, (long long)start, (long long)step, (long long)count);
}

static SHAPE_RULE(shape_slice)
{
    const Type *x = &in[0];
    if (!shape_wants(a, x->dtype, out, why) || !same_rank(a, x, out, why))
        return false;
    for (int i = 0; i < x->rank; i++)
        if (!slice_fits(a, attr, x, out, i, why))
            return false;
    return (ends_in_zeros(attr->slice.start, x->rank) &&
            ends_in_zeros(attr->slice.step, x->rank)) ||
           shape_fail(a, why, "%s has no axis %d", type_text(a, x), x->rank);
}

// `x` with the axes of `axes` read from their ends.
static Node *reversed(Builder *b, Node *x, uint32_t axes)
{
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < x->type.rank; i++) {
        const bool back = axes & 1u << i;
        start[i] = back ? (int32_t)(x->type.dims[i] - 1) : 0;
        step[i] = back ? -1 : 1;
    }
    return axes ? build_slice(b, x, x->type, start, step) : x;
}

// A slice that runs backwards puts its elements back in reverse.
static Node *grad_slice(Builder *b, Node *n, Node *dy, int wrt)
{
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    uint32_t backward = 0;
    for (int i = 0; i < n->type.rank; i++) {
        const int64_t start = n->attr.slice.start[i], step = n->attr.slice.step[i];
        const int64_t count = n->type.dims[i];
        const bool back = step < 0 && count > 1;
        backward |= back ? 1u << i : 0;
        low[i] = (int32_t)(back ? start + step * (count - 1) : start);
        interior[i] = (int32_t)((step < 0 ? -step : step) - 1);
    }
    return build_pad(b, reversed(b, dy, backward), n->in[wrt]->type, low, interior, 0);
}

// --- pad --------------------------------------------------------------------------------------

static bool pad_fits(Arena *a, const Attr *attr, const Type *x, const Type *out, int axis,
                     const char **why)
{
    const int64_t low = attr->pad.low[axis], interior = attr->pad.interior[axis];
    const int64_t count = x->dims[axis], size = out->dims[axis];
    if (size == DIM_BATCH || count == DIM_BATCH)
        return stays_whole(a, x, out, low == 0 && interior == 0, why);
    if (low < 0 || interior < 0 || interior == INT32_MAX)
        return shape_fail(a, why, "axis %d of %s is padded by %lld and %lld: not below 0", axis,
                          type_text(a, x), (long long)low, (long long)interior);
    if (low < size && count - 1 <= (size - 1 - low) / (interior + 1))
        return true;
    return shape_fail(
        a, why, "axis %d of %s, padded by %lld in front and %lld between, does not fit in %s", axis,
        type_text(a, x), (long long)low, (long long)interior, type_text(a, out));
}

// Whole numbers and masks are padded with what they can hold.
static bool value_fits(DType dtype, float value)
{
    return dtype == DTYPE_F32 || value == 0 || value == 1 ||
           (dtype == DTYPE_I32 && value >= -0x1p24f && value <= 0x1p24f &&
            value == (float)(int32_t)value) ||
           (dtype == DTYPE_I8 && value >= INT8_MIN && value <= INT8_MAX &&
            value == (float)(int8_t)value);
}

static SHAPE_RULE(shape_pad)
{
    const Type *x = &in[0];
    if (!shape_wants(a, x->dtype, out, why) || !same_rank(a, x, out, why))
        return false;
    for (int i = 0; i < x->rank; i++)
        if (!pad_fits(a, attr, x, out, i, why))
            return false;
    if (!value_fits(x->dtype, attr->pad.value))
        return shape_fail(a, why, "%s cannot be padded with %g", type_text(a, x),
                          (double)attr->pad.value);
    return (ends_in_zeros(attr->pad.low, x->rank) && ends_in_zeros(attr->pad.interior, x->rank)) ||
           shape_fail(a, why, "%s has no axis %d", type_text(a, x), x->rank);
}

static Node *grad_pad(Builder *b, Node *n, Node *dy, int wrt)
{
    int32_t step[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++)
        step[i] = n->attr.pad.interior[i] + 1;
    return build_slice(b, dy, n->in[wrt]->type, n->attr.pad.low, step);
}

// --- join -------------------------------------------------------------------------------------

static SHAPE_RULE(shape_join)
{
    const int axis = attr->join.axis, count = attr->join.count;
    if (count < 1)
        return shape_fail(a, why, "nothing is joined");
    *out = in[0];
    if (axis < 0 || axis >= out->rank || out->dims[axis] == DIM_BATCH)
        return shape_fail(a, why, "%s has no axis %d to be joined along", type_text(a, out), axis);
    for (int i = 1; i < count; i++) {
        Type alike = in[i];
        if (alike.rank == out->rank)
            alike.dims[axis] = in[0].dims[axis];
        if (!type_equal(&alike, &in[0]))
            return shape_fail(a, why, "%s and %s differ along more than axis %d",
                              type_text(a, &in[0]), type_text(a, &in[i]), axis);
        out->dims[axis] += in[i].dims[axis];
    }
    return shape_sized(a, out, why);
}

static Node *grad_join(Builder *b, Node *n, Node *dy, int wrt)
{
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++)
        step[i] = 1;
    for (int i = 0; i < wrt; i++)
        start[n->attr.join.axis] += (int32_t)n->in[i]->type.dims[n->attr.join.axis];
    return build_slice(b, dy, n->in[wrt]->type, start, step);
}

const OpDef op_slice = {
    .doc = "Elements at even distances along each axis, y[i] = x[start + step * i].",
    .math = "dx = pad(dy) {low = start, interior = step - 1}; where the step is negative dy is "
            "reversed and low is the last element read",
    .edges = "the step may be negative, never 0; the batch stays whole",
    .shape = shape_slice,
    .grad = grad_slice,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_pad = {
    .doc = "Elements set apart among copies of a value, y[low + (interior + 1) * i] = x[i].",
    .math = "dx = slice(dy) {start = low, step = interior + 1}",
    .edges = "the value may be inf or NaN, for f32; the batch stays whole",
    .shape = shape_pad,
    .grad = grad_pad,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_join = {
    .doc = "Tensors one behind the other along an axis: y[i] = a[i], y[n_a + i] = b[i].",
    .math = "d of each is its part of dy, slice(dy) {start = the sizes before it, step = 1}",
    .edges = "not along the batch",
    .shape = shape_join,
    .grad = grad_join,
    .sample_low = -8,
    .sample_high = 8,
};
