// simplify_sums.c -- rules on reductions and contractions.
//
//   %2 = broadcast %1 : f32[4, 8] from [8]
//   %3 = reduce sum %2 over axis 0             -->    %5 = mul %1, 4
//
// Signs move out of sums, transposes into the labels of contractions.

#include "pass/simplify.h"

// --- reductions -------------------------------------------------------------------------------

static bool is_reduced(const Node *n, int axis)
{
    return n->attr.reduce.axes & 1u << axis;
}

// A reduction over axes of size 1 only drops them.
static Node *reduce_unit_axes(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    for (int i = 0; i < x->type.rank; i++)
        if (is_reduced(n, i) && x->type.dims[i] != 1)
            return NULL;
    return build_reshape(&r->b, x, n->type);
}

// sum -x  -->  -(sum x)
static Node *sum_of_neg(Rewriter *r, Node *n)
{
    if (n->attr.reduce.kind != REDUCE_SUM || n->in[0]->op != OP_neg)
        return NULL;
    Node *sum = build_reduce(&r->b, REDUCE_SUM, n->in[0]->in[0], n->attr.reduce.axes);
    return build_unary(&r->b, OP_neg, sum);
}

// The axes of a broadcast's result along which it repeats its input.
static uint32_t repeated_axes(const Node *broadcast)
{
    uint32_t axes = (1u << broadcast->type.rank) - 1;
    for (int i = 0; i < broadcast->in[0]->type.rank; i++) {
        const int to = broadcast->attr.map[i];
        if (broadcast->in[0]->type.dims[i] == broadcast->type.dims[to])
            axes &= ~(1u << to);
    }
    return axes;
}

// `n` is a broadcast; the same without `axes`, which are among the repeated ones. An axis of size 1
// that was stretched along one of them is dropped first.
static Node *broadcast_without(Rewriter *r, const Node *n, uint32_t axes)
{
    const Type *x = &n->in[0]->type;
    Type narrow = {.dtype = x->dtype}, to = {.dtype = x->dtype};
    int8_t map[MAX_RANK] = {0}, place[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++) {
        place[i] = (int8_t)to.rank;
        if (!(axes & 1u << i))
            to.dims[to.rank++] = n->type.dims[i];
    }
    for (int i = 0; i < x->rank; i++) {
        if (axes & 1u << n->attr.map[i])
            continue;
        map[narrow.rank] = place[n->attr.map[i]];
        narrow.dims[narrow.rank++] = x->dims[i];
    }
    Node *source = n->in[0];
    if (narrow.rank < x->rank)
        source = build_reshape(&r->b, source, narrow);
    return type_equal(&narrow, &to) ? source : build_broadcast(&r->b, source, to, map);
}

// How many elements `axes` of `type` hold, as an f32 scalar.
static Node *element_count(Rewriter *r, const Type *type, uint32_t axes)
{
    double count = 1;
    Node *batch = NULL;
    for (int i = 0; i < type->rank; i++) {
        if (!(axes & 1u << i))
            continue;
        if (type->dims[i] == DIM_BATCH)
            batch = build_scalar(&r->b, SCALAR_BATCH);
        else
            count *= (double)type->dims[i];
    }
    Node *known = build_const(&r->b, DTYPE_F32, count);
    return batch ? build_binary(&r->b, OP_mul, batch, known) : known;
}

// Bits of `axes` that stay when the axes `dropped` are taken out of the type.
static uint32_t axes_without(uint32_t axes, uint32_t dropped, int rank)
{
    uint32_t kept = 0;
    int place = 0;
    for (int i = 0; i < rank; i++) {
        if (dropped & 1u << i)
            continue;
        if (axes & 1u << i)
            kept |= 1u << place;
        place++;
    }
    return kept;
}

// Along axes where a value only repeats itself, its sum is a product by the count, and its largest
// and smallest element are itself. Other axes are reduced as they were.
static Node *reduce_of_broadcast(Rewriter *r, Node *n)
{
    const Node *x = n->in[0];
    if (x->op != OP_broadcast)
        return NULL;
    const uint32_t axes = n->attr.reduce.axes & repeated_axes(x);
    if (axes == 0)
        return NULL;
    Node *value = broadcast_without(r, x, axes);
    const uint32_t rest = axes_without(n->attr.reduce.axes, axes, x->type.rank);
    if (rest)
        value = build_reduce(&r->b, n->attr.reduce.kind, value, rest);
    if (n->attr.reduce.kind != REDUCE_SUM)
        return value;
    Node *count = build_uniform(r, element_count(r, &x->type, axes), &value->type);
    return build_binary(&r->b, OP_mul, value, count);
}

// --- contractions -----------------------------------------------------------------------------

static Node *contract_with(Rewriter *r, const Node *n, Node *const *in, const Attr *attr)
{
    return build_node(&r->b, n->op, n->input_count, in, attr);
}

// Labels of a transpose's input, given those of its result.
static void labels_before(const Node *transpose, int8_t *labels)
{
    int8_t before[MAX_RANK];
    const int rank = transpose->type.rank;
    for (int i = 0; i < rank; i++)
        before[transpose->attr.map[i]] = labels[i];
    for (int i = 0; i < rank; i++)
        labels[i] = before[i];
}

static Node *contract_of_transpose(Rewriter *r, Node *n)
{
    Node *in[2] = {n->in[0], n->in[1]};
    Attr attr = n->attr;
    if (in[0]->op != OP_transpose && in[1]->op != OP_transpose)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (in[i]->op == OP_transpose) {
            labels_before(in[i], i == 0 ? attr.contract.left : attr.contract.right);
            in[i] = in[i]->in[0];
        }
    return contract_with(r, n, in, &attr);
}

// contract(-x, y)  -->  -contract(x, y)
static Node *contract_of_neg(Rewriter *r, Node *n)
{
    for (int i = 0; i < 2; i++) {
        if (n->in[i]->op != OP_neg)
            continue;
        Node *in[2] = {n->in[0], n->in[1]};
        in[i] = in[i]->in[0];
        return build_unary(&r->b, OP_neg, contract_with(r, n, in, &n->attr));
    }
    return NULL;
}

const Rule sum_rules[] = {
    {OP_reduce, reduce_unit_axes},    {OP_reduce, sum_of_neg},
    {OP_reduce, reduce_of_broadcast}, {OP_contract, contract_of_transpose},
    {OP_contract, contract_of_neg},   RULES_END,
};
