// run_graph.h -- running a graph on the interpreter with all data as double.

#ifndef NNC_RUN_GRAPH_H
#define NNC_RUN_GRAPH_H

#include "codegen/engine.h"

// An arena and names that live as long as a test.
typedef struct Scene {
    Arena *arena;
    Interner *names;
    Builder builder;  // on an empty graph with an empty table of variables
} Scene;

Scene scene_new(void);
void scene_free(Scene *s);
Node *scene_input(Scene *s, Type type);    // named "x0", "x1", ...
void scene_output(Scene *s, Node *value);  // named "y0", "y1", ...
Type type_f32(int rank, const int64_t *dims);

int64_t count_of(const Type *t, int64_t batch);

// One run: an array for each output. `inputs` has one for each input. What `args` says is kept, but
// for inputs, outputs and batch.
double **run_graph(Arena *a, const Graph *g, int64_t batch, bool f64, double *const *inputs,
                   RunArgs args);

#endif
