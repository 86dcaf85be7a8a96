// reductions.c -- combining elements along axes.

#include "graph/ops/shapes.h"

static SHAPE_RULE(shape_reduce)
{
    const Type *x = &in[0];
    if ((unsigned)attr->reduce.kind >= REDUCE_KIND_COUNT)
        return shape_fail(a, why, "there is no reduction %d", (int)attr->reduce.kind);
    if (attr->reduce.axes >> x->rank)
        return shape_fail(a, why, "%s has no axis %d", type_text(a, x),
                          31 - __builtin_clz(attr->reduce.axes));
    *out = type_scalar(x->dtype);
    for (int i = 0; i < x->rank; i++)
        if (!(attr->reduce.axes & 1u << i))
            out->dims[out->rank++] = x->dims[i];
    if (x->dtype == DTYPE_I32 || (x->dtype == DTYPE_I8 && attr->reduce.kind != REDUCE_SUM))
        return true;
    return shape_wants(a, DTYPE_F32, x, why);
}

// `value`, of the result's shape, repeated along the axes that n reduces.
static Node *spread(Builder *b, const Node *n, Node *value)
{
    int8_t map[MAX_RANK] = {0};
    int count = 0;
    for (int i = 0; i < n->in[0]->type.rank; i++)
        if (!(n->attr.reduce.axes & 1u << i))
            map[count++] = (int8_t)i;
    Type to = n->in[0]->type;
    to.dtype = value->type.dtype;
    return build_broadcast(b, value, to, map);
}

// To the elements equal to the extreme one, in equal shares.
static Node *grad_extreme(Builder *b, Node *n, Node *dy)
{
    Node *x = n->in[0];
    Node *hit = build_binary(b, OP_eq, x, spread(b, n, n));
    Node *hits = build_reduce(b, REDUCE_SUM, build_cast(b, hit, DTYPE_F32), n->attr.reduce.axes);
    Node *share = spread(b, n, build_binary(b, OP_div, dy, hits));
    return build_where(b, hit, share, build_filled(b, &x->type, 0));
}

static Node *grad_reduce(Builder *b, Node *n, Node *dy, int wrt)
{
    (void)wrt;
    return n->attr.reduce.kind == REDUCE_SUM ? spread(b, n, dy) : grad_extreme(b, n, dy);
}

static SHAPE_RULE(shape_argmax)
{
    const Type *x = &in[0];
    if (attr->axis < 0 || attr->axis >= x->rank)
        return shape_fail(a, why, "%s has no axis %d", type_text(a, x), attr->axis);
    *out = type_scalar(DTYPE_I32);
    for (int i = 0; i < x->rank; i++)
        if (i != attr->axis)
            out->dims[out->rank++] = x->dims[i];
    return shape_wants(a, DTYPE_F32, x, why);
}

// The sample is positive: the error of a sum is bound to the sum of the absolute values, which is
// then the result. 64 ulp leave room for any order of summation of a few hundred elements.
const OpDef op_reduce = {
    .doc = "Sum, largest or smallest element along axes, which are dropped: y = sum x[i].",
    .math = "sum: dx = dy repeated; max, min: dx = dy / k at the k elements equal to y, else 0",
    .edges = "sum: the order depends on shapes alone; max, min: NaN is passed over, and of nothing "
             "but NaN comes -inf or inf; i32: sums modulo 2^32; i8: max and min only",
    .shape = shape_reduce,
    .grad = grad_reduce,
    .sample_low = 0.25,
    .sample_high = 2,
    .forward_ulps = 64,
};

const OpDef op_argmax = {
    .doc = "The index of the largest element along an axis: y = the first i with x[i] = max x.",
    .math = "none: whole numbers",
    .edges = "the first of equal ones; NaN is passed over, and of nothing but NaN or -inf comes 0",
    .shape = shape_argmax,
    .sample_low = -8,
    .sample_high = 8,
};
