// split_sums.c -- a sum over a large batch and more becomes one over each example, then one of
// these.
//
//   %2 = reduce %1 {sum 0, 1, 2} : f32[16]  -->  %2 = reduce %1 {sum 1, 2} : f32[batch, 16]
//                                                %3 = reduce %2 {sum 0} : f32[16]
//
// The first has an axis along which it can be split over threads; and what is left of the work
// behind the sum is a kernel of its own, which can be split too. Where the values of a column stay
// in the cache from pass to pass, as in a dense network, that would gain nothing: these sums stay
// whole.
//
// Squared distances from a mean m, as in batch normalization, are first taken from the mean of
// their own example, so that the second look at the example finds it in the cache:
//
//   sum of (x - m)^2  =  sum over examples of  sum of (x - own)^2 + n (own - m)^2
//
// which holds for any m when `own` is the example's mean (Chan, Golub & LeVeque 1983, Algorithms
// for computing the sample variance, equation 1.5b); it is no less exact.
//
#include "graph/ops/ops.h"
#include "kernel/split.h"

// An example with more elements than this, and a batch of more than this, do not stay in a cache.
#define LEAST_EXAMPLE 1024
#define LEAST_BATCH (1 << 16)

static bool is_large(const Splitter *s, const Type *t)
{
    const int64_t elements = type_elements(t);
    return elements >= LEAST_EXAMPLE && elements >= LEAST_BATCH / s->max_batch;
}

static bool is_split(const Splitter *s, const Node *n)
{
    return n->op == OP_reduce && n->attr.reduce.kind == REDUCE_SUM && n->type.rank > 0 &&
           type_batched(&n->in[0]->type) && (n->attr.reduce.axes & 1) && n->attr.reduce.axes != 1 &&
           is_large(s, &n->in[0]->type);
}

static uint32_t inner_axes(const Node *n)
{
    return n->attr.reduce.axes & ~1u;
}

static int64_t inner_count(const Node *n)
{
    int64_t count = 1;
    for (int i = 1; i < n->in[0]->type.rank; i++)
        if (n->attr.reduce.axes >> i & 1)
            count *= n->in[0]->type.dims[i];
    return count;
}

// The sum of `x` over each example: one that is there, or a new one.
static Node *sum_of_examples(Splitter *s, Node *x, uint32_t axes)
{
    for (int i = 0; i < s->b.graph->node_count; i++) {
        Node *n = s->b.graph->nodes[i];
        if (n->op == OP_reduce && n->in[0] == x && n->attr.reduce.kind == REDUCE_SUM &&
            n->attr.reduce.axes == axes)
            return n;
    }
    return build_reduce(&s->b, REDUCE_SUM, x, axes);
}

// The sum over each example in the shape of `like`, over whose axes it was taken.
static Node *repeat(Splitter *s, Node *sum, const Type *like, uint32_t axes)
{
    int8_t map[MAX_RANK] = {0};
    int place = 0;
    for (int i = 0; i < like->rank; i++)
        if (!(axes >> i & 1))
            map[place++] = (int8_t)i;
    return build_broadcast(&s->b, sum, *like, map);
}

static Node *filled(Splitter *s, const Type *like, double value)
{
    return build_filled(&s->b, like, value);
}

// --- squared distances --------------------------------------------------------------------------

// x - broadcast(m), m the same all over the axes that `sum` goes along: m, or NULL.
static Node *distance_from(const Node *sum, const Node *x)
{
    return x->op == OP_sub && is_broadcast_over(x->in[1], sum) ? x->in[1]->in[0] : NULL;
}

static Node *squared_distances(Splitter *s, const Node *n, const Node *distance, Node *m)
{
    Builder *b = &s->b;
    const uint32_t axes = inner_axes(n);
    Node *x = distance->in[0], *total = sum_of_examples(s, x, axes);
    const double count = (double)inner_count(n);
    Node *own = build_binary(b, OP_div, total, filled(s, &total->type, count));
    Node *apart = build_binary(b, OP_sub, x, repeat(s, own, &x->type, axes));
    Node *within = build_reduce(b, REDUCE_SUM, build_binary(b, OP_mul, apart, apart), axes);
    int8_t map[MAX_RANK] = {0};
    for (int i = 0; i < n->type.rank; i++)
        map[i] = (int8_t)(i + 1);
    Node *off = build_binary(b, OP_sub, own, build_broadcast(b, m, own->type, map));
    Node *between =
        build_binary(b, OP_mul, build_binary(b, OP_mul, off, off), filled(s, &own->type, count));
    return build_reduce(b, REDUCE_SUM, build_binary(b, OP_add, within, between), 1);
}

Node *split_sum(Splitter *s, const Node *n)
{
    if (!is_split(s, n))
        return NULL;
    Node *x = n->in[0];
    Node *m = x->op == OP_mul && x->in[0] == x->in[1] ? distance_from(n, x->in[0]) : NULL;
    if (m)
        return squared_distances(s, n, x->in[0], m);
    return build_reduce(&s->b, REDUCE_SUM, sum_of_examples(s, x, inner_axes(n)), 1);
}
