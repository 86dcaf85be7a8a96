// real_layers.h -- which layers of a quantized model stay f32, as a warning.

#ifndef NNC_REAL_LAYERS_H
#define NNC_REAL_LAYERS_H

#include "nnc.h"

// One warning for all of m->plan, by the names of the summary.
void report_real_layers(NncModel *m);

#endif
