// pool.c -- a fixed set of threads, one run at a time.
//
// A run is published by raising `epoch`; threads claim pieces by raising `next`, and the caller
// waits until every thread has reported the run finished. Only then may the next run change the
// job, so a thread that comes late never mixes two runs.

#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "alloc.h"

// Turns of the wait loop before a thread goes to sleep: 50 to 150 microseconds, depending on what
// the processor makes of a pause; longer than the gap between two kernels of a training step. A
// thread that spins longer takes the core from those who work.
#define SPINS 4000

struct NnrtPool {
    int threads;       // the caller's included
    pthread_t *others; // threads - 1

    // The job; written by the caller while no thread looks at it.
    NnrtPiece *fn;
    void *arg;
    int64_t count;
    int64_t grain;

    _Alignas(64) atomic_int_fast64_t next; // the first piece that nobody has claimed
    _Alignas(64) atomic_uint epoch;        // number of the run
    _Alignas(64) atomic_int busy;          // threads that are not through with this run
    atomic_bool quit;

    pthread_mutex_t lock; // guards the two sleeps
    pthread_cond_t wake;  // a run has begun
    pthread_cond_t done;  // busy has reached 0
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void compute_piece(NnrtPiece *fn, void *arg, int64_t count, int64_t grain, int64_t piece)
{
    const int64_t lo = piece * grain;
    fn(arg, lo, count - lo < grain ? count : lo + grain);
}

static int64_t piece_count(int64_t count, int64_t grain)
{
    return (count - 1) / grain + 1;
}

static void take_pieces(NnrtPool *p)
{
    const int64_t pieces = piece_count(p->count, p->grain);
    for (;;) {
        const int64_t piece = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (piece >= pieces)
            return;
        compute_piece(p->fn, p->arg, p->count, p->grain, piece);
    }
}

static void wait_for_run(NnrtPool *p, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&p->epoch, memory_order_acquire) != seen)
            return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->epoch) == seen)
        pthread_cond_wait(&p->wake, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void report_done(NnrtPool *p)
{
    if (atomic_fetch_sub(&p->busy, 1) != 1)
        return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
}

static void *work(void *pool)
{
    NnrtPool *p = pool;
    for (unsigned seen = 0;; seen++) {
        wait_for_run(p, seen);
        if (atomic_load(&p->quit))
            return NULL;
        take_pieces(p);
        report_done(p);
    }
}

static void begin(NnrtPool *p)
{
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store(&p->busy, p->threads - 1);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->epoch, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for_others(NnrtPool *p)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&p->busy, memory_order_acquire) == 0)
            return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->busy) > 0)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void nnrt_pool_run(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain)
{
    if (count <= 0)
        return;
    const int64_t pieces = piece_count(count, grain);
    if (!p || p->threads == 1 || pieces == 1) {
        for (int64_t piece = 0; piece < pieces; piece++)
            compute_piece(fn, arg, count, grain, piece);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->count = count;
    p->grain = grain;
    begin(p);
    take_pieces(p);
    wait_for_others(p);
}

// ---- making and ending

static void join_others(NnrtPool *p, int started)
{
    atomic_store(&p->quit, true);
    begin(p);
    for (int i = 0; i < started; i++)
        pthread_join(p->others[i], NULL);
}

static void destroy(NnrtPool *p)
{
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    free(p->others);
    free(p);
}

static bool start_others(NnrtPool *p, NnrtError *e)
{
    for (int i = 0; i < p->threads - 1; i++)
        if (pthread_create(&p->others[i], NULL, work, p) != 0) {
            join_others(p, i);
            return nnrt_fail(e, "the system starts no more than %d of %d threads", i + 1,
                             p->threads);
        }
    return true;
}

NnrtPool *nnrt_pool_new(int threads, NnrtError *e)
{
    if (threads < 1 || threads > NNRT_MAX_THREADS) {
        nnrt_fail(e, "%d threads; there must be 1 to %d", threads, NNRT_MAX_THREADS);
        return NULL;
    }
    NnrtPool *p = aligned_alloc(_Alignof(NnrtPool), sizeof *p);
    if (!p) {
        nnrt_fail(e, "out of memory for the threads");
        return NULL;
    }
    *p = (NnrtPool){.threads = threads};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->others = nnrt_alloc((size_t)threads, sizeof *p->others, e);
    if (!p->others || !start_others(p, e)) {
        destroy(p);
        return NULL;
    }
    return p;
}

void nnrt_pool_free(NnrtPool *p)
{
    if (!p)
        return;
    join_others(p, p->threads - 1);
    destroy(p);
}

int nnrt_pool_threads(const NnrtPool *p)
{
    return p ? p->threads : 1;
}

int nnrt_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1; // more cores than the set holds, or none of our business
    const int cores = CPU_COUNT(&set);
    return cores < 1 ? 1 : cores > NNRT_MAX_THREADS ? NNRT_MAX_THREADS : cores;
}
