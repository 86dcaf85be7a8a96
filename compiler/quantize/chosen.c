// chosen.c -- one of two values: by a condition, the larger or the smaller.
//
// Values beside each other are brought to steps of 2^-16 of the coarser one, without their zero
// points. A value beside a constant is compared as the code it is.

#include <math.h>

#include "pass/rewrite.h"
#include "quantize/linear.h"

// --- two sides --------------------------------------------------------------------------------

// In such steps neither side has more than 29 bits.
static double common_step(Quantizer *q, Node *const *sides)
{
    double step = 0, value;
    for (int i = 0; i < 2; i++)
        step =
            fmax(step, const_value(sides[i], &value) ? fabs(value) * 0x1p-29
                                                     : whole_of(q, sides[i])->scale.step * 0x1p-16);
    return step > 0 ? step : 1;
}

static Node *side(Quantizer *q, const Node *n, double step)
{
    double value;
    if (const_value(n, &value))
        return whole_const(q, &n->type, llround(value / step));
    const QuantizedValue *x = whole_of(q, n);
    const int64_t factor = llround(x->scale.step / step);
    return times(q, without_zero(q, x), factor);
}

// --- conditions -------------------------------------------------------------------------------

#define BEYOND 1000  // all codes

// Codes that compare with a constant as their values do; equal is what is nearest.
static Node *compared_with(Quantizer *q, OpId op, const Node *x, double value)
{
    double code = value / whole_of(q, x)->scale.step;
    if (op == OP_gt || op == OP_le)
        code = floor(code);
    else if (op == OP_ge || op == OP_lt)
        code = ceil(code);
    else
        code = floor(code + 0.5);
    Node *y = without_zero(q, whole_of(q, x));
    return build_binary(&q->b, op, y,
                        whole_const(q, &y->type, (int64_t)fmin(fmax(code, -BEYOND), BEYOND)));
}

// The comparison that says of b and a what `op` says of a and b.
static OpId turned(OpId op)
{
    switch (op) {
    case OP_lt:
        return OP_gt;
    case OP_le:
        return OP_ge;
    case OP_gt:
        return OP_lt;
    case OP_ge:
        return OP_le;
    default:
        return op;
    }
}

static Node *comparison(Quantizer *q, const Node *n)
{
    double value;
    if (const_value(n->in[1], &value))
        return compared_with(q, n->op, n->in[0], value);
    if (const_value(n->in[0], &value))
        return compared_with(q, turned(n->op), n->in[1], value);
    const double step = common_step(q, n->in);
    return build_binary(&q->b, n->op, side(q, n->in[0], step), side(q, n->in[1], step));
}

Node *build_condition(Quantizer *q, const Node *n)
{
    Node *in[2] = {0};
    if (q->facts.fixed[n->id])
        return build_truth(q, n);
    if (compares_whole(n))
        return real_of(q, n);
    if (n->in[0]->type.dtype != DTYPE_BOOL)
        return comparison(q, n);
    for (int i = 0; i < n->input_count; i++)
        if (!(in[i] = build_condition(q, n->in[i])))
            return NULL;
    return build_typed(&q->b, n->op, n->input_count, in, &n->attr, &n->type);
}

// --- choices ----------------------------------------------------------------------------------

Node *root_chosen(Quantizer *q, const Step *s, Channels *c)
{
    const Node *r = s->root;
    Node *const *sides = r->in + (r->op == OP_where);
    const double step = common_step(q, sides);
    Node *x = side(q, sides[0], step), *y = side(q, sides[1], step);
    same_for_all(c, step, 0, MOST_OFFSET);
    if (r->op != OP_where)
        return build_binary(&q->b, r->op == OP_max ? OP_imax : OP_imin, x, y);
    Node *chosen = build_condition(q, r->in[0]);
    return chosen ? build_where(&q->b, chosen, x, y) : NULL;
}
