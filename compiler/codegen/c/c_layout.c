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

// The columns of a variable that all of its users multiply with in one way; 0: they do not.
static int64_t turned_columns(const Plan *p, int buffer)
{
    int64_t columns = 0;
    for (int i = 0; i < p->kernel_count; i++) {
        const Kernel *k = p->kernels[i];
        for (int s = 0; s < k->buffer_count; s++) {
            if (k->buffers[s] != buffer)
                continue;
            if (s != 1 || !can_turn(p, k) || (columns && columns != columns_of(k)))
                return 0;
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

void c_lay_out(Plan *p, int64_t *columns)
{
    for (int b = 0; b < p->buffer_count; b++) {
        const Buffer *buffer = &p->buffers[b];
        const int64_t n = buffer->kind == BUFFER_VARIABLE ? turned_columns(p, b) : 0;
        for (int i = 0; n && i < p->kernel_count; i++)
            if (p->kernels[i]->kind == KERNEL_CONTRACT && p->kernels[i]->buffers[1] == b)
                turn(p->kernels[i], n, type_elements(&buffer->type));
        if (n)
            columns[buffer->index] = n;
    }
}
