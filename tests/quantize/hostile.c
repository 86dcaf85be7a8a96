// hostile.c -- weights and values that no sane training gives.

#include <criterion/criterion.h>
#include <math.h>

#include "quantize/scene.h"

static const char MODEL[] = "input x[12]\n dense(8); relu\n dense(5)";

static void fill(Scene *s, const char *path, float value)
{
    int64_t count;
    float *w = scene_weights(s, path, &count);
    for (int64_t i = 0; i < count; i++)
        w[i] = value;
}

// The largest difference to f32, in shares of the largest number there.
static double difference(Scene *s)
{
    const float *real = scene_run(s, NNC_PREDICT), *whole = scene_run(s, NNC_INT8);
    double worst = 0, scale = 1e-37;
    for (int64_t i = 0; i < scene_output_count(s); i++) {
        scale = fmax(scale, fabs((double)real[i]));
        worst = fmax(worst, fabs((double)whole[i] - (double)real[i]));
    }
    return worst / scale;
}

Test(hostile, weights_of_zero)
{
    Scene s = scene_new(MODEL);
    fill(&s, "dense.w", 0);
    fill(&s, "dense_2.b", 0.5f);
    cr_assert(scene_quantize(&s, CALIBRATE_MSE));
    cr_expect_leq(difference(&s), 1.0 / 255);
    scene_free(&s);
}

Test(hostile, nothing_but_zero)
{
    Scene s = scene_new(MODEL);
    fill(&s, "dense.w", 0);
    cr_assert(scene_quantize(&s, CALIBRATE_PERCENTILE));
    const float *y = scene_run(&s, NNC_INT8);
    for (int64_t i = 0; i < scene_output_count(&s); i++)
        cr_expect_eq(y[i], 0);
    scene_free(&s);
}

// A bias that is huge beside its weights is all that there is to see.
Test(hostile, huge_biases)
{
    Scene s = scene_new(MODEL);
    fill(&s, "dense.b", 1e9f);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    cr_expect_leq(difference(&s), 0.05);
    scene_free(&s);
}

Test(hostile, huge_and_tiny_weights)
{
    static const float sizes[] = {1e-38f, 1e-20f, 1e15f, 1e30f};
    for (int i = 0; i < 4; i++) {
        Scene s = scene_new("input x[12]\n dense(8)");
        int64_t count;
        float *w = scene_weights(&s, "dense.w", &count);
        for (int64_t k = 0; k < count; k++)
            w[k] *= sizes[i];
        cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
        if (sizes[i] > 1e-25f)
            cr_expect_leq(difference(&s), 0.02, "%g: %g", (double)sizes[i], difference(&s));
        scene_free(&s);
    }
}

static void expect_refused(const char *path, float value)
{
    Scene s = scene_new(MODEL);
    int64_t count;
    float *w = scene_weights(&s, path, &count);
    w[count / 2] = value;
    cr_expect_not(scene_quantize(&s, CALIBRATE_MSE), "%s", path);
    cr_expect_eq(diags_errors(s.m.session->diags), 1);
    scene_free(&s);
}

Test(hostile, what_is_no_number_is_refused)
{
    expect_refused("dense.w", NAN);
    expect_refused("dense.b", INFINITY);
    expect_refused("dense_2.w", -INFINITY);
}

Test(hostile, inputs_that_are_no_numbers)
{
    Scene s = scene_new(MODEL);
    ((float *)s.inputs[0])[7] = NAN;
    cr_expect_not(scene_quantize(&s, CALIBRATE_MIN_MAX));
    scene_free(&s);
}

// Beyond the ranges seen in calibration a value stays at their end; NaN is 0.
Test(hostile, inputs_beyond_the_range)
{
    Scene s = scene_new(MODEL);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    float *x = (float *)s.inputs[0];
    for (int i = 0; i < 12; i++)
        x[i] = i == 0 ? NAN : i % 2 ? 1e30f : -INFINITY;
    const float *y = scene_run(&s, NNC_INT8);
    for (int i = 0; i < 5; i++)
        cr_expect(isfinite(y[i]));
    scene_free(&s);
}

Test(hostile, constant_values_and_one_class)
{
    Scene s = scene_new("input x[3]\n 0 * x + 2\n dense(1)\n softmax");
    cr_assert(scene_quantize(&s, CALIBRATE_MSE));
    cr_expect_leq(difference(&s), 1.0 / 255);
    scene_free(&s);
}

// --- values that layers divide by, hide or choose ---------------------------------------------

static void expect_finite(Scene *s)
{
    const float *y = scene_run(s, NNC_INT8);
    for (int64_t i = 0; i < scene_output_count(s); i++)
        cr_expect(isfinite(y[i]), "%d: %g", (int)i, (double)y[i]);
}

// Without a variance there is nothing to divide: 0, and so it is behind rows that differ.
Test(hostile, rows_all_alike)
{
    static const char *const layers[] = {"layernorm", "rmsnorm",
                                         "it / sqrt(sum(it ^ 2, over = 1))"};
    for (int k = 0; k < 3; k++) {
        char text[100];
        snprintf(text, sizeof text, "input x[4, 12]\n %s", layers[k]);
        Scene s = scene_new(text);
        cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
        float *x = (float *)s.inputs[0];
        for (int i = 0; i < 12; i++)
            x[i] = k == 0 ? 0.4f : 0;
        const float *y = scene_run(&s, NNC_INT8);
        for (int i = 0; i < 12; i++)
            cr_expect_eq(y[i], 0, "%s: %g", layers[k], (double)y[i]);
        expect_finite(&s);
        scene_free(&s);
    }
}

