// pool.h -- threads that wait for work.
//
// A run covers 0 .. count-1 in pieces of `grain`; which thread computes a piece is left open, what
// a piece is depends on count and grain alone. So a result is the same for every number of threads
// as long as pieces write apart and partial sums are added up in piece order by the caller.

#ifndef NNRT_POOL_H
#define NNRT_POOL_H

#include "error.h"

typedef struct NnrtPool NnrtPool;
typedef void NnrtPiece(void *arg, int64_t lo, int64_t hi);

#define NNRT_MAX_THREADS 256

// A pool of `threads` (1 to NNRT_MAX_THREADS), the caller's included: 1 starts no thread. NULL with
// the error filled when the system refuses. Make it after any fork: threads do not survive one.
NnrtPool *nnrt_pool_new(int threads, NnrtError *e);
void nnrt_pool_free(NnrtPool *p);
int nnrt_pool_threads(const NnrtPool *p);  // NULL: 1

// The number of cores at the process's disposal (its affinity mask).
int nnrt_cores(void);

// Calls fn(arg, lo, hi) for each piece [i * grain, min((i + 1) * grain, count)), the caller taking
// part, and returns when all are done; all threads compute in the caller's floating-point mode. One
// run at a time: a pool belongs to one caller, and `fn` may not use it. p may be NULL: all on this
// thread, in order. grain >= 1; count <= 0 does nothing.
void nnrt_pool_run(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain);

// The same for work whose result does not hang on how it is cut: in pieces of a multiple of
// `grain`, all of it in one with one thread. Each piece reads again less of what all of them need.
void nnrt_pool_share(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain);

// Begins work that is not wanted yet: the other threads compute pieces of it when they have nothing
// else to do, between the runs and in their serial parts, until nnrt_pool_end computes what is left
// (with one thread: all) and returns when all is done. One at a time: begin ends what was begun
// before. A piece should last microseconds: so long a run may have to do without the thread that is
// in it. Runs may come between the two; all calls are the pool's owner's, as for a run.
void nnrt_pool_begin(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain);
void nnrt_pool_end(NnrtPool *p);

#endif
