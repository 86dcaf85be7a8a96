// stream.c -- a recurrent model step by step: its graph for one step of its input, the carried
// values given and returned.
//
//   input x [batch, 22, 1]                    input x [batch, 1, 1], input state.0 [batch, 32]
//   %1 = contract x, w : [batch, 22, 96]      %1 = contract x, w : [batch, 1, 96]
//   %2 = scan %1, zeros {22 steps}     -->    %2 = scan %1, state.0 {1 step}
//   %3 = scan_result %2 {0}                   %3 = scan_result %2 {0}
//   output y = f(%3)                          output y = f(%3), output state.0 = %3
//
// Every value is followed along the axis of time. It may run through what treats each step by
// itself; what looks across steps other than by a forward scan (a backward one, attention, a mean
// over time) makes the model none that streams. "The last step" is the step at hand.

#include <string.h>

#include "pass/rewrite.h"

enum {
    NO_TIME = -1,  // the same in every step
    ENDED = -2,    // of the step at hand: what comes after a scan's last value
    STUCK = -3,    // looks across steps
};

typedef struct Streamer {
    const Graph *from;
    Builder b;
    Node **copy;  // by id in `from`
    int *time;    // by id in `from`: the axis of time, or one of the above
    int64_t length;
    Stream *stream;
    int capacity;
} Streamer;

// --- what is the same in every step -------------------------------------------------------------

static Type one_step(const Type *t, int axis)
{
    Type type = *t;
    if (axis >= 0)
        type.dims[axis] = 1;
    return type;
}

// `n`, which has no time, with axis `axis` of size 1; NULL: it differs along it.
static Node *narrowed(Streamer *s, Node *n, int axis)
{
    Node *in[MAX_ARITY] = {NULL};
    const Type type = one_step(&n->type, axis);
    if (s->time[n->id] != NO_TIME)
        return NULL;
    if (n->type.dims[axis] == 1)
        return s->copy[n->id];
    if (n->op == OP_broadcast) {
        for (int i = 0; i < n->in[0]->type.rank; i++)
            if (n->attr.map[i] == axis && n->in[0]->type.dims[i] != 1)
                return NULL;
        return build_typed(&s->b, n->op, 1, &s->copy[n->in[0]->id], &n->attr, &type);
    }
    if (!op_is(n->op, ELEMENTWISE))
        return NULL;
    for (int i = 0; i < n->input_count; i++)
        if (!(in[i] = narrowed(s, n->in[i], axis)))
            return NULL;
    return build_typed(&s->b, n->op, n->input_count, in, &n->attr, &type);
}

// --- where time goes ----------------------------------------------------------------------------
// Each is asked of a node whose input `k` has time along axis `t`, and says along which axis of the
// result it has it.

static int through_elementwise(const Streamer *s, const Node *n, int k, int t)
{
    (void)k;
    for (int i = 0; i < n->input_count; i++)
        if (s->time[n->in[i]->id] >= 0 && s->time[n->in[i]->id] != t)
            return STUCK;
    return t;
}

static int through_broadcast(const Streamer *s, const Node *n, int k, int t)
{
    (void)s, (void)k;
    return n->attr.map[t];
}

static int through_transpose(const Streamer *s, const Node *n, int k, int t)
{
    (void)s, (void)k;
    for (int i = 0; i < n->type.rank; i++)
        if (n->attr.map[i] == t)
            return i;
    return STUCK;
}

static int through_reshape(const Streamer *s, const Node *n, int k, int t)
{
    (void)s;
    for (int i = 0; i <= t; i++)
        if (i >= n->type.rank || n->type.dims[i] != n->in[k]->type.dims[i])
            return STUCK;
    return t;
}

static int through_slice(const Streamer *s, const Node *n, int k, int t)
{
    (void)k;
    if (n->type.dims[t] == s->length && n->attr.slice.step[t] == 1)
        return t;
    const bool last = n->type.dims[t] == 1 && n->attr.slice.start[t] == s->length - 1;
    return last ? ENDED : STUCK;
}

