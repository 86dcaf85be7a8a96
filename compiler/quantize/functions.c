// functions.c -- what is looked up: functions of one value, softmax, rows of tables.

#include <math.h>
#include <string.h>

#include "quantize/build.h"
#include "quantize/fixed.h"
#include "quantize/patterns.h"

enum { CODES = 256 };  // values of an i8

// table[q + 128]
static Node *look_up(Quantizer *q, Node *table, Node *x)
{
    return build_gather(&q->b, table, plus_const(q, widened(q, x), 128));
}

static Node *table_variable(Quantizer *q, const Node *n, const char *suffix, DType dtype,
                            void *data)
{
    return add_variable(q, n, suffix, type_of(dtype, 1, (int64_t[]){CODES}), data);
}

Node *build_table(Quantizer *q, const Node *n, const Step *s, Scale to)
{
    if (q->whole[s->root->id]->wide)
        return build_wide_table(q, n, s, to);
    const QuantizedValue *x = whole_of(q, s->root);
    float real[CODES];
    for (int i = 0; i < CODES; i++)
        real[i] = (float)scale_real(x->scale, i - 128);
    const float *y = fixed_function(q->arena, q->g, n, s->root, real, CODES);
    if (!y)
        return quantize_fail(q, "out of memory");
    int8_t *codes = arena_array(q->arena, int8_t, CODES);
    for (int i = 0; i < CODES; i++)
        codes[i] = (int8_t)scale_quantize(to, (double)y[i]);
    return look_up(q, table_variable(q, n, "table", DTYPE_I8, codes), x->whole);
}

// --- fixed values, and their rows -------------------------------------------------------------

static Node *repeated(Quantizer *q, const Node *broadcast, Node *x)
{
    Type type = broadcast->type;
    type.dtype = x->type.dtype;
    return build_broadcast(&q->b, x, type, broadcast->attr.map);
}

float *finite_values(Quantizer *q, const Node *n, const Node *user, Range *r)
{
    float *values = fixed_values(q->arena, q->g, n, q->block);
    *r = (Range){0, 0};
    for (int64_t i = 0; values && i < type_elements(&n->type); i++) {
        if (!isfinite(values[i])) {
            quantize_fail(q, "a weight of %s is no finite number", place_of(user));
            return NULL;
        }
        r->low = fmin(r->low, (double)values[i]);
        r->high = fmax(r->high, (double)values[i]);
    }
    if (!values)
        quantize_fail(q, "out of memory");
    return values;
}

// Fixed values without a batch, in a scale of their own.
static Node *stored(Quantizer *q, const Kept *k, const Node *user, Scale *to)
{
    const int64_t count = type_elements(&k->type);
    Range r;
    const float *values = finite_values(q, k->node, user, &r);
    if (!values)
        return NULL;
    int8_t *codes = arena_array(q->arena, int8_t, (size_t)count);
    *to = scale_of(r);
    for (int64_t i = 0; i < count; i++)
        codes[i] = (int8_t)scale_quantize(*to, (double)values[i]);
    Type type = k->type;
    type.dtype = DTYPE_I8;
    return add_variable(q, k->node, "int8", type, codes);
}

Node *build_rows(Quantizer *q, const Node *n, Scale *to)
{
    const Kept rows = {.node = n->in[0], .type = n->in[0]->type};
    Node *table = stored(q, &rows, n, to);
    return table ? build_gather(&q->b, table, real_of(q, n->in[1])) : NULL;
}

Node *build_known(Quantizer *q, const Node *n, Scale *to)
{
    const Kept k = kept_of(n);
    Node *x = stored(q, &k, n, to);
    Type type = n->type;
    type.dtype = DTYPE_I8;
    return x && k.spread ? build_broadcast(&q->b, x, type, k.map) : x;
}

// --- softmax ----------------------------------------------------------------------------------
// With T[d] = e^(step d) 2^k for the distance d = q - max q, which is 0 to -255, the result is
// T[d] / sum T in steps of 2^-b: of 1/256, or finer where no result comes to a half. k leaves room
// for the sum, and for 2^(b + 1) times T, in 31 bits.

enum { PRODUCT_BITS = 30, SUM_BITS = 29, MOST_RESULT_BITS = 18 };
#define LEAST_DISTANCE 100  // of what is masked to the rest: e^-100 is nothing

// b of a range.
static int result_bits(Range r)
{
    int bits = 8;
    while (bits < MOST_RESULT_BITS && r.high > 0 && ldexp(r.high, bits - 8) < 0.5)
        bits++;
    return bits;
}

static int power_for(int64_t count, int result)
{
    int bits = PRODUCT_BITS - 1 - result;
    while (bits > 0 && count << bits > INT64_C(1) << SUM_BITS)
        bits--;
    return bits;
}

static Node *exponentials(Quantizer *q, const Node *n, const Node *sum, double step, int result)
{
    const int64_t count = type_elements(&sum->in[0]->type) / type_elements(&sum->type);
    const double one = ldexp(1, power_for(count, result));
    int32_t *table = arena_array(q->arena, int32_t, CODES);
    for (int i = 0; i < CODES; i++)
        table[i] = (int32_t)floor(exp((i - 255) * step) * one + 0.5);
    return table_variable(q, n, "exp", DTYPE_I32, table);
}

// A masked place is the lowest of its row, and no summand.
static bool open_mask(Quantizer *q, const Step *s, uint32_t axes, Mask *mask)
{
    const QuantizedValue *z = whole_of(q, s->root);
    *mask = (Mask){0};
    if (!s->mask)
        return true;
    if (masked_constant(s->mask) > scale_real(z->scale, -128) - LEAST_DISTANCE) {
        quantize_fail(q, "%s masks with %g, which is among the numbers that it masks",
                      place_of(s->mask), masked_constant(s->mask));
        return false;
    }
    return build_mask(q, s->mask, axes, mask);
}

static Node *chosen(Quantizer *q, Node *condition, Node *x, int64_t otherwise)
{
    if (!condition)
        return x;
    return build_where(&q->b, condition, x, build_filled(&q->b, &x->type, (double)otherwise));
}

Node *build_softmax(Quantizer *q, const Node *n, const Step *s, Range ends, Scale *to)
{
    Builder *b = &q->b;
    const int result = result_bits(ends);
    const QuantizedValue *z = whole_of(q, s->root);
    const Node *sum = n->in[1]->in[0], *spread = n->in[0]->in[0]->in[1];
    const uint32_t axes = sum->attr.reduce.axes;
    Mask mask;
    if (!open_mask(q, s, axes, &mask))
        return NULL;
    Node *codes = chosen(q, mask.seen, z->whole, -128);
    Node *top = widened(q, build_reduce(b, REDUCE_MAX, codes, axes));
    Node *below = build_binary(b, OP_isub, widened(q, codes), repeated(q, spread, top));
    Node *e =
        build_gather(b, exponentials(q, n, sum, z->scale.step, result), plus_const(q, below, 255));
    e = chosen(q, mask.counts, e, 0);
    Node *total = repeated(q, n->in[1], build_reduce(b, REDUCE_SUM, e, axes));
    // rounded: (2^(b + 1) e + total) / (2 total)
    Node *above = build_binary(b, OP_imul, e, whole_const(q, &e->type, INT64_C(2) << result));
    above = build_binary(b, OP_iadd, above, total);
    Node *twice = build_binary(b, OP_iadd, total, total);
    Node *y = build_binary(b, OP_idiv, above, twice);
    *to = (Scale){.step = ldexp(1, -result), .zero = -128};
    return build_cast(b, plus_const(q, y, -128), DTYPE_I8);
}
