// contract.c -- a contraction's loops, from its labels and the strides of its operands.
//
//   contract x, w {ab,bc->ac}      rows a: left 784, out 10;  columns c: right 1, out 1;
//                                  depth b: left 1, right 10
//
// Axes of one family that run on through memory are merged, so that matmul over any leading axes,
// and its gradients, have one axis each of rows, columns and depth.

#include <string.h>

#include "kernel/lower.h"

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
        .axis = -1,
        .left = stride_at(o->left.strides, label_axis(at->contract.left, l->rank, label)),
        .right = stride_at(o->right.strides, label_axis(at->contract.right, r->rank, label)),
        .out = stride_at(o->out, label_axis(at->contract.out, t->rank, label)),
    };
}

static void add_axis(Kernel *k, const Operands *o, int label, int64_t size, int *next)
{
    const Attr *at = &o->node->attr;
    bool left = label_axis(at->contract.left, o->node->in[0]->type.rank, label) >= 0;
    bool right = label_axis(at->contract.right, o->node->in[1]->type.rank, label) >= 0;
    bool out = label_axis(at->contract.out, o->node->type.rank, label) >= 0;
    if (label == NO_LABEL)
        k->parts = (ContractAxis){.size = size, .factor = 1, .out = o->out[0], .axis = -1};
    if (size == 1 || label == NO_LABEL)
        return;
    ContractAxes *family = !out            ? &k->depth
                           : left && right ? &k->batch
                           : left          ? &k->rows
                                           : &k->columns;
    ContractAxis *x = &family->axes[family->count++];
    *x = axis_of(o, label, size);
    x->label = label;
    if (out)
        x->axis = (*next)++;
}

void contract_axes(const Fusion *f, Kernel *k, Node *n)
{
    Operands o = {.node = n, .left = view_of(f, n->in[0]), .right = view_of(f, n->in[1])};
    const Type *l = &n->in[0]->type;
    int next = 0;
    row_major(&n->type, o.out);
    k->kind = KERNEL_CONTRACT;
    k->left_offset = o.left.offset;
    k->right_offset = o.right.offset;
    k->node = n;
    for (int i = 0; i < n->type.rank; i++)
        add_axis(k, &o, n->attr.contract.out[i], n->type.dims[i], &next);
    for (int i = 0; i < l->rank; i++)
        if (label_axis(n->attr.contract.out, n->type.rank, n->attr.contract.left[i]) < 0)
            add_axis(k, &o, n->attr.contract.left[i], l->dims[i], &next);
    contract_clips(f, k, n);
}

void lower_contract(Arena *a, Plan *p, const Fusion *f, Kernel *k, Node *n)
{
    contract_axes(f, k, n);
    for (int i = 0; i < 2; i++)
        kernel_slot(a, k, plan_read_buffer(a, p, f, view_of(f, n->in[i]).base));
}

// --- vectors ------------------------------------------------------------------------------------

static bool has_vectors(const ContractAxes *x, bool swapped)
{
    const ContractAxis *v = x->count ? &x->axes[x->count - 1] : NULL;
    if (!v || v->size == DIM_BATCH || v->out != 1)
        return false;
    const int64_t along = swapped ? v->left : v->right, across = swapped ? v->right : v->left;
    return along == 1 && (across == 0 || across == 1);
}

static const ContractAxes *vector_family(const Kernel *k, bool swapped)
{
    const ContractAxes *own = swapped ? &k->rows : &k->columns;
    return own->count ? own : &k->batch;
}

bool contract_in_vectors(const Kernel *k, bool *swapped)
{
    *swapped = !has_vectors(vector_family(k, false), false);
    return !*swapped || has_vectors(vector_family(k, true), true);
}

// A depth beyond this would leave the cache, and lose bits.
#define LONG_DEPTH 4096

bool contract_is_deep(const Kernel *k, int64_t max_batch)
{
    int64_t depth = 1;
    for (int i = 0; i < k->depth.count; i++)
        depth *= axis_size(k->depth.axes[i].size, k->depth.axes[i].factor, max_batch);
    const bool known = k->depth.count != 1 || k->depth.axes[0].size != DIM_BATCH;
    return known && depth > LONG_DEPTH;
}

// --- merging ------------------------------------------------------------------------------------

static bool runs_on(const Kernel *k, const ContractAxis *outer, const ContractAxis *inner)
{
    // an axis whose length is not known has no vectors
    if (inner->size == DIM_BATCH || (outer->size == DIM_BATCH && inner->out == 1))
        return false;
    if (outer->left != inner->left * inner->size || outer->right != inner->right * inner->size ||
        outer->out != inner->out * inner->size)
        return false;
    for (int i = 0; i < k->clip_count; i++)
        if (outer->clip[i] != inner->clip[i] * inner->size)
            return false;
    for (int i = 0; outer->axis >= 0 && i < k->count; i++)
        if (k->code[i].strides[outer->axis] != k->code[i].strides[inner->axis] * inner->size)
            return false;
    return true;
}

static void merge_family(const Kernel *k, ContractAxes *x)
{
    int count = 0;
    for (int i = 0; i < x->count; i++) {
        ContractAxis next = x->axes[i], *last = count ? &x->axes[count - 1] : NULL;
        if (!last || !runs_on(k, last, &next)) {
            x->axes[count++] = next;
            continue;
        }
        next.factor = last->size == DIM_BATCH ? last->factor * next.size : 1;
        next.size = last->size == DIM_BATCH ? DIM_BATCH : last->size * next.size;
        *last = next;
    }
    x->count = count;
}

void contract_merge_depth(Kernel *k)
{
    merge_family(k, &k->depth);
}

void contract_merge_axes(Kernel *k)
{
    bool swapped = false;
    merge_family(k, &k->batch);
    merge_family(k, &k->rows);
    merge_family(k, &k->columns);
    merge_family(k, &k->depth);
    k->vector_axis = -1;
    if (k->count && contract_in_vectors(k, &swapped))
        k->vector_axis = vector_family(k, swapped)->axes[vector_family(k, swapped)->count - 1].axis;
}
