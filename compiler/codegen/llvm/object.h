// object.h -- a trained model as an object file for this machine or another one: code and weights,
// which ask for nothing but the C library's functions.
//
// The functions are those of the C header for one example: NAME_predict(arena, inputs...,
// outputs...) and, of a model of whole numbers, NAME_predict_i8. Each has a section of its own, so
// that a linker may drop what a program does not call.

#ifndef NNC_OBJECT_H
#define NNC_OBJECT_H

#include "base/text.h"
#include "kernel/kernel.h"

typedef struct ObjectRequest {
    const char *name;   // of the model, as an identifier
    const Plan *plan;   // of predict, for one example
    const Plan *whole;  // of predict_i8; NULL: there is none
    const void *block;  // the values of all variables
    uint64_t seed;
    const char *const *classes;  // names, or NULL
    int class_count;
    const char *triple, *cpu;  // what target_problem has found right; NULL: this machine
    bool assembly;             // as text
} ObjectRequest;

// Adds the object, or its assembly, to *out. False with the reason in *error.
bool object_write(Arena *a, Text *out, const ObjectRequest *r, const char **error);

// Why there is no such target or CPU (NULL: the default one), and what there is; NULL: there is.
const char *target_problem(Arena *a, const char *triple, const char *cpu);

// The names of target i, and of its CPUs, the default first; NULL after the last.
const char *target_triple(int i);
const char *target_cpu(int target, int i);

#endif
