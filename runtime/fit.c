// fit.c -- the training loop.

#include "fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "random.h"

typedef struct Loop {
    const NnrtFit *fit;
    NnrtFitResult *result;
    uint32_t *permutation;  // u32[examples]: the order of the current pass
    uint32_t *order;        // u32[examples]: rows in that order
    void *kept;             // copy of the variables to go back to
    int64_t batch;          // index in the endless sequence of batches
    double best;            // least validation loss
    int64_t waited;         // epochs since
    double validation_loss;
    int64_t capacity;  // epochs that the history has room for
} Loop;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t nnrt_fit_pass_steps(const NnrtFit *f)
{
    return (f->examples + f->batch_size - 1) / f->batch_size;
}

static int64_t epoch_steps(const NnrtFit *f)
{
    return f->steps_per_epoch > 0 ? f->steps_per_epoch : nnrt_fit_pass_steps(f);
}

static void order_pass(Loop *l, int64_t pass)
{
    const NnrtFit *f = l->fit;
    if (!f->shuffle) {
        memcpy(l->order, f->rows, (size_t)f->examples * sizeof *l->order);
        return;
    }
    nnrt_permutation(f->seed, NNRT_STREAM_SHUFFLE, (uint64_t)pass, (uint32_t)f->examples,
                     l->permutation);
    for (int64_t i = 0; i < f->examples; i++)
        l->order[i] = f->rows[l->permutation[i]];
}

// The next batch of the endless sequence.
static NnrtStep next_step(Loop *l, double epoch)
{
    const NnrtFit *f = l->fit;
    const int64_t steps = nnrt_fit_pass_steps(f);
    const int64_t at = l->batch % steps;
    if (at == 0)
        order_pass(l, l->batch / steps);
    l->batch++;
    const int64_t first = at * f->batch_size;
    const int64_t left = f->examples - first;
    return (NnrtStep){
        .rows = l->order + first,
        .count = left < f->batch_size ? left : f->batch_size,
        .step = l->batch,
        .epoch = epoch,
        .validation_loss = l->validation_loss,
    };
}

static void keep(Loop *l, int64_t epoch)
{
    memcpy(l->kept, l->fit->variables, l->fit->variable_bytes);
    l->result->kept_epoch = epoch;
}

static bool stop(Loop *l, NnrtFitEnd end)
{
    l->result->end = end;
    if (end == NNRT_FIT_EARLY || end == NNRT_FIT_DIVERGED)
        memcpy(l->fit->variables, l->kept, l->fit->variable_bytes);
    return false;
}

// The steps of an epoch; false when the training ends in one of them.
static bool run_steps(Loop *l, NnrtEpoch *epoch)
{
    const NnrtFit *f = l->fit;
    NnrtFitResult *r = l->result;
    const int64_t steps = epoch_steps(f);
    double sum = 0;
    for (int64_t i = 0; i < steps; i++) {
        const double done = (double)(epoch->epoch - 1) + (double)i / (double)steps;
        const NnrtStep s = next_step(l, done);
        r->loss = f->step(f->self, &s);
        r->steps = s.step;
        if (!isfinite(r->loss))
            return stop(l, NNRT_FIT_DIVERGED);
        sum += r->loss * (double)s.count;
        epoch->examples += s.count;
        epoch->training[0] = sum / (double)epoch->examples;
        f->stepped(f->self, i + 1, steps, epoch->training[0], epoch->examples);
        r->signal = f->interrupted(f->self);
        if (r->signal)
            return stop(l, NNRT_FIT_INTERRUPTED);
    }
    return true;
}

// Without patience every epoch is worth keeping: it is what a later divergence goes back to.
static void judge(Loop *l, NnrtEpoch *epoch)
{
    const NnrtFit *f = l->fit;
    l->validation_loss = isnan(epoch->validation[0]) ? INFINITY : epoch->validation[0];
    epoch->best = l->validation_loss < l->best;
    if (epoch->best)
        l->best = l->validation_loss;
    l->waited = epoch->best ? 0 : l->waited + 1;
    if (epoch->best || f->patience == 0)
        keep(l, epoch->epoch);
}

static NnrtEpoch *next_epoch(Loop *l, NnrtError *e)
{
    NnrtFitResult *r = l->result;
    if (r->epoch_count == l->capacity) {
        const int64_t capacity = l->capacity ? 2 * l->capacity : 64;
        NnrtEpoch *history = nnrt_resize(r->history, (size_t)capacity, sizeof *history, e);
        if (!history)
            return NULL;
        r->history = history;
        l->capacity = capacity;
    }
    NnrtEpoch *epoch = &r->history[r->epoch_count];
    *epoch = (NnrtEpoch){.epoch = r->epoch_count + 1};
    for (int i = 0; i < NNRT_FIT_MAX_VALUES; i++)
        epoch->training[i] = epoch->validation[i] = NAN;
    return epoch;
}

// False when the training ends with this epoch.
static bool run_epoch(Loop *l, NnrtEpoch *epoch)
{
    const NnrtFit *f = l->fit;
    const double start = now();
    if (!run_steps(l, epoch))
        return false;
    epoch->seconds = now() - start;
    f->measure(f->self, epoch->training, epoch->validation);
    l->result->epoch_count++;
    judge(l, epoch);
    f->finished(f->self, epoch);
    if (f->patience > 0 && l->waited >= f->patience)
        return stop(l, NNRT_FIT_EARLY);
    return true;
}

static bool run_epochs(Loop *l, NnrtError *e)
{
    const NnrtFit *f = l->fit;
    keep(l, 0);
    for (int64_t i = 0; i < f->epochs; i++) {
        NnrtEpoch *epoch = next_epoch(l, e);
        if (!epoch)
            return false;
        if (!run_epoch(l, epoch))
            return true;
    }
    if (f->patience > 0)
        memcpy(f->variables, l->kept, f->variable_bytes);
    return true;
}

static bool prepare(Loop *l, NnrtError *e)
{
    const NnrtFit *f = l->fit;
    const size_t n = (size_t)f->examples;
    l->permutation = nnrt_alloc(n, sizeof *l->permutation, e);
    l->order = nnrt_alloc(n, sizeof *l->order, e);
    l->kept = nnrt_alloc(f->variable_bytes, 1, e);
    return l->permutation && l->order && l->kept;
}

bool nnrt_fit(const NnrtFit *f, NnrtFitResult *r, NnrtError *e)
{
    *r = (NnrtFitResult){.end = NNRT_FIT_DONE};
    Loop l = {.fit = f, .result = r, .best = INFINITY, .validation_loss = INFINITY};
    const bool done = prepare(&l, e) && run_epochs(&l, e);
    free(l.permutation);
    free(l.order);
    free(l.kept);
    if (!done)
        nnrt_fit_free(r);
    return done;
}

void nnrt_fit_free(NnrtFitResult *r)
{
    free(r->history);
    *r = (NnrtFitResult){0};
}
