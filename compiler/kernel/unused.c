// unused.c -- drops from a kernel what no store of it needs.
//
// A value that was written down for one user may be computed again, or read, by all of them in the
// end. An engine's compiler would see to that; a listing, a header's parameters and the lifetimes
// of buffers would not.

#include "kernel/lower.h"

// By instruction: a store, or what one needs.
static bool *find_needed(Arena *a, const Kernel *k)
{
    bool *needed = arena_array(a, bool, (size_t)k->count + 1);
    for (int i = 0; i < k->count; i++)
        needed[i] = k->code[i].kind == INSTR_STORE;
    for (bool more = true; more;) {
        more = false;
        for (int i = k->count - 1; i >= 0; i--)
            for (int x = 0; needed[i] && x < k->code[i].arg_count; x++) {
                more |= !needed[k->code[i].args[x]];
                needed[k->code[i].args[x]] = true;
            }
    }
    return needed;
}

static void drop_instructions(Arena *a, Kernel *k)
{
    const bool *needed = find_needed(a, k);
    int *number = arena_array(a, int, (size_t)k->count + 1);
    int kept = 0;
    for (int i = 0; i < k->count; i++)
        number[i] = needed[i] ? kept++ : -1;
    for (int i = 0; i < k->count; i++) {
        if (!needed[i])
            continue;
        Instr *c = &k->code[number[i]];
        *c = k->code[i];
        for (int x = 0; x < c->arg_count; x++)
            c->args[x] = number[c->args[x]];
    }
    k->count = kept;
}

static bool has_slot(const Instr *c)
{
    return c->kind == INSTR_LOAD || c->kind == INSTR_GATHER || c->kind == INSTR_STORE;
}

static bool uses_slot(const Kernel *k, int slot)
{
    if (k->kind == KERNEL_CONTRACT && slot < 2)
        return true;
    for (int i = 0; i < k->count; i++)
        if (k->code[i].reload == slot || (has_slot(&k->code[i]) && k->code[i].slot == slot))
            return true;
    return false;
}

static void drop_slots(Kernel *k)
{
    int kept = 0;
    for (int slot = 0; slot < k->buffer_count; slot++) {
        if (!uses_slot(k, slot))
            continue;
        for (int i = 0; i < k->count; i++) {
            Instr *c = &k->code[i];
            c->reload = c->reload == slot ? kept : c->reload;
            c->slot = has_slot(c) && c->slot == slot ? kept : c->slot;
        }
        k->buffers[kept++] = k->buffers[slot];
    }
    k->buffer_count = kept;
}

// What was to be kept, but is not, for what is made of it is.
static void forget_unkept(Kernel *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].reload >= 0 && !kernel_store_of(k, i, k->code[i].reload))
            k->code[i].reload = -1;
}

void kernel_drop_unused(Arena *a, Kernel *k)
{
    drop_instructions(a, k);
    forget_unkept(k);
    drop_slots(k);
}
