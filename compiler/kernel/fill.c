// fill.c -- what a placing operation leaves of its result is one number everywhere.
//
//   pad [batch, 32, 32, 16] -> [batch, 34, 34, 16]      rows 0 and 33 of each image,
//                                                       then columns 0 and 33 of the others
//
// Around a padded value only the border is written. Where elements lie between others (an interior
// of a pad), or are added up at their places, all of the result is filled first.

#include "kernel/lower.h"

// Part of a value: `count` elements of an axis from `start` on, twice if `again` is not 0: the
// second time `again` elements further on.
typedef struct Slab {
    const Node *node;
    int axis;  // -1: everything
    int64_t start, count, again;
} Slab;

static void add_axis(Kernel *k, Instr *store, int64_t size, int64_t stride)
{
    if (size == 1)
        return;
    k->axes[k->axis_count] = (KernelAxis){.size = size, .factor = 1};
    store->strides[k->axis_count++] = stride;
}

// Along the axes before the slab's own only what lies between their borders, which have slabs too.
static void add_slab_axes(Kernel *k, Instr *store, const Slab *s)
{
    const Node *n = s->node;
    int64_t own[MAX_RANK];
    row_major(&n->type, own);
    for (int i = 0; i < n->type.rank; i++) {
        if (i < s->axis) {
            add_axis(k, store, n->in[0]->type.dims[i], own[i]);
            store->offset += n->attr.pad.low[i] * own[i];
        } else if (i == s->axis) {
            if (s->again)
                add_axis(k, store, 2, s->again * own[i]);
            add_axis(k, store, s->count, own[i]);
            store->offset += s->start * own[i];
        } else {
            add_axis(k, store, n->type.dims[i], own[i]);
        }
    }
}

static void add_slab(Arena *a, Plan *p, const Slab *s)
{
    const Node *n = s->node;
    Kernel *k = arena_new_of(a, Kernel);
    Node *value = arena_new_of(a, Node);
    *value = (Node){.op = OP_const,
                    .type = type_scalar(n->type.dtype),
                    .attr.value = n->op == OP_pad ? (double)n->attr.pad.value : 0};
    Instr number = {.kind = INSTR_CONST, .dtype = n->type.dtype, .node = value};
    Instr store = {.kind = INSTR_STORE,
                   .level = LEVEL_FULL,
                   .dtype = n->type.dtype,
                   .node = n,
                   .arg_count = 1};
    add_slab_axes(k, &store, s);
    store.args[0] = kernel_add(a, k, number);
    store.slot = kernel_slot(a, k, plan_arena_buffer(a, p, n));
    kernel_add(a, k, store);
    arena_push(a, p->kernels, p->kernel_count, p->kernel_capacity, k);
}

static void fill_border(Arena *a, Plan *p, const Node *n, int axis)
{
    const int64_t low = n->attr.pad.low[axis], inner = n->in[0]->type.dims[axis];
    const int64_t high = n->type.dims[axis] - low - inner;
    const bool alike = low == high && n->type.rank < MAX_RANK;
    if (inner == DIM_BATCH)
        return;
    if (low > 0)
        add_slab(a, p, &(Slab){n, axis, 0, low, alike ? low + inner : 0});
    if (high > 0 && !alike)
        add_slab(a, p, &(Slab){n, axis, low + inner, high, 0});
}

void plan_fill(Arena *a, Plan *p, const Node *n)
{
    if (!is_frame(n)) {
        add_slab(a, p, &(Slab){.node = n, .axis = -1});
        return;
    }
    for (int i = 0; i < n->type.rank; i++)
        fill_border(a, p, n, i);
}
