// scan.h -- a scan statement while its body is expanded (inside sema/ only).

#ifndef NNC_SEMA_SCAN_H
#define NNC_SEMA_SCAN_H

#include "sema/expander.h"

// A placeholder is a node that stands for a value of the body while the body is expanded into the
// graph around it: an input that has no port.
typedef struct Sequence {
    Node *node;
    Node *placeholder;  // for one step of it
} Sequence;

typedef struct Carried {
    Name name;  // NULL: has none, it keeps the last of a result
    Span span;
    Node *first;
    Node *placeholder;
    Node *next;
} Carried;

struct Scan {
    Scan *outer;   // the scan around it
    Graph *graph;  // around it
    int64_t length;
    bool reverse;
    bool batched;  // the sequences are, and so are the carried values
    Sequence *sequences;
    int sequence_count, sequence_capacity;
    Carried *carried;
    int carried_count, carried_capacity;
    Node **results;  // of a step, to be stacked
    int result_count, result_capacity;
};

// Moves what depends on the placeholders into the body of a scan node, which is added to b's graph.
Node *scan_outline(Scan *scan, Builder *b, const char *name);

#endif
