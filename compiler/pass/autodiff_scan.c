// autodiff_scan.c -- the gradient of a scan: a scan against the time, whose body is the gradient of
// the body.
//
//   h_t = body(x_t, h_(t-1), w)    -->    forward: the same, which also keeps h_(t-1) of every step
//                                         backward, for the steps the other way round:
//                                           (dx_t, dh_(t-1), dw) = body'(x_t, h_(t-1), w, dh_t)
//
// The backward body is a copy of the body with the adjoint part behind it. What a step knew is
// given to it by a tape, which is a stacked result of the forward scan: the carried values before
// each step and, because they cost most, the results of contractions and of functions such as exp.
// All else of the forward part is computed again, and what only those were made of is not needed.
//
// A captured value has its share of the gradient in each step. Shares that are a contraction of two
// values of the step, as those of weights are, are not added up step by step: both values are
// stacked, and contracted over all steps at once behind the scan. So are sums of a value that is
// stacked anyway, as those of biases. The others are carried sums.
//
// Needs: verified IR.  Changes: the forward scan gets further results.

#include <string.h>

#include "graph/ops/ops.h"
#include "pass/autodiff.h"

// What a value of the backward body is in the graph around it.
typedef struct Link {
    Node *inside, *outside;
} Link;

typedef struct Links {
    Link *items;
    int count, capacity;
} Links;

typedef struct Nodes {
    Node **items;
    int count, capacity;
} Nodes;

// A share of a captured value's gradient that is computed behind the scan.
typedef struct Share {
    int captured;
    const Node *node;  // in the body: its contraction or sum
    int operands[2];   // stacked results, or ~id of a taped forward node
    Type types[2];     // of a step
    struct Share *next;
} Share;

typedef struct ScanGradient {
    Autodiff *outer;
    Arena *arena;
    Node *scan;
    ScanBody *forward;
    int forward_count;  // nodes of the body, which have the same ids in its copy
    Autodiff body;      // of the copy
    Node **copies;      // by id of the forward body
    Node **tapes;       // by id of the forward body: the sequence of its values, once asked for
    bool *steps;        // by id in the copy: differs from step to step
    Links sequences, carried, captured;
    Nodes next, results;
    Share *shares;
    int *sequence_result;  // by sequence: the result that is its adjoint, or -1
    int *carried_result;   // by carried value: its place among the backward ones, or -1
    int *captured_result;  // by captured value: the carried sum, or -1
} ScanGradient;

static int place_of(ScanGradient *s, Nodes *nodes, Node *n)
{
    for (int i = 0; i < nodes->count; i++)
        if (nodes->items[i] == n)
            return i;
    arena_push(s->arena, nodes->items, nodes->count, nodes->capacity, n);
    return nodes->count - 1;
}

static void link_nodes(ScanGradient *s, Links *links, Node *inside, Node *outside)
{
    const Link link = {inside, outside};
    arena_push(s->arena, links->items, links->count, links->capacity, link);
}

// An input of the backward body; its port is made at the end.
static Node *new_input(ScanGradient *s, Type type)
{
    Attr attr = {.contract = {.parts = 0}};
    return build_typed(&s->body.b, OP_input, 0, NULL, &attr, &type);
}

static Node *zeros(Builder *b, const Type *type)
{
    return build_filled(b, type, 0);
}

// --- the tape ---------------------------------------------------------------------------------

static int find_stacked(const ScanBody *f, const Node *n)
{
    for (int i = f->carried; i < f->graph->output_count; i++)
        if (f->graph->outputs[i].node == n)
            return i;
    return -1;
}

static int stack(ScanGradient *s, Node *n)
{
    Graph *g = s->forward->graph;
    const int known = find_stacked(s->forward, n);
    if (known >= 0)
        return known;
    graph_output(g, intern(g->names, arena_printf(s->arena, "tape.%d", g->output_count)), n);
    return g->output_count - 1;
}

