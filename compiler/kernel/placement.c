// placement.c -- offsets for buffers, of which some live at the same time.
//
// Largest first, each gets the lowest offset at which no buffer that lives at the same time stands.
// A search goes on from there: the buffer that reaches furthest is placed earlier than before, and
// the new order is kept unless it needs more. It ends when no kernel leaves room to gain, or after
// a number of attempts; what comes of it depends on the buffers alone.

#include <stdlib.h>
#include <string.h>

#include "kernel/lower.h"

#define ATTEMPTS 2000
#define MOST_SEARCHED 400  // buffers: an attempt takes their number squared

static int by_size(const void *x, const void *y)
{
    const Buffer *a = *(Buffer *const *)x, *b = *(Buffer *const *)y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : a > b;
}

static bool live_together(const Buffer *a, const Buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

// The lowest offset from `at` on that is clear of `other`.
static size_t pass_by(const Buffer *b, const Buffer *other, size_t at)
{
    bool meets = live_together(b, other) && at < other->offset + other->bytes &&
                 other->offset < at + b->bytes;
    return meets ? other->offset + other->bytes : at;
}

static void place_buffer(Buffer **placed, int count, Buffer *b)
{
    size_t at = 0, before;
    do {
        before = at;
        for (int i = 0; i < count; i++)
            at = pass_by(b, placed[i], at);
    } while (at != before);
    b->offset = at;
}

// In this order; the bytes of all, and which reaches furthest.
static size_t place_all(Buffer **order, int count, int *furthest)
{
    size_t bytes = 0;
    *furthest = 0;
    for (int i = 0; i < count; i++) {
        place_buffer(order, i, order[i]);
        const size_t end = order[i]->offset + order[i]->bytes;
        if (end > bytes)
            *furthest = i;
        bytes = end > bytes ? end : bytes;
    }
    return bytes;
}

// What lives at once: less cannot be had.
static size_t least_bytes(Buffer *const *order, int count)
{
    size_t least = 0;
    for (int i = 0; i < count; i++) {
        size_t together = 0;
        for (int x = 0; x < count; x++)
            if (order[x]->first <= order[i]->first && order[i]->first <= order[x]->last)
                together += order[x]->bytes;
        least = together > least ? together : least;
    }
    return least;
}

static void move_up(Buffer **order, int from, int to)
{
    Buffer *b = order[from];
    memmove(order + to + 1, order + to, sizeof *order * (size_t)(from - to));
    order[to] = b;
}

static size_t search(Arena *a, Buffer **order, int count, size_t bytes, int furthest)
{
    const size_t least = least_bytes(order, count);
    Buffer **kept = arena_array(a, Buffer *, (size_t)count + 1);
    int kept_furthest = furthest;
    uint32_t random = 1;
    memcpy(kept, order, sizeof *order * (size_t)count);
    for (int i = 0; i < ATTEMPTS && bytes > least; i++) {
        random = random * 1664525U + 1013904223U;  // Numerical Recipes
        const int other = (int)((random >> 8) % (uint32_t)count);
        move_up(order, kept_furthest > other ? kept_furthest : other,
                kept_furthest > other ? other : kept_furthest);
        const size_t now = place_all(order, count, &furthest);
        if (now > bytes) {
            memcpy(order, kept, sizeof *order * (size_t)count);
            continue;
        }
        bytes = now;
        kept_furthest = furthest;
        memcpy(kept, order, sizeof *order * (size_t)count);
    }
    return place_all(order, count, &furthest);
}

size_t place_buffers(Arena *a, Buffer **buffers, int count, bool compact)
{
    int furthest;
    qsort(buffers, (size_t)count, sizeof *buffers, by_size);
    const size_t bytes = place_all(buffers, count, &furthest);
    return compact && count > 1 && count <= MOST_SEARCHED
               ? search(a, buffers, count, bytes, furthest)
               : bytes;
}
