// shapes.c -- shape rules that several families of operations share.

#include "graph/ops/shapes.h"

bool shape_fail(Arena *a, const char **why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *why = arena_vprintf(a, format, args);
    va_end(args);
    return false;
}

const char *type_text(Arena *a, const Type *t)
{
    Text text = text_in(a);
    type_print(&text, t);
    return text_str(&text);
}

const char *dim_text(Arena *a, int64_t dim)
{
    return dim == DIM_BATCH ? "batch" : arena_printf(a, "%lld", (long long)dim);
}

bool shape_sized(Arena *a, const Type *out, const char **why)
{
    if (type_valid(out))
        return true;
    return shape_fail(a, why, "the result would have more than %lld bytes an example",
                      (long long)MAX_EXAMPLE_BYTES);
}

bool shape_wants(Arena *a, DType wanted, const Type *x, const char **why)
{
    if (x->dtype == wanted)
        return true;
    return shape_fail(a, why, "%s is wanted here, not %s", dtype_name(wanted), type_text(a, x));
}

// The first axis in which two types of one rank differ, or -1.
static int differing_axis(const Type *x, const Type *y)
{
    for (int i = 0; i < x->rank; i++)
        if (x->dims[i] != y->dims[i])
            return i;
    return -1;
}

bool shape_alike(Arena *a, const Type *x, const Type *y, const char **why)
{
    if (x->rank != y->rank)
        return shape_fail(a, why, "shapes differ, %s and %s (%d axes and %d)", type_text(a, x),
                          type_text(a, y), x->rank, y->rank);
    int axis = differing_axis(x, y);
    if (axis < 0)
        return true;
    return shape_fail(a, why, "shapes differ, %s and %s (axis %d: %s and %s)", type_text(a, x),
                      type_text(a, y), axis, dim_text(a, x->dims[axis]),
                      dim_text(a, y->dims[axis]));
}

SHAPE_RULE(shape_unary)
{
    (void)attr;
    *out = in[0];
    return shape_wants(a, DTYPE_F32, &in[0], why);
}

SHAPE_RULE(shape_ternary)
{
    return shape_binary(a, attr, in, out, why) && shape_wants(a, DTYPE_F32, &in[2], why) &&
           shape_alike(a, &in[0], &in[2], why);
}

SHAPE_RULE(shape_binary)
{
    return shape_unary(a, attr, in, out, why) && shape_wants(a, DTYPE_F32, &in[1], why) &&
           shape_alike(a, &in[0], &in[1], why);
}