// The values of a node of the forward body in all steps.
static Node *tape(ScanGradient *s, int id)
{
    Node *n = s->forward->graph->nodes[id];
    if (s->tapes[id])
        return s->tapes[id];
    if (n->op == OP_input && n->attr.index < s->forward->sequences)
        return s->tapes[id] = s->scan->in[n->attr.index];
    return s->tapes[id] = build_scan_result(&s->outer->b, s->scan, stack(s, n));
}

static bool is_taped(const ScanGradient *s, const Node *copy)
{
    const bool costs = op_is(copy->op, ELEMENTWISE) && !op_is(copy->op, CHEAP);
    return copy->id < (uint32_t)s->forward_count && s->steps[copy->id] &&
           (copy->op == OP_input || copy->op == OP_contract || costs);
}

// --- the reverse sweep over the copy of the body ----------------------------------------------

// The sum of the adjoints of all reads of one result; NULL: zero.
static Node *result_adjoint(ScanGradient *s, int result)
{
    Node *sum = NULL;
    for (int i = (int)s->scan->id; i < s->outer->count; i++) {
        const Node *n = s->outer->b.graph->nodes[i];
        Node *adjoint = s->outer->adjoint[i];
        if (n->op != OP_scan_result || n->in[0] != s->scan || n->attr.index != result || !adjoint)
            continue;
        sum = sum ? build_binary(&s->outer->b, OP_add, sum, adjoint) : adjoint;
    }
    return sum;
}

static bool is_wanted(const ScanGradient *s, const Node *input)
{
    const int i = input->attr.index, carried = i - s->forward->sequences;
    return (carried >= 0 && carried < s->forward->carried) || s->outer->depends[s->scan->in[i]->id];
}

static void begin(ScanGradient *s)
{
    Graph *g = graph_clone(s->forward->graph);
    const size_t count = (size_t)g->node_count;
    bool *wanted = arena_array(s->arena, bool, count + 1);
    s->forward_count = g->node_count;
    s->copies = arena_array(s->arena, Node *, count + 1);
    s->tapes = arena_array(s->arena, Node *, count + 1);
    for (size_t i = 0; i < count; i++) {
        s->copies[i] = g->nodes[i];
        wanted[i] = g->nodes[i]->op == OP_input && is_wanted(s, g->nodes[i]);
    }
    s->body = autodiff_begin(g, wanted);
    s->body.b.span = s->scan->span;
    s->body.b.path = s->scan->path;
}

static Node *output_copy(const ScanGradient *s, int output)
{
    return s->copies[s->forward->graph->outputs[output].node->id];
}

static void seed(ScanGradient *s, Node *n, Node *adjoint)
{
    if (s->body.depends[n->id])
        autodiff_add(&s->body, n, adjoint);
}

static void seed_carried(ScanGradient *s)
{
    for (int i = 0; i < s->forward->carried; i++) {
        Node *n = output_copy(s, i);
        s->carried_result[i] = -1;
        if (n->type.dtype != DTYPE_F32)
            continue;
        Node *last = result_adjoint(s, i);
        Node *dh = new_input(s, n->type);
        s->carried_result[i] = s->carried.count;
        link_nodes(s, &s->carried, dh, last ? last : zeros(&s->outer->b, &n->type));
        seed(s, n, dh);
    }
}

static void seed_stacked(ScanGradient *s)
{
    for (int i = s->forward->carried; i < s->forward->graph->output_count; i++) {
        Node *n = output_copy(s, i);
        Node *adjoint = n->type.dtype == DTYPE_F32 ? result_adjoint(s, i) : NULL;
        if (!adjoint)
            continue;
        Node *dy = new_input(s, n->type);
        link_nodes(s, &s->sequences, dy, adjoint);
        seed(s, n, dy);
    }
}

// The copy of an input of the forward body; its adjoint.
static Node *input_adjoint(const ScanGradient *s, int input)
{
    for (int i = 0; i < s->forward_count; i++)
        if (s->copies[i]->op == OP_input && s->copies[i]->attr.index == input)
            return s->body.adjoint[i];
    return NULL;
}

