// modules.h -- from a plan to the modules of a program, and from these to objects (inside
// codegen/llvm only).

#ifndef NNC_MODULES_H
#define NNC_MODULES_H

#include <llvm-c/TargetMachine.h>

#include "codegen/cache.h"
#include "codegen/llvm/gen.h"

// What code is made for. Nothing here changes once it is made: threads share it.
typedef struct Machine {
    LLVMTargetRef target;
    char *triple, *cpu, *features, *layout;
    int width;
    bool avx512;
    uint64_t hash;  // of all that objects depend on beside their modules
} Machine;

LLVMTargetMachineRef machine_new(const Machine *m);
// Lanes of f32 in its widest vectors.
int machine_width(const Machine *m);
bool machine_has_avx512(const Machine *m);

// --- writing (modules.c) ------------------------------------------------------------------------

// The names of all functions of a process, by their hashes.
typedef struct Names {
    uint64_t (*items)[2];  // a hash table; all 0: empty
    size_t count, capacity;
} Names;

// A module on its way to an object. It has a context of its own, so that one thread at a time, be
// it whichever, may work on it.
typedef struct Unit {
    Gen *gen;    // NULL when it is compiled
    int errors;  // that LLVM reported
    LLVMMemoryBufferRef object;
    char *error;  // NULL: it went well. Of malloc.
    bool done;
    struct Unit *next;  // in the queue
} Unit;

typedef struct Modules {
    Home home;
    Arena *arena;
    const Machine *machine;
    Names *names;
    bool one;  // all goes into one
    Unit **items;
    int count, capacity;
} Modules;

// Writes the program of a plan (NULL: the probes of the machine) as function `name`.
Modules *modules_write(Arena *a, const Machine *m, Names *names, const Plan *p, const char *name,
                       bool profile);
// The same into one module, which shares nothing.
Unit *module_write(Arena *a, const Machine *m, const Plan *p, const char *name);
// An empty module, which shares nothing.
Unit *module_new(Arena *a, const Machine *m, Names *names);
void unit_free(Unit *u);

// --- compiling (compile.c) ----------------------------------------------------------------------

// Threads that compile units in order, the one that waits among them. Objects do not depend on who
// compiles what, nor on what the cache has.
typedef struct Compiler Compiler;

// `threads`: the caller's included. `cache` may be NULL. NULL: out of memory.
Compiler *compiler_new(const Machine *m, int threads, Cache *cache);
void compiler_free(Compiler *c);  // what is queued is dropped

void compiler_add(Compiler *c, Unit *u);
void compiler_wait(Compiler *c, const Unit *u);

// NULL, or why the module is malformed, of malloc.
char *unit_verify(const Unit *u);
// Emits an object or assembly into *out. NULL, or why not, of malloc.
char *unit_emit(const Unit *u, LLVMTargetMachineRef machine, LLVMCodeGenFileType type,
                LLVMMemoryBufferRef *out);

#endif
