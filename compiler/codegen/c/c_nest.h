// c_nest.h -- code of a kernel that is being written (inside codegen/c only).

#ifndef NNC_C_NEST_H
#define NNC_C_NEST_H

#include "codegen/c/c_writer.h"

struct CCode {
    CWriter *w;
    const Kernel *k;
    const char *index[MAX_RANK];  // names of the loops' variables; NULL: there is no loop
    CValue *value;                // by instruction
    bool *known;
    bool *needed;  // by a store
    int *uses;     // by what is needed
    int pass;
    const char *product;  // of the contraction at this point
    int given;            // the instruction that it is the value of; -1: INSTR_PRODUCT
    int lanes, along;     // of vectors along that axis; 0 lanes: values are numbers
    const char *suffix;   // of what is declared
};

// Whether a value of vectors is not written as one of numbers is; then it (c_lanes.c).
bool c_is_own_to_lanes(const CCode *n, const Instr *c);
CValue c_lanes_value(CCode *n, const Instr *c);

#endif
