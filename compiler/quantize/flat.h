// flat.h -- a graph with the bodies of its scans among its own nodes (inside quantize/ only).
//
//   %1 = contract x, w                      %1 = contract x, w
//   %2 = scan %1, zeros, u {                %2 = slice %1, a step; reshape       STEP of %1
//     h = act(step + carried @ u)    -->    %3 = a leaf                          CARRIED from zeros
//   }                                       %4 = act(%2 + %3 @ u)
//   %3 = scan_result %2 {0}                 %5 = reshape %3                      LAST of %3
//
// Each node of a body stands for its values in all steps. What a body captures is the node outside.
// Such a graph is looked at, and run in parts that are fixed; only at the borders of the scans it
// does not say what they do.

#ifndef NNC_FLAT_H
#define NNC_FLAT_H

#include "graph/graph.h"

typedef enum Crossing {
    CROSSING_NONE,
    CROSSING_STEP,     // into a body: of the sequence `from`
    CROSSING_CARRIED,  // a carried value: `from` before the first step, `next` after each
    CROSSING_LAST,     // out of a body: of the carried value `from`
    CROSSING_STACKED,  // out of a body: `from` of all steps
} Crossing;

// Where a node stands at the border of a scan.
typedef struct Border {
    Crossing crossing;
    int scope;  // of the scan
    Node *from, *next;
} Border;

// The body of a scan, and what is outside of it; the first scope is the model itself.
typedef struct Scope {
    int parent, depth;  // of the first: -1, 0
    int scan;           // the scan's id in the graph of the parent
    const ScanBody *body;
    Node **values;  // by id in the body's graph
    int end;        // the first node behind those of the body
} Scope;

typedef struct Flat {
    Graph *graph;
    Border *borders;  // by id
    int *scope;       // by id
    int *origin;      // by id: the node's id in the graph of its scope; -1: there is none
    Scope *scopes;
    int scope_count;
} Flat;

Flat *flat_of(Arena *a, const Graph *g);

// Node `id` of a scope's graph as a value of `g`, the model's graph: with all its steps, once `g`
// has been given the results that this takes. scans[i]: the id of scope i's scan in the graph of
// its parent.
Node *flat_exposed(const Flat *f, Graph *g, const int *scans, int scope, uint32_t id);

#endif
