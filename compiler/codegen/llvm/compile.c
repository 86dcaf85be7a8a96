// compile.c -- from modules to objects, on several threads.
//
// LLVM's IR optimizer is not run: the kernels are written as vector code, on which it doubles the
// compile time and gains nothing.

#include <llvm-c/Analysis.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Core.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "codegen/llvm/modules.h"

enum { MOST_THREADS = 4 };

struct Compiler {
    const Machine *machine;
    Cache *cache;
    LLVMTargetMachineRef own;  // of the thread that waits; NULL until it is needed
    pthread_mutex_t lock;
    pthread_cond_t changed;  // a unit was added or is done, or all is over
    Unit *first, *last;      // waiting
    bool over;
    pthread_t threads[MOST_THREADS];
    int thread_count;
};

// --- one unit ---------------------------------------------------------------------------------

static char *take_message(char *message, const char *before)
{
    char *text = malloc(strlen(before) + strlen(message) + 1);
    if (text)
        strcat(strcpy(text, before), message);
    LLVMDisposeMessage(message);
    return text;
}

char *unit_verify(const Unit *u)
{
    char *message = NULL;
    if (LLVMVerifyModule(u->gen->module, LLVMReturnStatusAction, &message))
        return take_message(message, "generated code is malformed: ");
    LLVMDisposeMessage(message);
    return NULL;
}

char *unit_emit(const Unit *u, LLVMTargetMachineRef machine, LLVMCodeGenFileType type,
                LLVMMemoryBufferRef *out)
{
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, u->gen->module, type, &message, out))
        return take_message(message, "");
    return u->errors ? strdup("the code generator reported an error") : NULL;
}

// The module itself, and what machine_new gives LLVM beside it.
static CacheKey key_of(const Machine *m, const Unit *u)
{
    LLVMMemoryBufferRef code = LLVMWriteBitcodeToMemoryBuffer(u->gen->module);
    const XXH128_hash_t h =
        XXH3_128bits_withSeed(LLVMGetBufferStart(code), LLVMGetBufferSize(code), m->hash);
    LLVMDisposeMemoryBuffer(code);
    return (CacheKey){h.high64, h.low64};
}

static LLVMMemoryBufferRef load(const Compiler *c, CacheKey key)
{
    size_t size = 0;
    char *object = cache_load(c->cache, key, &size);
    if (!object)
        return NULL;
    LLVMMemoryBufferRef copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(object, size, "cached");
    free(object);
    return copy;
}

static void make_object(const Compiler *c, Unit *u, LLVMTargetMachineRef *machine)
{
    if (!*machine)
        *machine = machine_new(c->machine);
    u->error = unit_emit(u, *machine, LLVMObjectFile, &u->object);
}

static void make_cached_object(const Compiler *c, Unit *u, LLVMTargetMachineRef *machine)
{
    const CacheKey key = key_of(c->machine, u);
    u->object = load(c, key);
    if (u->object)
        return;
    make_object(c, u, machine);
    if (!u->error)
        cache_store(c->cache, key, LLVMGetBufferStart(u->object), LLVMGetBufferSize(u->object));
}

static void compile(const Compiler *c, Unit *u, LLVMTargetMachineRef *machine)
{
#ifndef NDEBUG
    u->error = unit_verify(u);
#endif
    if (!u->error && c->cache)
        make_cached_object(c, u, machine);
    else if (!u->error)
        make_object(c, u, machine);
    unit_free(u);
}

// --- threads ----------------------------------------------------------------------------------

// Compiles the unit that has waited longest, with the lock released meanwhile.
static void compile_next(Compiler *c, LLVMTargetMachineRef *machine)
{
    Unit *u = c->first;
    c->first = u->next;
    pthread_mutex_unlock(&c->lock);
    compile(c, u, machine);
    pthread_mutex_lock(&c->lock);
    u->done = true;
    pthread_cond_broadcast(&c->changed);
}

static void *work(void *compiler)
{
    Compiler *c = compiler;
    LLVMTargetMachineRef machine = NULL;
    pthread_mutex_lock(&c->lock);
    while (!c->over)
        if (c->first)
            compile_next(c, &machine);
        else
            pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
    if (machine)
        LLVMDisposeTargetMachine(machine);
    return NULL;
}

Compiler *compiler_new(const Machine *m, int threads, Cache *cache)
{
    Compiler *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->machine = m;
    c->cache = cache;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    const int more = (threads < MOST_THREADS ? threads : MOST_THREADS) - 1;
    while (c->thread_count < more &&
           pthread_create(&c->threads[c->thread_count], NULL, work, c) == 0)
        c->thread_count++;
    return c;
}

static void drop_queue(Compiler *c)
{
    for (; c->first; c->first = c->first->next)
        unit_free(c->first);
}

void compiler_free(Compiler *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->over = true;
    drop_queue(c);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->thread_count; i++)
        pthread_join(c->threads[i], NULL);
    if (c->own)
        LLVMDisposeTargetMachine(c->own);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void compiler_add(Compiler *c, Unit *u)
{
    pthread_mutex_lock(&c->lock);
    u->next = NULL;
    if (c->first)
        c->last->next = u;
    else
        c->first = u;
    c->last = u;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void compiler_wait(Compiler *c, const Unit *u)
{
    pthread_mutex_lock(&c->lock);
    while (!u->done)
        if (c->first)
            compile_next(c, &c->own);
        else
            pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
