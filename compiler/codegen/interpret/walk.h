// walk.h -- visiting the elements of up to three arrays at once, in row-major order.

#ifndef NNC_WALK_H
#define NNC_WALK_H

#include "graph/graph.h"

#define WALK_ARRAYS 3
#define WALK_DEPTH (2 * MAX_RANK)  // two inputs of a contraction

typedef struct Walk {
    int depth;
    int64_t size[WALK_DEPTH];
    int64_t index[WALK_DEPTH];
    int64_t stride[WALK_DEPTH][WALK_ARRAYS];
    int64_t at[WALK_ARRAYS];  // the element of each array that is visited
} Walk;

// A type's sizes with the batch put in, and how far apart neighbours along each axis are.
typedef struct Extent {
    int64_t size[MAX_RANK];
    int64_t stride[MAX_RANK];
} Extent;

Extent extent_of(const Type *t, int64_t batch);

// Adds an axis inside those added before; stride 0 stays on the same element.
void walk_axis(Walk *w, int64_t size, int64_t first, int64_t second, int64_t third);

// Goes to the next element; false at the end. A walk begins on its first element.
bool walk_next(Walk *w);

#endif