static void mark_steps(ScanGradient *s)
{
    const Graph *g = s->body.b.graph;
    const int captured = s->forward->sequences + s->forward->carried;
    s->steps = arena_array(s->arena, bool, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        s->steps[i] = n->op == OP_input && (i >= s->forward_count || n->attr.index < captured);
        for (int k = 0; k < n->input_count; k++)
            s->steps[i] |= s->steps[n->in[k]->id];
    }
}

// --- what the backward body gives -------------------------------------------------------------

static void give_carried(ScanGradient *s)
{
    for (int i = 0; i < s->forward->carried; i++) {
        if (s->carried_result[i] < 0)
            continue;
        Node *dh = input_adjoint(s, s->forward->sequences + i);
        const Type *type = &s->forward->graph->outputs[i].node->type;
        Node *next = dh ? dh : zeros(&s->body.b, type);
        arena_push(s->arena, s->next.items, s->next.count, s->next.capacity, next);
    }
}

static void give_sequences(ScanGradient *s)
{
    for (int i = 0; i < s->forward->sequences; i++) {
        Node *dx = input_adjoint(s, i);
        s->sequence_result[i] = dx ? place_of(s, &s->results, dx) : -1;
    }
}

static bool is_stacked(const ScanGradient *s, const Node *n)
{
    for (int i = 0; i < s->results.count; i++)
        if (s->results.items[i] == n)
            return true;
    return is_taped(s, n);
}

static bool can_stack(const ScanGradient *s, const Node *n)
{
    return s->steps[n->id] && n->type.rank < MAX_RANK;
}

static bool is_late(const ScanGradient *s, const Node *term)
{
    if (term->op == OP_contract)
        return can_stack(s, term->in[0]) && can_stack(s, term->in[1]);
    return term->op == OP_reduce && term->attr.reduce.kind == REDUCE_SUM &&
           can_stack(s, term->in[0]) && is_stacked(s, term->in[0]);
}

static void add_late(ScanGradient *s, int captured, Node *term)
{
    Share *share = arena_new_of(s->arena, Share);
    *share = (Share){.captured = captured, .node = term, .next = s->shares};
    for (int i = 0; i < term->input_count; i++) {
        Node *n = term->in[i];
        share->types[i] = n->type;
        share->operands[i] = is_taped(s, n) ? ~(int)n->id : place_of(s, &s->results, n);
    }
    s->shares = share;
}

static void carry_sum(ScanGradient *s, int captured, Node *sum)
{
    Node *before = new_input(s, sum->type);
    Node *after = build_binary(&s->body.b, OP_add, before, sum);
    s->captured_result[captured] = s->carried.count;
    link_nodes(s, &s->carried, before, zeros(&s->outer->b, &sum->type));
    arena_push(s->arena, s->next.items, s->next.count, s->next.capacity, after);
}

// Takes the sum apart into its terms, which are late or not; `op` says which kind of late ones.
static Node *split_terms(ScanGradient *s, int captured, Node *adjoint, OpId op)
{
    Nodes open = {.count = 0};
    Node *sum = NULL;
    arena_push(s->arena, open.items, open.count, open.capacity, adjoint);
    while (open.count > 0) {
        Node *n = open.items[--open.count];
        if (n->op == OP_add) {
            arena_push(s->arena, open.items, open.count, open.capacity, n->in[1]);
            arena_push(s->arena, open.items, open.count, open.capacity, n->in[0]);
        } else if (n->op == op && is_late(s, n)) {
            add_late(s, captured, n);
        } else {
            sum = sum ? build_binary(&s->body.b, OP_add, sum, n) : n;
        }
    }
    return sum;
}

// Contractions first: what they stack, sums can use.
static void give_captured(ScanGradient *s)
{
    const int first = s->forward->sequences + s->forward->carried;
    const int count = scan_captured(s->forward);
    Node **rest = arena_array(s->arena, Node *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        Node *dw = input_adjoint(s, first + i);
        s->captured_result[i] = -1;
        rest[i] = dw ? split_terms(s, i, dw, OP_contract) : NULL;
    }
    mark_steps(s);  // the sums of what is left are new
    for (int i = 0; i < count; i++) {
        rest[i] = rest[i] ? split_terms(s, i, rest[i], OP_reduce) : NULL;
        if (rest[i])
            carry_sum(s, i, rest[i]);
    }
}

