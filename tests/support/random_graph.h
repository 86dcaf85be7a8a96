// random_graph.h -- random graphs over the whole roster of operations, for comparing engines,
// passes and gradients with each other. The same seed gives the same graph.

#ifndef NNC_RANDOM_GRAPH_H
#define NNC_RANDOM_GRAPH_H

#include "graph/graph.h"

#define RANDOM_GRAPH_MAX_BATCH 16  // numbers stay small when a run has no more examples

typedef struct RandomGraphOptions {
    int nodes;       // how many operations are tried
    bool batch;      // some values have the batch axis
    bool variables;  // some leaves are variables, some of which are updated
    bool smooth;     // differentiable at every point: no jumps, no kinks
    bool loss;  // the first output is "loss", an f32 scalar that all f32 leaves of the DAG reach
} RandomGraphOptions;

// A verified graph whose values are finite and small for inputs and variables from random_data.
// Operations that jump (floor, comparisons, argmax, ...) read only what every engine computes to
// the last bit, so engines that differ by a few ulp still agree in them.
Graph *random_graph(Arena *a, Interner *names, uint64_t seed, RandomGraphOptions options);

// Elements for an input or a variable: f32 in [-1, 1], i32 in 0 .. 4, bool. With `f64` an f32 is a
// double of the same value.
void *random_data(Arena *a, const Type *t, int64_t batch, uint64_t seed, bool f64);

// The random numbers behind it, for tests that need more of them (splitmix64).
typedef struct Rng {
    uint64_t state;
} Rng;

uint64_t rng_next(Rng *r);
int rng_below(Rng *r, int n);                         // 0 .. n - 1
double rng_between(Rng *r, double low, double high);  // a multiple of 2^-12 of the width, as f32

#endif
