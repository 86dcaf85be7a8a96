// memory.c -- where in the arena each buffer stands.
//
// A buffer lives from the kernel that writes it to the last that reads it, and as long as a chain
// that one of these is in. A kernel that reads a buffer for the last time may write its result
// there. The offsets are placement.c's.

#include <string.h>

#include "kernel/lower.h"

static size_t buffer_bytes(const Plan *p, const Buffer *b)
{
    size_t rows = type_batched(&b->type) ? (size_t)p->max_batch : 1;
    size_t bytes = rows * (size_t)type_elements(&b->type) * dtype_size(b->type.dtype);
    return (bytes + p->alignment - 1) / p->alignment * p->alignment;
}

#define WIDEST_VECTOR 16

static void set_lifetimes(Plan *p)
{
    for (int i = 0; i < p->buffer_count; i++)
        p->buffers[i].first = p->buffers[i].last = -1;
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

// While a chain runs, each of its kernels has examples left.
static void extend_over_chains(Plan *p)
{
    for (int first = 0; first < p->kernel_count; first++) {
        const int last = first + p->kernels[first]->chain - 1;
        for (int i = 0; last > first && i < p->buffer_count; i++) {
            Buffer *b = &p->buffers[i];
            if (b->first > first && b->first <= last)
                b->first = first;
            if (b->last >= first && b->last < last)
                b->last = last;
        }
    }
}

// --- in the place of another --------------------------------------------------------------------

static bool reads(const Instr *c, int slot)
{
    return (c->kind == INSTR_LOAD || c->kind == INSTR_GATHER) && c->slot == slot;
}

// The one store to a slot, that is made when all of the kernel's passes are over or in the last.
static const Instr *only_store(const Kernel *k, int slot)
{
    const Instr *found = NULL;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (reads(c, slot) || c->reload == slot ||
            (c->kind == INSTR_STORE && c->slot == slot && found))
            return NULL;
        if (c->kind == INSTR_STORE && c->slot == slot)
            found = c;
    }
    const bool last = found && (found->level == LEVEL_OUTER || found->pass == k->passes - 1);
    return last && !found->adds && found->arg_count == 1 ? found : NULL;
}

// Whether a slot is read where, and no later than when, `store` writes, and else left alone.
static bool read_in_step(const Kernel *k, int slot, const Instr *store)
{
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if ((c->kind == INSTR_STORE && c->slot == slot) || c->reload == slot)
            return false;
        if (reads(c, slot) &&
            (c->kind == INSTR_GATHER || c->level != store->level || c->offset != store->offset ||
             memcmp(c->strides, store->strides, sizeof c->strides) != 0))
            return false;
    }
    return true;
}

// Kernels without reductions have their points at the outer level, where all is read before it is
// written; the others read in every pass, the last too.
static bool can_replace(const Plan *p, int kernel, const Buffer *old, const Buffer *made)
{
    return old->kind == BUFFER_ARENA && old->last == kernel && old->first < kernel &&
           !old->pinned && old->type.dtype == made->type.dtype && old->bytes >= made->bytes &&
           p->buffers[old->place].last == kernel;
}

// The operands of a contraction, its first two slots, are read all over.
static int first_in_step(const Kernel *k)
{
    return k->kind == KERNEL_CONTRACT ? 2 : 0;
}

static bool is_operand(const Kernel *k, int buffer)
{
    return k->kind == KERNEL_CONTRACT && (k->buffers[0] == buffer || k->buffers[1] == buffer);
}

// Masked stores of a few lanes hold up the next load of the vector that they are in.
static bool is_narrow(const Kernel *k)
{
    const int64_t size = k->vector_axis < 0 ? DIM_BATCH : k->axes[k->vector_axis].size;
    return size != DIM_BATCH && size < WIDEST_VECTOR;
}

static void replace_in(Plan *p, int kernel)
{
    const Kernel *k = p->kernels[kernel];
    for (int to = first_in_step(k); to < k->buffer_count; to++) {
        Buffer *made = &p->buffers[k->buffers[to]];
        const Instr *store = only_store(k, to);
        if (!store || made->kind != BUFFER_ARENA || made->first != kernel || made->last == kernel ||
            made->pinned)
            continue;
        for (int from = first_in_step(k); from < k->buffer_count; from++) {
            const Buffer *old = &p->buffers[k->buffers[from]];
            if (made->place != k->buffers[to] || !can_replace(p, kernel, old, made) ||
                !read_in_step(k, from, store) || is_operand(k, k->buffers[from]))
                continue;
            made->place = old->place;
            p->buffers[old->place].last = made->last;
        }
    }
}

// --- the whole ----------------------------------------------------------------------------------

static size_t live_bytes(const Plan *p)
{
    size_t most = 0;
    for (int k = 0; k < p->kernel_count; k++) {
        size_t live = 0;
        for (int i = 0; i < p->buffer_count; i++) {
            const Buffer *b = &p->buffers[i];
            if (b->kind == BUFFER_ARENA && b->place == i && b->first <= k && k <= b->last)
                live += b->bytes;
        }
        most = live > most ? live : most;
    }
    return most;
}

void plan_memory(Arena *a, Plan *p)
{
    Buffer **order = arena_array(a, Buffer *, (size_t)p->buffer_count + 1);
    int count = 0;
    set_lifetimes(p);
    for (int i = 0; i < p->buffer_count; i++) {
        p->buffers[i].place = i;
        if (p->buffers[i].kind == BUFFER_ARENA)
            p->buffers[i].bytes = buffer_bytes(p, &p->buffers[i]);
    }
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->count && (p->compact || !is_narrow(p->kernels[i])))
            replace_in(p, i);
    p->live_bytes = live_bytes(p);
    extend_over_chains(p);
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i].kind == BUFFER_ARENA && p->buffers[i].place == i)
            order[count++] = &p->buffers[i];
    p->arena_bytes = place_buffers(a, order, count, p->compact);
    for (int i = 0; i < p->buffer_count; i++)
        p->buffers[i].offset = p->buffers[p->buffers[i].place].offset;
}
