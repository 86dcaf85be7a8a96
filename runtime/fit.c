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
    uint32_t *order[2];     // u32[examples]: rows in that order, of even and of odd passes
    NnrtStep next;          // but for epoch and validation_loss
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
    uint32_t *order = l->order[pass % 2];
    if (!f->shuffle) {
        memcpy(order, f->rows, (size_t)f->examples * sizeof *order);
        return;
    }
    nnrt_permutation(f->seed, NNRT_STREAM_SHUFFLE, (uint64_t)pass, (uint32_t)f->examples,
                     l->permutation);
    for (int64_t i = 0; i < f->examples; i++)
        order[i] = f->rows[l->permutation[i]];
}

// Takes the next batch of the endless sequence. The one before stays as it is, be it of the pass
// before.
static void advance(Loop *l)
{
    const NnrtFit *f = l->fit;
    const int64_t steps = nnrt_fit_pass_steps(f);
    const int64_t pass = l->batch / steps;
    const int64_t at = l->batch % steps;
    if (at == 0)
        order_pass(l, pass);
    l->batch++;
    const int64_t first = at * f->batch_size;
    const int64_t left = f->examples - first;
    l->next = (NnrtStep){
        .rows = l->order[pass % 2] + first,
        .count = left < f->batch_size ? left : f->batch_size,
        .step = l->batch,
    };
}

// Does step `i` of the epoch, with the step after it in sight.
static NnrtStep do_step(Loop *l, const NnrtEpoch *epoch, int64_t i, int64_t steps)
{
    const NnrtFit *f = l->fit;
    const bool last = epoch->epoch == f->epochs && i + 1 == steps;
    NnrtStep s = l->next;
    s.epoch = (double)(epoch->epoch - 1) + (double)i / (double)steps;
    s.validation_loss = l->validation_loss;
    if (!last)
        advance(l);
    l->result->loss = f->step(f->self, &s, last ? NULL : &l->next);
    l->result->steps = s.step;
    return s;
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
        const NnrtStep s = do_step(l, epoch, i, steps);
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
    advance(l);
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
    l->order[0] = nnrt_alloc(n, sizeof *l->order[0], e);
    l->order[1] = nnrt_alloc(n, sizeof *l->order[1], e);
    l->kept = nnrt_alloc(f->variable_bytes, 1, e);
    return l->permutation && l->order[0] && l->order[1] && l->kept;
}

bool nnrt_fit(const NnrtFit *f, NnrtFitResult *r, NnrtError *e)
{
    *r = (NnrtFitResult){.end = NNRT_FIT_DONE};
    Loop l = {.fit = f, .result = r, .best = INFINITY, .validation_loss = INFINITY};
    const bool done = prepare(&l, e) && run_epochs(&l, e);
    free(l.permutation);
    free(l.order[0]);
    free(l.order[1]);
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
