// fit.h -- the training loop: which examples a step sees, epochs, early stopping, divergence.
//
// The loop decides what a step is given and when to stop. Computing a step or an evaluation, and
// telling the user, are the caller's: five functions. No step allocates.
//
// Examples come in passes, each in an order of its own (permutation number `pass` of the seed's
// shuffle stream); the last batch of a pass may be smaller. An epoch is one pass, or the next
// `steps_per_epoch` batches of the endless sequence of passes.

#ifndef NNRT_FIT_H
#define NNRT_FIT_H

#include "error.h"

// What a step is given.
typedef struct NnrtStep {
    const uint32_t *rows;    // u32[count]
    int64_t count;           // examples
    int64_t step;            // from 1
    double epoch;            // epochs done, a real number: 1.5 is half way through the second
    double validation_loss;  // of the last epoch; INFINITY before there is one
} NnrtStep;

#define NNRT_FIT_MAX_VALUES 16

// What came of an epoch. Value 0 is the loss, the others are the metrics; NAN: not measured.
typedef struct NnrtEpoch {
    int64_t epoch;     // from 1
    int64_t examples;  // that its steps saw
    double seconds;    // spent in its steps
    double training[NNRT_FIT_MAX_VALUES];
    double validation[NNRT_FIT_MAX_VALUES];
    bool best;  // the least validation loss so far
} NnrtEpoch;

typedef struct NnrtFit {
    const uint32_t *rows;  // u32[examples]: the rows to train on
    int64_t examples;
    int64_t batch_size;  // <= examples
    int64_t epochs;
    int64_t steps_per_epoch;  // 0: one pass
    int64_t patience;         // epochs without a better validation loss before stopping; 0: never
    uint64_t seed;
    bool shuffle;
    void *variables;  // all that a step changes, of which a copy is kept
    size_t variable_bytes;

    void *self;  // the first argument of the functions
    // Does a step; the mean loss of its examples. NaN or infinite: the training has diverged.
    // `next` is the step after it, so that its examples can be gathered meanwhile: rows, count and
    // step. NULL: there is none.
    double (*step)(void *self, const NnrtStep *s, const NnrtStep *next);
    // Measures after an epoch: training[1 ..] (training[0] is set) and validation[0 ..].
    void (*measure)(void *self, double *training, double *validation);
    void (*stepped)(void *self, int64_t step, int64_t steps, double loss, int64_t examples);
    void (*finished)(void *self, const NnrtEpoch *epoch);
    int (*interrupted)(void *self);  // a signal's number, or 0; asked after each step
} NnrtFit;

typedef enum NnrtFitEnd {
    NNRT_FIT_DONE,         // all epochs; with `patience` the variables are those of the best one
    NNRT_FIT_EARLY,        // validation got no better; likewise those of the best epoch
    NNRT_FIT_DIVERGED,     // a loss that is no number; the variables are those of `kept_epoch`
    NNRT_FIT_INTERRUPTED,  // the variables are those after the last step
} NnrtFitEnd;

typedef struct NnrtFitResult {
    NnrtFitEnd end;
    NnrtEpoch *history;  // owned; [epoch_count]
    int64_t epoch_count;
    int64_t steps;       // done, the one that diverged included
    int64_t kept_epoch;  // whose variables there are now, 0: the initial ones (not INTERRUPTED)
    double loss;         // of the last step
    int signal;          // INTERRUPTED
} NnrtFitResult;

// Trains. False with the error filled only when memory for the loop itself is wanting; *r is then
// empty.
bool nnrt_fit(const NnrtFit *f, NnrtFitResult *r, NnrtError *e);
void nnrt_fit_free(NnrtFitResult *r);

// Batches of one pass: examples / batch_size, rounded up.
int64_t nnrt_fit_pass_steps(const NnrtFit *f);

#endif
