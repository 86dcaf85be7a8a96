// join.c -- a sum of values in frames of zeros that fill each other's gaps has them side by side.
//
//   %4 = pad %0 {0:0, 0:0; 0}  : f32[batch, 256]
//   %5 = pad %1 {0:0, 128:0; 0}                        -->   %6 = join %0, %1 {axis 1, of 2}
//   %6 = add %4, %5
//
// So are concatenations written, and such is the gradient of slices that take a value apart: the
// gates of a recurrent layer. Each part is then stored where it belongs, by the kernel that
// computes it; no zeros are, nor added to. What no kernel would store part by part is copied: a
// reshape that changes nothing says so.

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

#define MOST_PARTS 64

typedef struct Parts {
    Node *pads[MOST_PARTS];
    int count;
    int axis;  // along which they follow each other; -1: not known yet
} Parts;

// By node: how many inputs, outputs and updates read it.
static int *count_uses(const Graph *g)
{
    int *uses = arena_array(g->arena, int, (size_t)g->node_count + 1);
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            uses[g->nodes[i]->in[k]->id]++;
    for (int i = 0; i < g->output_count; i++)
        uses[g->outputs[i].node->id]++;
    for (int i = 0; i < g->update_count; i++)
        uses[g->updates[i].value->id]++;
    return uses;
}

// The one axis along which a frame of zeros is larger than what it is around; -1: there is no one.
static int framed_axis(const Node *pad)
{
    int axis = -1;
    if (!is_frame(pad) || pad->attr.pad.value != 0)
        return -1;
    for (int i = 0; i < pad->type.rank; i++) {
        if (pad->type.dims[i] == pad->in[0]->type.dims[i])
            continue;
        if (axis >= 0)
            return -1;
        axis = i;
    }
    return axis;
}

// Before those that start further on.
static bool insert_part(Parts *p, Node *pad)
{
    const int axis = framed_axis(pad);
    if (axis < 0 || (p->axis >= 0 && axis != p->axis) || p->count == MOST_PARTS)
        return false;
    int at = p->count++;
    for (; at > 0 && p->pads[at - 1]->attr.pad.low[axis] > pad->attr.pad.low[axis]; at--)
        p->pads[at] = p->pads[at - 1];
    p->pads[at] = pad;
    p->axis = axis;
    return true;
}

// The pads that `n` is the sum of; false: of other things too.
static bool find_parts(const int *uses, Node *n, bool is_root, Parts *p)
{
    if (n->op == OP_add && (is_root || uses[n->id] == 1))
        return find_parts(uses, n->in[0], false, p) && find_parts(uses, n->in[1], false, p);
    return n->op == OP_pad && insert_part(p, n);
}

static bool fill_gaps(const Parts *p, const Node *sum)
{
    int64_t end = 0;
    for (int i = 0; i < p->count; i++) {
        if (p->pads[i]->attr.pad.low[p->axis] != end)
            return false;
        end += p->pads[i]->in[0]->type.dims[p->axis];
    }
    return end == sum->type.dims[p->axis];
}

static Node *join(Builder *b, const Parts *p)
{
    Node *in[MOST_PARTS];
    for (int i = 0; i < p->count; i++)
        in[i] = p->pads[i]->in[0];
    return build_join(b, in, p->count, p->axis);
}

static void copy_parts(Graph *g)
{
    const int count = g->node_count;
    for (int i = 0; i < count; i++) {
        const Node *n = g->nodes[i];
        Builder b = {.graph = g, .span = n->span, .path = n->path};
        for (int k = 0; n->op == OP_join && k < n->input_count; k++)
            if (!op_is(n->in[k]->op, ELEMENTWISE))
                n->in[k] = build_reshape(&b, n->in[k], n->in[k]->type);
    }
}

// Sums of sums are met from the last on, which is the whole.
void join_parts(Graph *g)
{
    const int count = g->node_count;
    const int *uses = count_uses(g);
    for (int i = count - 1; i >= 0; i--) {
        Node *n = g->nodes[i];
        Parts p = {.axis = -1};
        Builder b = {.graph = g, .span = n->span, .path = n->path};
        if (n->op == OP_add && find_parts(uses, n, true, &p) && fill_gaps(&p, n))
            node_forward(n, join(&b, &p));
    }
    graph_clean(g);
    copy_parts(g);
    graph_clean(g);
}
