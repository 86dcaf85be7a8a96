// c_layout.c -- weights of i8 as the products want them: all of a column one after the other.
//
//   w[depth][columns]  -->  w[columns][depth]
//
// Four neighbours of a column are one word then, to be multiplied with four neighbours of the other
// operand, two at a time.

#include "codegen/c/c_header.h"

static int64_t columns_of(const Kernel *k)
{
    return k->columns.count == 1 && k->columns.axes[0].right == 1 ? k->columns.axes[0].size : 0;
}

static bool is_dense(const Kernel *k, const Type *weights)
{
    const int64_t columns = columns_of(k);
    int64_t depth = 1;
    for (int i = 0; i < k->depth.count; i++) {
        depth *= k->depth.axes[i].size;
        if (columns == 0 || k->depth.axes[i].right % columns)
            return false;
    }
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

static bool reads(const Plan *p, const Kernel *k, int slot, int variable)
{
    const Buffer *b = &p->buffers[k->buffers[slot]];
    return b->kind == BUFFER_VARIABLE && b->index == variable;
}

enum { NO_WAY = -1 };

// The columns of a variable that all of its users multiply with in one way; `columns` where a plan
// has no user.
static int64_t turned_columns(const Plan *p, int variable, int64_t columns)
{
    for (int i = 0; i < p->kernel_count; i++) {
        const Kernel *k = p->kernels[i];
        for (int s = 0; s < k->buffer_count; s++) {
            if (!reads(p, k, s, variable))
                continue;
            if (s != 1 || !can_turn(p, k) || (columns && columns != columns_of(k)))
                return NO_WAY;
            columns = columns_of(k);
        }
    }
    return columns;
}

static void turn(Kernel *k, int64_t columns, int64_t elements)
{
    for (int i = 0; i < k->depth.count; i++)
        k->depth.axes[i].right /= columns;
    k->columns.axes[0].right = elements / columns;
}

static void turn_all(const Plan *p, int variable, int64_t columns)
{
    const Type *t = &p->graph->variables->items[variable].type;
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->kind == KERNEL_CONTRACT && reads(p, p->kernels[i], 1, variable))
            turn(p->kernels[i], columns, type_elements(t));
}

void c_lay_out(Plan *const *plans, int count, int64_t *columns)
{
    const int variables = count > 0 ? plans[0]->graph->variables->count : 0;
    for (int v = 0; v < variables; v++) {
        int64_t n = 0;
        for (int i = 0; i < count && n != NO_WAY; i++)
            n = turned_columns(plans[i], v, n);
        columns[v] = n > 0 ? n : 0;
        for (int i = 0; i < count && n > 0; i++)
            turn_all(plans[i], v, n);
    }
}
