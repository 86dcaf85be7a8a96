// shapes.h -- made-up examples of a model's own shapes: to see that it runs, and how fast.

#ifndef NNC_SHAPES_H
#define NNC_SHAPES_H

#include "driver/synthetic.h"
#include "nnc.h"

// A field for each input of the model's evaluation, targets among them: numbers from [0, 1), class
// codes below the number of classes, other whole numbers 0 or 1. There is nothing to be learnt from
// them. options->kind and noise are not read; the model must have been compiled for evaluation.
bool shapes_make(const SyntheticOptions *o, const NncModel *m, NnrtDataset *out, NnrtError *e);

#endif
