// evaluate.h -- runs small graphs in the interpreter on made-up numbers.

#ifndef NNC_TEST_EVALUATE_H
#define NNC_TEST_EVALUATE_H

#include "graph/graph.h"

enum { TEST_BATCH = 3 };

// All numbers that runs of the graphs of one table of variables are given.
typedef struct World {
    Arena *arena;
    const Variables *variables;
    double *block;  // the variables, laid out as the interpreter wants it
    uint64_t seed;
} World;

// Numbers for all variables; those whose path holds "var" are positive, as variances are.
World world_new(Arena *a, const Variables *vs, uint64_t seed);

// The elements of variable `i`.
double *world_variable(World *w, int i, int64_t *count);

// Elements of a value of this type in a run.
int64_t world_count(const Type *t);

// Runs `g` once; the updates change the world. outputs[i] is an array in the arena. An input of
// i32 gets classes 0 to 4, "target" of f32 probabilities, others numbers of both signs.
void world_run(World *w, const Graph *g, double **outputs);

// The same in f32, every operation rounded; the world is not changed. Outputs are widened.
void world_run_f32(const World *w, const Graph *g, double **outputs);

#endif
