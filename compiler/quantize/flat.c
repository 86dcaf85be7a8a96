// flat.c -- see flat.h.

#include "quantize/flat.h"

#include "graph/ops/ops.h"

typedef struct Flattener {
    Flat *flat;
    Builder b;
    Arena *arena;
} Flattener;

// --- sizes ------------------------------------------------------------------------------------

static void count_nodes(const Graph *g, size_t *nodes, size_t *scopes)
{
    for (int i = 0; i < g->node_count; i++) {
        *nodes += 2;  // at a border a node becomes two
        if (g->nodes[i]->op != OP_scan)
            continue;
        ++*scopes;
        count_nodes(g->nodes[i]->attr.scan->graph, nodes, scopes);
    }
}

static Flat *flat_new(Arena *a, const Graph *g)
{
    size_t nodes = 0, scopes = 1;
    count_nodes(g, &nodes, &scopes);
    Flat *f = arena_new_of(a, Flat);
    *f = (Flat){
        .graph = graph_new(a, g->names, g->variables, "flat"),
        .borders = arena_array(a, Border, nodes + 1),
        .scope = arena_array(a, int, nodes + 1),
        .origin = arena_array(a, int, nodes + 1),
        .scopes = arena_array(a, Scope, scopes),
        .scope_count = 1,
    };
    f->scopes[0] = (Scope){.parent = -1};
    return f;
}

// --- nodes ------------------------------------------------------------------------------------

static Node *note(Flattener *f, Node *flat, int scope, int origin)
{
    f->flat->scope[flat->id] = scope;
    f->flat->origin[flat->id] = origin;
    return flat;
}

static Node *copy_node(Flattener *f, const Node *n, int scope, Node *const *values)
{
    Node **in = arena_array(f->arena, Node *, (size_t)n->input_count + 1);
    for (int i = 0; i < n->input_count; i++)
        in[i] = values[n->in[i]->id];
    Node *copy = build_typed(&f->b, n->op, n->input_count, in, &n->attr, &n->type);
    return note(f, copy, scope, (int)n->id);
}

static Node *at_border(Flattener *f, Node *n, Border border)
{
    f->flat->borders[n->id] = border;
    return n;
}