static int through_pad(const Streamer *s, const Node *n, int k, int t)
{
    (void)k;
    return n->type.dims[t] == s->length && n->attr.pad.low[t] == 0 ? t : STUCK;
}

static int through_reduce(const Streamer *s, const Node *n, int k, int t)
{
    (void)s, (void)k;
    if (n->attr.reduce.axes >> t & 1)
        return STUCK;
    return t - __builtin_popcount(n->attr.reduce.axes & ((1U << t) - 1));
}

static int through_argmax(const Streamer *s, const Node *n, int k, int t)
{
    (void)s, (void)k;
    return n->attr.axis == t ? STUCK : t - (t > n->attr.axis);
}

static int through_window(const Streamer *s, const Node *n, int k, int t)
{
    (void)s, (void)k;
    return n->attr.window.axis == t ? STUCK : t + (t > n->attr.window.axis);
}

static int through_gather(const Streamer *s, const Node *n, int k, int t)
{
    return k == 1 && s->time[n->in[0]->id] == NO_TIME ? t : STUCK;
}

static int through_contract(const Streamer *s, const Node *n, int k, int t)
{
    const int8_t *own = k == 0 ? n->attr.contract.left : n->attr.contract.right;
    const int8_t *other = k == 0 ? n->attr.contract.right : n->attr.contract.left;
    const Node *with = n->in[1 - k];
    const int there = label_axis(other, with->type.rank, own[t]);
    if (there != STUCK ? s->time[with->id] != there : s->time[with->id] >= 0)
        return STUCK;
    return label_axis(n->attr.contract.out, n->type.rank, own[t]);
}

typedef int Through(const Streamer *s, const Node *n, int k, int t);

static Through *const through[OP_COUNT] = {
    [OP_broadcast] = through_broadcast,
    [OP_transpose] = through_transpose,
    [OP_reshape] = through_reshape,
    [OP_slice] = through_slice,
    [OP_pad] = through_pad,
    [OP_reduce] = through_reduce,
    [OP_argmax] = through_argmax,
    [OP_window] = through_window,
    [OP_gather] = through_gather,
    [OP_contract] = through_contract,
};

// What `n` has of time, by what its inputs have.
static int time_through(const Streamer *s, const Node *n)
{
    Through *const rule = op_is(n->op, ELEMENTWISE) ? through_elementwise : through[n->op];
    bool ended = false;
    for (int i = 0; i < n->input_count; i++)
        ended |= s->time[n->in[i]->id] == ENDED;
    for (int i = 0; i < n->input_count; i++)
        if (s->time[n->in[i]->id] >= 0)
            return rule && !ended ? rule(s, n, i, s->time[n->in[i]->id]) : STUCK;
    return ended ? ENDED : NO_TIME;
}

// --- copies -------------------------------------------------------------------------------------

// Of a node that has time: sizes that differ along it come from what is the same in every step.
static bool copy_step(Streamer *s, Node *n, int time)
{
    Node **in = arena_array(s->b.graph->arena, Node *, (size_t)n->input_count + 1);
    Attr attr = n->attr;
    const Type type = one_step(&n->type, time);
    for (int i = 0; i < n->input_count; i++) {
        Node *x = n->in[i];
        const bool same = op_is(n->op, ELEMENTWISE) && time >= 0 && s->time[x->id] == NO_TIME;
        in[i] = same ? narrowed(s, x, time) : s->copy[x->id];
        if (!in[i])
            return false;
    }
    if (n->op == OP_slice && s->time[n->in[0]->id] >= 0)
        attr.slice.start[s->time[n->in[0]->id]] = 0;
    s->copy[n->id] = build_typed(&s->b, n->op, n->input_count, in, &attr, &type);
    return true;
}

static void copy_input(Streamer *s, Node *n)
{
    s->time[n->id] = 1;
    s->copy[n->id] = build_input(&s->b, s->from->inputs[n->attr.index].name, one_step(&n->type, 1));
}

