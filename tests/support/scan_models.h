// scan_models.h -- graphs with scans, for every stage that has to do with them.

#ifndef NNC_SCAN_MODELS_H
#define NNC_SCAN_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef enum ScanModel {
    // Two carried values that change places, a weight that contracts with a step and one with a
    // carried value, a bias, a weight used element by element, results of two shapes, a first value
    // that is learned. Variables w, u, b, h0, v; inputs x, target.
    SCAN_MODEL_CELL,
    // A scan in a scan, without the batch; a carried i32, a bool, an unused result. Variables x, a.
    SCAN_MODEL_NESTED,
    // A gru and a dense layer: gates that are slices of one contraction. Inputs x, target.
    SCAN_MODEL_GATES,
    SCAN_MODEL_COUNT
} ScanModel;

// The text of a graph whose first output is "loss", a scalar.
const char *scan_model(Arena *a, ScanModel model, int64_t length, bool reverse);

#endif
