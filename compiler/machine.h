// machine.h -- what one core of this machine can do, measured.

#ifndef NNC_MACHINE_H
#define NNC_MACHINE_H

#include "codegen/llvm/jit.h"

enum { MEMORY_SIZES = 12 };

typedef struct Machine {
    double flops;                // in a second
    double bytes[MEMORY_SIZES];  // in a second, of blocks of memory of machine_sizes
    double tick;                 // of the counter of jit_cycles, in seconds
} Machine;

extern const size_t machine_sizes[MEMORY_SIZES];

// Raises *m (at first all 0) to what is measured now: another program may have disturbed it before.
// False with the reason in *error.
bool machine_measure(Machine *m, Jit *j, Arena *a, const char **error);

// The least time, in seconds, in which so many bytes are read and written.
double machine_seconds(const Machine *m, KernelBytes bytes);

#endif
