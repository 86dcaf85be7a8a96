// feed_test.c -- batches gathered ahead are what one thread gathers at once; also under TSan.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "random.h"

enum {
    ROWS = 500,
    WIDTH = 96,
    CAPACITY = 256,
    STEPS = 400,
    SMALL_STEPS = 10000,
    TINY_STEPS = 200000
};

static uint8_t pixels[ROWS][WIDTH];
static int32_t classes[ROWS];
static const NnrtInputType types[] = {NNRT_INPUT_F32, NNRT_INPUT_I32};
static const int64_t widths[] = {WIDTH, 1};

static int fail(const char *what, int threads, int64_t step)
{
    fprintf(stderr, "%s (threads %d, step %d)\n", what, threads, (int)step);
    return 1;
}

static void add_step(void *self, uint64_t step, const uint32_t *rows, int64_t lo, int64_t hi,
                     void *const *inputs)
{
    float *x = inputs[0];
    (void)self;
    for (int64_t i = lo * WIDTH; i < hi * WIDTH; i++)
        x[i] += (float)(step % 1000) + (float)rows[i / WIDTH];
}

// What a program makes of a batch: something from each element, with all threads, on their own
// schedule.
static void sum_rows(void *arg, int64_t lo, int64_t hi)
{
    const NnrtBatch *b = ((void **)arg)[0];
    double *sums = ((void **)arg)[1];
    for (int64_t r = lo; r < hi; r++) {
        sums[r] = ((const int32_t *)b->inputs[1])[r];
        for (int64_t i = 0; i < WIDTH; i++)
            sums[r] += (double)(((const float *)b->inputs[0])[r * WIDTH + i] * (float)(i + 1));
    }
}

static int64_t draw_rows(int64_t step, int64_t most, uint32_t *rows)
{
    const int64_t n = 1 + nnrt_random_u32(1, 2, (uint64_t)step, CAPACITY) % most;
    for (int64_t i = 0; i < n; i++)
        rows[i] = nnrt_random_u32(1, 2, (uint64_t)step, (uint64_t)i) % ROWS;
    return n;
}

// Steps with batches of at most `most` rows; the sum of all that was computed.
static int run(int threads, NnrtChange *change, int64_t steps, int64_t most, double *total)
{
    NnrtError e;
    NnrtFeed feed;
    static double sums[CAPACITY];
    static uint32_t rows[CAPACITY];
    const float scale = 1.0f / 255;
    NnrtField x = {.dtype = NNRT_U8, .rows = ROWS, .width = WIDTH, .data = pixels, .scale = scale};
    NnrtField y = {.dtype = NNRT_I32, .rows = ROWS, .width = 1, .data = classes, .scale = 1};
    const NnrtField *fields[] = {&x, &y};
    NnrtPool *pool = nnrt_pool_new(threads, &e);
    if (!pool || !nnrt_feed_new(&feed, pool, most, 2, types, widths, change, NULL, &e))
        return fail(e.message, threads, 0);
    int64_t next = draw_rows(0, most, rows);
    nnrt_feed_begin(&feed, fields, rows, next, 0);
    for (int64_t step = 0; step < steps; step++) {
        const int64_t n = next;
        const NnrtBatch *b = nnrt_feed_take(&feed);
        next = draw_rows(step + 1, most, rows);
        nnrt_feed_begin(&feed, fields, rows, next, (uint64_t)step + 1);
        memset(rows, 0xff, sizeof rows);  // the feed has its own copy
        nnrt_pool_run(pool, sum_rows, (void *[]){(void *)b, sums}, n, 1 + step % 40);
        for (int64_t i = 0; i < n; i++)
            *total += sums[i] * (double)(1 + (step + i) % 7);
    }
    if (steps % 2 == 0)
        nnrt_feed_end(&feed);
    nnrt_feed_free(&feed);  // with a batch begun that nobody takes
    nnrt_pool_free(pool);
    return 0;
}

static int compare(NnrtChange *change, int64_t steps, int64_t most)
{
    double wanted = 0;
    if (run(1, change, steps, most, &wanted))
        return 1;
    for (int threads = 2; threads <= 4; threads++) {
        double total = 0;
        if (run(threads, change, steps, most, &total))
            return 1;
        if (memcmp(&total, &wanted, sizeof total) != 0)
            return fail("batches differ from those of one thread", threads, steps);
    }
    return 0;
}

// Two feeds of one pool: an evaluation while the training's next batch has been begun.
static int interleave(int threads)
{
    NnrtError e;
    NnrtFeed feeds[2];
    static uint32_t rows[CAPACITY];
    NnrtField x = {.dtype = NNRT_U8, .rows = ROWS, .width = WIDTH, .data = pixels, .scale = 1};
    NnrtField y = {.dtype = NNRT_I32, .rows = ROWS, .width = 1, .data = classes, .scale = 1};
    const NnrtField *fields[] = {&x, &y};
    NnrtPool *pool = nnrt_pool_new(threads, &e);
    for (uint32_t i = 0; i < CAPACITY; i++)
        rows[i] = i * 7 % ROWS;
    for (int i = 0; i < 2; i++)
        if (!nnrt_feed_new(&feeds[i], pool, CAPACITY, 2, types, widths, NULL, NULL, &e))
            return fail(e.message, threads, 0);
    for (int64_t step = 0; step < STEPS; step++) {
        nnrt_feed_begin(&feeds[0], fields, rows, CAPACITY, 0);
        const NnrtExamples all = {fields, rows, CAPACITY};
        if (nnrt_feed_from(&feeds[1], &all, 100) != CAPACITY - 100)
            return fail("examples are left out", threads, step);
        const NnrtBatch *second = nnrt_feed_take(&feeds[1]);
        const NnrtBatch *first = nnrt_feed_take(&feeds[0]);
        if (memcmp((float *)first->inputs[0] + 100 * WIDTH, second->inputs[0],
                   (CAPACITY - 100) * WIDTH * sizeof(float)) != 0)
            return fail("two feeds of one pool mix", threads, step);
        memset(first->inputs[0], 0, CAPACITY * WIDTH * sizeof(float));
        memset(second->inputs[0], 0, CAPACITY * WIDTH * sizeof(float));
        if (nnrt_feed_from(&feeds[1], &all, CAPACITY) != 0)
            return fail("there are examples after the last", threads, step);
    }
    nnrt_feed_free(&feeds[0]);
    nnrt_feed_free(&feeds[1]);
    nnrt_pool_free(pool);
    return 0;
}

int main(void)
{
    for (int i = 0; i < ROWS * WIDTH; i++)
        pixels[i / WIDTH][i % WIDTH] = (uint8_t)nnrt_random_u32(3, 4, 0, (uint64_t)i);
    for (int i = 0; i < ROWS; i++)
        classes[i] = i % 10;
    return compare(NULL, STEPS, CAPACITY) || compare(add_step, STEPS + 1, CAPACITY) ||
           compare(add_step, TINY_STEPS, 1) || compare(add_step, SMALL_STEPS, 24) ||
           interleave(1) || interleave(3);
}
