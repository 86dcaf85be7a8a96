// c_header.h -- a trained model as one C99 header: `nnc MODEL.nn --emit-c OUT.h`.
//
// The kernels of the plan that the JIT compiles too, for one example, with the weights as constants
// in flash and the scratch memory the caller's.

#ifndef NNC_C_HEADER_H
#define NNC_C_HEADER_H

#include "base/text.h"
#include "kernel/kernel.h"

typedef struct CHeader {
    const char *model;   // its name
    const char *file;    // the .nn file's
    const char *header;  // the header's own
    const Graph *graph;  // predict
    const void *block;   // the values of all variables
    uint64_t seed;
    const char *const *classes;  // names, or NULL
    int class_count;
    const char *const *summary;  // lines
    int summary_count;
} CHeader;

// What the model takes of a target, in bytes.
typedef struct CSizes {
    size_t ram;    // the arena
    size_t flash;  // the constants
} CSizes;

// Adds the header to *out.
CSizes c_header(Arena *a, Text *out, const CHeader *h);

// The plan that the header is made from.
Plan *c_plan(Arena *a, const Graph *g, int64_t batch);

#endif
