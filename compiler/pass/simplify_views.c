// simplify_views.c -- rules on broadcast, reshape and transpose.
//
// Views meet in one view, and element-wise work is done before values are repeated:
//
//   %3 = broadcast %1 : f32[batch, 8]     (%1, %2: f32[8])
//   %4 = broadcast %2 : f32[batch, 8]           %6 = add %1, %2
//   %5 = add %3, %4                     -->     %7 = broadcast %6 : f32[batch, 8]
//
// A reshape that only adds axes of size 1 is written as a broadcast, so that there is one form of
// it. All of this keeps bits.

#include <string.h>

#include "pass/simplify.h"

// --- element-wise work on repeated values -----------------------------------------------------

static bool same_repetition(const Node *a, const Node *b)
{
    return type_same_shape(&a->in[0]->type, &b->in[0]->type) &&
           memcmp(a->attr.map, b->attr.map, sizeof a->attr.map) == 0;
}

// The broadcast whose input has the shape that all inputs of `n` have before they are repeated:
// scalars fit any, the others must be repeated alike. NULL: there is none.
static const Node *common_repetition(const Node *n)
{
    const Node *widest = NULL;
    for (int i = 0; i < n->input_count; i++) {
        const Node *in = n->in[i];
        if (in->op != OP_broadcast)
            return NULL;
        if (!widest || widest->in[0]->type.rank == 0)
            widest = in;
        else if (in->in[0]->type.rank > 0 && !same_repetition(in, widest))
            return NULL;
    }
    return widest;
}

// op(broadcast x, broadcast y)  -->  broadcast op(x, y)
static Node *repeat_last(Rewriter *r, Node *n)
{
    const Node *widest = common_repetition(n);
    if (!widest)
        return NULL;
    const Type *narrow = &widest->in[0]->type;
    Node *in[MAX_ARITY];
    for (int i = 0; i < n->input_count; i++) {
        Node *x = n->in[i]->in[0];
        in[i] = x->type.rank == 0 ? build_uniform(r, x, narrow) : x;
    }
    Node *once = build_like(r, n, in, narrow);
    return build_broadcast(&r->b, once, n->type, widest->attr.map);
}

// --- views of views ---------------------------------------------------------------------------

// A view that leaves type and order of axes is its input.
static Node *drop_view(Rewriter *r, Node *n)
{
    (void)r;
    return type_equal(&n->type, &n->in[0]->type) ? n->in[0] : NULL;
}

static Node *broadcast_of_broadcast(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    int8_t map[MAX_RANK] = {0};
    if (inner->op != OP_broadcast)
        return NULL;
    for (int i = 0; i < inner->in[0]->type.rank; i++)
        map[i] = n->attr.map[inner->attr.map[i]];
    return build_broadcast(&r->b, inner->in[0], n->type, map);
}

static Node *reshape_of_reshape(Rewriter *r, Node *n)
{
    return n->in[0]->op == OP_reshape ? build_reshape(&r->b, n->in[0]->in[0], n->type) : NULL;
}

static Node *reshape_of_uniform(Rewriter *r, Node *n)
{
    const Node *x = n->in[0];
    if (x->op != OP_broadcast || x->in[0]->type.rank > 0)
        return NULL;
    return build_uniform(r, x->in[0], &n->type);
}

static bool drops_an_axis(const int8_t *position, int rank)
{
    for (int i = 0; i < rank; i++)
        if (position[i] < 0)
            return true;
    return false;
}

static Node *reshape_that_adds_axes(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    int8_t position[MAX_RANK] = {0};
    if (!unit_axes(&x->type, &n->type, position) || drops_an_axis(position, x->type.rank))
        return NULL;
    return build_broadcast(&r->b, x, n->type, position);
}

// A reshape that drops axes of size 1 which a broadcast has just made.
static Node *reshape_of_broadcast(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    int8_t position[MAX_RANK] = {0}, map[MAX_RANK] = {0};
    if (inner->op != OP_broadcast || !unit_axes(&inner->type, &n->type, position))
        return NULL;
    const int rank = inner->in[0]->type.rank;
    for (int i = 0; i < rank; i++)
        map[i] = position[inner->attr.map[i]];
    return drops_an_axis(map, rank) ? NULL : build_broadcast(&r->b, inner->in[0], n->type, map);
}

static bool is_identity(const int8_t *map, int rank)
{
    for (int i = 0; i < rank; i++)
        if (map[i] != i)
            return false;
    return true;
}

static Node *identity_transpose(Rewriter *r, Node *n)
{
    (void)r;
    return is_identity(n->attr.map, n->type.rank) ? n->in[0] : NULL;
}

static Node *transpose_of_transpose(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    int8_t map[MAX_RANK] = {0};
    if (inner->op != OP_transpose)
        return NULL;
    for (int i = 0; i < n->type.rank; i++)
        map[i] = inner->attr.map[n->attr.map[i]];
    return build_transpose(&r->b, inner->in[0], map);
}

// The axis of a transpose's result that shows axis `axis` of its input.
static int8_t axis_shown(const Node *transpose, int8_t axis)
{
    int8_t i = 0;
    while (transpose->attr.map[i] != axis)
        i++;
    return i;
}

// Only where the axes that are not repeated keep their order.
static Node *transpose_of_broadcast(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    int8_t map[MAX_RANK] = {0};
    if (inner->op != OP_broadcast)
        return NULL;
    for (int i = 0; i < inner->in[0]->type.rank; i++) {
        map[i] = axis_shown(n, inner->attr.map[i]);
        if (i > 0 && map[i] <= map[i - 1])
            return NULL;
    }
    return build_broadcast(&r->b, inner->in[0], n->type, map);
}

const Rule view_rules[] = {
    {ANY_ELEMENTWISE, repeat_last},         {OP_broadcast, drop_view},
    {OP_broadcast, broadcast_of_broadcast}, {OP_reshape, drop_view},
    {OP_reshape, reshape_of_reshape},       {OP_reshape, reshape_of_uniform},
    {OP_reshape, reshape_that_adds_axes},   {OP_reshape, reshape_of_broadcast},
    {OP_transpose, identity_transpose},     {OP_transpose, transpose_of_transpose},
    {OP_transpose, transpose_of_broadcast}, RULES_END,
};
