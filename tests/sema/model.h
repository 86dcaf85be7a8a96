// model.h -- a program with the values of its variables, run by the interpreter in double.

#ifndef NNC_TEST_MODEL_H
#define NNC_TEST_MODEL_H

#include "codegen/engine.h"
#include "sema/sema.h"

typedef struct Model {
    Session *session;
    Program *program;
    double *variables;  // NULL before model_start
} Model;

Model model_load(const char *text);
// The same as if the command line had said `set`.
Model model_load_with(const char *text, const char *set);
void model_free(Model *m);

// The train graph with gradients and updates; NULL after a report.
Graph *model_train(Model *m);

// Gives every variable that there is by now its first value.
void model_start(Model *m, uint64_t seed);
// The elements of a variable; NULL when there is none of that path.
double *model_variable(const Model *m, const char *path);

// One run; the values of the graph's outputs.
double **model_run(const Model *m, const Graph *g, int64_t batch, double *const *inputs,
                   RunArgs args);

#endif
