// windows.c -- sliding windows along an axis, and the sum of what they hold put back in its place.
// Each is the gradient of the other; contractions and reductions over them are convolution,
// pooling, and transposed convolution.

#include <string.h>

#include "graph/ops/shapes.h"

// The positions of a window along an axis of `size` elements; 0: there is no room for one.
static int64_t positions(const Attr *attr, int64_t size)
{
    const int64_t span = attr->window.dilation * ((int64_t)attr->window.size - 1) + 1;
    return size < span ? 0 : (size - span) / attr->window.stride + 1;
}

static bool check_window(Arena *a, const Attr *attr, const Type *windowed, const char **why)
{
    const int axis = attr->window.axis;
    if (attr->window.size < 1 || attr->window.stride < 1 || attr->window.dilation < 1)
        return shape_fail(a, why, "a window has size, stride and dilation of 1 at least");
    if (axis < 0 || axis >= windowed->rank)
        return shape_fail(a, why, "%s has no axis %d", type_text(a, windowed), axis);
    if (windowed->dims[axis] == DIM_BATCH)
        return shape_fail(a, why, "there are no windows along the batch of %s",
                          type_text(a, windowed));
    if (positions(attr, windowed->dims[axis]) > 0)
        return true;
    return shape_fail(a, why, "a window of %d elements, %d apart, is longer than axis %d of %s",
                      attr->window.size, attr->window.dilation, axis, type_text(a, windowed));
}

static void copy_dims(Type *to, int first, const Type *from, int start, int count)
{
    memcpy(&to->dims[first], &from->dims[start], (size_t)count * sizeof *to->dims);
}

static SHAPE_RULE(shape_window)
{
    const Type *x = &in[0];
    if (!check_window(a, attr, x, why))
        return false;
    if (x->rank == MAX_RANK)
        return shape_fail(a, why, "windows along axis %d of %s would make more than %d axes",
                          attr->window.axis, type_text(a, x), MAX_RANK);
    const int axis = attr->window.axis;
    *out = *x;
    out->rank++;
    out->dims[axis] = positions(attr, x->dims[axis]);
    out->dims[axis + 1] = attr->window.size;
    copy_dims(out, axis + 2, x, axis + 1, x->rank - axis - 1);
    return shape_sized(a, out, why);
}

static Node *grad_window(Builder *b, Node *n, Node *dy, int wrt)
{
    const int axis = n->attr.window.axis;
    return build_unwindow(b, dy, axis, n->attr.window.stride, n->attr.window.dilation,
                          n->in[wrt]->type.dims[axis]);
}

// That `x` is what windows along the result make of it.
static SHAPE_RULE(shape_unwindow)
{
    const Type *x = &in[0];
    Type windows;
    if (!shape_wants(a, DTYPE_F32, x, why) || !shape_wants(a, DTYPE_F32, out, why) ||
        !shape_window(a, attr, out, &windows, why))
        return false;
    if (type_same_shape(&windows, x))
        return true;
    return shape_fail(a, why, "the windows along axis %d of %s would be %s, not %s",
                      attr->window.axis, type_text(a, out), type_text(a, &windows),
                      type_text(a, x));
}

static Node *grad_unwindow(Builder *b, Node *n, Node *dy, int wrt)
{
    (void)wrt;
    return build_window(b, dy, n->attr.window.axis, n->attr.window.size, n->attr.window.stride,
                        n->attr.window.dilation);
}

const OpDef op_window = {
    .doc = "Sliding windows: an axis becomes its positions o and the elements j at each, "
           "y[o, j] = x[o * stride + j * dilation].",
    .math = "dx = unwindow(dy)",
    .edges = "elements behind the last whole window are in none",
    .source = "Dumoulin & Visin 2016, arXiv:1603.07285: sizes of convolutions",
    .shape = shape_window,
    .grad = grad_window,
    .sample_low = -8,
    .sample_high = 8,
};

// The sample is positive for the reason given at op_reduce.
const OpDef op_unwindow = {
    .doc = "Windows put back, overlaps added up: y[i] = sum of x[o, j] over o * stride + j * "
           "dilation = i.",
    .math = "dx = window(dy)",
    .edges = "an element that no window holds is 0; the order of summation depends on shapes alone",
    .source = "Dumoulin & Visin 2016, arXiv:1603.07285: transposed convolutions",
    .shape = shape_unwindow,
    .grad = grad_unwindow,
    .sample_low = 0.25,
    .sample_high = 2,
    .forward_ulps = 64,
};
