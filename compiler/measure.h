// measure.h -- what the kernels of a graph take on this machine, and what they could.

#ifndef NNC_MEASURE_H
#define NNC_MEASURE_H

#include "nnc.h"

// Adds the kernels of `g` to *out, each with its FLOP, its bytes, the bound that these set on one
// core of this machine and the time measured there, on made-up data. False with the reason in
// *error when native code cannot be made.
bool measure_print(NncModel *m, const Graph *g, int64_t batch, Text *out, const char **error);

#endif
