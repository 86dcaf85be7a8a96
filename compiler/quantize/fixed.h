// fixed.h -- numbers that the compiler knows once the weights are there (inside quantize/ only).

#ifndef NNC_FIXED_H
#define NNC_FIXED_H

#include "graph/graph.h"

// The elements of a value without a batch that depends on constants and variables alone; of one of
// truths they are bytes.
float *fixed_values(Arena *a, const Graph *g, const Node *n, void *block);

// The results of `n`, a function of the elements of `root` alone, for x[0 .. count).
float *fixed_function(Arena *a, const Graph *g, const Node *n, const Node *root, const float *x,
                      int64_t count);

// A fixed value as it is kept: once, whatever axes it is repeated along.
typedef struct Kept {
    const Node *node;   // whose elements they are
    Type type;          // without a batch: of size 1 where there was one
    const int8_t *map;  // axis of it -> axis of the value
    bool spread;        // it has to be repeated
} Kept;

Kept kept_of(const Node *n);

#endif
