// random_model.h -- random graphs full of what passes look for: constants, masks, powers, views of
// views, softmax and its logarithm, repeated values. All values stay of moderate size, so that a
// difference is a mistake and not rounding.

#ifndef NNC_TEST_RANDOM_MODEL_H
#define NNC_TEST_RANDOM_MODEL_H

#include "graph/graph.h"

// The graph of a seed, named "predict": two inputs, four variables, some outputs. With `loss` it
// has one output instead, a scalar made of several values. Memory: `a`.
Graph *random_model(Arena *a, uint64_t seed, bool loss);

#endif
