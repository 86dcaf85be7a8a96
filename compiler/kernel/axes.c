// axes.c -- merges axes that run on through memory, and chooses the one that runs in vectors.
//
//   axes [batch, 28, 28, 32], all accesses row-major   -->   one axis of batch * 25088
//
// Needs: passes.  Keeps: the order of elements within every reduction.

#include <string.h>

#include "kernel/lower.h"

static bool has_index(const Instr *c)
{
    return c->kind == INSTR_LOAD || c->kind == INSTR_STORE || c->kind == INSTR_IOTA ||
           c->kind == INSTR_RANDOM || c->kind == INSTR_GATHER;
}

static bool has_argmax(const Kernel *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_ARGMAX)
            return true;
    return false;
}

// Whether axis x and the one after it are one for every access.
static bool can_merge(const Kernel *k, int x)
{
    const KernelAxis *outer = &k->axes[x], *inner = &k->axes[x + 1];
    if (outer->reduced != inner->reduced || inner->size == DIM_BATCH)
        return false;
    if (outer->reduced && has_argmax(k))
        return false;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (has_index(c) && c->strides[x] != c->strides[x + 1] * inner->size)
            return false;
    }
    return true;
}

static void merge(Kernel *k, int x)
{
    KernelAxis *outer = &k->axes[x];
    int64_t inner = k->axes[x + 1].size;
    if (outer->size == DIM_BATCH)
        outer->factor *= inner;
    else
        outer->size *= inner;
    size_t rest = (size_t)(k->axis_count - x - 2);
    memmove(&k->axes[x + 1], &k->axes[x + 2], rest * sizeof *k->axes);
    for (int i = 0; i < k->count; i++) {
        int64_t *s = k->code[i].strides;
        memmove(&s[x], &s[x + 1], (rest + 1) * sizeof *s);
        s[k->axis_count - 1] = 0;
    }
    k->axis_count--;
}

// Lanes of a vector, as far as axes are judged by them.
#define LANES 16

static int lanes_along(const KernelAxis *x)
{
    return x->size == DIM_BATCH || x->size > LANES ? LANES : (int)x->size;
}

// An element, or a few, from one to the next: codegen loads neighbours and takes what it needs.
static bool is_near(const Instr *c, int64_t stride)
{
    return c->kind == INSTR_LOAD && stride > 1 && stride <= 4;
}

// Loads and stores of neighbouring elements along axis x, less those that would gather. An axis
// that is shorter than a vector is worth less.
static int vector_score(const Kernel *k, int x)
{
    int score = 0;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (c->kind != INSTR_LOAD && c->kind != INSTR_STORE && c->kind != INSTR_GATHER)
            continue;
        int weight = c->level == LEVEL_FULL ? 4 : 1;
        if (!is_near(c, c->strides[x]))
            score += c->strides[x] == 1 ? weight : c->strides[x] > 1 ? -weight : 0;
    }
    return score * (score > 0 ? lanes_along(&k->axes[x]) : LANES);
}

// Whether a value differs along axis x.
bool instr_moves(const Kernel *k, int instr, int x)
{
    const Instr *c = &k->code[instr];
    if (has_index(c) && c->strides[x])
        return true;
    if (c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX)
        return !k->axes[x].reduced;
    for (int i = 0; i < c->arg_count; i++)
        if (instr_moves(k, c->args[i], x))
            return true;
    return false;
}

// Lanes may not add to rows that may be the same.
static bool lanes_collide(const Kernel *k, int x)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].arg_count == 2 &&
            instr_moves(k, k->code[i].args[1], x))
            return true;
    return false;
}

static int choose_vector_axis(const Kernel *k)
{
    int best = -1;
    for (int x = k->axis_count - 1; x >= 0; x--)
        if (lanes_collide(k, x))
            continue;
        else if (best < 0 || vector_score(k, x) > vector_score(k, best))
            best = x;
    return best;
}

void kernel_set_axes(Kernel *k)
{
    for (int x = 0; x + 1 < k->axis_count;)
        if (can_merge(k, x))
            merge(k, x);
        else
            x++;
    k->vector_axis = choose_vector_axis(k);
}
