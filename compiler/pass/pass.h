// pass.h -- the passes over graphs and their manager.
//
// A pass is one file, one row of passes.def and one test of the same name. Passes are idempotent
// and deterministic, keep spans, report how often they did what. After each one a debug build
// verifies the graph.

#ifndef NNC_PASS_H
#define NNC_PASS_H

#include <stdio.h>

#include "graph/graph.h"

typedef struct Pass {
    Arena *scratch;       // reset after the pass
    int changes;          // what pass_count added up
    Text *log;            // NULL: nobody listens
    bool differentiable;  // gradients of the graph are yet to be made
} Pass;

// "cse: 3 merged": n things of this kind were done.
void pass_count(Pass *p, const char *what, int n);

#define PASS(id, doc) bool pass_##id(Pass *p, Graph *g);
#include "pass/passes.def"
#undef PASS

typedef struct PassOptions {
    const char
        *dump;  // --dump NAME: print the graph after this pass ("all": after any that changed it)
    const char *stop;     // --stop-after NAME
    bool time;            // --time-passes: a line a pass
    bool verify;          // after every pass; always on in debug builds
    bool differentiable;  // leave what has better gradients as it is: autodiff is to come
    FILE *out;            // where dumps, times and counts go; NULL: stderr
    Arena *scratch;  // reset after every pass; NULL: the graph's arena serves, and is not reset
} PassOptions;

bool pass_exists(const char *name);

// Runs the pipeline for `g` (its name says which: "predict" also folds batch norm), again until no
// pass changes anything, four rounds at the most. A train graph goes through twice, before autodiff
// and after: gradients of stable forms are stable. A verifier's complaint is a bug of nnc: it is
// printed to options->out and abort() is called.
void passes_run(Graph *g, const PassOptions *options);

// Reverse-mode differentiation, graph to graph. Appends the gradient of the scalar `loss` with
// respect to each of variables[0..count) to `g`; gradients[i] has the variable's shape and is a
// zero constant where the loss does not depend on it. Memory: the graph's arena.
void autodiff(Graph *g, Node *loss, const int *variables, int count, Node **gradients);

// How an input comes to be what the model takes: (raw * scale - mean) / std.
typedef struct RawInput {
    double scale;
    int64_t
        features;  // that have a mean and a std each, repeated over the input; 0: there are none
    int mean, inverse;  // the variables "input NAME.mean" and, 1 / std, "input NAME.inverse", for
                        // the caller to set
} RawInput;

// Makes `g` take an input as it is before that: before the passes, of an f32 alone.
void graph_take_raw_input(Graph *g, int input, RawInput *raw);

// A recurrent model step by step. The graph's inputs are a step of the model's input (of length 1)
// and the states as they were, its outputs those of the model for that step, and the states after.
typedef struct StreamState {
    Type type;
    double first;  // of every element, before the first step
    Node *last;    // scratch
} StreamState;

typedef struct Stream {
    Graph *graph;
    StreamState *states;
    int count;
} Stream;

// False: `g`, a predict graph after its passes, is not made of steps.
bool graph_stream(const Graph *g, Stream *out);

// Training that sees what quantization will do: the inputs and the weights of every product pass
// through OP_fake_quantize, and the inputs' ranges are kept in states "WEIGHTS.low" and ".high".
// `g` is a train graph before any pass. quantize_aware_declare makes the states alone.
void quantize_aware(Graph *g);
void quantize_aware_declare(Graph *g);

// The path of the variable that weights are made of, folded or not; NULL: of none.
const char *weights_path(Arena *a, const Graph *g, const Node *weights);
// The state that keeps an end, "low" or "high", of what the weights are multiplied with; -1: none.
int weights_range(const Graph *g, const char *path, const char *end);

// Takes out of `g` what depends on variables alone (folded batch norms, say), so that it is
// computed once rather than in each run. Adds a VARIABLE_FOLDED for each such value, which `g`
// reads from then on, and returns a graph "fold", without inputs, whose updates give them their
// values; it is to be run whenever the other variables have changed. NULL: there is nothing to
// fold. Call it after passes_run, and before the block of variables is laid out.
Graph *graph_split_constants(Graph *g);

#endif
