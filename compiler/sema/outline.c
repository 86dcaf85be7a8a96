// outline.c -- what depends on the steps of a scan becomes the body of the scan.
//
//   %3 = <a step of %0>                    %3 = mul %1, %2
//   %4 = mul %1, %2                 -->    %5 = scan %0, %3 {...} graph body {
//   %5 = add %3, %4                          %0 = input "step.0"
//                                            %1 = input "captured.0"
//                                            %2 = add %0, %1
//
// The statements of the body are expanded into the graph around it, where placeholders stand for a
// step of each sequence and for each carried value. What depends on a placeholder is then moved;
// the rest stays where it is, and so is computed once. What the body reads of it is captured, but
// for constants and views, which cost less to make again than to keep.

#include "sema/scan.h"

typedef struct Outline {
    Scan *scan;
    Graph *outer;
    Builder body;
    bool *moved;    // by id in the outer graph
    Node **inside;  // by id in the outer graph: what stands for the node in the body
    Node **operands;
    int operand_count, operand_capacity;
} Outline;

static void find_moved(Outline *o)
{
    for (int i = 0; i < o->scan->sequence_count; i++)
        o->moved[o->scan->sequences[i].placeholder->id] = true;
    for (int i = 0; i < o->scan->carried_count; i++)
        o->moved[o->scan->carried[i].placeholder->id] = true;
    for (int i = 0; i < o->outer->node_count; i++)
        for (int k = 0; k < o->outer->nodes[i]->input_count; k++)
            o->moved[i] = o->moved[i] || o->moved[o->outer->nodes[i]->in[k]->id];
}

static void add_input(Outline *o, Node *outer, Node *placeholder, const char *kind, int index)
{
    Graph *g = o->body.graph;
    const Name name = intern(g->names, arena_printf(g->arena, "%s.%d", kind, index));
    o->inside[placeholder->id] = build_input(&o->body, name, placeholder->type);
    arena_push(g->arena, o->operands, o->operand_count, o->operand_capacity, outer);
}

static void add_inputs(Outline *o)
{
    for (int i = 0; i < o->scan->sequence_count; i++)
        add_input(o, o->scan->sequences[i].node, o->scan->sequences[i].placeholder, "step", i);
    for (int i = 0; i < o->scan->carried_count; i++)
        add_input(o, o->scan->carried[i].first, o->scan->carried[i].placeholder, "carried", i);
}

static Node *copy_inside(Outline *o, const Node *n, Node *const *in)
{
    o->body.span = n->span;
    o->body.path = n->path;
    return build_typed(&o->body, n->op, n->input_count, in, &n->attr, &n->type);
}

// What stands in the body for a node that is not moved.
static Node *bring_in(Outline *o, Node *n)
{
    Node **inside = &o->inside[n->id];
    if (*inside)
        return *inside;
    if (op_is(n->op, VIEW)) {
        Node *below = bring_in(o, n->in[0]);
        return *inside = copy_inside(o, n, &below);
    }
    if (op_is(n->op, LEAF) && op_is(n->op, CHEAP))
        return *inside = copy_inside(o, n, NULL);
    add_input(o, n, n, "captured",
              o->operand_count - o->scan->sequence_count - o->scan->carried_count);
    return *inside;
}

static void copy_moved(Outline *o)
{
    for (int i = 0; i < o->outer->node_count; i++) {
        Node *n = o->outer->nodes[i];
        if (!o->moved[i] || o->inside[i])
            continue;
        Node **in = arena_array(o->outer->arena, Node *, (size_t)n->input_count + 1);
        for (int k = 0; k < n->input_count; k++)
            in[k] = o->moved[n->in[k]->id] ? o->inside[n->in[k]->id] : bring_in(o, n->in[k]);
        o->inside[i] = copy_inside(o, n, in);
    }
}

static void add_output(Outline *o, Node *n, const char *kind, int index)
{
    Graph *g = o->body.graph;
    const Name name = intern(g->names, arena_printf(g->arena, "%s.%d", kind, index));
    graph_output(g, name, bring_in(o, n));
}

static void add_outputs(Outline *o)
{
    for (int i = 0; i < o->scan->carried_count; i++)
        add_output(o, o->scan->carried[i].next, "next", i);
    for (int i = 0; i < o->scan->result_count; i++)
        add_output(o, o->scan->results[i], "result", i);
}

static void drop_moved(Outline *o)
{
    Graph *g = o->outer;
    const int count = g->node_count;
    g->node_count = 0;
    for (int i = 0; i < count; i++) {
        if (o->moved[i])
            continue;
        g->nodes[i]->id = (uint32_t)g->node_count;
        g->nodes[g->node_count++] = g->nodes[i];
    }
}

Node *scan_outline(Scan *scan, Builder *b, const char *name)
{
    Graph *g = b->graph;
    Outline o = {
        .scan = scan,
        .outer = g,
        .body = {.graph = graph_new(g->arena, g->names, g->variables, name)},
        .moved = arena_array(g->arena, bool, (size_t)g->node_count),
        .inside = arena_array(g->arena, Node *, (size_t)g->node_count),
    };
    find_moved(&o);
    add_inputs(&o);
    copy_moved(&o);
    add_outputs(&o);
    drop_moved(&o);
    graph_clean(o.body.graph);
    ScanBody *body = arena_new_of(g->arena, ScanBody);
    *body = (ScanBody){.graph = o.body.graph,
                       .length = scan->length,
                       .sequences = scan->sequence_count,
                       .carried = scan->carried_count,
                       .reverse = scan->reverse};
    return build_scan(b, body, o.operands);
}
