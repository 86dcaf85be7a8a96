// engine.h -- what runs a graph. The interpreter is the reference; the JIT is what users get.

#ifndef NNC_ENGINE_H
#define NNC_ENGINE_H

#include "graph/graph.h"

struct NnrtPool;

// All that one run of a graph is given. Nothing here is allocated or kept by the engine.
typedef struct RunArgs {
    void *variables;            // the block of all variables, laid out by Variable.offset
    const void *const *inputs;  // a pointer for each graph input: f32 or i32 [batch, ...]
    void *const *outputs;       // a pointer for each graph output; bool outputs are bytes
    int64_t batch;              // examples, 1 <= batch <= the most the executable was made for
    uint64_t seed;
    int64_t step;  // SCALAR_STEP
    float epoch;   // SCALAR_EPOCH
    float validation_loss;
    struct NnrtPool *pool;  // NULL: one thread
} RunArgs;

typedef struct Executable Executable;
struct Executable {
    void (*run)(Executable *x, const RunArgs *args);
    void (*free)(Executable *x);
};

static inline void executable_run(Executable *x, const RunArgs *args)
{
    x->run(x, args);
}
static inline void executable_free(Executable *x)
{
    if (x)
        x->free(x);
}

// The reference interpreter: every node on its own, in the order of the graph, as plainly as can
// be. In f64 mode variables, inputs and outputs that are f32 in the graph are double in memory
// (variables are laid out at twice their offset); in f32 mode each operation rounds to f32.
Executable *interpret_new(const Graph *g, int64_t max_batch, bool f64);

// Memory that a block of variables needs.
size_t interpret_variable_bytes(const Variables *vs, bool f64);

#endif
