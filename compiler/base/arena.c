// arena.c -- chunks of memory that are handed out from front to back.
//
// The newest chunk stands first in the list and is the only one with room. A request larger than
// a chunk gets one of its own. Memory is cleared when it is handed out, so that a chunk kept over
// a reset needs no second look.

#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024, POISON = 0xdb };

typedef struct Chunk {
    struct Chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
} Chunk;

struct Arena {
    Chunk *chunks;
    MemoryGuard *guard;
    size_t used;
};

static long fail_after;

void arena_fail_after(long n)
{
    fail_after = n;
}

static bool is_injected_failure(void)
{
    return fail_after > 0 && --fail_after == 0;
}

static void poison(void *memory, size_t bytes)
{
#ifndef NDEBUG
    memset(memory, POISON, bytes);
#else
    (void)memory;
    (void)bytes;
#endif
}

Arena *arena_new(MemoryGuard *guard)
{
    Arena *a = is_injected_failure() ? NULL : calloc(1, sizeof *a);
    if (a)
        a->guard = guard;
    return a;
}

static void free_chunks(Chunk *c)
{
    while (c) {
        Chunk *next = c->next;
        poison(c->bytes, c->used);
        free(c);
        c = next;
    }
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    free_chunks(a->chunks);
    free(a);
}

void arena_reset(Arena *a)
{
    a->used = 0;
    Chunk *kept = a->chunks;
    if (!kept)
        return;
    free_chunks(kept->next);
    kept->next = NULL;
    poison(kept->bytes, kept->used);
    kept->used = 0;
}

static _Noreturn void out_of_memory(Arena *a, size_t wanted)
{
    if (!a->guard)
        abort();
    a->guard->wanted = wanted;
    longjmp(a->guard->jump, 1);
}

static Chunk *chunk_new(Arena *a, size_t bytes)
{
    const size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    Chunk *c = malloc(sizeof *c + size);
    if (!c)
        out_of_memory(a, bytes);
    c->next = a->chunks;
    c->used = 0;
    c->size = size;
    a->chunks = c;
    return c;
}

void *arena_alloc(Arena *a, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    // Half of the address space leaves room for the rounding and for the chunk's header.
    if (bytes > SIZE_MAX / 2 || is_injected_failure())
        out_of_memory(a, bytes);
    const size_t rounded = (bytes + align - 1) / align * align;
    Chunk *c = a->chunks;
    if (!c || c->size - c->used < rounded)
        c = chunk_new(a, rounded);
    void *memory = c->bytes + c->used;
    c->used += rounded;
    a->used += rounded;
    return memset(memory, 0, rounded);
}

void *arena_calloc(Arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(a, SIZE_MAX);
    return arena_alloc(a, bytes);
}

void *arena_grow(Arena *a, const void *old, size_t old_count, size_t count, size_t size)
{
    void *grown = arena_calloc(a, count, size);
    if (old_count)
        memcpy(grown, old, old_count * size);
    return grown;
}

char *arena_strndup(Arena *a, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        out_of_memory(a, n);
    char *copy = arena_alloc(a, n + 1);
    if (n)
        memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(Arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(Arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    const size_t size = n < 0 ? 1 : (size_t)n + 1;
    char *s = arena_alloc(a, size);
    vsnprintf(s, size, format, again);
    va_end(again);
    return s;
}

char *arena_printf(Arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *s = arena_vprintf(a, format, args);
    va_end(args);
    return s;
}

size_t arena_used(const Arena *a)
{
    return a->used;
}
