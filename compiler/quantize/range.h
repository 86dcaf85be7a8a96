// range.h -- from the numbers that a value takes to the scale in which it is stored.

#ifndef NNC_RANGE_H
#define NNC_RANGE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Range {
    double low, high;
} Range;

static inline Range range_both(Range x, Range y)
{
    return (Range){x.low < y.low ? x.low : y.low, x.high > y.high ? x.high : y.high};
}

// real = step * (q - zero), q from -128 to 127, or from -32767 to 32767 where it is wide.
typedef struct Scale {
    double step;
    int zero;
    bool wide;
} Scale;

typedef enum Calibration {
    CALIBRATE_MIN_MAX,     // all that occurred
    CALIBRATE_PERCENTILE,  // without the 0.1 % that are furthest out
    CALIBRATE_MSE,         // the range with the least mean square error
    CALIBRATE_COUNT
} Calibration;

// "min_max", ...; NULL after the last.
const char *calibration_name(int method);
int calibration_find(const char *name);  // CALIBRATE_COUNT: none

#define HISTOGRAM_BINS 2048

// What is known of a value: first its ends, then how often it was where between them.
typedef struct Histogram {
    Range ends;
    bool seen;    // any number at all
    bool finite;  // none was NaN or infinite
    double counts[HISTOGRAM_BINS];
} Histogram;

void histogram_clear(Histogram *h);
void histogram_note_ends(Histogram *h, const float *values, int64_t count);
// After all ends have been noted, with the same values.
void histogram_count(Histogram *h, const float *values, int64_t count);
// NaN where not all were finite.
Range histogram_range(const Histogram *h, Calibration method);

// The scale in which a range, made to hold 0, takes all 256 numbers.
Scale scale_of(Range r);
// That of 16 bits: with zero 0, and room for twice the range.
Scale scale_wide(Range r);
// The ends of q.
static inline int scale_low(Scale s)
{
    return s.wide ? -32767 : -128;
}
static inline int scale_high(Scale s)
{
    return s.wide ? 32767 : 127;
}
// The nearest number to x, halves up.
int scale_quantize(Scale s, double x);
static inline double scale_real(Scale s, int q)
{
    return s.step * (q - s.zero);
}

// x about multiplier / 2^shift, as OP_requantize takes it.
typedef struct FixedPoint {
    int32_t multiplier, shift;
} FixedPoint;

FixedPoint fixed_point(double x);

#endif
