// arena.h -- memory by lifetime.
//
// An arena hands out zeroed memory that lives until the whole arena is freed; nothing is freed
// singly. A function that allocates takes its arena: the parameter is the ownership documentation.
// The session has three: session (sources, names), module (tree, graph, kernels), scratch (a pass).
//
// Running out of memory, and the nth allocation when a test asks for it to fail, does not return:
// it jumps to the `MemoryGuard` of the arena, whose owner reports a diagnostic.

#ifndef NNC_ARENA_H
#define NNC_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

// What failed when memory ran out; the arena jumps to `jump` with value 1.
typedef struct MemoryGuard {
    jmp_buf jump;
    size_t wanted;  // bytes of the allocation that failed
} MemoryGuard;

// Returns a new arena, or NULL when even its header cannot be had. `guard` may be NULL only in
// tests and tools: without one a failed allocation aborts.
Arena *arena_new(MemoryGuard *guard);
void arena_free(Arena *a);

// Gives every byte back but keeps the arena; debug builds poison the memory.
void arena_reset(Arena *a);

// Zeroed memory, aligned for any type. Never returns NULL.
void *arena_alloc(Arena *a, size_t bytes);

// Zeroed array of `count` elements of `size` bytes; the product is checked.
void *arena_calloc(Arena *a, size_t count, size_t size);

// A larger copy of an array that grows: `old_count` elements are kept, the rest is zero.
void *arena_grow(Arena *a, const void *old, size_t old_count, size_t count, size_t size);

char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_strdup(Arena *a, const char *s);
char *arena_printf(Arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

// Bytes handed out since the arena was made or reset.
size_t arena_used(const Arena *a);

#define arena_new_of(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_calloc((a), (n), sizeof(T)))

// Appends `value` to a growing array `items` of `count` elements with capacity `cap`.
#define arena_push(a, items, count, cap, value)                                                  \
    do {                                                                                         \
        if ((count) == (cap)) {                                                                  \
            (cap) = (cap) ? 2 * (cap) : 8;                                                       \
            (items) = arena_grow((a), (items), (size_t)(count), (size_t)(cap), sizeof *(items)); \
        }                                                                                        \
        (items)[(count)++] = (value);                                                            \
    } while (0)

// Makes the nth allocation from now on fail, for the tests of P7; 0 turns it off. Process-wide on
// purpose: a test cannot know which arena an allocation will come from.
void arena_fail_after(long n);

#endif