// --- scans --------------------------------------------------------------------------------------

static bool can_step(const Streamer *s, const Node *n)
{
    const ScanBody *body = n->attr.scan;
    if (body->reverse || body->length != s->length)
        return false;
    for (int i = 0; i < n->input_count; i++) {
        const int time = s->time[n->in[i]->id];
        if (time != (i < body->sequences ? 1 : NO_TIME))
            return false;
    }
    return true;
}

static Node *add_state(Streamer *s, const Node *first)
{
    StreamState state = {.type = first->type};
    if (!const_value(first, &state.first))
        return NULL;
    Graph *g = s->b.graph;
    const Name name = intern(g->names, arena_printf(g->arena, "state.%d", s->stream->count));
    arena_push(g->arena, s->stream->states, s->stream->count, s->capacity, state);
    return build_input(&s->b, name, first->type);
}

static bool copy_scan(Streamer *s, Node *n)
{
    ScanBody *body = scan_clone(n->attr.scan);
    Node **in = arena_array(s->b.graph->arena, Node *, (size_t)n->input_count + 1);
    const int first = s->stream->count;
    if (!can_step(s, n))
        return false;
    for (int i = 0; i < n->input_count; i++) {
        const int carried = i - body->sequences;
        const bool carries = carried >= 0 && carried < body->carried;
        in[i] = carries ? add_state(s, n->in[i]) : s->copy[n->in[i]->id];
        if (!in[i])
            return false;
    }
    body->length = 1;
    s->time[n->id] = ENDED;
    s->copy[n->id] = build_scan(&s->b, body, in);
    for (int i = 0; i < body->carried; i++)
        s->stream->states[first + i].last = build_scan_result(&s->b, s->copy[n->id], i);
    return true;
}

static void copy_scan_result(Streamer *s, Node *n)
{
    const Node *scan = n->in[0];
    s->time[n->id] = n->attr.index < scan->attr.scan->carried ? ENDED : 1;
    s->copy[n->id] = build_scan_result(&s->b, s->copy[scan->id], n->attr.index);
}

// --- the whole ----------------------------------------------------------------------------------

static bool copy_node(Streamer *s, Node *n)
{
    s->b.span = n->span;
    s->b.path = n->path;
    if (n->op == OP_input) {
        copy_input(s, n);
        return true;
    }
    if (n->op == OP_scan)
        return copy_scan(s, n);
    if (n->op == OP_scan_result) {
        copy_scan_result(s, n);
        return true;
    }
    s->time[n->id] = time_through(s, n);
    return s->time[n->id] != STUCK && copy_step(s, n, s->time[n->id]);
}

static bool has_scan(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan)
            return true;
    return false;
}

static bool is_sequence(const Type *t)
{
    return type_batched(t) && t->rank >= 2;
}

static void add_outputs(Streamer *s)
{
    Graph *g = s->b.graph;
    for (int i = 0; i < s->from->output_count; i++)
        graph_output(g, s->from->outputs[i].name, s->copy[s->from->outputs[i].node->id]);
    for (int i = 0; i < s->stream->count; i++)
        graph_output(g, intern(g->names, arena_printf(g->arena, "state.%d.next", i)),
                     s->stream->states[i].last);
    graph_clean(g);
}

bool graph_stream(const Graph *g, Stream *out)
{
    const size_t count = (size_t)g->node_count;
    *out = (Stream){0};
    if (!has_scan(g) || g->input_count != 1 || !is_sequence(&g->inputs[0].type))
        return false;
    out->graph = graph_new(g->arena, g->names, g->variables, "stream");
    Streamer s = {
        .from = g,
        .b = {.graph = out->graph},
        .copy = arena_array(g->arena, Node *, count),
        .time = arena_array(g->arena, int, count),
        .length = g->inputs[0].type.dims[1],
        .stream = out,
    };
    for (int i = 0; i < g->node_count; i++)
        if (!copy_node(&s, g->nodes[i]))
            return false;
    add_outputs(&s);
    return true;
}
