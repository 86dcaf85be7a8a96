// target.h -- the machines that objects can be made for, by the names that users give them.
//
// A table, because LLVM takes any triple and says of a CPU that it does not know no more than a
// line on stderr. Nothing of LLVM is started before target_open.

#ifndef NNC_TARGET_H
#define NNC_TARGET_H

#include "codegen/llvm/modules.h"

// A target machine and what code is written for it.
typedef struct Target {
    Machine machine;  // its texts are the table's but for the layout
    LLVMTargetMachineRef emitter;
} Target;

// The target of a triple and a CPU, both of which target_problem (object.h) has found right; NULL,
// NULL is this very machine. False with the reason in *error.
bool target_open(Arena *a, Target *t, const char *triple, const char *cpu, const char **error);
void target_close(Target *t);

#endif
