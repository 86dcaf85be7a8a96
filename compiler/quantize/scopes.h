// scopes.h -- the bodies of scans in the making (inside quantize/ only).
//
// Each body is built in a graph of its own. What it reads from outside becomes an input of it when
// it is first asked for: a body reads no variable.

#ifndef NNC_SCOPES_H
#define NNC_SCOPES_H

#include "graph/graph.h"

struct Quantizer;

// An input of a body: the value in the graph of the parent, and what it is inside.
typedef struct ScopeInput {
    Node *outside, *inside;
    const Node *carried;  // in the plan's graph; else NULL
} ScopeInput;

typedef enum ScopeInputKind {
    SCOPE_SEQUENCE,
    SCOPE_CARRIED,
    SCOPE_CAPTURED,
    SCOPE_KIND_COUNT
} ScopeInputKind;

typedef struct ScopeInputs {
    ScopeInput *items;
    int count, capacity;
} ScopeInputs;

// A scope of the integer graph.
typedef struct BuiltScope {
    Graph *graph;
    ScopeInputs inputs[SCOPE_KIND_COUNT];
    bool closed;
    Node *scan;  // in the parent's graph, once closed; NULL: nothing of it is needed
} BuiltScope;

void scopes_open(struct Quantizer *q);
// From now on nodes are built in `scope`; the scope until now.
int scope_enter(struct Quantizer *q, int scope);
// A node of `scope`, or what it is in the scope at hand, which is the same or inside of it.
Node *scope_brought(struct Quantizer *q, Node *x, int scope);
// A step of a sequence, and a carried value that begins with `first`, in the scope at hand; both
// come from that of the parent.
Node *scope_step(struct Quantizer *q, Node *sequence);
Node *scope_carried(struct Quantizer *q, Node *first, const Node *carried);
// Builds the scans of all bodies that end before node `id`.
void scopes_close(struct Quantizer *q, int id);
// A result of a scan that has been built: of a crossing out of its body.
Node *scope_result(struct Quantizer *q, const Node *crossing);

#endif
