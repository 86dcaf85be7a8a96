// graph.c -- storage of graphs and of the variables that they share.

#include "graph/graph.h"

#include <assert.h>

#define VARIABLE_ALIGN 64  // a cache line, and the widest vector

Variables *variables_new(Arena *a)
{
    Variables *vs = arena_new_of(a, Variables);
    vs->arena = a;
    return vs;
}

int variables_find(const Variables *vs, Name path)
{
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].path == path)
            return i;
    return -1;
}

int variables_add(Variables *vs, Variable v)
{
    assert(variables_find(vs, v.path) < 0);
    assert(type_valid(&v.type) && !type_batched(&v.type));
    size_t bytes = (size_t)type_elements(&v.type) * dtype_size(v.type.dtype);
    v.offset = vs->bytes;
    vs->bytes += (bytes + VARIABLE_ALIGN - 1) / VARIABLE_ALIGN * VARIABLE_ALIGN;
    arena_push(vs->arena, vs->items, vs->count, vs->capacity, v);
    return vs->count - 1;
}

Graph *graph_new(Arena *a, Interner *names, Variables *vs, const char *name)
{
    Graph *g = arena_new_of(a, Graph);
    g->name = intern(names, name);
    g->arena = a;
    g->names = names;
    g->variables = vs;
    return g;
}

void graph_output(Graph *g, Name name, Node *value)
{
    Port port = {.name = name, .type = value->type, .node = value};
    arena_push(g->arena, g->outputs, g->output_count, g->output_capacity, port);
}

void graph_update(Graph *g, int variable, Node *value)
{
    assert(type_equal(&value->type, &g->variables->items[variable].type));
    Update update = {.variable = variable, .value = value};
    arena_push(g->arena, g->updates, g->update_count, g->update_capacity, update);
}

Node *node_leader(Node *n)
{
    while (n->forward)
        n = n->forward;
    return n;
}

// The copy of `n`, whose inputs have been copied to `nodes` already.
static Node *clone_node(Arena *a, const Node *n, Node *const *nodes)
{
    Node *copy = arena_new_of(a, Node);
    *copy = *n;
    copy->in = arena_array(a, Node *, (size_t)n->input_count);
    for (int i = 0; i < n->input_count; i++)
        copy->in[i] = nodes[n->in[i]->id];
    if (n->op == OP_scan)
        copy->attr.scan = scan_clone(n->attr.scan);
    return copy;
}

static void *clone_array(Arena *a, const void *items, int count, size_t size)
{
    return count ? arena_grow(a, items, (size_t)count, (size_t)count, size) : NULL;
}

Graph *graph_clone(const Graph *g)
{
    Arena *a = g->arena;
    Graph *copy = arena_new_of(a, Graph);
    *copy = *g;
    copy->nodes = arena_array(a, Node *, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++)
        copy->nodes[i] = clone_node(a, g->nodes[i], copy->nodes);
    copy->node_capacity = g->node_count;
    copy->inputs = clone_array(a, g->inputs, g->input_count, sizeof(Port));
    copy->input_capacity = g->input_count;
    copy->outputs = clone_array(a, g->outputs, g->output_count, sizeof(Port));
    copy->output_capacity = g->output_count;
    for (int i = 0; i < g->output_count; i++)
        copy->outputs[i].node = copy->nodes[g->outputs[i].node->id];
    copy->updates = clone_array(a, g->updates, g->update_count, sizeof(Update));
    copy->update_capacity = g->update_count;
    for (int i = 0; i < g->update_count; i++)
        copy->updates[i].value = copy->nodes[g->updates[i].value->id];
    return copy;
}

bool is_broadcast_over(const Node *n, const Node *reduce)
{
    if (n->op != OP_broadcast || n->type.rank != reduce->in[0]->type.rank ||
        !type_same_shape(&n->in[0]->type, &reduce->type))
        return false;
    for (int i = 0; i < n->in[0]->type.rank; i++)
        if (reduce->attr.reduce.axes >> n->attr.map[i] & 1)
            return false;
    return true;
}
