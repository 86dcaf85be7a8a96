// autodiff.h -- the reverse sweep, which autodiff.c and the gradient of scans share (inside pass/
// only).

#ifndef NNC_AUTODIFF_H
#define NNC_AUTODIFF_H

#include "graph/ops/ops.h"
#include "pass/pass.h"

typedef struct Autodiff {
    Builder b;
    int count;       // nodes of the forward part
    bool *depends;   // by id: on a wanted leaf, differentiably
    Node **adjoint;  // by id; NULL: zero so far
} Autodiff;

// `wanted`, by id, says of which leaves the gradient is asked for.
Autodiff autodiff_begin(Graph *g, const bool *wanted);
// Adds to the adjoint of `n`, before the sweep or while it has not reached `n`.
void autodiff_add(Autodiff *d, const Node *n, Node *contribution);
void autodiff_sweep(Autodiff *d);

// Hands the adjoints of the results of `scan` on to its inputs (autodiff_scan.c).
void autodiff_scan(Autodiff *d, Node *scan);

#endif
