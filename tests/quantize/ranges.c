// ranges.c -- histograms whose ranges are known, scales, fixed-point numbers.

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"
#include "quantize/range.h"

static Histogram *histogram_of(const float *values, int64_t count)
{
    Histogram *h = malloc(sizeof *h);
    histogram_clear(h);
    histogram_note_ends(h, values, count);
    histogram_count(h, values, count);
    return h;
}

// 0 to 1 in even steps, and one value far out.
#define MANY 20000

static float *with_outlier(float outlier)
{
    float *values = malloc((MANY + 1) * sizeof *values);
    for (int i = 0; i < MANY; i++)
        values[i] = (float)i / MANY;
    values[MANY] = outlier;
    return values;
}

Test(ranges, min_max_takes_all)
{
    float *values = with_outlier(-50);
    Histogram *h = histogram_of(values, MANY + 1);
    const Range r = histogram_range(h, CALIBRATE_MIN_MAX);
    cr_expect_eq(r.low, -50);
    cr_expect_float_eq(r.high, 1, 1e-3);
    free(h);
    free(values);
}

Test(ranges, percentile_leaves_the_outlier_out)
{
    float *values = with_outlier(-50);
    Histogram *h = histogram_of(values, MANY + 1);
    const Range r = histogram_range(h, CALIBRATE_PERCENTILE);
    cr_expect_geq(r.low, -0.1);
    cr_expect_geq(r.high, 0.97);
    free(h);
    free(values);
}

static double square_error(const float *values, int64_t count, Range r)
{
    const Scale s = scale_of(r);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double off = (double)values[i] - scale_real(s, scale_quantize(s, (double)values[i]));
        sum += off * off;
    }
    return sum;
}

// An outlier that costs less to cut than the digits it takes from all others.
Test(ranges, mse_weighs_the_outlier)
{
    for (float outlier = 1.5f; outlier < 30; outlier *= 2) {
        float *values = with_outlier(outlier);
        Histogram *h = histogram_of(values, MANY + 1);
        const double chosen = square_error(values, MANY + 1, histogram_range(h, CALIBRATE_MSE));
        const double whole = square_error(values, MANY + 1, h->ends);
        cr_expect_leq(chosen, 1.02 * whole, "outlier %g: %g, %g", (double)outlier, chosen, whole);
        free(h);
        free(values);
    }
}

Test(ranges, of_one_value)
{
    const float same[] = {3, 3, 3}, none[] = {0};
    for (int method = 0; method < CALIBRATE_COUNT; method++) {
        Histogram *h = histogram_of(same, 3);
        const Range r = histogram_range(h, (Calibration)method);
        const Scale s = scale_of(r);
        cr_expect_float_eq(scale_real(s, scale_quantize(s, 3)), 3, 1e-6);
        free(h);
        h = histogram_of(none, 1);
        const Scale zero = scale_of(histogram_range(h, (Calibration)method));
        cr_expect_eq(scale_real(zero, scale_quantize(zero, 0)), 0);
        free(h);
    }
}

Test(ranges, what_is_no_number_is_noticed)
{
    const float values[] = {1, NAN, 2}, more[] = {1, -INFINITY};
    Histogram *h = histogram_of(values, 3);
    cr_expect(isnan(histogram_range(h, CALIBRATE_MSE).low));
    free(h);
    h = histogram_of(more, 2);
    cr_expect(isnan(histogram_range(h, CALIBRATE_MIN_MAX).low));
    free(h);
}

Test(ranges, zero_is_exact)
{
    static const Range all[] = {{0, 1},     {-1, 1},    {-1, 0}, {2, 5},        {-7, -3},
                                {-1e-9, 1}, {-1, 1e-9}, {0, 0},  {-3e38, 3e38}, {0, 1e-45}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const Scale s = scale_of(all[i]);
        cr_expect_eq(scale_real(s, scale_quantize(s, 0)), 0);
        cr_expect(s.zero >= -128 && s.zero <= 127);
        cr_expect(s.step > 0 && isfinite((float)s.step) && isfinite((float)(1 / s.step)));
    }
}

Test(ranges, fixed_point_has_thirty_bits)
{
    for (double x = 1e-8; x < 1e8; x *= 1.37) {
        const FixedPoint f = fixed_point(x), g = fixed_point(-x);
        cr_expect(fabs(ldexp(f.multiplier, -f.shift) / x - 1) < 0x1p-30, "%g", x);
        cr_expect_eq(g.multiplier, -f.multiplier);
        cr_expect_eq(g.shift, f.shift);
    }
    cr_expect_eq(fixed_point(0).multiplier, 0);
    cr_expect_eq(requantize(1000, fixed_point(1e-300).multiplier, fixed_point(1e-300).shift), 0);
    cr_expect_eq(requantize(1, fixed_point(1e30).multiplier, fixed_point(1e30).shift), 1 << 30);
    const FixedPoint one = fixed_point(1);
    cr_expect_eq(requantize(-77, one.multiplier, one.shift), -77);
}
