// wide_table.c -- functions of values of 16 bits: tables with more results than an i8 has numbers,
// and none where the function is level: of tanh beyond 3, say.

#include <math.h>

#include "quantize/build.h"
#include "quantize/fixed.h"

enum { WIDE_CODES = 1024 };

// A table: result i is that of step * (i - zero).
typedef struct Samples {
    double step;
    int64_t zero;
    const float *y;
} Samples;

static double sample_at(const Samples *s, int i)
{
    return s->step * (double)(i - s->zero);
}

// From end to end, but no finer than `least`, the step of what is looked up.
static bool take_samples(Quantizer *q, const Node *n, const Node *root, Range r, double least,
                         Samples *s)
{
    float x[WIDE_CODES];
    s->step = fmax((r.high - r.low) / (WIDE_CODES - 1), least);
    s->zero = (int64_t)floor(0.5 - r.low / s->step);
    for (int i = 0; i < WIDE_CODES; i++)
        x[i] = (float)sample_at(s, i);
    s->y = fixed_function(q->arena, q->g, n, root, x, WIDE_CODES);
    return s->y != NULL;
}

// How many samples from `first` on are the same but for a share of a step of the result.
static int level_samples(const Samples *s, int first, int direction, double step)
{
    int i = 0;
    while (i + 1 < WIDE_CODES / 2 &&
           fabs((double)(s->y[first + direction * (i + 1)] - s->y[first])) <= step / 8)
        i++;
    return i;
}

static Range steep_range(const Samples *s, double step)
{
    return (Range){
        sample_at(s, level_samples(s, 0, 1, step)),
        sample_at(s, WIDE_CODES - 1 - level_samples(s, WIDE_CODES - 1, -1, step)),
    };
}

enum { MOST_ZOOMS = 12 };

static bool sample_steep(Quantizer *q, const Node *n, const QuantizedValue *x, double step,
                         Samples *s)
{
    Range r = range_both(x->range, x->ends);
    for (int i = 0; i < MOST_ZOOMS; i++) {
        if (!take_samples(q, n, x->real, r, x->scale.step, s))
            return false;
        const Range steep = steep_range(s, step);
        if (steep.high - steep.low > 0.9 * (r.high - r.low) || steep.high <= steep.low)
            break;
        r = steep;
    }
    return true;
}

// table[requantize(x) + zero]; an index outside is brought in by the gather.
Node *build_wide_table(Quantizer *q, const Node *n, const Step *s, Scale to)
{
    const QuantizedValue *x = wide_of(q, s->root);
    Samples samples;
    if (!sample_steep(q, n, x, to.step, &samples))
        return quantize_fail(q, "out of memory");
    int8_t *codes = arena_array(q->arena, int8_t, WIDE_CODES);
    for (int i = 0; i < WIDE_CODES; i++)
        codes[i] = (int8_t)scale_quantize(to, (double)samples.y[i]);
    Node *table = add_variable(q, n, "table", type_of(DTYPE_I8, 1, (int64_t[]){WIDE_CODES}), codes);
    const FixedPoint f = fixed_point(x->scale.step / samples.step);
    const Type *t = &x->whole->type;
    Node *in[3] = {x->whole, whole_const(q, t, f.multiplier), whole_const(q, t, f.shift)};
    Node *at = build_node(&q->b, OP_requantize, 3, in, NULL);
    return build_gather(&q->b, table, plus_const(q, at, samples.zero));
}
