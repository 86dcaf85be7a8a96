// c_parts.h -- what the files that write parts of a header share (inside codegen/c only).

#ifndef NNC_C_PARTS_H
#define NNC_C_PARTS_H

#include "codegen/c/c_program.h"

typedef struct Header {
    CWriter w;
    const CHeader *from;
    const Plan *plan;   // of predict
    const char *upper;  // the model's name in capitals
    CPlaces places;     // of predict
    CSizes sizes;
    bool *printed;  // by variable: it is there as a constant
} Header;

// --- names (c_places.c) -------------------------------------------------------------------------

// Of the inputs and outputs of a graph, and of its variables as constants.
CPlaces c_places(Arena *a, const char *model, const Graph *g);

// "const float *pixels, float *output", and "pixels, output".
const char *c_port_parameters(Arena *a, const Graph *g, const CPlaces *places);
const char *c_port_names(Arena *a, const Graph *g, const CPlaces *places);

// --- parts --------------------------------------------------------------------------------------

// Before any code (c_declare.c): comments on inputs, outputs and memory; sizes; the functions that
// every header has; what stands around functions for C++.
void c_describe_ports(Header *h);
void c_declare_sizes(Header *h);
void c_declare_predict(Header *h);
void c_begin_functions(CWriter *w);
void c_end_functions(CWriter *w);

// A variable as a constant (c_header.c), unless it is there.
void c_print_constant(Header *h, int variable);

// Training on the device (c_training.c): declarations, then functions.
void c_declare_training(Header *h);
void c_print_training(Header *h);
// Whether a plan reads or writes a variable; whether training starts with values of it.
bool c_uses(const Plan *p, int variable);
bool c_starts(const CHeader *h, int variable);
size_t c_variable_bytes(const Variable *v);
// Sets what training takes, s->ram being what prediction takes.
void c_training_sizes(const CHeader *h, CSizes *s);

// In whole numbers from end to end (c_whole.c): the same, and what stands at the head.
void c_describe_whole(Header *h);
void c_declare_whole(Header *h);
void c_print_whole(Header *h);

// Step by step (c_stream.c): the same.
void c_declare_stream(Header *h);
void c_print_stream(Header *h);

#endif
