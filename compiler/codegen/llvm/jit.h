// jit.h -- native code for a graph through LLVM.
//
// A Jit owns the machine and its code; executables made by it live as long as it does at the most.
// Code is made for the host's CPU, in explicit vectors of its full width.

#ifndef NNC_JIT_H
#define NNC_JIT_H

#include "codegen/engine.h"
#include "kernel/kernel.h"

typedef struct Jit Jit;

typedef struct JitOptions {
    int vector_width;  // lanes of f32; 0: the machine's full width. Tests try others.
} JitOptions;

typedef enum JitText { JIT_TEXT_LLVM, JIT_TEXT_ASM } JitText;

// NULL with the reason in *error (in `a`) when the machine is not supported.
Jit *jit_open(Arena *a, const JitOptions *options, const char **error);
void jit_close(Jit *j);

// Compiles `g` for batches of up to max_batch examples. NULL with the reason in *error. The
// executable owns its arena of temporaries, so two runs of one executable may not overlap.
Executable *jit_compile(Jit *j, Arena *a, const Graph *g, int64_t max_batch, const char **error);

// What jit_compile would make, as text: `--emit llvm|asm`.
const char *jit_text(Jit *j, Arena *a, const Graph *g, int64_t max_batch, JitText what,
                     const char **error);

#endif
