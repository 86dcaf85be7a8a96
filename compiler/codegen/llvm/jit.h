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
    int vector_width;     // lanes of f32; 0: the machine's full width. Tests try others.
    int compile_threads;  // 0: as many as there are cores, four at the most. No code depends on it.
    const char *cache;    // folder of compiled objects (codegen/cache.h); NULL: none
    bool profile;         // executables count the cycles of each kernel
} JitOptions;

typedef enum JitText { JIT_TEXT_LLVM, JIT_TEXT_ASM } JitText;

// NULL with the reason in *error (in `a`) when the machine is not supported.
Jit *jit_open(Arena *a, const JitOptions *options, const char **error);
void jit_close(Jit *j);

// Compiles `g` for batches of up to max_batch examples. NULL with the reason in *error. The
// executable owns its arena of temporaries, so two runs of one executable may not overlap.
Executable *jit_compile(Jit *j, Arena *a, const Graph *g, int64_t max_batch, const char **error);

// The same in two parts: threads compile between them, and several graphs side by side. The arena
// is used by jit_start alone; what it starts can be freed at any time, and runs when it is
// finished.
Executable *jit_start(Jit *j, Arena *a, const Graph *g, int64_t max_batch, const char **error);
bool jit_finish(Jit *j, Arena *a, Executable *x, const char **error);

// What jit_compile would make, as text: `--emit llvm|asm`.
const char *jit_text(Jit *j, Arena *a, const Graph *g, int64_t max_batch, JitText what,
                     const char **error);

// The plan of an executable made by jit_compile, and with `profile` the ticks of the machine's
// cycle counter that each of its kernels took so far (else NULL).
const Plan *jit_plan(const Executable *x);
const uint64_t *jit_cycles(const Executable *x);

// What measures the machine, as native code. Counts of elements are multiples of 256.
typedef struct JitProbes {
    double flops;                                           // one core's in a second at the most
    float (*sum)(const float *x, int64_t count);            // reads memory
    void (*add)(float *to, const float *x, int64_t count);  // reads two blocks, writes one
    uint64_t (*ticks)(void);                                // the counter of jit_cycles
} JitProbes;

// False with the reason in *error.
bool jit_probes(Jit *j, Arena *a, JitProbes *p, const char **error);

#endif
