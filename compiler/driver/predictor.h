// predictor.h -- the model's outputs for examples, batch by batch.

#ifndef NNC_PREDICTOR_H
#define NNC_PREDICTOR_H

#include "driver/job.h"

// outputs: one pointer an output of predict, f32 or i32 [n, ...], for the examples rows[0 .. n).
typedef void PredictionSink(void *self, const void *const *outputs, const uint32_t *rows,
                            int64_t n);

// Runs predict, whose graph has been compiled, over all examples. False after a reported error.
bool predictor_run(Job *j, const NnrtExamples *x, PredictionSink *sink, void *self);

// Which of n numbers is the greatest; the first of equals.
int64_t argmax_of(const float *values, int64_t n);

// How a model does on a part of the data, as the diagnosis wants it.
typedef struct PartErrors {
    double error;     // share of wrong classes, or mean squared error
    double baseline;  // the same for the best constant prediction
    bool is_share;
} PartErrors;

bool measure_errors(Job *j, PartId part, int64_t most, PartErrors *out);

// counts: int64[classes, classes], row: the true class, column: the predicted one.
bool confusion_counts(Job *j, PartId part, int64_t classes, int64_t *counts);

#endif
