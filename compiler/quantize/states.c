// states.c -- what a scan carries from step to step, in the scale that all its steps share.

#include "quantize/build.h"

// --- one range --------------------------------------------------------------------------------

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
        v->range = next->range = range_both(v->range, next->range);
        v->ends = next->ends = range_both(v->ends, next->ends);
    }
}

// --- from scale to scale ----------------------------------------------------------------------

#define MOST_CODE 0x1p29

Node *bounded(Quantizer *q, Node *x, int64_t low, int64_t high)
{
    x = build_binary(&q->b, OP_imax, x, whole_const(q, &x->type, low));
    return build_binary(&q->b, OP_imin, x, whole_const(q, &x->type, high));
}

Node *in_scale(Quantizer *q, Node *x, Scale from, Scale to)
{
    if (from.step == to.step && from.zero == to.zero && from.wide == to.wide)
        return x;
    const FixedPoint f = fixed_point(from.step / to.step);
    x = plus_const(q, widened(q, x), -from.zero);
    Node *in[3] = {x, whole_const(q, &x->type, f.multiplier), whole_const(q, &x->type, f.shift)};
    x = build_node(&q->b, OP_requantize, 3, in, NULL);
    if (to.wide)
        return bounded(q, x, scale_low(to), scale_high(to));
    if (scale_high(from) * from.step > MOST_CODE * to.step)  // the zero point must not make it wrap
        x = bounded(q, x, (int64_t)-MOST_CODE, (int64_t)MOST_CODE);
    return build_cast(&q->b, plus_const(q, x, to.zero), DTYPE_I8);
}

// --- fixed values -----------------------------------------------------------------------------

static bool all_same(const int32_t *codes, int64_t count)
{
    for (int64_t i = 1; i < count; i++)
        if (codes[i] != codes[0])
            return false;
    return true;
}

static void *as_bytes(Quantizer *q, const int32_t *codes, int64_t count)
{
    int8_t *bytes = arena_array(q->arena, int8_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        bytes[i] = (int8_t)codes[i];
    return bytes;
}

// The same for every example.
static Node *spread_codes(Quantizer *q, const Node *n, int32_t *codes, bool wide)
{
    static const int8_t behind_batch[MAX_RANK] = {1, 2, 3, 4, 5, 6, 7};
    const int64_t count = type_elements(&n->type);
    const bool batched = type_batched(&n->type);
    Type type = n->type;
    type.dtype = wide ? DTYPE_I32 : DTYPE_I8;
    if (all_same(codes, count))
        return build_filled(&q->b, &type, codes[0]);
    const Type one = type_of(type.dtype, type.rank - batched, type.dims + batched);
    Node *v =
        add_variable(q, n, wide ? "int32" : "int8", one, wide ? codes : as_bytes(q, codes, count));
    return batched ? build_broadcast(&q->b, v, type, behind_batch) : v;
}

static Node *coded(Quantizer *q, const Node *n, const float *values, Scale to)
{
    const int64_t count = type_elements(&n->type);
    int32_t *codes = arena_array(q->arena, int32_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        codes[i] = scale_quantize(to, (double)values[i]);
    return spread_codes(q, n, codes, to.wide);
}

static Node *fixed_codes(Quantizer *q, const Node *n, Scale to)
{
    Range r;
    const float *values = finite_values(q, n, n, &r);
    return values ? coded(q, n, values, to) : NULL;
}

Node *build_step(Quantizer *q, const Node *n, Scale *to)
{
    const Node *sequence = q->plan->flat->borders[n->id].from;
    Range r;
    const float *values = finite_values(q, sequence, sequence, &r);
    if (!values)
        return NULL;
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
    const QuantizedValue *v = to.wide ? wide_of(q, n) : whole_of(q, n);
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
