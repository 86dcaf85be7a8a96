// linear_sums.c -- sums that follow from others.
//
//   %3 = mul %1, broadcast %2
//   %4 = sub %0, %3
//   %5 = reduce %4 {sum}      -->     (reduce %0 {sum}) - (reduce %1 {sum}) * %2
//
// where the two sums are there already, so that the elements of %4 need not be added up: the mean
// that batch normalization takes off its gradient is the sum of the gradient that beta has anyhow,
// and the sum of all differences from a mean is zero. Nothing is rewritten that would need a new
// sum.
//
// Needs: simplified IR.  Keeps: values, but for rounding.

#include "pass/rewrite.h"

// A sum of more parts than this is not looked through.
#define DEPTH 4

typedef struct Sum {
    Rewriter *r;
    const Node *node;  // the sum in hand: a reduce
} Sum;

static bool same_sum(const Sum *s, const Node *n, const Node *of)
{
    return n->op == OP_reduce && n->in[0] == of && n->attr.reduce.kind == REDUCE_SUM &&
           n->attr.reduce.axes == s->node->attr.reduce.axes;
}

static Node *find_sum(const Sum *s, const Node *of)
{
    const Graph *g = s->r->b.graph;
    for (int i = g->node_count - 1; i >= 0; i--)
        if (same_sum(s, g->nodes[i], of))
            return g->nodes[i];
    return NULL;
}

// Whether `n` is the number of elements that are summed: a constant, or that times the batch.
static bool is_count(const Sum *s, const Node *n)
{
    const Type *t = &s->node->in[0]->type;
    double count = 1, known = 1;
    bool batched = false, has_batch = false;
    for (int i = 0; i < t->rank; i++)
        if (s->node->attr.reduce.axes >> i & 1) {
            batched |= t->dims[i] == DIM_BATCH;
            count *= t->dims[i] == DIM_BATCH ? 1 : (double)t->dims[i];
        }
    while (n->op == OP_broadcast)
        n = n->in[0];
    const Node *factors[2] = {n, NULL};
    if (n->op == OP_mul)
        factors[0] = n->in[0], factors[1] = n->in[1];
    for (int i = 0; i < 2 && factors[i]; i++) {
        double value;
        if (const_value(factors[i], &value))
            known *= value;
        else if (factors[i]->op == OP_scalar && factors[i]->attr.scalar == SCALAR_BATCH)
            has_batch = true;
        else
            return false;
    }
    return known == count && has_batch == batched;
}

// x - broadcast(mean of x along the summed axes)
static bool is_centred(const Sum *s, const Node *n)
{
    if (n->op != OP_sub || !is_broadcast_over(n->in[1], s->node))
        return false;
    const Node *mean = n->in[1]->in[0];
    return mean->op == OP_div && same_sum(s, mean->in[0], n->in[0]) && is_count(s, mean->in[1]);
}

static bool is_known(const Sum *s, const Node *n, int depth)
{
    if (find_sum(s, n) || is_centred(s, n))
        return true;
    if (depth == 0)
        return false;
    if (n->op == OP_add || n->op == OP_sub)
        return is_known(s, n->in[0], depth - 1) && is_known(s, n->in[1], depth - 1);
    if (n->op != OP_mul)
        return false;
    const int repeated = is_broadcast_over(n->in[0], s->node) ? 0 : 1;
    return is_broadcast_over(n->in[repeated], s->node) &&
           is_known(s, n->in[1 - repeated], depth - 1);
}

static Node *build_sum(const Sum *s, const Node *n)
{
    Builder *b = &s->r->b;
    Node *known = find_sum(s, n);
    if (known)
        return known;
    if (is_centred(s, n))
        return build_filled(b, &s->node->type, 0);
    if (n->op != OP_mul) {
        Node *first = build_sum(s, n->in[0]);
        return build_binary(b, n->op, first, build_sum(s, n->in[1]));
    }
    const int repeated = is_broadcast_over(n->in[0], s->node) ? 0 : 1;
    Node *sum = build_sum(s, n->in[1 - repeated]);
    return build_binary(b, OP_mul, sum, n->in[repeated]->in[0]);
}

static Node *linear_sum(Rewriter *r, Node *n)
{
    const Sum s = {r, n};
    if (n->attr.reduce.kind != REDUCE_SUM || n->in[0]->op == OP_broadcast ||
        find_sum(&s, n->in[0]) || !is_known(&s, n->in[0], DEPTH))
        return NULL;
    return build_sum(&s, n->in[0]);
}

static const Rule rules[] = {{OP_reduce, linear_sum}, RULES_END};

bool pass_linear_sums(Pass *p, Graph *g)
{
    const Rule *const tables[] = {rules, NULL};
    const int applied = rewrite(p, g, tables);
    pass_count(p, "sums", applied);
    return applied > 0;
}
