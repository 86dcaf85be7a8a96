// views.c -- operations that move no data: the result reads its input by another index map.

#include "graph/ops/shapes.h"

// --- broadcast --------------------------------------------------------------------------------

// An axis of size 1 is stretched to any size but the batch, which never meets another axis.
static bool axis_fits(int64_t from, int64_t to)
{
    return from == to || (from == 1 && to != DIM_BATCH);
}

static SHAPE_RULE(shape_broadcast)
{
    const Type *x = &in[0];
    if (!shape_wants(a, x->dtype, out, why))
        return false;
    for (int i = 0; i < x->rank; i++) {
        int to = attr->map[i];
        if (to >= out->rank || to <= (i ? attr->map[i - 1] : -1))
            return shape_fail(a, why, "axis %d of %s has no place in %s", i, type_text(a, x),
                              type_text(a, out));
        if (!axis_fits(x->dims[i], out->dims[to]))
            return shape_fail(a, why, "sizes differ, %s (axis %d of %s) and %s (axis %d of %s)",
                              dim_text(a, x->dims[i]), i, type_text(a, x),
                              dim_text(a, out->dims[to]), to, type_text(a, out));
    }
    return true;
}

// What was repeated is added up. Axes of size 1 that were stretched are summed away with the new
// ones and then put back.
static Node *grad_broadcast(Builder *b, Node *n, Node *dy, int wrt)
{
    const Type *x = &n->in[wrt]->type;
    uint32_t kept = 0;
    int8_t back[MAX_RANK] = {0};
    int count = 0;
    for (int i = 0; i < x->rank; i++) {
        int axis = n->attr.map[i];
        if (x->dims[i] != n->type.dims[axis])
            continue;
        kept |= 1u << axis;
        back[count++] = (int8_t)i;
    }
    uint32_t summed = ((1u << n->type.rank) - 1) & ~kept;
    Node *sum = summed ? build_reduce(b, REDUCE_SUM, dy, summed) : dy;
    return count == x->rank ? sum : build_broadcast(b, sum, *x, back);
}

// --- reshape ----------------------------------------------------------------------------------

static SHAPE_RULE(shape_reshape)
{
    (void)attr;
    const Type *x = &in[0];
    if (!shape_wants(a, x->dtype, out, why))
        return false;
    if (type_batched(x) != type_batched(out))
        return shape_fail(a, why, "the batch axis must stay, %s and %s", type_text(a, x),
                          type_text(a, out));
    if (type_elements(x) != type_elements(out))
        return shape_fail(a, why, "%s and %s have not the same number of elements (%lld and %lld)",
                          type_text(a, x), type_text(a, out), (long long)type_elements(x),
                          (long long)type_elements(out));
    return true;
}

static Node *grad_reshape(Builder *b, Node *n, Node *dy, int wrt)
{
    return build_reshape(b, dy, n->in[wrt]->type);
}

// --- transpose --------------------------------------------------------------------------------

static SHAPE_RULE(shape_transpose)
{
    const Type *x = &in[0];
    *out = *x;
    uint32_t seen = 0;
    for (int i = 0; i < x->rank; i++) {
        int from = attr->map[i];
        if (from < 0 || from >= x->rank || (seen & 1u << from))
            return shape_fail(a, why, "each of the %d axes of %s is named once", x->rank,
                              type_text(a, x));
        seen |= 1u << from;
        out->dims[i] = x->dims[from];
    }
    if (type_batched(x) && attr->map[0] != 0)
        return shape_fail(a, why, "the batch stays the first axis of %s", type_text(a, x));
    return true;
}

static Node *grad_transpose(Builder *b, Node *n, Node *dy, int wrt)
{
    (void)wrt;
    int8_t inverse[MAX_RANK] = {0};
    for (int i = 0; i < n->type.rank; i++)
        inverse[n->attr.map[i]] = (int8_t)i;
    return build_transpose(b, dy, inverse);
}

const OpDef op_broadcast = {
    .doc = "Repetition along new axes and along axes of size 1, y[i] = x[i_map].",
    .math = "dx = sum of dy over the repeated axes",
    .shape = shape_broadcast,
    .grad = grad_broadcast,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_reshape = {
    .doc = "The same elements, in row-major order, under another shape: y[flat i] = x[flat i].",
    .math = "dx = dy in the shape of x",
    .shape = shape_reshape,
    .grad = grad_reshape,
    .sample_low = -8,
    .sample_high = 8,
};

const OpDef op_transpose = {
    .doc = "Axes in another order, y[i_0, i_1, ...] = x with axis map[k] indexed by i_k.",
    .math = "dx = dy with the axes put back",
    .shape = shape_transpose,
    .grad = grad_transpose,
    .sample_low = -8,
    .sample_high = 8,
};