// --- the backward scan ------------------------------------------------------------------------

static void set_outputs(ScanGradient *s)
{
    Graph *g = s->body.b.graph;
    g->output_count = 0;
    for (int i = 0; i < s->next.count; i++)
        graph_output(g, intern(g->names, arena_printf(s->arena, "next.%d", i)), s->next.items[i]);
    for (int i = 0; i < s->results.count; i++)
        graph_output(g, intern(g->names, arena_printf(s->arena, "result.%d", i)),
                     s->results.items[i]);
}

static bool is_alive(const Graph *g, const Node *n)
{
    return n->id < (uint32_t)g->node_count && g->nodes[n->id] == n;
}

// What is still needed of the forward part and differs from step to step comes from the tape; a
// contraction is cut off there.
static void link_forward(ScanGradient *s, const bool *taped)
{
    Graph *g = s->body.b.graph;
    for (int i = 0; i < s->forward_count; i++) {
        Node *copy = s->copies[i];
        if (!is_alive(g, copy))
            continue;
        if (taped[i] && copy->op == OP_input) {
            link_nodes(s, &s->sequences, copy, tape(s, i));
        } else if (taped[i]) {
            Node *read = new_input(s, copy->type);
            node_forward(copy, read);
            link_nodes(s, &s->sequences, read, tape(s, i));
        } else if (copy->op == OP_input) {
            link_nodes(s, &s->captured, copy, s->scan->in[copy->attr.index]);
        }
    }
}

static void set_ports(ScanGradient *s, const Links *links, const char *kind, Node **in)
{
    Graph *g = s->body.b.graph;
    for (int i = 0; i < links->count; i++) {
        Node *n = links->items[i].inside;
        const Name name = intern(g->names, arena_printf(s->arena, "%s.%d", kind, i));
        const Port port = {.name = name, .type = n->type};
        n->attr.index = g->input_count;
        n->id = (uint32_t)g->node_count;
        g->nodes[g->node_count++] = n;
        in[g->input_count] = links->items[i].outside;
        arena_push(g->arena, g->inputs, g->input_count, g->input_capacity, port);
    }
}

// Gives the body its inputs, in order, and puts their nodes before the others.
static Node **set_inputs(ScanGradient *s)
{
    Graph *g = s->body.b.graph;
    Node **old = g->nodes;
    const int count = g->node_count;
    const int inputs = s->sequences.count + s->carried.count + s->captured.count;
    Node **in = arena_array(s->arena, Node *, (size_t)inputs + 1);
    g->nodes = arena_array(g->arena, Node *, (size_t)(count + inputs));
    g->node_capacity = count + inputs;
    g->node_count = g->input_count = g->input_capacity = 0;
    g->inputs = NULL;
    set_ports(s, &s->sequences, "step", in);
    set_ports(s, &s->carried, "carried", in);
    set_ports(s, &s->captured, "captured", in);
    for (int i = 0; i < count; i++) {
        if (old[i]->op == OP_input)
            continue;
        old[i]->id = (uint32_t)g->node_count;
        g->nodes[g->node_count++] = old[i];
    }
    return in;
}

static Node *build_backward(ScanGradient *s)
{
    Graph *g = s->body.b.graph;
    bool *taped = arena_array(s->arena, bool, (size_t)s->forward_count + 1);
    for (int i = 0; i < s->forward_count; i++)
        taped[i] = is_taped(s, s->copies[i]);
    set_outputs(s);
    graph_clean(g);
    link_forward(s, taped);
    graph_clean(g);
    Node **in = set_inputs(s);
    g->name = intern(g->names, arena_printf(s->arena, "%s.backward", g->name));
    ScanBody *body = arena_new_of(g->arena, ScanBody);
    *body = (ScanBody){.graph = g,
                       .length = s->forward->length,
                       .sequences = s->sequences.count,
                       .carried = s->carried.count,
                       .reverse = !s->forward->reverse};
    return build_scan(&s->outer->b, body, in);
}

