// clip.c -- contractions that clip what they read, so that it need not be padded in memory.
//
//   %1 = pad %0 {1,1}                       contract reads %0 itself: where i + d - 1 is below 0 or
//   %2 = window %1 {size 3}        -->      beyond its end, the kernel takes the pad's value
//   %3 = contract %2, w {id,d->i}
//
// A copy with a border costs memory twice: the copy is larger, and who else reads the value keeps
// the value besides.

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

// --- which pads ---------------------------------------------------------------------------------

static bool is_padded(const Node *pad, int axis)
{
    return pad->type.dims[axis] != pad->in[0]->type.dims[axis] || pad->attr.pad.low[axis];
}

static int padded_axes(const Node *pad)
{
    int count = 0;
    for (int i = 0; i < pad->type.rank; i++) {
        if (!is_padded(pad, i))
            continue;
        const int64_t low = pad->attr.pad.low[i], size = pad->in[0]->type.dims[i];
        if (low < 0 || low + size > pad->type.dims[i] || pad->attr.pad.interior[i])
            return MAX_CLIPS + 1;
        count++;
    }
    return count;
}

// From the left operand of a contraction down through windows; NULL: there is no pad.
static Node *pad_below(const Fusion *f, Node *n)
{
    while (n->op == OP_window && !f->copied[n->id])
        n = n->in[0];
    return n->op == OP_pad && !f->copied[n->id] ? n : NULL;
}

// How a view of a pad goes along axis `dim` of it.
static View along(Node *n, const Node *pad, int dim)
{
    View v = {.base = n};
    if (n == pad) {
        v.strides[dim] = 1;
        v.offset = -pad->attr.pad.low[dim];
        return v;
    }
    v = along(n->in[0], pad, dim);
    return view_step(&v, n);
}

static bool in_result(const Node *contract, int label)
{
    for (int i = 0; i < contract->type.rank; i++)
        if (contract->attr.contract.out[i] == label)
            return true;
    return false;
}

// Along each padded axis move one axis of the result, or none, and one of the depth.
static bool can_clip(const Node *contract, const Node *pad)
{
    for (int dim = 0; dim < pad->type.rank; dim++) {
        const View v = along(contract->in[0], pad, dim);
        int result = 0, depth = 0;
        for (int i = 0; i < contract->in[0]->type.rank; i++)
            if (v.strides[i])
                *(in_result(contract, contract->attr.contract.left[i]) ? &result : &depth) += 1;
        if (is_padded(pad, dim) && (result > 1 || depth != 1))
            return false;
    }
    return contract->type.rank > 0 && !contract->attr.contract.parts;
}

// Whether `n`, a pad or a window of it, is read by nothing but contractions that can clip it.
static bool only_clipped(const Fusion *f, const Node *n, const Node *pad)
{
    const Graph *g = f->graph;
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i].node == n)
            return false;
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].value == n)
            return false;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++) {
            const Node *user = g->nodes[i];
            if (user->in[k] != n)
                continue;
            const bool window = user->op == OP_window && !f->copied[i];
            const bool contract = user->op == OP_contract && k == 0 && can_clip(user, pad);
            if (!contract && !(window && only_clipped(f, user, pad)))
                return false;
        }
    return true;
}

static bool is_memory(const Fusion *f, Node *n)
{
    const Node *base = view_of(f, n).base;
    return !f->uniform[base->id] && base->op != OP_iota && base->op != OP_random;
}

void find_clipped(Fusion *f)
{
    for (int i = 0; i < f->graph->node_count; i++) {
        Node *n = f->graph->nodes[i];
        if (n->op != OP_pad || f->copied[i] || padded_axes(n) > MAX_CLIPS ||
            !only_clipped(f, n, n) || !is_memory(f, n->in[0]))
            continue;
        f->clipped[i] = true;
        f->kept[view_of(f, n->in[0]).base->id] = true;
    }
}

// --- the clips of a contraction -----------------------------------------------------------------

static void set_clips(ContractAxes *x, const Node *contract, const View *v, int clip)
{
    for (int i = 0; i < x->count; i++)
        for (int k = 0; k < contract->in[0]->type.rank; k++)
            if (contract->attr.contract.left[k] == x->axes[i].label)
                x->axes[i].clip[clip] = v->strides[k];
}

void contract_clips(const Fusion *f, Kernel *k, const Node *n)
{
    Node *pad = pad_below(f, n->in[0]);
    if (!pad || !f->clipped[pad->id])
        return;
    for (int dim = 0; dim < pad->type.rank; dim++) {
        if (!is_padded(pad, dim))
            continue;
        const View v = along(n->in[0], pad, dim);
        ContractAxes *const families[] = {&k->batch, &k->rows, &k->columns, &k->depth};
        for (int i = 0; i < 4; i++)
            set_clips(families[i], n, &v, k->clip_count);
        k->clips[k->clip_count++] = (Clip){.size = pad->in[0]->type.dims[dim],
                                           .offset = v.offset,
                                           .value = (double)pad->attr.pad.value};
    }
}
