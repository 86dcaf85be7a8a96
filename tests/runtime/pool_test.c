// pool_test.c -- the pool under load: every element once, whatever the threads; also under TSan.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "float_mode.h"
#include "pool.h"

enum { COUNT = 1000, RUNS = 3000 };

typedef struct Work {
    int32_t hits[COUNT];
    double sums[COUNT];
} Work;

static void touch(void *arg, int64_t lo, int64_t hi)
{
    Work *w = arg;
    for (int64_t i = lo; i < hi; i++) {
        w->hits[i]++;
        w->sums[lo] += 1.0 / (double)(i + 1);
    }
}

static int fail(const char *what, int threads, int run)
{
    fprintf(stderr, "%s (threads %d, run %d)\n", what, threads, run);
    return 1;
}

// Runs of many sizes one right after another, with naps that let the threads fall asleep.
static int run_all(int threads, const Work *reference)
{
    NnrtError e;
    static Work w;
    NnrtPool *p = nnrt_pool_new(threads, &e);
    if (!p)
        return fail(e.message, threads, -1);
    memset(&w, 0, sizeof w);
    for (int run = 0; run < RUNS; run++) {
        const int64_t grain = 1 + run % 97;
        const int64_t count = run * 7 % (COUNT + 1);
        nnrt_pool_run(p, touch, &w, count, grain);
        if (run % 500 == 499)
            nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    nnrt_pool_free(p);
    return reference && memcmp(&w, reference, sizeof w) != 0
               ? fail("elements or sums differ from one thread's", threads, RUNS)
               : 0;
}

// Work begun ahead and wanted a few runs later, or never but for the next that is begun.
static int run_ahead(int threads)
{
    NnrtError e;
    static Work now, ahead, want_now, want_ahead;
    NnrtPool *p = nnrt_pool_new(threads, &e);
    if (!p)
        return fail(e.message, threads, -1);
    memset(&now, 0, sizeof now);
    memset(&ahead, 0, sizeof ahead);
    memset(&want_now, 0, sizeof want_now);
    memset(&want_ahead, 0, sizeof want_ahead);
    nnrt_pool_end(p);
    for (int run = 0; run < RUNS; run++) {
        const int64_t grain = 1 + run % 97;
        const int64_t count = run * 7 % (COUNT + 1);
        nnrt_pool_begin(p, touch, &ahead, count, grain);
        for (int i = 0; i < run % 4; i++) {
            nnrt_pool_run(p, touch, &now, COUNT - count, grain);
            nnrt_pool_run(NULL, touch, &want_now, COUNT - count, grain);
        }
        nnrt_pool_run(NULL, touch, &want_ahead, count, grain);
        if (run % 500 == 499)
            nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
        if (run % 3 > 0)
            nnrt_pool_end(p);
        if (run % 3 > 0 && memcmp(&ahead, &want_ahead, sizeof ahead) != 0)
            return fail("what was begun is not done", threads, run);
    }
    nnrt_pool_end(p);
    nnrt_pool_free(p);
    return memcmp(&ahead, &want_ahead, sizeof ahead) != 0 ||
                   memcmp(&now, &want_now, sizeof now) != 0
               ? fail("work ahead differs from one thread's", threads, RUNS)
               : 0;
}

enum { GRAIN = 7 };

// Counts its elements, and pieces that do not begin where one of GRAIN would.
static void touch_whole(void *arg, int64_t lo, int64_t hi)
{
    Work *w = arg;
    for (int64_t i = lo; i < hi; i++)
        w->hits[i] += lo % GRAIN == 0 ? 1 : 1000;
}

// Work shared in pieces of any length: still every element once, and pieces of whole grains.
static int share_all(int threads)
{
    NnrtError e;
    static Work w;
    NnrtPool *p = nnrt_pool_new(threads, &e);
    if (!p)
        return fail(e.message, threads, -1);
    memset(&w, 0, sizeof w);
    for (int run = 0; run < RUNS; run++)
        nnrt_pool_share(p, touch_whole, &w, run % (COUNT + 1), GRAIN);
    nnrt_pool_free(p);
    for (int i = 0; i < COUNT; i++) {
        int want = 0;
        for (int run = 0; run < RUNS; run++)
            want += i < run % (COUNT + 1);
        if (w.hits[i] != want)
            return fail("an element is not done once", threads, i);
    }
    return 0;
}

static void multiply(void *arg, int64_t lo, int64_t hi)
{
    float *x = arg;
    for (int64_t i = lo; i < hi; i++)
        x[i] = x[COUNT] * x[COUNT];
}

// Every thread computes in the caller's mode: with results too small to be normal, or with 0.
static int lend_mode(int threads)
{
    NnrtError e;
    static float x[COUNT + 1];
    NnrtPool *p = nnrt_pool_new(threads, &e);
    if (!p)
        return fail(e.message, threads, -1);
    const NnrtFloatMode before = nnrt_float_mode();
    x[COUNT] = 1e-20f;
    int wrong = 0;
    for (int run = 0; run < 100; run++) {
        const bool flushes = run % 2 && nnrt_flushing(before) != before;
        nnrt_set_float_mode(flushes ? nnrt_flushing(before) : before);
        nnrt_pool_run(p, multiply, x, COUNT, 1);
        for (int i = 0; i < COUNT; i++)
            wrong += (x[i] == 0) != flushes;
    }
    nnrt_set_float_mode(before);
    nnrt_pool_free(p);
    return wrong ? fail("a thread computes in another mode", threads, wrong) : 0;
}

static int refuse_absurd_counts(void)
{
    NnrtError e;
    if (nnrt_pool_new(0, &e) || nnrt_pool_new(NNRT_MAX_THREADS + 1, &e))
        return fail("an absurd number of threads is taken", 0, 0);
    nnrt_pool_free(NULL);
    return nnrt_pool_threads(NULL) == 1 && nnrt_cores() >= 1 ? 0 : fail("counts", 0, 0);
}

int main(void)
{
    static Work reference;
    for (int run = 0; run < RUNS; run++)
        nnrt_pool_run(NULL, touch, &reference, run * 7 % (COUNT + 1), 1 + run % 97);
    for (int threads = 1; threads <= 5; threads++)
        if (run_all(threads, &reference) || run_ahead(threads) || share_all(threads) ||
            lend_mode(threads))
            return 1;
    return refuse_absurd_counts();
}
