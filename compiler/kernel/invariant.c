// invariant.c -- what the body of a scan computes anew in each step, and need not.
//
//   kernel 0: transpose captured.0        before the first step
//   kernel 1: contract            -->     in each step
//
// A kernel is invariant when it reads only captured values and what such kernels wrote, and writes
// values of the step alone, at which no other kernel writes but at the same places in every step:
// zeros, for one, between which the parts of a value are placed. It runs once, and what it wrote
// stays where it is until the last step is over.

#include "kernel/lower.h"

typedef struct Access {
    bool reads, writes;
    bool varies;  // writes at other places in each step, or adds to what is there
} Access;

static Access access_loops(const Kernel *k, int slot)
{
    Access a = {false, false, false};
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        a.reads |= c->reload == slot;
        if (c->slot != slot)
            continue;
        a.reads |= c->kind == INSTR_LOAD || c->kind == INSTR_GATHER;
        a.writes |= c->kind == INSTR_STORE;
        a.varies |= c->kind == INSTR_STORE && (c->adds || c->arg_count > 1);
    }
    return a;
}

static Access access_of(const Kernel *k, int slot)
{
    if (k->kind == KERNEL_LOOPS)
        return access_loops(k, slot);
    if (k->kind == KERNEL_CONTRACT && (slot < 2 || !k->count))
        return (Access){.reads = slot < 2, .writes = slot == 2};
    if (k->kind == KERNEL_CONTRACT)
        return access_loops(k, slot);
    return (Access){.reads = true, .writes = true, .varies = true};
}

static bool is_captured(const ScanBody *s, const Buffer *b)
{
    return b->kind == BUFFER_INPUT && b->index >= s->sequences + s->carried;
}

// Whether all that `k` reads of this buffer is there before the first step.
static bool can_read(const Plan *p, const ScanBody *s, int buffer)
{
    if (p->buffers[buffer].kind != BUFFER_ARENA)
        return is_captured(s, &p->buffers[buffer]);
    for (int i = 0; i < p->kernel_count; i++)
        for (int slot = 0; slot < p->kernels[i]->buffer_count; slot++)
            if (p->kernels[i]->buffers[slot] == buffer && !p->kernels[i]->invariant &&
                access_of(p->kernels[i], slot).writes)
                return false;
    return true;
}

static bool can_write(const Plan *p, const Kernel *k, int buffer)
{
    if (p->buffers[buffer].kind != BUFFER_ARENA)
        return false;
    for (int i = 0; i < p->kernel_count; i++)
        for (int slot = 0; slot < p->kernels[i]->buffer_count; slot++)
            if (p->kernels[i] != k && p->kernels[i]->buffers[slot] == buffer &&
                access_of(p->kernels[i], slot).varies)
                return false;
    return true;
}

static bool is_invariant(const Plan *p, const ScanBody *s, const Kernel *k)
{
    if (k->kind == KERNEL_SCAN)
        return false;
    for (int slot = 0; slot < k->buffer_count; slot++) {
        const Access a = access_of(k, slot);
        if ((a.writes && !can_write(p, k, k->buffers[slot])) || (a.writes && a.reads) ||
            (a.reads && !can_read(p, s, k->buffers[slot])))
            return false;
    }
    return true;
}

void plan_invariants(Plan *p, const ScanBody *s)
{
    for (int i = 0; i < p->kernel_count; i++) {
        Kernel *k = p->kernels[i];
        k->invariant = is_invariant(p, s, k);
        for (int slot = 0; k->invariant && slot < k->buffer_count; slot++)
            p->buffers[k->buffers[slot]].pinned = true;
    }
}
