// split_depth.c -- a contraction over a large batch and more, such as the gradient of a
// convolution's weights, in parts of the batch.
//
//   %3 = contract %1, %2 {abdceg,abch->degh} : f32[3, 3, 16, 32]
//     -->
//   %3 = contract %1, %2 {abdceg,abch->.degh}, 8 parts : f32[8, 3, 3, 16, 32]
//   %4 = reduce %3 {sum 0} : f32[3, 3, 16, 32]
//
// The result is small, the operands are large: threads that share the result would each read all
// of both operands, threads that share the batch read half of them. How many parts there are hangs
// on the shape alone, so the bits do not hang on the threads. The sum of the parts is fused with
// the optimizer's step.

#include "kernel/split.h"

#define PARTS 8
// Depth from which on it pays, and elements of a result up to which it does.
#define LEAST_DEPTH 16384
#define MOST_ELEMENTS 65536

// How many products make up each element; 0 when the batch is not summed over in both operands, or
// nothing else is.
static int64_t depth_of(const Splitter *s, const Node *n)
{
    const Type *x = &n->in[0]->type, *y = &n->in[1]->type;
    const int8_t *left = n->attr.contract.left;
    int64_t depth = 1;
    if (!type_batched(x) || !type_batched(y) || left[0] != n->attr.contract.right[0] ||
        label_axis(n->attr.contract.out, n->type.rank, left[0]) >= 0)
        return 0;
    for (int i = 1; i < x->rank; i++)
        if (label_axis(n->attr.contract.out, n->type.rank, left[i]) < 0)
            depth *= x->dims[i];
    return depth == 1 ? 0 : depth * s->max_batch;
}

Node *split_depth(Splitter *s, const Node *n)
{
    if (n->type.rank == 0 || n->type.rank == MAX_RANK || s->max_batch < 2 * PARTS ||
        type_elements(&n->type) > MOST_ELEMENTS || depth_of(s, n) < LEAST_DEPTH)
        return NULL;
    Graph *g = s->b.graph;
    Node *parts = arena_new_of(g->arena, Node);
    *parts = *n;
    parts->id = (uint32_t)g->node_count;
    parts->type.rank++;
    for (int i = n->type.rank; i > 0; i--) {
        parts->type.dims[i] = n->type.dims[i - 1];
        parts->attr.contract.out[i] = n->attr.contract.out[i - 1];
    }
    parts->type.dims[0] = PARTS;
    parts->attr.contract.out[0] = NO_LABEL;
    parts->attr.contract.parts = PARTS;
    arena_push(g->arena, g->nodes, g->node_count, g->node_capacity, parts);
    return build_reduce(&s->b, REDUCE_SUM, parts, 1);
}