static Node *first_step(Flattener *f, Node *sequence, const Node *step, int scope)
{
    static const int32_t starts[MAX_RANK], steps[MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    Type one = sequence->type;
    one.dims[type_batched(&one) ? 1 : 0] = 1;
    Node *x = note(f, build_slice(&f->b, sequence, one, starts, steps), scope, -1);
    x = note(f, build_reshape(&f->b, x, step->type), scope, (int)step->id);
    return at_border(f, x, (Border){CROSSING_STEP, scope, sequence, NULL});
}

static Node *carried_value(Flattener *f, Node *first, const Node *carried, int scope)
{
    Attr attr = carried->attr;
    attr.index = -1;  // no input of the model
    Node *x = build_typed(&f->b, OP_input, 0, NULL, &attr, &carried->type);
    note(f, x, scope, (int)carried->id);
    return at_border(f, x, (Border){CROSSING_CARRIED, scope, first, NULL});
}

// Of the body that is inside `scope`.
static const Node *body_input(const ScanBody *body, int input)
{
    const Graph *g = body->graph;
    int i = 0;
    while (g->nodes[i]->op != OP_input || g->nodes[i]->attr.index != input)
        i++;
    return g->nodes[i];
}

static void add_nodes(Flattener *f, const Graph *g, int scope, Node **values);

static void enter_body(Flattener *f, const Node *scan, int scope, Node *const *outside)
{
    const Scope *s = &f->flat->scopes[scope];
    for (int i = 0; i < scan->input_count; i++) {
        const Node *n = body_input(s->body, i);
        Node *x = outside[scan->in[i]->id];
        if (i < s->body->sequences)
            x = first_step(f, x, n, scope);
        else if (i < s->body->sequences + s->body->carried)
            x = carried_value(f, x, n, scope);
        s->values[n->id] = x;
    }
}

static void add_body(Flattener *f, const Node *scan, int parent, Node *const *outside)
{
    Flat *flat = f->flat;
    const ScanBody *body = scan->attr.scan;
    const int scope = flat->scope_count++;
    flat->scopes[scope] = (Scope){
        .parent = parent,
        .depth = flat->scopes[parent].depth + 1,
        .scan = (int)scan->id,
        .body = body,
        .values = arena_array(f->arena, Node *, (size_t)body->graph->node_count + 1),
    };
    Scope *s = &flat->scopes[scope];
    enter_body(f, scan, scope, outside);
    add_nodes(f, body->graph, scope, s->values);
    for (int i = 0; i < body->carried; i++) {
        const Node *carried = s->values[body_input(body, body->sequences + i)->id];
        flat->borders[carried->id].next = s->values[body->graph->outputs[i].node->id];
    }
    s->end = flat->graph->node_count;
}

static int scope_of_scan(const Flat *flat, int parent, const Node *scan)
{
    int i = 1;
    while (flat->scopes[i].parent != parent || flat->scopes[i].scan != (int)scan->id)
        i++;
    return i;
}

static Node *last_value(Flattener *f, const Node *n, int scope, int inside)
{
    const Scope *s = &f->flat->scopes[inside];
    Node *x = s->values[body_input(s->body, s->body->sequences + n->attr.index)->id];
    Node *y = note(f, build_reshape(&f->b, x, n->type), scope, (int)n->id);
    return at_border(f, y, (Border){CROSSING_LAST, inside, x, NULL});
}

static Node *stacked_value(Flattener *f, const Node *n, int scope, int inside)
{
    static const int8_t straight[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const Scope *s = &f->flat->scopes[inside];
    Node *x = s->values[s->body->graph->outputs[n->attr.index].node->id];
    Type one = n->type;
    one.dims[type_batched(&one) ? 1 : 0] = 1;
    Node *y = note(f, build_reshape(&f->b, x, one), scope, -1);
    y = note(f, build_broadcast(&f->b, y, n->type, straight), scope, (int)n->id);
    return at_border(f, y, (Border){CROSSING_STACKED, inside, x, NULL});
}

static void add_node(Flattener *f, const Node *n, int scope, Node **values)
{
    f->b.span = n->span;
    f->b.path = n->path;
    if (n->op == OP_scan) {
        add_body(f, n, scope, values);
        return;
    }
    if (n->op != OP_scan_result) {
        values[n->id] = copy_node(f, n, scope, values);
        return;
    }
    const int inside = scope_of_scan(f->flat, scope, n->in[0]);
    const bool last = n->attr.index < f->flat->scopes[inside].body->carried;
    values[n->id] = last ? last_value(f, n, scope, inside) : stacked_value(f, n, scope, inside);
}

// Those whose value is there already are inputs of a body.
static void add_nodes(Flattener *f, const Graph *g, int scope, Node **values)
{
    for (int i = 0; i < g->node_count; i++)
        if (!values[i])
            add_node(f, g->nodes[i], scope, values);
}

static void add_ports(Graph *to, const Graph *g, Node *const *values)
{
    for (int i = 0; i < g->input_count; i++)
        arena_push(to->arena, to->inputs, to->input_count, to->input_capacity, g->inputs[i]);
    for (int i = 0; i < g->output_count; i++)
        graph_output(to, g->outputs[i].name, values[g->outputs[i].node->id]);
}

Flat *flat_of(Arena *a, const Graph *g)
{
    Flat *flat = flat_new(a, g);
    Flattener f = {.flat = flat, .b = {.graph = flat->graph}, .arena = a};
    Scope *model = &flat->scopes[0];
    model->values = arena_array(a, Node *, (size_t)g->node_count + 1);
    add_nodes(&f, g, 0, model->values);
    model->end = flat->graph->node_count;
    add_ports(flat->graph, g, model->values);
    return flat;
}

// --- values of all steps ----------------------------------------------------------------------

static Graph *graph_of(const Flat *f, Graph *g, const int *scans, int scope)
{
    if (scope == 0)
        return g;
    return graph_of(f, g, scans, f->scopes[scope].parent)->nodes[scans[scope]]->attr.scan->graph;
}

// With the axes of the steps to come it must have no more than there may be.
static Node *with_few_axes(Builder *b, Node *x, int depth)
{
    if (x->type.rank + depth <= MAX_RANK)
        return x;
    const int64_t count = type_elements(&x->type);
    const bool batched = type_batched(&x->type);
    return build_reshape(
        b, x, type_of(x->type.dtype, batched + 1, (int64_t[]){batched ? DIM_BATCH : count, count}));
}

Node *flat_exposed(const Flat *f, Graph *g, const int *scans, int scope, uint32_t id)
{
    Builder b = {.graph = graph_of(f, g, scans, scope)};
    Node *x = with_few_axes(&b, b.graph->nodes[id], f->scopes[scope].depth);
    for (; scope > 0; scope = f->scopes[scope].parent) {
        const int result = b.graph->output_count;
        graph_output(b.graph, intern(g->names, arena_printf(g->arena, "watched.%d", result)), x);
        b.graph = graph_of(f, g, scans, f->scopes[scope].parent);
        x = build_scan_result(&b, b.graph->nodes[scans[scope]], result);
    }
    return x;
}
