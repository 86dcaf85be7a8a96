// compare.h -- runs a graph in the JIT and in the interpreter, in double, and compares.

#ifndef NNC_TEST_COMPARE_H
#define NNC_TEST_COMPARE_H

#include "codegen/llvm/jit.h"

typedef struct CompareOptions {
    int vector_width;   // 0: the machine's
    int threads;        // of the JIT's run; 0: no pool
    int64_t batch;      // examples
    int64_t max_batch;  // that the code is made for; 0: batch
    uint64_t seed;      // of inputs, variables and random nodes
    int compile_threads;
    const char *cache;  // folder of compiled objects; NULL: none
} CompareOptions;

// The largest difference of any output or variable after the run, each over the largest magnitude
// of that tensor (at least 1). `what` (in `a`) names the worst tensor. -1 with a message in *what
// when the graph could not be compiled.
double compare_engines(Arena *a, const Graph *g, const CompareOptions *options, const char **what);

// Bytes of all outputs and variables after a run of the JIT, for comparing bit by bit.
const void *run_jit(Arena *a, const Graph *g, const CompareOptions *options, size_t *bytes);

#endif
