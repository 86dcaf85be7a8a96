// states.c -- what a scan carries from step to step, in the scale that all its steps share.

#include <math.h>

#include "quantize/build.h"
#include "quantize/fixed.h"

// --- one range --------------------------------------------------------------------------------

static Range both(Range x, Range y)
{
    return (Range){fmin(x.low, y.low), fmax(x.high, y.high)};
}

// What is carried, and what follows it, take the same numbers: then a step's end costs nothing.
void states_join_ranges(Quantizer *q)
{
    const Flat *f = q->plan->flat;
    for (int i = 0; i < q->g->node_count; i++) {
        QuantizedValue *v = q->whole[i];
        if (!v || q->plan->steps[i].form != FORM_CARRIED)
            continue;
        QuantizedValue *next = q->whole[f->borders[i].next->id];
        if (!next || !next->ranged)
            continue;
        v->range = next->range = both(v->range, next->range);
    }
}

// --- from scale to scale ----------------------------------------------------------------------

#define MOST_CODE (1 << 29)

static Node *bounded(Quantizer *q, Node *x, int64_t low, int64_t high)
{
    x = build_binary(&q->b, OP_imax, x, whole_const(q, &x->type, low));
    return build_binary(&q->b, OP_imin, x, whole_const(q, &x->type, high));
}

Node *in_scale(Quantizer *q, Node *x, Scale from, Scale to)
{
    if (from.step == to.step && from.zero == to.zero)
        return x;
    const FixedPoint f = fixed_point(from.step / to.step);
    x = plus_const(q, widened(q, x), -from.zero);
    Node *in[3] = {x, whole_const(q, &x->type, f.multiplier), whole_const(q, &x->type, f.shift)};
    x = build_node(&q->b, OP_requantize, 3, in, NULL);
    x = bounded(q, x, -MOST_CODE, MOST_CODE);
    return build_cast(&q->b, plus_const(q, x, to.zero), DTYPE_I8);
}

// --- fixed values -----------------------------------------------------------------------------

static bool all_same(const int8_t *codes, int64_t count)
{
    for (int64_t i = 1; i < count; i++)
        if (codes[i] != codes[0])
            return false;
    return true;
}

// The same for every example.
static Node *spread_codes(Quantizer *q, const Node *n, int8_t *codes)
{
    Type type = n->type, one = n->type;
    int8_t map[MAX_RANK] = {0};
    const int batch = type_batched(&type);
    type.dtype = one.dtype = DTYPE_I8;
    if (all_same(codes, type_elements(&type)))
        return build_filled(&q->b, &type, codes[0]);
    one.rank -= batch;
    for (int i = 0; i < one.rank; i++) {
        one.dims[i] = type.dims[i + batch];
        map[i] = (int8_t)(i + batch);
    }
    one.dims[one.rank] = batch ? 0 : one.dims[one.rank];
    Node *v = add_variable(q, n, "int8", one, codes);
    return batch ? build_broadcast(&q->b, v, type, map) : v;
}

static float *finite_values(Quantizer *q, const Node *n)
{
    float *values = fixed_values(q->arena, q->g, n, q->block);
    if (!values)
        quantize_fail(q, "out of memory");
    for (int64_t i = 0; values && i < type_elements(&n->type); i++)
        if (!isfinite(values[i])) {
            quantize_fail(q, "a weight of %s is no finite number", place_of(n));
            return NULL;
        }
    return values;
}

static Node *coded(Quantizer *q, const Node *n, const float *values, Scale to)
{
    const int64_t count = type_elements(&n->type);
    int8_t *codes = arena_array(q->arena, int8_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        codes[i] = (int8_t)scale_quantize(to, (double)values[i]);
    return spread_codes(q, n, codes);
}

static Node *fixed_codes(Quantizer *q, const Node *n, Scale to)
{
    const float *values = finite_values(q, n);
    return values ? coded(q, n, values, to) : NULL;
}

Node *build_known(Quantizer *q, const Node *n, Scale *to)
{
    const Node *sequence = q->plan->flat->borders[n->id].from;
    const float *values = finite_values(q, sequence);
    Range r = {0, 0};
    if (!values)
        return NULL;
    for (int64_t i = 0; i < type_elements(&sequence->type); i++)
        r = both(r, (Range){(double)values[i], (double)values[i]});
    *to = scale_of(r);
    const int inside = scope_enter(q, q->plan->flat->scopes[q->scope].parent);
    Node *codes = coded(q, sequence, values, *to);
    scope_enter(q, inside);
    return scope_step(q, codes);
}

// --- carried values ---------------------------------------------------------------------------

static Node *value_in(Quantizer *q, const Node *n, Scale to)
{
    if (q->facts.fixed[n->id])
        return fixed_codes(q, n, to);
    if (!q->whole[n->id])
        return quantized(q, real_of(q, n), to);
    const QuantizedValue *v = whole_of(q, n);
    return in_scale(q, v->whole, v->scale, to);
}

Node *build_carried(Quantizer *q, const Node *n, Scale to)
{
    const int inside = scope_enter(q, q->plan->flat->scopes[q->scope].parent);
    Node *first = value_in(q, q->plan->flat->borders[n->id].from, to);
    scope_enter(q, inside);
    return first ? scope_carried(q, first, n) : NULL;
}

Node *build_next(Quantizer *q, const Node *carried)
{
    const Node *next = q->plan->flat->borders[carried->id].next;
    const bool whole = q->plan->steps[carried->id].form == FORM_CARRIED;
    return whole ? value_in(q, next, q->whole[carried->id]->scale) : real_of(q, next);
}
