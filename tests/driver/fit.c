// fit.c -- the training loop, with a model that is one number.

#include "fit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { EXAMPLES = 10, MOST_STEPS = 256 };

typedef struct Fake {
    double weight;  // the only variable: the number of steps that it has seen
    int64_t counts[MOST_STEPS];
    uint32_t rows[MOST_STEPS];  // the first row of each step
    int64_t seen[EXAMPLES];     // how often each row was in a batch
    double epochs[MOST_STEPS];
    int64_t steps;
    const double *validation;  // by epoch; NULL: none
    int64_t measured;
    int64_t diverges_at;  // step; 0: never
    int64_t interrupted_at;
    NnrtStep next;  // as the last step was told; step 0: there is none
} Fake;

static double fake_step(void *self, const NnrtStep *s, const NnrtStep *next)
{
    Fake *f = self;
    if (f->steps > 0)  // what was announced is what comes, and none but the last has no next
        cr_expect(s->step == f->next.step && s->rows == f->next.rows && s->count == f->next.count);
    f->next = next ? *next : (NnrtStep){0};
    f->counts[f->steps] = s->count;
    f->rows[f->steps] = s->rows[0];
    f->epochs[f->steps] = s->epoch;
    for (int64_t i = 0; i < s->count; i++)
        f->seen[s->rows[i]]++;
    f->steps++;
    cr_expect_eq(s->step, f->steps);
    f->weight += 1;
    return s->step == f->diverges_at ? NAN : (double)s->count;
}

static void fake_measure(void *self, double *training, double *validation)
{
    Fake *f = self;
    (void)training;
    if (f->validation)
        validation[0] = f->validation[f->measured];
    f->measured++;
}

static void ignore_step(void *self, int64_t step, int64_t steps, double loss, int64_t examples)
{
    (void)self, (void)step, (void)steps, (void)loss, (void)examples;
}

static void ignore_epoch(void *self, const NnrtEpoch *epoch)
{
    (void)self, (void)epoch;
}

static int fake_interrupted(void *self)
{
    const Fake *f = self;
    return f->interrupted_at == f->steps ? 2 : 0;
}

static const uint32_t all_rows[EXAMPLES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static NnrtFit fit_of(Fake *f)
{
    return (NnrtFit){
        .rows = all_rows,
        .examples = EXAMPLES,
        .batch_size = 4,
        .epochs = 3,
        .shuffle = true,
        .variables = &f->weight,
        .variable_bytes = sizeof f->weight,
        .self = f,
        .step = fake_step,
        .measure = fake_measure,
        .stepped = ignore_step,
        .finished = ignore_epoch,
        .interrupted = fake_interrupted,
    };
}

static NnrtFitResult run(const NnrtFit *fit)
{
    NnrtFitResult r;
    NnrtError e;
    cr_assert(nnrt_fit(fit, &r, &e));
    return r;
}

Test(fit, every_example_once_an_epoch_and_a_partial_batch_last)
{
    Fake f = {0};
    const NnrtFit fit = fit_of(&f);
    NnrtFitResult r = run(&fit);
    cr_expect_eq(r.end, NNRT_FIT_DONE);
    cr_expect_eq(f.steps, 9);
    cr_expect_eq(f.next.step, 0);
    for (int i = 0; i < 9; i++)
        cr_expect_eq(f.counts[i], i % 3 == 2 ? 2 : 4);
    for (int i = 0; i < EXAMPLES; i++)
        cr_expect_eq(f.seen[i], 3);
    // Each example counts the same: (4 * 4 + 4 * 4 + 2 * 2) / 10.
    cr_expect_float_eq(r.history[0].training[0], 3.6, 1e-12);
    cr_expect_float_eq(f.epochs[4], 1 + 1.0 / 3, 1e-12);
    nnrt_fit_free(&r);
}

Test(fit, the_order_is_the_seeds)
{
    Fake f = {0};
    Fake g = {0};
    Fake h = {0};
    NnrtFit fit = fit_of(&f);
    NnrtFitResult r = run(&fit);
    nnrt_fit_free(&r);
    fit = fit_of(&g);
    r = run(&fit);
    nnrt_fit_free(&r);
    fit = fit_of(&h);
    fit.seed = 1;
    r = run(&fit);
    nnrt_fit_free(&r);
    cr_expect(memcmp(f.rows, g.rows, sizeof f.rows) == 0);
    cr_expect(memcmp(f.rows, h.rows, sizeof f.rows) != 0);
}

Test(fit, without_shuffling_rows_come_as_they_are)
{
    Fake f = {0};
    NnrtFit fit = fit_of(&f);
    fit.shuffle = false;
    NnrtFitResult r = run(&fit);
    cr_expect(f.rows[0] == 0 && f.rows[1] == 4 && f.rows[2] == 8 && f.rows[3] == 0);
    nnrt_fit_free(&r);
}

// Two steps an epoch, three a pass: the passes go on across epochs, as if nothing had been.
Test(fit, steps_per_epoch_go_on_where_they_stopped)
{
    Fake f = {0};
    Fake whole = {0};
    NnrtFit fit = fit_of(&f);
    fit.steps_per_epoch = 2;
    NnrtFitResult r = run(&fit);
    cr_expect_eq(f.steps, 6);
    nnrt_fit_free(&r);
    fit = fit_of(&whole);
    r = run(&fit);
    cr_expect(memcmp(f.rows, whole.rows, 6 * sizeof *f.rows) == 0);
    nnrt_fit_free(&r);
}

Test(fit, early_stopping_goes_back_to_the_best)
{
    static const double validation[] = {5, 4, 3, 3.5, 3.2, 1};
    Fake f = {.validation = validation};
    NnrtFit fit = fit_of(&f);
    fit.epochs = 6;
    fit.patience = 2;
    NnrtFitResult r = run(&fit);
    cr_expect_eq(r.end, NNRT_FIT_EARLY);
    cr_expect_eq(r.epoch_count, 5);
    cr_expect_eq(r.kept_epoch, 3);
    cr_expect_float_eq(f.weight, 9, 0);  // three steps an epoch
    cr_expect(r.history[2].best && !r.history[4].best);
    nnrt_fit_free(&r);
}

Test(fit, with_patience_the_best_is_kept_to_the_end)
{
    static const double validation[] = {5, 4, 4.5};
    Fake f = {.validation = validation};
    NnrtFit fit = fit_of(&f);
    fit.patience = 3;
    NnrtFitResult r = run(&fit);
    cr_expect_eq(r.end, NNRT_FIT_DONE);
    cr_expect_eq(r.kept_epoch, 2);
    cr_expect_float_eq(f.weight, 6, 0);
    nnrt_fit_free(&r);
}

Test(fit, divergence_goes_back_to_the_last_whole_epoch)
{
    Fake f = {.diverges_at = 8};
    const NnrtFit fit = fit_of(&f);
    NnrtFitResult r = run(&fit);
    cr_expect_eq(r.end, NNRT_FIT_DIVERGED);
    cr_expect_eq(r.steps, 8);
    cr_expect_eq(r.kept_epoch, 2);
    cr_expect_float_eq(f.weight, 6, 0);
    cr_expect(isnan(r.loss));
    nnrt_fit_free(&r);
}

Test(fit, an_interrupt_keeps_the_step)
{
    Fake f = {.interrupted_at = 5};
    const NnrtFit fit = fit_of(&f);
    NnrtFitResult r = run(&fit);
    cr_expect_eq(r.end, NNRT_FIT_INTERRUPTED);
    cr_expect_eq(r.signal, 2);
    cr_expect_float_eq(f.weight, 5, 0);
    nnrt_fit_free(&r);
}
