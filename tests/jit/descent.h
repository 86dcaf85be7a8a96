// descent.h -- what makes a training step of a loss, for the tests of the JIT.

#ifndef NNC_TEST_DESCENT_H
#define NNC_TEST_DESCENT_H

#include "graph/graph.h"

// Adds one step of gradient descent on every variable of `g`, whose first output is the loss.
void add_descent(Graph *g, double rate);

#endif
