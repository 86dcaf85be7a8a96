// contract.c -- a contraction's loops, from its labels and the strides of its operands.
//
//   contract x, w {ab,bc->ac}      rows a: left 784, out 10;  columns c: right 1, out 1;
//                                  depth b: left 1, right 10
//
// Axes of one family that run on through memory are merged, so that matmul over any leading axes,
// and its gradients, have one axis each of rows, columns and depth.

#include <string.h>

#include "kernel/lower.h"

static int find_label(const int8_t *labels, int rank, int label)
{
    for (int i = 0; i < rank; i++)
        if (labels[i] == label)
            return i;
    return -1;
}

typedef struct Operands {
    const Node *node;
    View left, right;
    int64_t out[MAX_RANK];
} Operands;

static int64_t stride_at(const int64_t *strides, int axis)
{
    return axis < 0 ? 0 : strides[axis];
}

static ContractAxis axis_of(const Operands *o, int label, int64_t size)
{
    const Attr *at = &o->node->attr;
    const Type *l = &o->node->in[0]->type, *r = &o->node->in[1]->type, *t = &o->node->type;
    return (ContractAxis){
        .size = size,
        .factor = 1,
        .left = stride_at(o->left.strides, find_label(at->contract.left, l->rank, label)),
        .right = stride_at(o->right.strides, find_label(at->contract.right, r->rank, label)),
        .out = stride_at(o->out, find_label(at->contract.out, t->rank, label)),
    };
}

static bool runs_on(const ContractAxis *outer, const ContractAxis *inner)
{
    return inner->size != DIM_BATCH && outer->left == inner->left * inner->size &&
           outer->right == inner->right * inner->size && outer->out == inner->out * inner->size;
}

static void push_axis(ContractAxes *axes, ContractAxis x)
{
    ContractAxis *last = axes->count ? &axes->axes[axes->count - 1] : NULL;
    if (!last || !runs_on(last, &x)) {
        axes->axes[axes->count++] = x;
        return;
    }
    x.factor = last->size == DIM_BATCH ? last->factor * x.size : 1;
    x.size = last->size == DIM_BATCH ? DIM_BATCH : last->size * x.size;
    *last = x;
}

static void add_axis(Kernel *k, const Operands *o, int label, int64_t size)
{
    const Attr *at = &o->node->attr;
    bool left = find_label(at->contract.left, o->node->in[0]->type.rank, label) >= 0;
    bool right = find_label(at->contract.right, o->node->in[1]->type.rank, label) >= 0;
    bool out = find_label(at->contract.out, o->node->type.rank, label) >= 0;
    if (label == NO_LABEL)
        k->parts = (ContractAxis){.size = size, .factor = 1, .out = o->out[0]};
    if (size == 1 || label == NO_LABEL)
        return;
    push_axis(!out            ? &k->depth
              : left && right ? &k->batch
              : left          ? &k->rows
                              : &k->columns,
              axis_of(o, label, size));
}

void lower_contract(Arena *a, Plan *p, const Fusion *f, Kernel *k, Node *n)
{
    Operands o = {.node = n, .left = view_of(f, n->in[0]), .right = view_of(f, n->in[1])};
    row_major(&n->type, o.out);
    k->kind = KERNEL_CONTRACT;
    k->left_offset = o.left.offset;
    k->right_offset = o.right.offset;
    k->node = n;
    for (int i = 0; i < n->type.rank; i++)
        add_axis(k, &o, n->attr.contract.out[i], n->type.dims[i]);
    const Type *l = &n->in[0]->type;
    for (int i = 0; i < l->rank; i++)
        if (find_label(n->attr.contract.out, n->type.rank, n->attr.contract.left[i]) < 0)
            add_axis(k, &o, n->attr.contract.left[i], l->dims[i]);
    const Node *operands[2] = {o.left.base, o.right.base};
    for (int i = 0; i < 2; i++) {
        const Node *b = operands[i];
        BufferKind kind = b->op == OP_variable ? BUFFER_VARIABLE : BUFFER_INPUT;
        kernel_slot(a, k,
                    f->home[b->id] ? plan_arena_buffer(a, p, b)
                                   : plan_buffer(a, p, kind, b->attr.index, &b->type));
    }
    kernel_slot(a, k, plan_arena_buffer(a, p, n));
}
