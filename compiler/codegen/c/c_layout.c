// c_layout.c -- weights of i8 as the products want them.
//
// In blocks, where the kit (c_kit.h) makes the products: four neighbours of the depth of four
// columns stand together, then the next four neighbours of the same columns, so that a processor
// with words loads what it multiplies in one or two, and one with vectors in one. What is missing
// of a block is 0.
//
//   w[depth][columns]  -->  w[columns / 4][depth / 4][4 columns][4 of the depth]
//
// Elsewhere column by column, so that four neighbours of a column are one word:
//
//   w[depth][columns]  -->  w[columns][depth]

#include "codegen/c/c_header.h"
#include "codegen/c/c_kit.h"
#include "codegen/c/c_tile.h"

static int64_t columns_of(const Kernel *k)
{
    return k->columns.count == 1 && k->columns.axes[0].right == 1 ? k->columns.axes[0].size : 0;
}

static int64_t depth_of(const Kernel *k)
{
    int64_t depth = 1;
    for (int i = 0; i < k->depth.count; i++)
        depth *= k->depth.axes[i].size;
    return depth;
}

static bool is_dense(const Kernel *k, const Type *weights)
{
    const int64_t columns = columns_of(k), depth = depth_of(k);
    for (int i = 0; i < k->depth.count; i++)
        if (columns == 0 || k->depth.axes[i].right % columns)
            return false;
    for (int i = 0; i < k->batch.count; i++)
        if (k->batch.axes[i].right)
            return false;
    return depth > 1 && columns * depth == type_elements(weights);
}

static bool can_turn(const Plan *p, const Kernel *k)
{
    if (k->kind != KERNEL_CONTRACT || k->right_offset || k->node->type.dtype != DTYPE_I32)
        return false;
    const Buffer *w = &p->buffers[k->buffers[1]];
    return w->kind == BUFFER_VARIABLE && is_dense(k, &w->type);
}

#define LEAST_COLUMNS 3  // of which a block is worth its zeros

static bool can_block(const Plan *p, const Kernel *k)
{
    return columns_of(k) >= LEAST_COLUMNS && depth_of(k) >= KIT_DEPTH &&
           c_blocks_serve(p->graph->arena, k);
}

// How one user of a variable wants it.
static CLayout wanted(const Plan *p, const Kernel *k, int slot)
{
    CLayout l = {0};
    if (slot != 1 || !can_turn(p, k))
        return l;
    l.columns = columns_of(k);
    l.blocks = can_block(p, k);
    l.axes = k->depth.count;
    for (int i = 0; i < l.axes; i++) {
        l.size[i] = k->depth.axes[i].size;
        l.stride[i] = k->depth.axes[i].right;
    }
    return l;
}

static bool are_alike(const CLayout *a, const CLayout *b)
{
    bool alike = a->blocks && b->blocks && a->axes == b->axes;
    for (int i = 0; alike && i < a->axes; i++)
        alike = a->size[i] == b->size[i] && a->stride[i] == b->stride[i];
    return alike;
}

static bool reads(const Plan *p, const Kernel *k, int slot, int variable)
{
    const Buffer *b = &p->buffers[k->buffers[slot]];
    return b->kind == BUFFER_VARIABLE && b->index == variable;
}

// Makes of *layout what suits the users in one more plan, too. False: it stays as it was.
static bool join_layout(const Plan *p, int variable, CLayout *layout)
{
    for (int i = 0; i < p->kernel_count; i++) {
        const Kernel *k = p->kernels[i];
        for (int s = 0; s < k->buffer_count; s++) {
            if (!reads(p, k, s, variable))
                continue;
            CLayout own = wanted(p, k, s);
            if (!own.columns || (layout->columns && layout->columns != own.columns))
                return false;
            own.blocks = own.blocks && (!layout->columns || are_alike(layout, &own));
            *layout = own;
        }
    }
    return true;
}

// In blocks the depth is as the kernel goes through it.
static void turn(Kernel *k, const CLayout *layout, int64_t elements)
{
    int64_t inside = 1;
    for (int i = k->depth.count - 1; i >= 0; i--) {
        k->depth.axes[i].right = layout->blocks ? inside : k->depth.axes[i].right / layout->columns;
        inside *= k->depth.axes[i].size;
    }
    k->columns.axes[0].right = elements / layout->columns;
    k->blocks = layout->blocks;
}

static int64_t rounded_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

int64_t c_place_count(const CLayout *layout, const Type *t)
{
    const int64_t count = type_elements(t);
    if (!layout || !layout->blocks)
        return count;
    return rounded_up(layout->columns, KIT_COLUMNS) *
           rounded_up(count / layout->columns, KIT_DEPTH);
}

static int64_t place_in_block(const CLayout *l, int64_t depth, int64_t i)
{
    const int64_t block = KIT_COLUMNS * rounded_up(depth, KIT_DEPTH), in = i % block;
    int64_t place = i / block * KIT_COLUMNS + in / KIT_DEPTH % KIT_COLUMNS;
    int64_t d = in / (KIT_COLUMNS * KIT_DEPTH) * KIT_DEPTH + in % KIT_DEPTH;
    if (place >= l->columns || d >= depth)
        return -1;
    for (int axis = l->axes - 1; axis >= 0; axis--) {
        place += d % l->size[axis] * l->stride[axis];
        d /= l->size[axis];
    }
    return place;
}

int64_t c_place_in(const CLayout *layout, const Type *t, int64_t i)
{
    if (!layout || !layout->columns)
        return i;
    const int64_t columns = layout->columns, depth = type_elements(t) / columns;
    if (layout->blocks)
        return place_in_block(layout, depth, i);
    return i % depth * columns + i / depth;
}

// A buffer of it is as long as its places.
static void turn_all(Plan *p, int variable, const CLayout *layout)
{
    const Type *t = &p->graph->variables->items[variable].type;
    const int64_t places = c_place_count(layout, t);
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->kind == KERNEL_CONTRACT && reads(p, p->kernels[i], 1, variable))
            turn(p->kernels[i], layout, type_elements(t));
    for (int i = 0; i < p->buffer_count; i++)
        if (p->buffers[i].kind == BUFFER_VARIABLE && p->buffers[i].index == variable)
            p->buffers[i].type = type_of(t->dtype, 1, &places);
}

void c_lay_out(Plan *const *plans, int count, CLayout *layout)
{
    const int variables = count > 0 ? plans[0]->graph->variables->count : 0;
    for (int v = 0; v < variables; v++) {
        CLayout l = {0};
        bool serves = true;
        for (int i = 0; i < count && serves; i++)
            serves = join_layout(plans[i], v, &l);
        if (!serves || !l.columns)
            continue;
        layout[v] = l;
        for (int i = 0; i < count; i++)
            turn_all(plans[i], v, &l);
    }
}
