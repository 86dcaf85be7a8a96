// stabilize.c -- logarithms of probabilities in forms that neither overflow nor lose digits.
//
//   e = exp(z - max z)                 s = sum(exp(d)),  d = z - floor(max z)
//   log(e / sum(e))            -->     d - log(s)
//
//   log(sigmoid(z))            -->     (z - |z|) / 2 - log(1 + exp(-|z|))
//   log(1 - sigmoid(z))        -->     (-z - |z|) / 2 - log(1 + exp(-|z|))
//   log(1 + exp(z))            -->     (z + |z|) / 2 + log(1 + exp(-|z|))
//   log(1 / y), log(exp(z))    -->     -log(y), z
//
// It runs before autodiff, so that gradients are those of the stable forms. Two details are there
// for their sake:
//
//   Any shift serves in softmax; which one cancels out of the result, and so out of the gradient,
//   but autodiff, which works node by node, cannot know that and would send a gradient through
//   max z that adds up to zero. The gradient of floor is zero, so a shift by floor(max z), which
//   keeps exp below e, says what algebra knows.
//
//   max(z, 0) is written (z + |z|) / 2, which has the same value but a gradient of 1/2 at 0. A new
//   network often starts there, and the gradient of log(sigmoid(z)) at 0 is 1/2.
//
// Source: the shifted log-sum-exp is Blanchard, Higham & Higham 2021, IMA J. Numer. Anal. 41(4).
//
// Needs: simplified IR (a sum that keeps its axis is one broadcast).  Keeps: values, but for
// rounding, and for what overflowed before.

#include "pass/rewrite.h"

static Node *log_of(Rewriter *r, Node *x)
{
    return build_unary(&r->b, OP_log, x);
}

static Node *exp_of(Rewriter *r, Node *x)
{
    return build_unary(&r->b, OP_exp, x);
}

static Node *repeated_like(Rewriter *r, const Node *broadcast, Node *x)
{
    return build_broadcast(&r->b, x, broadcast->type, broadcast->attr.map);
}

// --- softmax ----------------------------------------------------------------------------------

static bool is_reduce_of(const Node *n, ReduceKind kind, const Node *x)
{
    return n->op == OP_reduce && n->attr.reduce.kind == kind && n->in[0] == x;
}

// z - broadcast(max z)
static bool is_shifted_by_max(const Node *n)
{
    return n->op == OP_sub && n->in[1]->op == OP_broadcast &&
           is_reduce_of(n->in[1]->in[0], REDUCE_MAX, n->in[0]);
}

static bool same_broadcast(const Node *a, const Node *b)
{
    for (int i = 0; i < a->in[0]->type.rank; i++)
        if (a->attr.map[i] != b->attr.map[i])
            return false;
    return type_same_shape(&a->in[0]->type, &b->in[0]->type);
}

// Whether `sum` is the sum of exp(`shifted`) over the axes of the shift.
static bool is_sum_of_exp(const Node *sum, const Node *shifted)
{
    if (sum->op != OP_reduce || sum->in[0]->op != OP_exp || sum->in[0]->in[0] != shifted)
        return false;
    return is_reduce_of(sum, REDUCE_SUM, sum->in[0]) &&
           sum->attr.reduce.axes == shifted->in[1]->in[0]->attr.reduce.axes;
}

// Whether `n` repeats f(sum of exp(`shifted`)) as the shift is repeated; f is log, or nothing.
static bool repeats_sum_of_exp(const Node *n, const Node *shifted, bool in_log)
{
    if (n->op != OP_broadcast || !same_broadcast(n, shifted->in[1]))
        return false;
    const Node *x = n->in[0];
    if (in_log)
        return x->op == OP_log && is_sum_of_exp(x->in[0], shifted);
    return is_sum_of_exp(x, shifted);
}

static Node *shifted_by_floor(Rewriter *r, const Node *shifted)
{
    const Node *max = shifted->in[1];
    Node *shift = repeated_like(r, max, build_unary(&r->b, OP_floor, max->in[0]));
    return build_binary(&r->b, OP_sub, shifted->in[0], shift);
}

// The sum of `e` along the axes of the shift of `shifted`.
static Node *sum_of_exp(Rewriter *r, const Node *shifted, Node *e)
{
    return build_reduce(&r->b, REDUCE_SUM, e, shifted->in[1]->in[0]->attr.reduce.axes);
}

// e / sum(e), e = exp(z - max z): the shift by floor.
static Node *softmax(Rewriter *r, Node *n)
{
    const Node *e = n->in[0];
    if (e->op != OP_exp || !is_shifted_by_max(e->in[0]) ||
        !repeats_sum_of_exp(n->in[1], e->in[0], false))
        return NULL;
    Node *stable = exp_of(r, shifted_by_floor(r, e->in[0]));
    Node *sum = sum_of_exp(r, e->in[0], stable);
    return build_binary(&r->b, OP_div, stable, repeated_like(r, n->in[1], sum));
}

