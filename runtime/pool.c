// pool.c -- a fixed set of threads, one run at a time.
//
// The pieces of a run lie in tracks, one for each thread, which begins with its own: what it wrote
// in one kernel is in its cache when it reads it in the next. Then it helps on the others'. A
// track's word, the ticket, holds the number of the run and that of the track's next piece. Whoever
// raises it from t to t + 1 has claimed piece t; the caller waits until all pieces are computed. A
// thread that wakes late finds no piece left and is not waited for, so on a busy machine the caller
// loses no time to threads that the system does not run.
//
// A second run of the same kind is for work that has time: threads take a piece of it where they
// would otherwise wait for the next run.

#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "alloc.h"
#include "float_mode.h"

// Turns of the wait loop before a thread goes to sleep: 50 to 150 microseconds, depending on what
// the processor makes of a pause; longer than the gap between two kernels of a training step. A
// thread that spins longer takes the core from those who work.
#define SPINS 4000

// The ticket: the run in the upper half, its next piece in the lower.
#define RUN_SHIFT 32
#define PIECE_MASK ((UINT64_C(1) << RUN_SHIFT) - 1)

typedef struct Track {
    _Alignas(64) atomic_uint_fast64_t ticket;
} Track;

// What a run computes. A thread that is late may read the job of one run as that of another: its
// claim fails then.
typedef struct Job {
    _Alignas(64) _Atomic(NnrtPiece *) fn;
    _Atomic(void *) arg;
    atomic_int_fast64_t count;
    atomic_int_fast64_t grain;
    atomic_uint_fast64_t mode;  // of floating-point numbers, the caller's
} Job;

// What threads write in turns lies in lines of the cache of its own, and is written once a run.
typedef struct Run {
    Track tracks[NNRT_MAX_THREADS];  // of as many as there are threads
    int track_count;
    Job jobs[2];                                // of runs with even numbers, and with odd ones
    _Alignas(64) atomic_int_fast64_t computed;  // pieces, by others than the caller, of all runs
    _Alignas(64) int64_t awaited;               // the caller's: the same, as it is when all is done
} Run;

struct NnrtPool {
    int threads;            // the caller's included
    struct Worker *others;  // threads - 1
    Run run;                // what the caller waits for
    Run ahead;              // what was begun and is not yet wanted
    bool begun;             // the caller's: there is such a run
    atomic_bool quit;

