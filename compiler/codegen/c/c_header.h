// c_header.h -- a trained model as one C99 header: `nnc MODEL.nn --emit-c OUT.h`.
//
// The kernels of the plan that the JIT compiles too, for one example, with the weights as constants
// in flash and the scratch memory the caller's.

#ifndef NNC_C_HEADER_H
#define NNC_C_HEADER_H

#include "base/text.h"
#include "kernel/kernel.h"

// A state of a stream: the value of its elements before the first step.
typedef struct CState {
    double first;
} CState;

// An input or output of a model of whole numbers: real = scale * (q - zero).
typedef struct CEnd {
    bool whole;  // i8; else as it was
    double scale;
    int zero;
    const char *note;  // what comes of a raw input first, or NULL
} CEnd;

// How the weights of a contraction of i8 stand.
typedef struct CLayout {
    int64_t columns;  // 0: as they were
    bool blocks;      // in blocks; else column by column
    int axes;         // of blocks: the depth as it is gone through
    int64_t size[MAX_RANK], stride[MAX_RANK];
} CLayout;

typedef struct CHeader {
    const char *model;   // its name
    const char *file;    // the .nn file's
    const char *header;  // the header's own
    Plan *plan;          // of predict, by c_plan
    const Plan *train;   // of train, for batches of `batch`; NULL: the header does not train
    const Plan *fold;    // of fold, NULL: there is nothing to fold
    int64_t batch;
    Plan *stream;  // of a step of a recurrent model, NULL: it is none
    const CState *states;
    int state_count;
    bool exact;                    // a model of whole numbers: to the last bit what nnc computes
    Plan *whole;                   // of predict_i8, NULL: some input or output stays f32
    const CEnd *inputs, *outputs;  // of that
    bool mixed;                    // some of its layers compute in f32
    const CLayout *layout;         // by variable; NULL: all are as they were
    const void *block;             // the values of all variables
    uint64_t seed;
    const char *const *classes;  // names, or NULL
    int class_count;
    const char *const *summary;  // lines
    int summary_count;
    bool trace;  // for --verify: NNC_TRACE(pointer, bytes) after each kernel
} CHeader;

// What the model takes of a target, in bytes.
typedef struct CSizes {
    size_t ram;    // the arena
    size_t flash;  // the constants
    // with training, else 0
    size_t train_arena;  // for training and prediction
    size_t variables;    // the struct of what is learned
} CSizes;

// Exact: what c_header's header takes.
CSizes c_sizes(const CHeader *h);
// What of that a variable takes in flash; 0: it is no constant of the header.
size_t c_flash_bytes(const CHeader *h, int variable);

// Adds the header to *out.
CSizes c_header(Arena *a, Text *out, const CHeader *h);

// By which a header of declarations is known, in its first lines.
#define C_OBJECT_HEADER "Declarations: code and weights are in the object file"

// Adds the declarations alone (c_declare.c): of a model whose code is an object file for `target`.
CSizes c_declarations(Arena *a, Text *out, const CHeader *h, const char *target);

// The plan that the header is made from.
Plan *c_plan(Arena *a, const Graph *g, int64_t batch);

// Has the weights of i8 stand as their products want them, where all plans of a header can read
// them so; notes how, by variable.
void c_lay_out(Plan *const *plans, int count, CLayout *layout);
// Which element of a variable stands at place `i`; -1: a zero that fills a block.
int64_t c_place_in(const CLayout *layout, const Type *t, int64_t i);
// How many places there are.
int64_t c_place_count(const CLayout *layout, const Type *t);

// An identifier made of any text at all; never a word of C or C++, never empty.
const char *c_identifier(Arena *a, const char *text);
const char *c_upper(Arena *a, const char *identifier);
// Of a value's shape, the batch left out: [28, 28, 1].
const char *c_shape(Arena *a, const Type *t);

// What a kernel does: "dense: [64] x [64, 128] -> [128]".
const char *c_describe(Arena *a, const Kernel *k);

// The kernel after which a buffer holds the value of its node; -1: it holds none. In the order of
// kernels, then of buffers, these are the calls of NNC_TRACE.
int c_traced(const Plan *p, int buffer);

#endif
