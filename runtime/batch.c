// batch.c -- gathering a batch, in pieces fixed by its size.

#include "batch.h"

#include <stdlib.h>

#include "alloc.h"

// Elements that make a piece of work worth handing to another thread.
enum { PIECE_ELEMENTS = 1 << 15 };

static bool make_inputs(NnrtBatch *b, const NnrtInputType *types, const int64_t *widths,
                        NnrtError *e)
{
    for (int i = 0; i < b->input_count; i++) {
        int64_t elements = 0;
        if (!nnrt_count((const int64_t[]){b->capacity, widths[i]}, 2, &elements))
            return nnrt_fail(e, "a batch of %lld examples is too large", (long long)b->capacity);
        b->types[i] = types[i];
        b->inputs[i] = nnrt_alloc((size_t)elements, sizeof(float), e);
        if (!b->inputs[i])
            return false;
    }
    return true;
}

bool nnrt_batch_new(NnrtBatch *b, int64_t capacity, int input_count, const NnrtInputType *types,
                    const int64_t *widths, NnrtError *e)
{
    *b = (NnrtBatch){.input_count = input_count, .capacity = capacity};
    b->types = nnrt_alloc((size_t)input_count, sizeof *b->types, e);
    b->inputs = nnrt_alloc((size_t)input_count, sizeof *b->inputs, e);
    if (b->types && b->inputs && make_inputs(b, types, widths, e))
        return true;
    nnrt_batch_free(b);
    return false;
}

void nnrt_batch_free(NnrtBatch *b)
{
    for (int i = 0; b->inputs && i < b->input_count; i++)
        free(b->inputs[i]);
    free(b->inputs);
    free(b->types);
    *b = (NnrtBatch){0};
}

typedef struct Gather {
    const NnrtBatch *batch;
    const NnrtField *const *fields;
    const uint32_t *rows;
} Gather;

void nnrt_batch_gather_range(const NnrtBatch *b, const NnrtField *const *fields,
                             const uint32_t *rows, int64_t lo, int64_t hi)
{
    for (int i = 0; i < b->input_count; i++)
        if (b->types[i] == NNRT_INPUT_I32)
            nnrt_gather_i32_range(fields[i], rows, lo, hi, b->inputs[i]);
        else
            nnrt_gather_range(fields[i], rows, lo, hi, b->inputs[i]);
}

static void gather_piece(void *arg, int64_t lo, int64_t hi)
{
    const Gather *g = arg;
    nnrt_batch_gather_range(g->batch, g->fields, g->rows, lo, hi);
}

void nnrt_batch_gather(NnrtBatch *b, NnrtPool *pool, const NnrtField *const *fields,
                       const uint32_t *rows, int64_t n)
{
    Gather g = {b, fields, rows};
    int64_t elements = 1;
    for (int i = 0; i < b->input_count; i++)
        elements += fields[i]->width;
    const int64_t grain = PIECE_ELEMENTS / elements + 1;
    nnrt_pool_run(n > grain ? pool : NULL, gather_piece, &g, n, grain);
}