// --- behind it --------------------------------------------------------------------------------

static Node *all_steps(ScanGradient *s, Node *backward, int operand)
{
    return operand < 0 ? tape(s, ~operand)
                       : build_scan_result(&s->outer->b, backward, s->carried.count + operand);
}

static void insert_label(int8_t *to, const int8_t *labels, const Type *step, int label)
{
    const int time = type_batched(step) ? 1 : 0;
    for (int i = 0, k = 0; i < step->rank + 1; i++)
        to[i] = i == time ? (int8_t)label : labels[k++];
}

static int free_label(const Attr *at)
{
    int label = 0;
    while (memchr(at->contract.left, label, MAX_RANK) ||
           memchr(at->contract.right, label, MAX_RANK))
        label++;
    return label;
}

static Node *contract_steps(ScanGradient *s, const Share *share, Node *const *in)
{
    const Attr *at = &share->node->attr;
    int8_t left[MAX_RANK], right[MAX_RANK];
    const int label = free_label(at);
    insert_label(left, at->contract.left, &share->types[0], label);
    insert_label(right, at->contract.right, &share->types[1], label);
    return build_contract(&s->outer->b, in[0], in[1], left, right, at->contract.out,
                          share->node->type.rank);
}

// The axes from that of the steps on are one further.
static Node *sum_steps(ScanGradient *s, const Share *share, Node *const *in)
{
    const int time = type_batched(&share->types[0]) ? 1 : 0;
    const uint32_t axes = share->node->attr.reduce.axes, before = (1u << time) - 1;
    return build_reduce(&s->outer->b, REDUCE_SUM, in[0],
                        (axes & before) | 1u << time | (axes & ~before) << 1);
}

static void hand_on(ScanGradient *s, int input, Node *adjoint)
{
    const Node *n = s->scan->in[input];
    if (s->outer->depends[n->id])
        autodiff_add(s->outer, n, adjoint);
}

static void hand_on_shares(ScanGradient *s, Node *backward)
{
    const int first = s->forward->sequences + s->forward->carried;
    for (const Share *share = s->shares; share; share = share->next) {
        Node *in[2] = {NULL};
        for (int i = 0; i < share->node->input_count; i++)
            in[i] = all_steps(s, backward, share->operands[i]);
        hand_on(s, first + share->captured,
                share->node->op == OP_contract ? contract_steps(s, share, in)
                                               : sum_steps(s, share, in));
    }
}

static void hand_on_results(ScanGradient *s, Node *backward, const int *result, int count,
                            int first, int offset)
{
    for (int i = 0; i < count; i++)
        if (result[i] >= 0)
            hand_on(s, first + i, build_scan_result(&s->outer->b, backward, offset + result[i]));
}

void autodiff_scan(Autodiff *d, Node *scan)
{
    ScanBody *f = scan->attr.scan;
    Arena *a = d->b.graph->arena;
    ScanGradient s = {
        .outer = d,
        .arena = a,
        .scan = scan,
        .forward = f,
        .sequence_result = arena_array(a, int, (size_t)f->sequences + 1),
        .carried_result = arena_array(a, int, (size_t)f->carried + 1),
        .captured_result = arena_array(a, int, (size_t)scan_captured(f) + 1),
    };
    begin(&s);
    seed_carried(&s);
    seed_stacked(&s);
    autodiff_sweep(&s.body);
    mark_steps(&s);
    give_carried(&s);
    give_sequences(&s);
    give_captured(&s);
    Node *backward = build_backward(&s);
    hand_on_results(&s, backward, s.sequence_result, f->sequences, 0, s.carried.count);
    hand_on_results(&s, backward, s.carried_result, f->carried, f->sequences, 0);
    hand_on_results(&s, backward, s.captured_result, scan_captured(f), f->sequences + f->carried,
                    0);
    hand_on_shares(&s, backward);
}
