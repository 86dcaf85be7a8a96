// not_finite.h -- which layer is the first to give numbers that are not finite.

#ifndef NNC_NOT_FINITE_H
#define NNC_NOT_FINITE_H

#include "driver/job.h"

// Looks through the outputs of predict for n examples; where one is not finite, the interpreter
// runs that example and a warning names the layer that began it. Once a run of nnc.
void warn_not_finite(Job *j, const void *const *inputs, const void *const *outputs, int64_t n);

// The same warning, for what is no layer: "the loss".
void warn_not_finite_of(Job *j, const char *what);

#endif
