// range.h -- from the numbers that a value takes to the scale in which it is stored.

#ifndef NNC_RANGE_H
#define NNC_RANGE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Range {
    double low, high;
} Range;

// real = step * (q - zero), q from -128 to 127.
typedef struct Scale {
    double step;
    int zero;
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
