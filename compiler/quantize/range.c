// range.c -- histograms of values, and the ranges chosen from them.

#include "quantize/range.h"

#include <math.h>
#include <string.h>

static const char *const names[CALIBRATE_COUNT] = {
    [CALIBRATE_MIN_MAX] = "min_max",
    [CALIBRATE_PERCENTILE] = "percentile",
    [CALIBRATE_MSE] = "mse",
};

const char *calibration_name(int method)
{
    return method < CALIBRATE_COUNT ? names[method] : NULL;
}

int calibration_find(const char *name)
{
    int i = 0;
    while (i < CALIBRATE_COUNT && strcmp(names[i], name) != 0)
        i++;
    return i;
}

// --- histograms -------------------------------------------------------------------------------

void histogram_clear(Histogram *h)
{
    memset(h, 0, sizeof *h);
    h->finite = true;
}

void histogram_note_ends(Histogram *h, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const double x = (double)values[i];
        h->finite = h->finite && isfinite(x);
        h->ends.low = !h->seen || x < h->ends.low ? x : h->ends.low;
        h->ends.high = !h->seen || x > h->ends.high ? x : h->ends.high;
        h->seen = true;
    }
}

static double bin_width(const Histogram *h)
{
    return (h->ends.high - h->ends.low) / HISTOGRAM_BINS;
}

static double bin_middle(const Histogram *h, int bin)
{
    return h->ends.low + (bin + 0.5) * bin_width(h);
}

void histogram_count(Histogram *h, const float *values, int64_t count)
{
    const double width = bin_width(h);
    for (int64_t i = 0; h->finite && i < count; i++) {
        const double at = width > 0 ? ((double)values[i] - h->ends.low) / width : 0;
        h->counts[at < HISTOGRAM_BINS ? (int)at : HISTOGRAM_BINS - 1]++;
    }
}

// --- methods ----------------------------------------------------------------------------------

#define OUTSIDE 0.001  // the share that percentile leaves out

static double total_of(const Histogram *h)
{
    double sum = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        sum += h->counts[i];
    return sum;
}

// At each end bins are taken off as long as few values go with them.
static int bins_off(const Histogram *h, int first, int direction, double most)
{
    int off = 0;
    for (double lost = 0; off < HISTOGRAM_BINS - 1; off++) {
        lost += h->counts[first + direction * off];
        if (lost > most)
            break;
    }
    return off;
}

static Range percentile(const Histogram *h)
{
    const double width = bin_width(h), most = OUTSIDE / 2 * total_of(h);
    return (Range){h->ends.low + bins_off(h, 0, 1, most) * width,
                   h->ends.high - bins_off(h, HISTOGRAM_BINS - 1, -1, most) * width};
}

static double square_error(const Histogram *h, Range r)
{
    const Scale s = scale_of(r);
    double sum = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        const double x = bin_middle(h, i), off = x - scale_real(s, scale_quantize(s, x));
        // Inside a step the rounding error is spread evenly: bins are wider than small steps.
        const double spread = x >= r.low && x <= r.high ? s.step * s.step / 12 : off * off;
        sum += h->counts[i] * spread;
    }
    return sum;
}

#define CANDIDATES 100  // shares of the whole range that are tried

static Range least_error(const Histogram *h)
{
    Range best = h->ends;
    double least = square_error(h, best);
    for (int i = CANDIDATES - 1; i >= 10; i--) {
        const double share = (double)i / CANDIDATES;
        const Range r = {h->ends.low * share, h->ends.high * share};
        const double error = square_error(h, r);
        if (error < least) {
            least = error;
            best = r;
        }
    }
    return best;
}

Range histogram_range(const Histogram *h, Calibration method)
{
    if (!h->finite)
        return (Range){NAN, NAN};
    if (bin_width(h) <= 0 || method == CALIBRATE_MIN_MAX)
        return h->ends;
    return method == CALIBRATE_PERCENTILE ? percentile(h) : least_error(h);
}

// --- scales -----------------------------------------------------------------------------------

// Steps whose reciprocal is a normal f32.
#define LEAST_STEP 1e-30
#define LARGEST_STEP 1e30

Scale scale_of(Range r)
{
    const double low = fmin(r.low, 0), high = fmax(r.high, 0);
    double step = (high - low) / 255;
    // As the border of the graph has it; of nothing but 0 as fine as can be, to leave sums their
    // room.
    step = (double)(float)fmin(fmax(step, LEAST_STEP), LARGEST_STEP);
    const double zero = floor(-128 - low / step + 0.5);
    return (Scale){.step = step, .zero = (int)fmin(fmax(zero, -128), 127)};
}

// A state may go beyond what calibration saw, from step to step.
#define WIDE_ROOM 2

Scale scale_wide(Range r)
{
    const double step = WIDE_ROOM * fmax(fabs(r.low), fabs(r.high)) / 32767;
    return (Scale){.step = (double)(float)fmin(fmax(step, LEAST_STEP), LARGEST_STEP), .wide = true};
}

int scale_quantize(Scale s, double x)
{
    if (isnan(x))
        return s.zero;
    return (int)fmin(fmax(floor(x / s.step + s.zero + 0.5), scale_low(s)), scale_high(s));
}

#define LARGEST_SHIFT 62

FixedPoint fixed_point(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);  // x = fraction * 2^exponent, 1/2 <= |fraction| < 1
    int64_t multiplier = llround(ldexp(fraction, 31));
    int shift = 31 - exponent;
    if (multiplier == INT64_C(1) << 31) {
        multiplier /= 2;
        shift--;
    }
    if (shift > LARGEST_SHIFT) {  // so small that nothing is left of it but a few digits
        multiplier = shift < 2 * LARGEST_SHIFT ? multiplier >> (shift - LARGEST_SHIFT) : 0;
        shift = LARGEST_SHIFT;
    }
    if (shift < 1)
        return (FixedPoint){x < 0 ? -INT32_MAX : INT32_MAX, 1};
    return (FixedPoint){(int32_t)multiplier, shift};
}
