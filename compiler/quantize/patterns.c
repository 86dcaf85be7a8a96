// patterns.c -- recognizes softmax and standardization.

#include "quantize/patterns.h"

#include <math.h>

#include "pass/rewrite.h"

int64_t summands(const Node *n)
{
    int64_t count = 1;
    for (int i = 0; i < n->in[0]->type.rank; i++)
        if (n->attr.reduce.axes & 1u << i)
            count *= n->in[0]->type.dims[i] == DIM_BATCH ? 0 : n->in[0]->type.dims[i];
    return count;
}

// --- softmax ----------------------------------------------------------------------------------

Node *softmax_input(const Node *n)
{
    if (n->op != OP_div || n->in[0]->op != OP_exp || n->in[1]->op != OP_broadcast)
        return NULL;
    const Node *e = n->in[0], *sum = n->in[1]->in[0], *shifted = e->in[0];
    if (sum->op != OP_reduce || sum->attr.reduce.kind != REDUCE_SUM || sum->in[0] != e ||
        shifted->op != OP_sub || shifted->in[1]->op != OP_broadcast)
        return NULL;
    const Node *top = shifted->in[1]->in[0];
    if (top->op == OP_floor)
        top = top->in[0];
    const bool same = top->op == OP_reduce && top->attr.reduce.kind == REDUCE_MAX &&
                      top->in[0] == shifted->in[0] &&
                      top->attr.reduce.axes == sum->attr.reduce.axes;
    return same && summands(sum) > 0 && summands(sum) < MOST_SUMMANDS ? shifted->in[0] : NULL;
}

#define LEAST_MASK (-1e4)  // above it a constant may be meant as a number

Node *masked_value(const Facts *f, const Node *n)
{
    if (n->op != OP_where)
        return NULL;
    Node *z = n->in[mask_hides(n) ? 2 : 1];
    return !f->fixed[z->id] && masked_constant(n) <= LEAST_MASK ? z : NULL;
}

bool mask_hides(const Node *n)
{
    double value;
    return const_value(n->in[1], &value);
}

double masked_constant(const Node *n)
{
    double value;
    return const_value(n->in[mask_hides(n) ? 1 : 2], &value) ? value : INFINITY;
}

// --- standardization --------------------------------------------------------------------------

// n = a y + b for a constant a, b: the y, and both worked into value = factor n + offset.
static Node *before_constant(Node *n, double *factor, double *offset)
{
    double c;
    const bool left = n->input_count == 2 && const_value(n->in[0], &c);
    const bool right = !left && n->input_count == 2 && const_value(n->in[1], &c);
    if (n->op == OP_mul && (left || right))
        *factor *= c;
    else if (n->op == OP_div && right)
        *factor /= c;
    else if (n->op == OP_add && (left || right))
        *offset += *factor * c;
    else if (n->op == OP_sub && right)
        *offset -= *factor * c;
    else
        return NULL;
    return n->in[left];
}

static Node *past_constants(Node *n, double *factor, double *offset)
{
    for (Node *x; (x = before_constant(n, factor, offset)) != NULL;)
        n = x;
    return n;
}

static bool is_sum(const Node *n)
{
    return n->op == OP_reduce && n->attr.reduce.kind == REDUCE_SUM && summands(n) > 0 &&
           summands(n) < MOST_SUMMANDS;
}

static Node *square_root_of(const Node *n)
{
    double power;
    if (n->op == OP_mul && n->in[0] == n->in[1])
        return n->in[0];
    return n->op == OP_pow && const_value(n->in[1], &power) && power == 2 ? n->in[0] : NULL;
}

// `root`: the square root, which `spread` repeats along the axes of the sum.
static bool find_sum(const Node *spread, const Node *root, Standard *d)
{
    if (spread->op != OP_broadcast || root->op != OP_sqrt)
        return false;
    *d = (Standard){.factor = 1, .over = 1};
    d->sum = past_constants(root->in[0], &d->factor, &d->epsilon);
    if (!is_sum(d->sum) || !is_broadcast_over(spread, d->sum) || !(d->factor > 0) ||
        !(d->epsilon >= 0) || !isfinite(d->factor) || !isfinite(d->epsilon))
        return false;
    d->value = square_root_of(d->sum->in[0]);
    return d->value != NULL;
}

static bool is_divisor(const Node *n, Standard *d)
{
    return n->op == OP_broadcast && find_sum(n, n->in[0], d);
}

// broadcast(c / root), or fixed / broadcast(root).
static bool is_reciprocal(const Facts *f, const Node *n, Standard *d)
{
    double over;
    if (n->op == OP_div && f->kept[n->in[0]->id] && is_divisor(n->in[1], d)) {
        d->beside = n->in[0];
        return true;
    }
    const Node *q = n->op == OP_broadcast ? n->in[0] : n;
    if (q->op != OP_div || !const_value(q->in[0], &over) || !find_sum(n, q->in[1], d))
        return false;
    d->over = over;
    return isfinite(over);
}

static bool find_quotient(const Facts *f, const Node *n, Standard *d)
{
    if (n->op == OP_div)
        return is_divisor(n->in[1], d);
    for (int i = 0; i < 2 && n->op == OP_mul; i++)
        if (is_reciprocal(f, n->in[i], d)) {
            d->input = 1 - i;
            return true;
        }
    return false;
}

// x in x - broadcast(mean x); NULL: `n` is something else.
static Node *centred_value(const Node *n, uint32_t axes)
{
    double factor = 1, offset = 0;
    if (n->op != OP_sub || n->in[1]->op != OP_broadcast)
        return NULL;
    const Node *sum = past_constants(n->in[1]->in[0], &factor, &offset);
    const bool mean = is_sum(sum) && sum->in[0] == n->in[0] && sum->attr.reduce.axes == axes &&
                      is_broadcast_over(n->in[1], sum) && offset == 0 &&
                      fabs(factor * (double)summands(sum) - 1) < 1e-6;
    return mean ? n->in[0] : NULL;
}

static bool is_multiple_of(const Facts *f, const Node *n, const Node *value)
{
    while (n != value) {
        const int moving =
            n->op == OP_mul || n->op == OP_div || n->op == OP_neg ? moving_input(f, n) : -1;
        if (moving < 0)
            return false;
        n = n->in[moving];
    }
    return true;
}

bool standard_of(const Facts *f, const Node *n, Standard *d)
{
    if (!find_quotient(f, n, d) || f->fixed[d->value->id] ||
        !is_multiple_of(f, n->in[d->input], d->value))
        return false;
    Node *x = centred_value(d->value, d->sum->attr.reduce.axes);
    d->x = x ? x : d->value;
    return true;
}
