// evaluate.h -- loss and metrics over examples.

#ifndef NNC_EVALUATE_H
#define NNC_EVALUATE_H

#include "driver/job.h"

typedef struct Evaluator {
    Job *job;
    const char *names[NNRT_FIT_MAX_VALUES];  // "loss", then the metrics as `train` lists them
    int value_count;
    NnrtFeed feed;
    void **outputs;         // of evaluate
    void **finish_outputs;  // of finish
} Evaluator;

// Builds the executables of evaluate and finish, whose graphs have been compiled, for at most
// `examples` at once. False after a reported error.
bool evaluator_new(Evaluator *ev, Job *j, int64_t examples);
void evaluator_free(Evaluator *ev);

// values: double[value_count], the average over the examples, each with the same weight.
void evaluator_run(Evaluator *ev, const NnrtExamples *x, double *values);

// "test   loss 0.0912   accuracy 0.9733   450 examples" on standard output.
void evaluator_print(const Evaluator *ev, const char *part, const double *values, int64_t examples);

// Memory for the outputs of a run with up to `batch` examples, in `a`.
void **output_buffers(Arena *a, const Graph *g, int64_t batch);

#endif
