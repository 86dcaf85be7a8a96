// inside.c -- what is kept with a border around it need not be kept without one.
//
//   %2 = where ...                               %2 = where ...
//   %3 = contract (window %1), %2       -->      %4 = pad %2
//   %4 = pad %2                                  %5 = slice %4
//   %6 = contract (window %4), %7                %3 = contract (window %1), %5
//                                                %6 = contract (window %4), %7
//
// The gradient of a convolution's result is read twice: as it is for the weights, in a frame of
// zeros for the input. A residual block's result is read in a frame by the next convolution, as it
// is by the sum behind that, and once more for its own gradient. All can read the frame; then the
// value itself goes nowhere. Who might be computed along with the value, in registers, is left
// alone: reductions, and element-wise operations that nothing of the frame is needed for. So are
// values that others read, which are stored anyhow. A contraction's other operand has windows, so
// that no axes are lost that could be merged.

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

// By node, as long as its users are being looked at.
typedef struct Use {
    Node *pad;    // that puts a border around it and nothing else
    bool framed;  // others read it that may read the pad instead
    bool stored;  // so it would be anyhow
} Use;

typedef struct Insides {
    Graph *graph;
    Use *uses;
    bool *behind;  // by node: it depends on the pad at hand
    int count;     // of the nodes that there were: behind them stand those that are added
    bool clips;    // contractions may do without the frame: it is not there for others
} Insides;

// --- who comes later ----------------------------------------------------------------------------

// An added node is a slice of a pad.
static bool is_behind(const Insides *s, const Node *n)
{
    return s->behind[n->id < (uint32_t)s->count ? n->id : n->in[0]->id];
}

static void find_behind(const Insides *s, const Node *pad)
{
    for (int i = 0; i < s->count; i++) {
        const Node *n = s->graph->nodes[i];
        s->behind[i] = n == pad;
        for (int k = 0; k < n->input_count; k++)
            s->behind[i] |= is_behind(s, n->in[k]);
    }
}

static bool reads(const Node *user, const Node *n)
{
    for (int k = 0; k < user->input_count; k++)
        if (user->in[k] == n)
            return true;
    return false;
}

// Whether an operation on a value waits for what comes of its pad; or all that read it do.
static bool comes_later(const Insides *s, const Node *user, int depth)
{
    int readers = 0;
    if (s->behind[user->id])
        return true;
    for (int i = (int)user->id + 1; depth > 0 && i < s->count; i++) {
        const Node *reader = s->graph->nodes[i];
        if (!reads(reader, user))
            continue;
        if (!op_is(reader->op, ELEMENTWISE) || !comes_later(s, reader, depth - 1))
            return false;
        readers++;
    }
    return readers > 0;
}

enum { STEPS_BETWEEN = 2 };

static bool may_read_frame(const Insides *s, const Node *user, int k)
{
    if (user->op == OP_contract)
        return user->in[!k]->op == OP_window;
    return !s->clips && (user->op == OP_slice ||
                         (op_is(user->op, ELEMENTWISE) && comes_later(s, user, STEPS_BETWEEN)));
}

// --- the uses of a value ------------------------------------------------------------------------

static void find_pads(Insides *s)
{
    for (int i = 0; i < s->count; i++) {
        Node *n = s->graph->nodes[i];
        if (is_frame(n) && !s->uses[n->in[0]->id].pad && op_is(n->in[0]->op, ELEMENTWISE))
            s->uses[n->in[0]->id].pad = n;
    }
}

static void look_at(const Insides *s, Use *use, const Node *n)
{
    find_behind(s, use->pad);
    for (int i = (int)n->id + 1; i < s->count; i++)
        for (int k = 0; k < s->graph->nodes[i]->input_count; k++) {
            const Node *user = s->graph->nodes[i];
            if (user->in[k] != n || is_frame(user))
                continue;
            if (may_read_frame(s, user, k))
                use->framed = true;
            else if (user->op != OP_reduce)
                use->stored = true;
        }
}

static void find_uses(Insides *s)
{
    const Graph *g = s->graph;
    find_pads(s);
    for (int i = 0; i < s->count; i++)
        if (s->uses[i].pad)
            look_at(s, &s->uses[i], g->nodes[i]);
    for (int i = 0; i < g->output_count; i++)
        s->uses[g->outputs[i].node->id].stored = true;
    for (int i = 0; i < g->update_count; i++)
        s->uses[g->updates[i].value->id].stored = true;
}

// --- reading the frame --------------------------------------------------------------------------

static Node *inside_of(Graph *g, Node *pad)
{
    Builder b = {.graph = g, .span = pad->span, .path = pad->path};
    int32_t step[MAX_RANK] = {0};
    for (int i = 0; i < pad->type.rank; i++)
        step[i] = 1;
    return build_slice(&b, pad, pad->in[0]->type, pad->attr.pad.low, step);
}

static void read_inside(const Insides *s, const Node *n, Node *pad)
{
    find_behind(s, pad);
    for (int i = (int)n->id + 1; i < s->count; i++)
        for (int k = 0; k < s->graph->nodes[i]->input_count; k++) {
            Node *user = s->graph->nodes[i];
            if (user->in[k] == n && !is_frame(user) && may_read_frame(s, user, k))
                user->in[k] = inside_of(s->graph, pad);
        }
}

void read_insides(Graph *g, bool clips)
{
    const int count = g->node_count;
    Insides s = {.graph = g,
                 .uses = arena_array(g->arena, Use, (size_t)count + 1),
                 .behind = arena_array(g->arena, bool, (size_t)count + 1),
                 .count = count,
                 .clips = clips};
    find_uses(&s);
    for (int i = 0; i < count; i++)
        if (s.uses[i].framed && !s.uses[i].stored)
            read_inside(&s, g->nodes[i], s.uses[i].pad);
    graph_clean(g);
}
