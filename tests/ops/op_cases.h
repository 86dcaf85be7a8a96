// op_cases.h -- every way in which the tests use an operation: element types and shapes.

#ifndef NNC_OP_CASES_H
#define NNC_OP_CASES_H

#include "graph/ops/ops.h"
#include "support/random_graph.h"
#include "support/run_graph.h"

#define CASE_BATCH 3  // examples in a run

// A graph of one operation on fresh inputs.
typedef struct OpCase {
    Scene scene;
    Node *node;  // the operation
} OpCase;

// Calls `check` for every case of the operation; returns how many there were.
int for_each_case(OpId op, void (*check)(OpCase *));

// Elements for each input of the graph, within the sample range of the operation.
double **sample_inputs(const OpCase *c, uint64_t seed);

const char *case_text(const OpCase *c);

#endif
