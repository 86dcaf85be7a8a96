#include <math.h>

#include "augment.h"
#include "random.h"
#include "sample.h"

enum { H = 6, W = 5, C = 2, SIZE = H * W * C, BATCH = 9 };
static const float HEIGHT = H;
static const float WIDTH = W;

static NnrtAugment named(const char *name, float first, float second)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    for (int i = 0; i < count; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return (NnrtAugment){&kinds[i], {first, second}};
    cr_assert_fail("there is no %s", name);
    return (NnrtAugment){0};
}

static void fill(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = nnrt_random_f32(7, NNRT_STREAM_SAMPLE, 0, (uint64_t)i) + 1;
}

static const uint32_t rows[BATCH] = {5, 3, 900, 1, 0, 77, 8, 9, 4000000000u};

static void run(const NnrtAugment *list, int count, int threads, uint64_t step, bool target,
                float *x)
{
    NnrtError e;
    NnrtAugmenter a;
    NnrtPool *pool = nnrt_pool_new(threads, &e);
    fill(x, BATCH * SIZE);
    cr_assert(nnrt_augmenter_new(&a, list, count, H, W, C, BATCH, &e), "%s", e.message);
    nnrt_augment(&a, pool, 42, step, rows, BATCH, target, x);
    nnrt_augmenter_free(&a);
    nnrt_pool_free(pool);
}

static float drawn(uint32_t place, uint32_t row, uint64_t i)
{
    return nnrt_random_f32(42, NNRT_STREAM_AUGMENT + place, 1, (uint64_t)row << 32 | i);
}

