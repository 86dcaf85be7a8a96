// batch.h -- the inputs of a step, gathered from the examples into memory made once.

#ifndef NNRT_BATCH_H
#define NNRT_BATCH_H

#include "dataset.h"
#include "pool.h"

// Examples as a program takes them: a field for each of its inputs, and which rows there are.
typedef struct NnrtExamples {
    const NnrtField *const *fields;  // one an input
    const uint32_t *rows;            // u32[count]
    int64_t count;
} NnrtExamples;

// The types a program's input may have in memory.
typedef enum NnrtInputType { NNRT_INPUT_F32, NNRT_INPUT_I32 } NnrtInputType;

typedef struct NnrtBatch {
    int input_count;
    int64_t capacity;      // examples
    NnrtInputType *types;  // owned
    void **inputs;         // owned, each too: type[capacity, width]
} NnrtBatch;

// Memory for batches of `capacity` examples; widths: elements of one example of each input.
bool nnrt_batch_new(NnrtBatch *b, int64_t capacity, int input_count, const NnrtInputType *types,
                    const int64_t *widths, NnrtError *e);
void nnrt_batch_free(NnrtBatch *b);

// Fills the inputs with rows[0 .. n), n <= capacity, of the fields; nothing is allocated.
void nnrt_batch_gather(NnrtBatch *b, NnrtPool *pool, const NnrtField *const *fields,
                       const uint32_t *rows, int64_t n);
// Rows lo .. hi-1 of it alone, on this thread.
void nnrt_batch_gather_range(const NnrtBatch *b, const NnrtField *const *fields,
                             const uint32_t *rows, int64_t lo, int64_t hi);

#endif