    pthread_mutex_t lock;  // guards the sleep
    pthread_cond_t wake;   // a run has begun
    atomic_int asleep;     // threads in it
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static int64_t piece_count(int64_t count, int64_t grain)
{
    return (count - 1) / grain + 1;
}

static uint64_t number_of(Run *r, int track)
{
    return atomic_load(&r->tracks[track].ticket) >> RUN_SHIFT;
}

static Job *job_of(Run *r, uint64_t number)
{
    return &r->jobs[number & 1];
}

static int64_t first_piece(const Run *r, int64_t pieces, int track)
{
    return pieces * track / r->track_count;
}

// A job as one thread has read it, for a run that may be over by now.
typedef struct Read {
    NnrtPiece *fn;
    void *arg;
    int64_t count, grain, pieces;
    NnrtFloatMode mode;
} Read;

static Read read_job(Run *r, uint64_t number)
{
    Job *j = job_of(r, number);
    Read read = {
        .fn = atomic_load_explicit(&j->fn, memory_order_acquire),
        .arg = atomic_load_explicit(&j->arg, memory_order_acquire),
        .count = atomic_load_explicit(&j->count, memory_order_acquire),
        .grain = atomic_load_explicit(&j->grain, memory_order_acquire),
        .mode = atomic_load_explicit(&j->mode, memory_order_acquire),
    };
    read.pieces = read.grain > 0 ? piece_count(read.count, read.grain) : 0;
    return read;
}

static void compute_piece(const Read *j, int64_t piece)
{
    const int64_t lo = piece * j->grain;
    j->fn(j->arg, lo, j->count - lo < j->grain ? j->count : lo + j->grain);
}

// Claims the next piece of a track of run `number`; -1: none is left there.
static int64_t claim(Run *r, int track, uint64_t number, const Read *j)
{
    atomic_uint_fast64_t *word = &r->tracks[track].ticket;
    const int64_t first = first_piece(r, j->pieces, track);
    const int64_t count = first_piece(r, j->pieces, track + 1) - first;
    uint64_t ticket = atomic_load_explicit(word, memory_order_acquire);
    while (ticket >> RUN_SHIFT == number && (int64_t)(ticket & PIECE_MASK) < count)
        if (atomic_compare_exchange_weak_explicit(word, &ticket, ticket + 1, memory_order_acq_rel,
                                                  memory_order_acquire))
            return first + (int64_t)(ticket & PIECE_MASK);
    return -1;
}

// Computes up to `most` pieces, those of the thread's own track first, then those of the tracks
// behind it. Returns how many.
static int64_t take_pieces(Run *r, int own, uint64_t number, int64_t most)
{
    const Read j = read_job(r, number);
    int64_t done = 0, piece;
    for (int i = 0; i < r->track_count; i++)
        while (done < most && (piece = claim(r, (own + i) % r->track_count, number, &j)) >= 0) {
            if (done++ == 0 && j.mode != nnrt_float_mode())
                nnrt_set_float_mode(j.mode);
            compute_piece(&j, piece);
        }
    return done;
}

// The same by a thread that is not the caller, who waits for the news.
static bool help(Run *r, int own, uint64_t number, int64_t most)
{
    const int64_t done = take_pieces(r, own, number, most);
    if (done > 0)
        atomic_fetch_add_explicit(&r->computed, done, memory_order_release);
    return done > 0;
}

static bool track_has_piece(Run *r, int track)
{
    const uint64_t ticket = atomic_load(&r->tracks[track].ticket);
    const int64_t pieces = read_job(r, ticket >> RUN_SHIFT).pieces;
    return first_piece(r, pieces, track) + (int64_t)(ticket & PIECE_MASK) <
           first_piece(r, pieces, track + 1);
}

static bool has_piece(Run *r)
{
    for (int i = 0; i < r->track_count; i++)
        if (track_has_piece(r, i))
            return true;
    return false;
}

// Turns until there is a run after `seen`, or time to sleep. A piece of the run ahead is short, and
// after each of them the run that is waited for comes first.
static bool spin(NnrtPool *p, int own, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (number_of(&p->run, own) != seen)
            return true;
        if (help(&p->ahead, own, number_of(&p->ahead, own), 1))
            i = 0;
        else
            relax();
    }
    return false;
}

// The number of a run after `seen`, or `seen` when there is something to do ahead.
static uint64_t wait_for_run(NnrtPool *p, int own, uint64_t seen)
{
    if (spin(p, own, seen))
        return number_of(&p->run, own);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->asleep, 1);
    while (number_of(&p->run, own) == seen && !has_piece(&p->ahead))
        pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->asleep, 1);
    pthread_mutex_unlock(&p->lock);
    return number_of(&p->run, own);
}

// A thread, and the track that it begins with.
typedef struct Worker {
    NnrtPool *pool;
    int own;
    pthread_t thread;
} Worker;

static void *work(void *worker)
{
    const Worker *w = worker;
    NnrtPool *p = w->pool;
    for (uint64_t run = 0;;) {
        run = wait_for_run(p, w->own, run);
        if (atomic_load(&p->quit))
            return NULL;
        help(&p->run, w->own, run, INT64_MAX);
    }
}

static void set_job(Job *j, NnrtPiece *fn, void *arg, int64_t count, int64_t grain)
{
    atomic_store_explicit(&j->fn, fn, memory_order_release);
    atomic_store_explicit(&j->arg, arg, memory_order_release);
    atomic_store_explicit(&j->count, count, memory_order_release);
    atomic_store_explicit(&j->grain, grain, memory_order_release);
    atomic_store_explicit(&j->mode, nnrt_float_mode(), memory_order_release);
}

