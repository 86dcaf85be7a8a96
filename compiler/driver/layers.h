// layers.h -- what a layer has and how it is shown: for the summary, and for a header's top.

#ifndef NNC_LAYERS_H
#define NNC_LAYERS_H

#include "nnc.h"

// What belongs to a layer, or to the whole model.
typedef struct LayerTotals {
    int64_t parameters;  // trained
    int64_t frozen;
    int64_t state;
    int64_t slots;  // an optimizer's
    double flops;
} LayerTotals;

// Of a layer with all that is inside of it; of NULL, the whole model.
LayerTotals layer_totals(const NncModel *m, const char *layer);

// Its call on one line, of at most so many cells.
const char *layer_call(Arena *a, const char *call, size_t most);

#endif
