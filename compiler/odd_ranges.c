// odd_ranges.c -- what a dead layer, and a number far beyond all others, do to ranges.

#include "odd_ranges.h"

#include <math.h>
#include <string.h>

#define WIDE 1e6          // times the median magnitude: 255 steps have no room for both
enum { MOST_NAMED = 5 };  // more are of the same cause

enum { BIAS = 127 };  // of an exponent of f32

static unsigned exponent_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 23 & 0xFF;
}

void watched_note(Watched *w, const float *values, int64_t count)
{
    histogram_note_ends(&w->histogram, values, count);
    for (int64_t i = 0; i < count; i++)
        w->exponents[exponent_of(values[i])]++;
}

// To a factor of two, of what is not 0: of many values half are, behind a relu. 0: all are.
static double median_magnitude(const Watched *w)
{
    int64_t all = 0, below = 0;
    int e = 1;
    for (int i = 1; i <= 2 * BIAS; i++)
        all += w->exponents[i];
    while (e <= 2 * BIAS && 2 * (below + w->exponents[e]) <= all)
        below += w->exponents[e++];
    return all > 0 ? ldexp(1.5, e - BIAS) : 0;
}

static const char *name_of(const NncModel *m, const QuantizedValue *v)
{
    if (quantized_input(v) >= 0)
        return arena_printf(m->arena, "input %s", m->plan->graph->inputs[quantized_input(v)].name);
    return v->real->path && *v->real->path ? v->real->path : "model";
}

static bool is_constant(const QuantizedValue *v, const Watched *w)
{
    const Histogram *h = &w->histogram;
    return type_batched(&v->real->type) && h->seen && h->finite && h->ends.low == h->ends.high;
}

static bool is_wide(const QuantizedValue *v, const Watched *w)
{
    const double median = median_magnitude(w);
    return median > 0 && fmax(-v->range.low, v->range.high) > WIDE * median;
}

// The values of one kind: "relu, relu_2 and others", and the first of them.
typedef struct Odd {
    Text names;
    const QuantizedValue *first;
    int count;
} Odd;

static Odd odd_values(NncModel *m, const Watched *watched,
                      bool (*is_odd)(const QuantizedValue *, const Watched *))
{
    Odd odd = {.names = text_in(m->arena)};
    const QuantizePlan *p = m->plan;
    const char *last = "";
    for (int i = 0; i < p->value_count; i++) {
        const QuantizedValue *v = &p->values[i];
        if (!v->ranged || v->output < 0 || !is_odd(v, &watched[v->output]))
            continue;
        odd.first = odd.first ? odd.first : v;
        if (strcmp(last, name_of(m, v)) == 0)
            continue;  // another value of the same layer
        last = name_of(m, v);
        if (odd.count++ < MOST_NAMED)
            text_addf(&odd.names, "%s%s", odd.count > 1 ? ", " : "", name_of(m, v));
    }
    if (odd.count > MOST_NAMED)
        text_add(&odd.names, " and others");
    return odd;
}

static void report_constant(NncModel *m, const Watched *watched)
{
    const Odd odd = odd_values(m, watched, is_constant);
    if (odd.count == 0)
        return;
    Diag *d = diag_report(m->session->diags, DIAG_constant_value, NO_SPAN, text_str(&odd.names),
                          odd.count == 1 ? "is" : "are");
    diag_help(
        d,
        "it is %g: the layer has died, the examples are alike, or a sequence has one step; no "
        "--calibrate mends that",
        watched[odd.first->output].histogram.ends.low);
}

static const char *remedy(const QuantizedValue *v, Calibration method)
{
    if (quantized_input(v) >= 0)
        return "inputs are taken to their ends: normalize them, or mend what is far out";
    return method == CALIBRATE_PERCENTILE
               ? "try --calibrate mse, or mend what is far out in the data"
               : "try --calibrate percentile, which leaves out the few that are so large";
}

static void report_wide(NncModel *m, const Watched *watched, Calibration method)
{
    const Odd odd = odd_values(m, watched, is_wide);
    if (odd.count == 0)
        return;
    const QuantizedValue *v = odd.first;
    Diag *d = diag_report(m->session->diags, DIAG_wide_range, NO_SPAN, text_str(&odd.names),
                          odd.count == 1 ? "has numbers" : "have numbers");
    diag_help(d, "%s is up to %.3g, and half of it within %.1g", name_of(m, v),
              fmax(-v->range.low, v->range.high), median_magnitude(&watched[v->output]));
    diag_help(d, "%s", remedy(v, method));
}

void report_odd_ranges(NncModel *m, const Watched *watched, Calibration method)
{
    report_constant(m, watched);
    report_wide(m, watched, method);
}