// d - log(sum(exp(d))), d = z - max z, as written by hand: the shift by floor.
static Node *log_softmax(Rewriter *r, Node *n)
{
    const Node *d = n->in[0];
    if (!is_shifted_by_max(d) || !repeats_sum_of_exp(n->in[1], d, true))
        return NULL;
    Node *stable = shifted_by_floor(r, d);
    Node *sum = sum_of_exp(r, d, exp_of(r, stable));
    return build_binary(&r->b, OP_sub, stable, repeated_like(r, n->in[1], log_of(r, sum)));
}

// max z + log(sum(exp(z - max z))): the shift by floor.
static Node *log_sum_exp(Rewriter *r, Node *n)
{
    for (int i = 0; i < 2; i++) {
        const Node *max = n->in[i], *log = n->in[1 - i];
        if (max->op != OP_reduce || log->op != OP_log || log->in[0]->op != OP_reduce ||
            log->in[0]->in[0]->op != OP_exp)
            continue;
        const Node *d = log->in[0]->in[0]->in[0];
        if (!is_shifted_by_max(d) || d->in[1]->in[0] != max || !is_sum_of_exp(log->in[0], d))
            continue;
        Node *stable = shifted_by_floor(r, d);
        Node *sum = sum_of_exp(r, d, exp_of(r, stable));
        return build_binary(&r->b, OP_add, stable->in[1]->in[0], log_of(r, sum));
    }
    return NULL;
}

// log(exp(d) / broadcast(s))  -->  d - broadcast(log(s))
static Node *log_of_quotient(Rewriter *r, const Node *n)
{
    const Node *e = n->in[0], *s = n->in[1];
    if (n->op != OP_div || e->op != OP_exp || s->op != OP_broadcast)
        return NULL;
    return build_binary(&r->b, OP_sub, e->in[0], repeated_like(r, s, log_of(r, s->in[0])));
}

// --- sigmoid ----------------------------------------------------------------------------------

static Node *half(Rewriter *r, Node *x)
{
    return build_binary(&r->b, OP_mul, x, build_filled(&r->b, &x->type, 0.5));
}

// log(1 + exp(-|z|)), which is between 0 and log 2.
static Node *log_of_tail(Rewriter *r, Node *size)
{
    Node *tail = exp_of(r, build_unary(&r->b, OP_neg, size));
    return log_of(r, build_binary(&r->b, OP_add, build_filled(&r->b, &tail->type, 1), tail));
}

// log(sigmoid(z)) = min(z, 0) - log(1 + exp(-|z|)); with `negative` that of -z. The halves are
// taken one by one, as z - |z| may overflow.
static Node *log_sigmoid(Rewriter *r, Node *z, bool negative)
{
    Node *size = build_unary(&r->b, OP_abs, z);
    Node *signed_half = negative ? build_unary(&r->b, OP_neg, half(r, z)) : half(r, z);
    Node *least = build_binary(&r->b, OP_sub, signed_half, half(r, size));
    return build_binary(&r->b, OP_sub, least, log_of_tail(r, size));
}

static bool is_one_minus_sigmoid(const Node *n)
{
    return n->op == OP_sub && is_const(n->in[0], 1) && n->in[1]->op == OP_sigmoid;
}

// The z of 1 + exp(z), NULL when `n` is something else or exp(z) is at most 1, as in what the rules
// of this file make.
static Node *exponent_beside_one(const Node *n)
{
    if (n->op != OP_add)
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (!is_const(n->in[i], 1) || n->in[1 - i]->op != OP_exp)
            continue;
        Node *z = n->in[1 - i]->in[0];
        return z->op == OP_neg && z->in[0]->op == OP_abs ? NULL : z;
    }
    return NULL;
}

// log(1 + exp(z)) = -log(sigmoid(-z))
static Node *softplus(Rewriter *r, Node *z)
{
    return build_unary(&r->b, OP_neg, log_sigmoid(r, z, true));
}

static Node *stable_log(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    if (x->op == OP_exp)
        return x->in[0];
    if (x->op == OP_div && is_const(x->in[0], 1))
        return build_unary(&r->b, OP_neg, log_of(r, x->in[1]));
    if (x->op == OP_sigmoid)
        return log_sigmoid(r, x->in[0], false);
    if (is_one_minus_sigmoid(x))
        return log_sigmoid(r, x->in[1]->in[0], true);
    Node *z = exponent_beside_one(x);
    return z ? softplus(r, z) : log_of_quotient(r, x);
}

static const Rule rules[] = {
    {OP_div, softmax}, {OP_sub, log_softmax}, {OP_add, log_sum_exp}, {OP_log, stable_log},
    RULES_END,
};

bool pass_stabilize(Pass *p, Graph *g)
{
    const int rewritten = rewrite(p, g, (const Rule *const[]){rules, NULL});
    pass_count(p, "rewritten", rewritten);
    return rewritten > 0;
}
