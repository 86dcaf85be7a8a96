// inside.c -- what is kept with a border around it need not be kept without one.
//
//   %2 = where ...                               %2 = where ...
//   %3 = contract (window %1), %2       -->      %4 = pad %2
//   %4 = pad %2                                  %5 = slice %4
//   %6 = contract (window %4), %7                %3 = contract (window %1), %5
//                                                %6 = contract (window %4), %7
//
// The gradient of a convolution's result is read twice: as it is for the weights, in a frame of
// zeros for the input. Both can read the frame; then the value itself goes nowhere. Reductions are
// left alone, for they are computed where the value is; and so are values that others read, which
// are stored anyhow. The other operand has windows, so that no axes are lost that could be merged.

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

// By node, as long as its users are being looked at.
typedef struct Use {
    Node *pad;        // that puts a border around it and nothing else
    bool contracted;  // a contraction reads it that may read the pad instead
    bool stored;      // so it would be anyhow
} Use;

static void look_at(Use *use, Node *user, int k)
{
    if (is_frame(user))
        use->pad = use->pad ? use->pad : user;
    else if (user->op == OP_contract && user->in[!k]->op == OP_window)
        use->contracted = true;
    else if (user->op != OP_reduce)
        use->stored = true;
}

static Use *find_uses(const Graph *g)
{
    Use *uses = arena_array(g->arena, Use, (size_t)g->node_count + 1);
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            look_at(&uses[g->nodes[i]->in[k]->id], g->nodes[i], k);
    for (int i = 0; i < g->output_count; i++)
        uses[g->outputs[i].node->id].stored = true;
    for (int i = 0; i < g->update_count; i++)
        uses[g->updates[i].value->id].stored = true;
    return uses;
}

static Node *inside_of(Graph *g, Node *pad)
{
    Builder b = {.graph = g, .span = pad->span, .path = pad->path};
    int32_t step[MAX_RANK] = {0};
    for (int i = 0; i < pad->type.rank; i++)
        step[i] = 1;
    return build_slice(&b, pad, pad->in[0]->type, pad->attr.pad.low, step);
}

static bool reads_frame(const Use *use, const Node *n, int k)
{
    return use->pad && use->contracted && !use->stored && op_is(n->in[k]->op, ELEMENTWISE);
}

void read_insides(Graph *g)
{
    const int count = g->node_count;
    const Use *uses = find_uses(g);
    for (int i = 0; i < count; i++)
        for (int k = 0; g->nodes[i]->op == OP_contract && k < 2; k++) {
            Node *n = g->nodes[i];
            const Use *use = &uses[n->in[k]->id];
            if (reads_frame(use, n, k))
                n->in[k] = inside_of(g, use->pad);
        }
    graph_clean(g);
}
