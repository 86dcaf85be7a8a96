// synthetic.h -- small sets of made-up examples, to try a model on something that is known.

#ifndef NNC_SYNTHETIC_H
#define NNC_SYNTHETIC_H

#include "base/arena.h"
#include "dataset.h"

typedef struct SyntheticOptions {
    const char *kind;
    int64_t examples;
    double noise;  // standard deviation of what is added to each input (to the target of `line`)
    uint64_t seed;
    uint64_t part;  // other parts, other examples
} SyntheticOptions;

bool synthetic_exists(const char *kind);
const char *synthetic_names(Arena *a);  // "line, xor, ..."

// Makes "input", f32[rows, 1 or 2], and "target", f32[rows] or class codes.
bool synthetic_make(const SyntheticOptions *o, NnrtDataset *out, NnrtError *e);

#endif