// A thread counts itself asleep before it looks at the tickets for the last time, and tickets are
// raised before the sleepers are counted: one of the two sees the other.
static void wake_sleepers(NnrtPool *p)
{
    if (atomic_load(&p->asleep) > 0) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
    }
}

// All pieces of the run before are claimed, so that its job is not read for anything that counts;
// that of the one before it was in the place of this one's.
static uint64_t start_run(NnrtPool *p, Run *r, NnrtPiece *fn, void *arg, int64_t count,
                          int64_t grain)
{
    const uint64_t run = (number_of(r, 0) + 1) & PIECE_MASK;
    set_job(job_of(r, run), fn, arg, count, grain);
    for (int i = r->track_count - 1; i >= 0; i--)
        atomic_store(&r->tracks[i].ticket, run << RUN_SHIFT);
    wake_sleepers(p);
    return run;
}

// Computes what is left of a run. When all pieces are claimed, those who claimed the last ones are
// at work, if the system lets them.
static void end_run(Run *r, uint64_t number, int64_t pieces)
{
    r->awaited += pieces - take_pieces(r, 0, number, INT64_MAX);
    for (int i = 0; atomic_load_explicit(&r->computed, memory_order_acquire) != r->awaited; i++) {
        if (i < SPINS)
            relax();
        else
            sched_yield();
    }
}

void nnrt_pool_run(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain)
{
    if (count <= 0)
        return;
    const int64_t pieces = piece_count(count, grain);
    if (!p || p->threads == 1 || pieces == 1) {
        for (int64_t lo = 0; lo < count; lo += grain)
            fn(arg, lo, count - lo < grain ? count : lo + grain);
        return;
    }
    end_run(&p->run, start_run(p, &p->run, fn, arg, count, grain), pieces);
}

void nnrt_pool_share(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain)
{
    enum { PIECES = 16 };  // for each thread: the last to end keeps the others waiting for 1/16
    if (count <= 0)
        return;
    const int64_t pieces = piece_count(count, grain);
    const int64_t wanted = PIECES * (int64_t)nnrt_pool_threads(p);
    const int64_t together = p && p->threads > 1 ? (pieces - 1) / wanted + 1 : pieces;
    nnrt_pool_run(p, fn, arg, count, grain * together);
}

void nnrt_pool_begin(NnrtPool *p, NnrtPiece *fn, void *arg, int64_t count, int64_t grain)
{
    nnrt_pool_end(p);
    p->begun = count > 0;
    if (p->begun)
        start_run(p, &p->ahead, fn, arg, count, grain);
}

void nnrt_pool_end(NnrtPool *p)
{
    if (!p->begun)
        return;
    const uint64_t run = number_of(&p->ahead, 0);
    end_run(&p->ahead, run, read_job(&p->ahead, run).pieces);
    p->begun = false;
}

// ---- making and ending

static void join_others(NnrtPool *p, int started)
{
    atomic_store(&p->quit, true);
    start_run(p, &p->run, NULL, NULL, 0, 1);
    for (int i = 0; i < started; i++)
        pthread_join(p->others[i].thread, NULL);
}

static void destroy(NnrtPool *p)
{
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p->others);
    free(p);
}

static bool start_others(NnrtPool *p, NnrtError *e)
{
    for (int i = 0; i < p->threads - 1; i++) {
        p->others[i] = (Worker){.pool = p, .own = i + 1};
        if (pthread_create(&p->others[i].thread, NULL, work, &p->others[i]) != 0) {
            join_others(p, i);
            return nnrt_fail(e, "the system starts no more than %d of %d threads", i + 1,
                             p->threads);
        }
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
    *p = (NnrtPool){.threads = threads, .run.track_count = threads, .ahead.track_count = threads};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
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
        return 1;  // more cores than the set holds, or none of our business
    const int cores = CPU_COUNT(&set);
    return cores < 1 ? 1 : cores > NNRT_MAX_THREADS ? NNRT_MAX_THREADS : cores;
}
