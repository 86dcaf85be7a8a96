// cost.h -- how much computing a graph is.

#ifndef NNC_COST_H
#define NNC_COST_H

#include "graph/graph.h"

// Floating-point operations for one example: a multiply-add counts as 2, any other element-wise
// operation as 1 an element, a reduction as 1 an element it reads, moving data as none. What is
// computed once for the whole batch is left out.
double node_flops(const Node *n);

// The same of all its nodes.
double graph_flops(const Graph *g);

#endif