// The mean far from 0, the variance small beside it, or epsilon far above it.
Test(hostile, standardized_values_of_any_size)
{
    static const float sizes[] = {1e-20f, 1e-3f, 1, 1e4f, 1e15f};
    for (int i = 0; i < 5; i++)
        for (int middle = 0; middle < 2; middle++) {
            Scene s = scene_new("input x[4, 12]\n layernorm");
            float *x = (float *)s.inputs[0];
            for (int k = 0; k < SCENE_BATCH * 48; k++)
                x[k] = (x[k] + (float)(3 * middle)) * sizes[i];
            cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
            cr_expect_leq(difference(&s), 0.03, "%g: %g", (double)sizes[i], difference(&s));
            scene_free(&s);
        }
}

// By 0: the end on the side of the sign; 0 / 0 is 0.
Test(hostile, quotients_by_zero)
{
    Scene s = scene_new("input x[6]\n input y[6]\n x / y");
    float *x = (float *)s.inputs[0], *y = (float *)s.inputs[1];
    for (int i = 0; i < SCENE_BATCH * 6; i++)
        y[i] = i % 2 ? 1.5f : -0.5f;
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    x[0] = 1, x[1] = -1, x[2] = 0;
    y[0] = y[1] = y[2] = 0;
    const float *z = scene_run(&s, NNC_INT8);
    cr_expect_gt(z[0], 1);
    cr_expect_lt(z[1], -1);
    cr_expect_eq(z[2], 0);
    scene_free(&s);
}

Test(hostile, masks_among_the_numbers)
{
    Scene s = scene_new("input x[6]\n where(iota(6) > 2, -20000, 30000 * x)\n softmax");
    cr_expect_not(scene_quantize(&s, CALIBRATE_MIN_MAX));
    cr_expect_eq(diags_errors(s.m.session->diags), 1);
    scene_free(&s);
}

// More products than 31 bits hold stay f32.
Test(hostile, long_products_of_two_values)
{
    Scene s = scene_new("input x[2, 20000]\n it @ transpose(it) / 20000");
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    cr_expect_gt(s.m.plan->real_count, 0);
    cr_expect_leq(difference(&s), 0.02);
    scene_free(&s);
    s = scene_new("input x[2, 16384]\n abs(x)\n it @ transpose(it) / 16384");
    for (int i = 0; i < SCENE_BATCH * 2 * 16384; i++)
        ((float *)s.inputs[0])[i] = 1;
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    cr_expect_eq(s.m.plan->real_count, 0);
    cr_expect_leq(difference(&s), 0.01);
    scene_free(&s);
}

// --- cells ------------------------------------------------------------------------------------

static const char CELLS[] = "input x[7, 3]\n lstm(4, sequence = true)\n gru(5)\n dense(2)";

Test(hostile, cells_without_weights)
{
    static const char *const paths[] = {"lstm.w", "lstm.u", "lstm.b", "gru.w", "gru.u", "gru.c"};
    Scene s = scene_new(CELLS);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        fill(&s, paths[i], 0);
    fill(&s, "dense.b", 0.5f);
    cr_assert(scene_quantize(&s, CALIBRATE_MSE));
    cr_expect_leq(difference(&s), 1.0 / 255);
    scene_free(&s);
}

// Gates that are shut or open for good, whatever comes.
Test(hostile, cells_of_huge_weights)
{
    static const char *const paths[] = {"lstm.w", "lstm.u", "gru.w", "gru.u"};
    static const float sizes[] = {1e3f, -1e10f, 1e30f};
    for (int size = 0; size < 3; size++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            Scene s = scene_new(CELLS);
            fill(&s, paths[i], sizes[size]);
            cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
            const float *y = scene_run(&s, NNC_INT8);
            for (int64_t k = 0; k < scene_output_count(&s); k++)
                cr_expect(isfinite(y[k]), "%s", paths[i]);
            scene_free(&s);
        }
}

// A sum that grows from step to step beyond all that was seen stays at its end.
Test(hostile, states_beyond_their_range)
{
    Scene s =
        scene_new("input x[50, 1]\n scan v in x with c = zeros([1]) { c <- c + v } yield c as y\n "
                  "y.last");
    float *x = (float *)s.inputs[0];
    for (int i = 0; i < 50 * SCENE_BATCH; i++)
        x[i] = i % 2 ? 1 : -0.9f;
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    for (int i = 0; i < 50; i++)
        x[i] = 1;
    const float *y = scene_run(&s, NNC_INT8);
    cr_expect(y[0] > y[1] && y[0] < 10, "%g, %g", (double)y[0], (double)y[1]);
    scene_free(&s);
}

Test(hostile, cells_that_are_no_numbers)
{
    Scene s = scene_new(CELLS);
    int64_t count;
    scene_weights(&s, "lstm.u", &count)[0] = NAN;
    cr_expect_not(scene_quantize(&s, CALIBRATE_MSE));
    cr_expect_eq(diags_errors(s.m.session->diags), 1);
    scene_free(&s);
}
