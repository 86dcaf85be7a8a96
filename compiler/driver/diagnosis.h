// diagnosis.h -- what the errors in training and on held-out data together say about a model.

#ifndef NNC_DIAGNOSIS_H
#define NNC_DIAGNOSIS_H

#include "driver/terminal.h"

// Errors are comparable numbers where less is better and 0 is perfect: shares of wrong answers, or
// mean squared errors.
typedef struct Errors {
    double training;
    double validation;  // NAN: none measured
    double baseline;    // of the best constant prediction
    double target;      // as stated in `train`; NAN: not stated
    bool is_share;      // shown in percent
    double first_loss;  // of the first step
    double least_loss;  // of all epochs
} Errors;

typedef enum Verdict {
    VERDICT_FITS,
    VERDICT_VARIANCE,
    VERDICT_BIAS,
    VERDICT_BIAS_AND_VARIANCE,
    VERDICT_LOSS_GREW,
    VERDICT_CHANCE,
    VERDICT_COUNT
} Verdict;

// The training error is low when it is at most the target, or without one a quarter of the
// baseline. Validation is much higher when it exceeds training by half of it and by a twentieth of
// the baseline. Where training is not low, a loss that was never less than half as much again as at
// the start has grown, and an error that is that of a constant prediction is chance.
Verdict diagnose(const Errors *e);

// `held` is the part that was held out: "validation" or "test".
void diagnosis_print(const Terminal *t, const char *held, const Errors *e);

#endif