Test(augment, flips)
{
    float before[BATCH * SIZE], x[BATCH * SIZE];
    const NnrtAugment list[] = {named("flip_horizontal", 0.5f, 0), named("flip_vertical", 0.5f, 0)};
    fill(before, BATCH * SIZE);
    run(list, 2, 1, 1, false, x);
    for (int n = 0; n < BATCH; n++)
        for (int i = 0; i < SIZE; i++) {
            const int c = i % C, col = i / C % W, row = i / C / W;
            const int from_col = drawn(0, rows[n], 0) < 0.5f ? W - 1 - col : col;
            const int from_row = drawn(1, rows[n], 0) < 0.5f ? H - 1 - row : row;
            cr_assert_eq(x[n * SIZE + i], before[n * SIZE + (from_row * W + from_col) * C + c]);
        }
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static void expect_moved(const char *name, float amount, bool zero, const int *down,
                         const int *right)
{
    float before[BATCH * SIZE], x[BATCH * SIZE];
    const NnrtAugment list[] = {named(name, amount, zero)};
    fill(before, BATCH * SIZE);
    run(list, 1, 1, 1, false, x);
    for (int n = 0; n < BATCH; n++)
        for (int i = 0; i < SIZE; i++) {
            const int c = i % C, col = i / C % W - right[n], row = i / C / W - down[n];
            const bool outside = col != clamp(col, W) || row != clamp(row, H);
            const float expected =
                outside && zero ? 0
                                : before[n * SIZE + (clamp(row, H) * W + clamp(col, W)) * C + c];
            cr_assert_eq(x[n * SIZE + i], expected, "%s %d %d", name, n, i);
        }
}

Test(augment, shift_and_crop)
{
    int down[BATCH], right[BATCH];
    for (int n = 0; n < BATCH; n++) {
        down[n] = (int)lroundf((2 * drawn(0, rows[n], 0) - 1) * 0.5f * HEIGHT);
        right[n] = (int)lroundf((2 * drawn(0, rows[n], 1) - 1) * 0.5f * WIDTH);
    }
    expect_moved("shift", 0.5f, false, down, right);
    expect_moved("shift", 0.5f, true, down, right);
    for (int n = 0; n < BATCH; n++) {
        down[n] = (int)(drawn(0, rows[n], 0) * 7) - 3;
        right[n] = (int)(drawn(0, rows[n], 1) * 7) - 3;
    }
    expect_moved("crop", 3, true, down, right);
    expect_moved("crop", 3, false, down, right);
    for (int n = 0; n < BATCH; n++) {  // further than the image is wide and high
        down[n] = (int)(drawn(0, rows[n], 0) * 41) - 20;
        right[n] = (int)(drawn(0, rows[n], 1) * 41) - 20;
    }
    expect_moved("crop", 20, true, down, right);
    expect_moved("crop", 20, false, down, right);
}

// An image that is a plane stays the turned plane, away from its edges; a bilinear sample of a
// plane is exact but for rounding.
Test(augment, rotate_and_zoom)
{
    enum { SIDE = 21 };
    float x[SIDE * SIDE];
    const uint32_t row = 3;
    NnrtError e;
    NnrtAugmenter a;
    for (int turned = 0; turned < 2; turned++) {
        const NnrtAugment one = turned ? named("rotate", 30, 0) : named("zoom", 0.3f, 0);
        const float drawn_here = 2 * drawn(0, row, 0) - 1;
        const double angle = turned ? drawn_here * 30 * 3.14159265358979 / 180 : 0;
        const double scale = turned ? 1 : 1 / (1 + (double)drawn_here * 0.3);
        for (int i = 0; i < SIDE * SIDE; i++)
            x[i] = (float)(i / SIDE) + 3 * (float)(i % SIDE);
        cr_assert(nnrt_augmenter_new(&a, &one, 1, SIDE, SIDE, 1, 1, &e));
        nnrt_augment(&a, NULL, 42, 1, &row, 1, false, x);
        nnrt_augmenter_free(&a);
        for (int py = 6; py < 15; py++)
            for (int px = 6; px < 15; px++) {
                const double dy = py - 10, dx = px - 10;
                const double sy = 10 + scale * (cos(angle) * dy + sin(angle) * dx);
                const double sx = 10 + scale * (-sin(angle) * dy + cos(angle) * dx);
                cr_assert_float_eq(x[py * SIDE + px], sy + 3 * sx, 1e-3);
            }
    }
}

Test(augment, cutout)
{
    float before[BATCH * SIZE], x[BATCH * SIZE];
    const NnrtAugment list[] = {named("cutout", 3, 0)};
    fill(before, BATCH * SIZE);
    run(list, 1, 1, 1, false, x);
    for (int n = 0; n < BATCH; n++) {
        const int y = (int)(drawn(0, rows[n], 0) * HEIGHT),
                  px = (int)(drawn(0, rows[n], 1) * WIDTH);
        for (int i = 0; i < SIZE; i++) {
            const bool cut = abs(i / C / W - y) <= 1 && abs(i / C % W - px) <= 1;
            cr_assert_eq(x[n * SIZE + i], cut ? 0 : before[n * SIZE + i]);
        }
    }
}

// Mean and deviation of 10^4 normal numbers are within four standard errors: 0.04 and 0.03.
Test(augment, noise_and_brightness)
{
    enum { N = 10000 };
    static float x[N + 1];
    const uint32_t row = 1;
    NnrtError e;
    NnrtAugmenter a;
    const NnrtAugment noise = named("noise", 1, 0);
    cr_assert(nnrt_augmenter_new(&a, &noise, 1, 1, N + 1, 1, 1, &e));
    nnrt_augment(&a, NULL, 1, 1, &row, 1, false, x);
    nnrt_augmenter_free(&a);
    double sum = 0, squares = 0;
    for (int i = 0; i <= N; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    cr_expect_float_eq(sum / (double)N, 0, 0.04);
    cr_expect_float_eq(sqrt(squares / (double)N), 1, 0.03);
    float before[BATCH * SIZE], y[BATCH * SIZE];
    const NnrtAugment bright = named("brightness", 0.5f, 0);
    fill(before, BATCH * SIZE);
    run(&bright, 1, 1, 1, false, y);
    for (int i = 0; i < BATCH * SIZE; i++)
        cr_assert_eq(y[i], before[i] + (2 * drawn(0, rows[i / SIZE], 0) - 1) * 0.5f);
}

static void all_kinds(NnrtAugment *list, int *count)
{
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(count);
    for (int i = 0; i < *count; i++) {
        list[i] = (NnrtAugment){.kind = &kinds[i]};
        for (int k = 0; k < NNRT_AUGMENT_PARAMETERS; k++)
            list[i].values[k] = (float)kinds[i].parameters[k].usual;
    }
}

Test(augment, the_same_on_any_number_of_threads)
{
    float one[BATCH * SIZE], x[BATCH * SIZE];
    NnrtAugment list[NNRT_MAX_AUGMENTS];
    int count;
    all_kinds(list, &count);
    run(list, count, 1, 5, false, one);
    for (int threads = 2; threads < 5; threads++) {
        run(list, count, threads, 5, false, x);
        cr_expect_arr_eq(x, one, sizeof one);
    }
    run(list, count, 1, 6, false, x);
    cr_expect_arr_neq(x, one, sizeof one);
}

Test(augment, a_target_follows_what_does_not_corrupt)
{
    float target[BATCH * SIZE], x[BATCH * SIZE];
    const NnrtAugment list[] = {named("shift", 0.5f, 0), named("noise", 1, 0),
                                named("cutout", 2, 0)};
    run(list, 1, 1, 1, false, x);
    run(list, 3, 1, 1, true, target);
    cr_expect_arr_eq(x, target, sizeof x);
}

// The greatest values on the smallest images.
Test(augment, extremes)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    for (int i = 0; i < count; i++) {
        float x[4] = {1, 1, 1, 1};
        const uint32_t row[4] = {0, 1, 2, UINT32_MAX};
        NnrtError e;
        NnrtAugmenter a;
        NnrtAugment one = {&kinds[i], {(float)kinds[i].parameters[0].most, 0}};
        SWEEP_ALLOCATIONS(nnrt_augmenter_new(&a, &one, 1, 1, 1, 1, 4, &e), &e);
        nnrt_augment(&a, NULL, UINT64_MAX, UINT64_MAX, row, 4, false, x);
        for (int k = 0; k < 4; k++)
            cr_expect(isfinite(x[k]), "%s", kinds[i].name);
        nnrt_augmenter_free(&a);
    }
}
