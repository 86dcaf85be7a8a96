// clean.c -- graph_clean: what a pass calls when it has forwarded nodes.
//
//   %1 = add %0, %0                           %1 = neg %0
//   %2 = neg %1      (%1 forwards to %3) -->  %2 = neg %1
//   %3 = neg %0
//
// A node may be forwarded to one that stands later, so the order is made anew: inputs in the order
// of their slots, then the needed nodes in the old order, each after its inputs.

#include <assert.h>

#include "graph/ops/ops.h"

enum { UNSEEN, NEEDED, OPEN, PLACED };  // Node.mark

typedef struct Cleaner {
    Node **stack;
    int depth;
    Node **placed;
    int count;
} Cleaner;

// Marks `n` and all it needs, and makes them read leaders. Each node is on the stack once.
static void need(Cleaner *c, Node *n)
{
    if (n->mark != UNSEEN)
        return;
    n->mark = NEEDED;
    c->stack[c->depth++] = n;
    while (c->depth > 0) {
        Node *user = c->stack[--c->depth];
        for (int i = 0; i < user->input_count; i++) {
            Node *in = user->in[i] = node_leader(user->in[i]);
            if (in->mark == UNSEEN) {
                in->mark = NEEDED;
                c->stack[c->depth++] = in;
            }
        }
    }
}

static void need_roots(Cleaner *c, Graph *g)
{
    for (int i = 0; i < g->output_count; i++) {
        g->outputs[i].node = node_leader(g->outputs[i].node);
        need(c, g->outputs[i].node);
    }
    for (int i = 0; i < g->update_count; i++) {
        g->updates[i].value = node_leader(g->updates[i].value);
        need(c, g->updates[i].value);
    }
}

static Node *unplaced_input(const Node *n)
{
    for (int i = 0; i < n->input_count; i++)
        if (n->in[i]->mark != PLACED)
            return n->in[i];
    return NULL;
}

// Depth first, on a stack of our own: graphs are deep (unrolled sequences).
static void place(Cleaner *c, Node *n)
{
    c->stack[c->depth++] = n;
    while (c->depth > 0) {
        Node *top = c->stack[c->depth - 1];
        Node *in = top->mark == PLACED ? NULL : unplaced_input(top);
        if (in) {
            assert(in->mark != OPEN && "a node was forwarded to one that reads it");
            top->mark = OPEN;
            c->stack[c->depth++] = in;
            continue;
        }
        c->depth--;
        top->mark = PLACED;
        c->placed[c->count++] = top;
    }
}

static void place_all(Cleaner *c, const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_input)  // the only leaf whose order has a meaning
            place(c, g->nodes[i]);
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->mark == NEEDED)
            place(c, g->nodes[i]);
}

int graph_clean(Graph *g)
{
    size_t count = (size_t)g->node_count;
    Cleaner c = {
        .stack = arena_array(g->arena, Node *, count),
        .placed = arena_array(g->arena, Node *, count),
    };
    need_roots(&c, g);
    place_all(&c, g);
    for (int i = 0; i < g->node_count; i++) {
        g->nodes[i]->mark = UNSEEN;
        g->nodes[i]->forward = NULL;
    }
    for (int i = 0; i < c.count; i++)
        c.placed[i]->id = (uint32_t)i;
    int dropped = g->node_count - c.count;
    g->nodes = c.placed;
    g->node_count = c.count;
    g->node_capacity = (int)count;
    return dropped;
}
