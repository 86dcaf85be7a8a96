// feed.h -- batches gathered while a program computes on the one before.
//
//   nnrt_feed_begin(f, fields, rows, n, step);          the first
//   for each step:
//       const NnrtBatch *b = nnrt_feed_take(f);         gathered, or what is left of it is now
//       nnrt_feed_begin(f, fields, next rows, n, step); the next, while ...
//       ... this one is computed on
//
// There is no thread of its own: the pool's others take rows when they wait for work (pool.h), so
// no more threads run than were asked for. With one thread, or a small batch, it is gathered as it
// is taken, into the memory of the one before, which is in the cache. What is in a batch depends on
// neither threads nor time.

#ifndef NNRT_FEED_H
#define NNRT_FEED_H

#include "batch.h"

// Changes rows lo .. hi-1 of the inputs after they have been gathered. Called on any thread, each
// time with rows of its own.
typedef void NnrtChange(void *self, uint64_t step, const uint32_t *rows, int64_t lo, int64_t hi,
                        void *const *inputs);

typedef struct NnrtFeed {
    NnrtPool *pool;
    NnrtChange *change;    // NULL: none
    void *self;            // of it
    NnrtBatch batches[2];  // the second only where others gather it
    int64_t capacity;
    int64_t grain;   // rows of a piece
    uint32_t *rows;  // owned; u32[capacity], a copy of those being gathered
    int filling;     // the batch that is gathered
    int taken;       // the one that was taken last
    bool begun;      // and has not been taken
    bool alone;      // gathered by who takes it: there are no others, or it is too small for them
    uint64_t step;   // of it
    int64_t count;   // its examples
    const NnrtField *const *fields;
} NnrtFeed;

// Types and widths as for nnrt_batch_new, each of at most two batches with room for `capacity`;
// change and self may be NULL. The feed may not be moved while a batch is being gathered.
bool nnrt_feed_new(NnrtFeed *f, NnrtPool *pool, int64_t capacity, int input_count,
                   const NnrtInputType *types, const int64_t *widths, NnrtChange *change,
                   void *self, NnrtError *e);
void nnrt_feed_free(NnrtFeed *f);  // ends what is begun; also of a zeroed struct

// Begins to gather rows[0 .. n), n <= capacity, of the fields, which must stay; rows are copied.
// Nothing may have been begun that is not taken.
void nnrt_feed_begin(NnrtFeed *f, const NnrtField *const *fields, const uint32_t *rows, int64_t n,
                     uint64_t step);

// Begins to gather as many of the examples from number `at` on as there is room for; how many they
// are, 0 at the end.
int64_t nnrt_feed_from(NnrtFeed *f, const NnrtExamples *x, int64_t at);

// The batch that was begun, whole; it stays until the next one has been taken.
const NnrtBatch *nnrt_feed_take(NnrtFeed *f);

// Ends what has been begun, which is lost: afterwards no thread looks at fields.
void nnrt_feed_end(NnrtFeed *f);

#endif
