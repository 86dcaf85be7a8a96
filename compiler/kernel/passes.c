// passes.c -- in which pass over the reduced axes each value is computed.
//
//   m = reduce.max x          pass 0: m
//   e = exp(x - m)            pass 1: e, s; e is stored
//   s = reduce.sum e
//   y = e / s                 pass 2: e is read again, y
//
// A full value needed in a later pass than its own is computed again there if that is cheap and it
// is not stored anyhow, else kept in the arena and read back: by the same thread, from a cache that
// still has it.
//
// Needs: code in order.  Leaves: Instr.pass, Instr.reload, Kernel.passes.  May be run again after
// stores were added.

#include <string.h>

#include "graph/ops/ops.h"
#include "kernel/lower.h"

static int pass_of(const Kernel *k, const Instr *c)
{
    int pass = 0;
    for (int i = 0; i < c->arg_count; i++) {
        int p = k->code[c->args[i]].pass;
        pass = p > pass ? p : pass;
    }
    return pass + (c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX);
}

static bool has_reduction(const Kernel *k)
{
    for (int i = 0; i < k->axis_count; i++)
        if (k->axes[i].reduced)
            return true;
    return false;
}

// Whether `c` ends in pass `p`: a reduction that is over after it or a store made in it.
static bool is_goal(const Instr *c, int p)
{
    if (c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX)
        return c->pass == p + 1;
    return c->kind == INSTR_STORE && c->level == LEVEL_FULL && c->pass == p;
}

static bool is_costly(const Instr *c)
{
    return c->kind == INSTR_RANDOM || (c->kind == INSTR_APPLY && !op_is(c->node->op, CHEAP));
}

const Instr *kernel_store_of(const Kernel *k, int instr, int slot)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].slot == slot &&
            k->code[i].args[0] == instr)
            return &k->code[i];
    return NULL;
}

// The slot in which a value is stored anyhow; -1: it is not.
static int slot_of_store(const Kernel *k, int instr)
{
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (c->kind == INSTR_STORE && c->level == LEVEL_FULL && c->args[0] == instr && !c->adds &&
            c->arg_count == 1)
            return c->slot;
    }
    return -1;
}

// Marks the full values that pass `p` needs and an earlier one computed: what is stored anyhow is
// read back, what is costly is kept.
static void keep_costly(Arena *a, Plan *plan, Kernel *k, int instr, int p)
{
    Instr *c = &k->code[instr];
    if (c->level != LEVEL_FULL || c->reload >= 0)
        return;
    if (c->pass < p && c->kind == INSTR_APPLY && slot_of_store(k, instr) >= 0) {
        c->reload = slot_of_store(k, instr);
        return;
    }
    if (c->pass < p && is_costly(c)) {
        c->reload = kernel_slot(a, k, plan_arena_buffer(a, plan, c->node));
        return;
    }
    for (int i = 0; i < c->arg_count; i++)
        keep_costly(a, plan, k, c->args[i], p);
}

void kernel_set_passes(Arena *a, Plan *plan, Kernel *k)
{
    int last = 0;
    for (int i = 0; i < k->count; i++) {
        Instr *c = &k->code[i];
        c->pass = pass_of(k, c);
        if (!has_reduction(k) && c->level == LEVEL_FULL)
            c->level = LEVEL_OUTER;  // nothing is reduced: every point is an outer one
        if (c->level == LEVEL_FULL && c->kind == INSTR_STORE && c->pass + 1 > last)
            last = c->pass + 1;
        if ((c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX) && c->pass > last)
            last = c->pass;
    }
    k->passes = last;
    for (int p = 1; p < last; p++)
        for (int i = 0; i < k->count; i++)
            if (is_goal(&k->code[i], p))
                for (int x = 0; x < k->code[i].arg_count; x++)
                    keep_costly(a, plan, k, k->code[i].args[x], p);
}
