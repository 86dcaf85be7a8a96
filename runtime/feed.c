// feed.c -- two batches in turn: one is computed on, one is gathered.

#include "feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

// Elements that are converted in a microsecond or two: how long another thread may be missing in a
// kernel. A change may cost a hundred times as much an element.
enum { PIECE_ELEMENTS = 1 << 13, CHANGED_ELEMENTS = 1 << 10 };

static int64_t rows_of_piece(const NnrtFeed *f, int input_count, const int64_t *widths)
{
    const int64_t piece = f->change ? CHANGED_ELEMENTS : PIECE_ELEMENTS;
    int64_t elements = 1;
    for (int i = 0; i < input_count && elements < piece; i++)
        elements += widths[i];
    return elements < piece ? piece / elements : 1;
}

// Whether the taker of `n` rows gathers them without the others.
static bool is_alone(const NnrtFeed *f, int64_t n)
{
    return n <= f->grain || nnrt_pool_threads(f->pool) == 1;
}

bool nnrt_feed_new(NnrtFeed *f, NnrtPool *pool, int64_t capacity, int input_count,
                   const NnrtInputType *types, const int64_t *widths, NnrtChange *change,
                   void *self, NnrtError *e)
{
    *f = (NnrtFeed){.pool = pool, .change = change, .self = self, .capacity = capacity};
    f->grain = rows_of_piece(f, input_count, widths);
    f->rows = nnrt_alloc((size_t)capacity, sizeof *f->rows, e);
    if (f->rows && nnrt_batch_new(&f->batches[0], capacity, input_count, types, widths, e) &&
        (is_alone(f, capacity) ||
         nnrt_batch_new(&f->batches[1], capacity, input_count, types, widths, e)))
        return true;
    nnrt_feed_free(f);
    return false;
}

void nnrt_feed_free(NnrtFeed *f)
{
    nnrt_feed_end(f);
    nnrt_batch_free(&f->batches[0]);
    nnrt_batch_free(&f->batches[1]);
    free(f->rows);
    *f = (NnrtFeed){0};
}

static void gather_rows(void *arg, int64_t lo, int64_t hi)
{
    const NnrtFeed *f = arg;
    const NnrtBatch *b = &f->batches[f->filling];
    nnrt_batch_gather_range(b, f->fields, f->rows, lo, hi);
    if (f->change)
        f->change(f->self, f->step, f->rows, lo, hi, b->inputs);
}

void nnrt_feed_begin(NnrtFeed *f, const NnrtField *const *fields, const uint32_t *rows, int64_t n,
                     uint64_t step)
{
    assert(!f->begun && n > 0 && n <= f->capacity);
    memcpy(f->rows, rows, (size_t)n * sizeof *rows);
    f->fields = fields;
    f->count = n;
    f->step = step;
    f->begun = true;
    f->alone = is_alone(f, n);
    f->filling = f->alone ? f->taken : !f->taken;
    if (!f->alone)
        nnrt_pool_begin(f->pool, gather_rows, f, n, f->grain);
}

int64_t nnrt_feed_from(NnrtFeed *f, const NnrtExamples *x, int64_t at)
{
    const int64_t left = x->count - at;
    const int64_t n = left < f->capacity ? left : f->capacity;
    if (n <= 0)
        return 0;
    nnrt_feed_begin(f, x->fields, x->rows + at, n, 0);
    return n;
}

const NnrtBatch *nnrt_feed_take(NnrtFeed *f)
{
    assert(f->begun);
    if (f->alone)
        gather_rows(f, 0, f->count);
    else
        nnrt_pool_end(f->pool);
    f->begun = false;
    f->taken = f->filling;
    return &f->batches[f->taken];
}

void nnrt_feed_end(NnrtFeed *f)
{
    if (f->begun && !f->alone)
        nnrt_pool_end(f->pool);
    f->begun = false;
}
