// fixed.c -- parts of a graph, run by the interpreter.

#include "quantize/fixed.h"

#include "codegen/engine.h"
#include "pass/rewrite.h"

Kept kept_of(const Node *n)
{
    static const int8_t straight[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const bool repeated = n->op == OP_broadcast;
    Kept k = {.node = repeated ? n->in[0] : n, .map = repeated ? n->attr.map : straight};
    k.type = k.node->type;
    if (type_batched(&k.type))
        k.type.dims[0] = 1;
    k.spread = repeated || type_batched(&n->type);
    return k;
}

typedef struct Part {
    const Graph *g;
    Builder b;
    Node **copies;  // by id in g
} Part;

static Part part_new(Arena *a, const Graph *g)
{
    return (Part){
        .g = g,
        .b = {.graph = graph_new(a, g->names, g->variables, "part")},
        .copies = arena_array(a, Node *, (size_t)g->node_count + 1),
    };
}

static bool *ancestors(Arena *a, const Graph *g, const Node *n, const Node *root)
{
    bool *needed = arena_array(a, bool, (size_t)g->node_count + 1);
    needed[n->id] = true;
    for (int i = (int)n->id; i >= 0; i--)
        for (int k = 0; needed[i] && g->nodes[i] != root && k < g->nodes[i]->input_count; k++)
            needed[g->nodes[i]->in[k]->id] = true;
    return needed;
}

static void copy_node(Part *p, const Node *n, const Type *type)
{
    Node **in = arena_array(p->b.graph->arena, Node *, (size_t)n->input_count + 1);
    for (int i = 0; i < n->input_count; i++)
        in[i] = p->copies[n->in[i]->id];
    p->copies[n->id] = build_typed(&p->b, n->op, n->input_count, in, &n->attr, type);
}

static float *run(Arena *a, Part *p, const Node *n, void *block, const float *x)
{
    Graph *g = p->b.graph;
    Node *result = p->copies[n->id];
    graph_output(g, intern(g->names, "result"), result);
    float *y = arena_array(a, float, (size_t)type_elements(&result->type) + 1);
    Executable *e = interpret_new(g, 1, false);
    if (!e)
        return NULL;
    executable_run(e, &(RunArgs){.variables = block,
                                 .inputs = (const void *const[]){x},
                                 .outputs = (void *const[]){y},
                                 .batch = 1});
    executable_free(e);
    return y;
}

float *fixed_values(Arena *a, const Graph *g, const Node *n, void *block)
{
    Part p = part_new(a, g);
    const bool *needed = ancestors(a, g, n, NULL);
    for (uint32_t i = 0; i <= n->id; i++)
        if (needed[i])
            copy_node(&p, g->nodes[i], &g->nodes[i]->type);
    return run(a, &p, n, block, NULL);
}

float *fixed_function(Arena *a, const Graph *g, const Node *n, const Node *root, const float *x,
                      int64_t count)
{
    Part p = part_new(a, g);
    Type type = type_of(DTYPE_F32, 1, &count);
    p.copies[root->id] = build_input(&p.b, intern(g->names, "x"), type);
    const bool *needed = ancestors(a, g, n, root);
    for (uint32_t i = 0; i <= n->id; i++) {
        double value;
        const Node *m = g->nodes[i];
        type.dtype = m->type.dtype;
        if (!needed[i] || m == root)
            continue;
        if (const_value(m, &value))
            p.copies[i] = build_filled(&p.b, &type, value);
        else
            copy_node(&p, m, &type);
    }
    return run(a, &p, n, NULL, x);
}
