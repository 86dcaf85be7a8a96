// c_program.h -- all kernels of a plan as functions, and the calls of them (inside codegen/c only).

#ifndef NNC_C_PROGRAM_H
#define NNC_C_PROGRAM_H

#include "codegen/c/c_writer.h"

// Where the buffers of a plan are found in the code that calls its kernels.
typedef struct CPlaces {
    const char *arena;             // a pointer to float
    const char *const *variables;  // by index in the table of variables
    const char *const *inputs;
    const char *const *outputs;
} CPlaces;

// Writes the functions of the plan's kernels, as far as they are not there, to w->out, and the
// calls in order to `calls`.
void c_program(CWriter *w, const Plan *p, const CPlaces *places, Text *calls);

#endif
