// modules.c -- the modules of a program: one runs its kernels, each of the others holds a function.
//
// So a function is compiled, and kept in the cache, by itself: what another command or a changed
// model has in common with this one is found there, and threads share the work evenly. A module of
// its own costs a function less than can be measured.

#include "codegen/llvm/modules.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// --- names ------------------------------------------------------------------------------------

static uint64_t *slot_of(const Names *n, const uint64_t hash[2])
{
    size_t at = (size_t)hash[0] & (n->capacity - 1);
    while ((n->items[at][0] || n->items[at][1]) &&
           memcmp(n->items[at], hash, sizeof *n->items) != 0)
        at = (at + 1) & (n->capacity - 1);
    return n->items[at];
}

static bool grow_names(Names *n)
{
    Names larger = {.count = n->count, .capacity = n->capacity ? 2 * n->capacity : 256};
    larger.items = calloc(larger.capacity, sizeof *larger.items);
    if (!larger.items)
        return false;
    for (size_t i = 0; i < n->capacity; i++)
        memcpy(slot_of(&larger, n->items[i]), n->items[i], sizeof *n->items);
    free(n->items);
    *n = larger;
    return true;
}

// Adds a name; false when it is there. (Without memory for it, it is written under its name once
// more, which linking then refuses.)
static bool add_name(Names *n, const char *name)
{
    const XXH128_hash_t h = XXH3_128bits(name, strlen(name));
    const uint64_t hash[2] = {h.low64, h.high64};
    if (n->count * 2 >= n->capacity && !grow_names(n))
        return true;
    uint64_t *slot = slot_of(n, hash);
    if (slot[0] || slot[1])
        return false;
    memcpy(slot, hash, sizeof hash);
    n->count++;
    return true;
}

// --- modules ----------------------------------------------------------------------------------

static void set_types(Gen *g)
{
    LLVMContextRef c = g->context;
    g->f32 = LLVMFloatTypeInContext(c);
    g->i1 = LLVMInt1TypeInContext(c);
    g->i8 = LLVMInt8TypeInContext(c);
    g->i32 = LLVMInt32TypeInContext(c);
    g->i64 = LLVMInt64TypeInContext(c);
    g->ptr = LLVMPointerTypeInContext(c, 0);
    g->none = LLVMVoidTypeInContext(c);
}

// LLVM's errors would end the process; they are counted instead, because emitting an object says
// it went well even so.
static void count_errors(LLVMDiagnosticInfoRef info, void *count)
{
    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
        ++*(int *)count;
}

static Gen *gen_open(Modules *ms, int *errors)
{
    Gen *g = arena_new_of(ms->arena, Gen);
    g->arena = ms->arena;
    g->home = &ms->home;
    g->width = ms->machine->width;
    g->avx512 = ms->machine->avx512;
    g->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(g->context, count_errors, errors);
    g->module = LLVMModuleCreateWithNameInContext("nnc", g->context);
    g->builder = LLVMCreateBuilderInContext(g->context);
    LLVMSetTarget(g->module, ms->machine->triple);
    LLVMSetDataLayout(g->module, ms->machine->layout);
    set_types(g);
    return g;
}

void unit_free(Unit *u)
{
    if (u->gen) {
        LLVMDisposeBuilder(u->gen->builder);
        LLVMDisposeModule(u->gen->module);
        LLVMContextDispose(u->gen->context);
        u->gen = NULL;
    }
}

static Gen *add_module(Modules *ms)
{
    Unit *u = arena_new_of(ms->arena, Unit);
    u->gen = gen_open(ms, &u->errors);
    arena_push(ms->arena, ms->items, ms->count, ms->capacity, u);
    return u->gen;
}

static bool has(Home *h, const char *name)
{
    return !add_name(((Modules *)h)->names, name);
}

static Gen *module_for_next(Home *h)
{
    Modules *ms = (Modules *)h;
    return ms->one ? ms->items[0]->gen : add_module(ms);
}

static Modules *modules_new(Arena *a, const Machine *m, Names *names, bool one)
{
    Modules *ms = arena_new_of(a, Modules);
    *ms = (Modules){
        .home = {.has = has, .module = module_for_next},
        .arena = a,
        .machine = m,
        .names = names,
        .one = one,
    };
    add_module(ms);
    return ms;
}

Modules *modules_write(Arena *a, const Machine *m, Names *names, const Plan *p, const char *name,
                       bool profile)
{
    Modules *ms = modules_new(a, m, names, false);
    Gen *g = ms->items[0]->gen;
    if (p)
        gen_program(g, p, name, profile);
    else
        gen_probes(g, name);
    return ms;
}

Unit *module_new(Arena *a, const Machine *m, Names *names)
{
    return modules_new(a, m, names, true)->items[0];
}

Unit *module_write(Arena *a, const Machine *m, const Plan *p, const char *name)
{
    Names names = {0};
    Unit *u = module_new(a, m, &names);
    gen_program(u->gen, p, name, false);
    free(names.items);
    return u;
}
