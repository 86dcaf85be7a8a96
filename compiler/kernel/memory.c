// memory.c -- where in the arena each buffer stands.
//
// A buffer lives from the kernel that writes it to the last that reads it. Largest first, each gets
// the lowest offset at which no buffer that lives at the same time stands.

#include <stdlib.h>
#include <string.h>

#include "kernel/lower.h"

static size_t buffer_bytes(const Plan *p, const Buffer *b)
{
    size_t rows = type_batched(&b->type) ? (size_t)p->max_batch : 1;
    size_t bytes = rows * (size_t)type_elements(&b->type) * dtype_size(b->type.dtype);
    return (bytes + p->alignment - 1) / p->alignment * p->alignment;
}

static void set_lifetimes(Plan *p)
{
    for (int i = 0; i < p->kernel_count; i++) {
        const Kernel *k = p->kernels[i];
        for (int s = 0; s < k->buffer_count; s++) {
            Buffer *b = &p->buffers[k->buffers[s]];
            b->first = b->first < 0 ? i : b->first;
            b->last = i;
        }
    }
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i].pinned) {
            p->buffers[i].first = 0;
            p->buffers[i].last = p->kernel_count;
        }
}

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

void plan_memory(Arena *a, Plan *p)
{
    Buffer **order = arena_array(a, Buffer *, (size_t)p->buffer_count + 1);
    int count = 0;
    set_lifetimes(p);
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i].kind == BUFFER_ARENA) {
            p->buffers[i].bytes = buffer_bytes(p, &p->buffers[i]);
            order[count++] = &p->buffers[i];
        }
    qsort(order, (size_t)count, sizeof *order, by_size);
    for (int i = 0; i < count; i++) {
        place_buffer(order, i, order[i]);
        size_t end = order[i]->offset + order[i]->bytes;
        p->arena_bytes = end > p->arena_bytes ? end : p->arena_bytes;
    }
}
