// split.c -- the sweep that splits large sums and quotients, over the copy of a graph that fuse.c
// works on.
//
// The array of nodes is built anew, as in pass/rewrite.c: what replaces a node stands where it
// stood.

#include "kernel/split.h"

static Node *split(Splitter *s, Node *n)
{
    if (n->op == OP_reduce)
        return split_sum(s, n);
    if (n->op == OP_div)
        return split_quotient(s, n);
    Node *in_parts = n->op == OP_contract ? split_depth(s, n) : NULL;
    return !in_parts && n->op == OP_contract ? split_columns(s, n) : in_parts;
}

// By node: whether nothing but reshapes reads it.
static bool *find_reshaped(const Graph *g)
{
    bool *reshaped = arena_array(g->arena, bool, (size_t)g->node_count + 1);
    for (int i = 0; i < g->node_count; i++)
        reshaped[i] = true;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            reshaped[g->nodes[i]->in[k]->id] &= g->nodes[i]->op == OP_reshape;
    for (int i = 0; i < g->output_count; i++)
        reshaped[g->outputs[i].node->id] = false;
    for (int i = 0; i < g->update_count; i++)
        reshaped[g->updates[i].value->id] = false;
    return reshaped;
}

void split_large(Graph *g, int64_t max_batch)
{
    Splitter s = {.b = {.graph = g}, .max_batch = max_batch, .reshaped = find_reshaped(g)};
    const int count = g->node_count;
    Node **old = arena_array(g->arena, Node *, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        old[i] = g->nodes[i];
    g->node_count = 0;
    for (int i = 0; i < count; i++) {
        Node *n = old[i];
        for (int k = 0; k < n->input_count; k++)
            n->in[k] = node_leader(n->in[k]);
        s.b.span = n->span;
        s.b.path = n->path;
        Node *in_two = split(&s, n);
        if (in_two) {
            node_forward(n, in_two);
            continue;
        }
        n->id = (uint32_t)g->node_count;
        arena_push(g->arena, g->nodes, g->node_count, g->node_capacity, n);
    }
    graph_clean(g);
}
