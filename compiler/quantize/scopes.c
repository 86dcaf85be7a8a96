// scopes.c -- see scopes.h.

#include "quantize/build.h"

void scopes_open(Quantizer *q)
{
    const Flat *f = q->plan->flat;
    const Graph *g = q->b.graph;
    q->scopes = arena_array(q->arena, BuiltScope, (size_t)f->scope_count);
    q->results = arena_array(q->arena, int, (size_t)q->g->node_count + 1);
    q->scopes[0].graph = q->b.graph;
    for (int i = 1; i < f->scope_count; i++)
        q->scopes[i].graph =
            graph_new(g->arena, g->names, g->variables, f->scopes[i].body->graph->name);
}

int scope_enter(Quantizer *q, int scope)
{
    const int before = q->scope;
    q->scope = scope;
    q->b.graph = q->scopes[scope].graph;
    return before;
}

// --- inputs -----------------------------------------------------------------------------------

// The same value comes in once, but for carried ones, which go their own ways.
static Node *input_of(Quantizer *q, ScopeInputKind kind, Node *outside, Type type,
                      const Node *carried)
{
    ScopeInputs *in = &q->scopes[q->scope].inputs[kind];
    for (int i = 0; i < in->count && !carried; i++)
        if (in->items[i].outside == outside)
            return in->items[i].inside;
    const ScopeInput input = {outside, build_input(&q->b, NULL, type), carried};
    arena_push(q->arena, in->items, in->count, in->capacity, input);
    return input.inside;
}

Node *scope_brought(Quantizer *q, Node *x, int scope)
{
    if (scope == q->scope)
        return x;
    const int here = scope_enter(q, q->plan->flat->scopes[q->scope].parent);
    Node *outside = scope_brought(q, x, scope);
    scope_enter(q, here);
    return input_of(q, SCOPE_CAPTURED, outside, outside->type, NULL);
}

Node *scope_step(Quantizer *q, Node *sequence)
{
    Type type = sequence->type;
    type.rank--;
    for (int i = type_batched(&type) ? 1 : 0; i < type.rank; i++)
        type.dims[i] = type.dims[i + 1];
    type.dims[type.rank] = 0;
    return input_of(q, SCOPE_SEQUENCE, sequence, type, NULL);
}

Node *scope_carried(Quantizer *q, Node *first, const Node *carried)
{
    return input_of(q, SCOPE_CARRIED, first, first->type, carried);
}

// Sequences, carried and captured values follow each other, whenever they came in.
static Node **order_inputs(Quantizer *q, BuiltScope *s)
{
    static const char *const names[SCOPE_KIND_COUNT] = {"step", "carried", "captured"};
    Graph *g = s->graph;
    Node **outside = arena_array(q->arena, Node *, (size_t)g->input_count + 1);
    g->input_count = 0;
    for (int kind = 0; kind < SCOPE_KIND_COUNT; kind++)
        for (int i = 0; i < s->inputs[kind].count; i++) {
            const ScopeInput *in = &s->inputs[kind].items[i];
            const char *name = arena_printf(g->arena, "%s.%d", names[kind], i);
            outside[g->input_count] = in->outside;
            in->inside->attr.index = g->input_count;
            g->inputs[g->input_count++] =
                (Port){.name = intern(g->names, name), .type = in->inside->type};
        }
    return outside;
}

// --- outputs ----------------------------------------------------------------------------------

static void add_output(Graph *g, const char *name, int number, Node *x)
{
    graph_output(g, intern(g->names, arena_printf(g->arena, "%s.%d", name, number)), x);
}

static void add_nexts(Quantizer *q, const BuiltScope *s)
{
    const ScopeInputs *in = &s->inputs[SCOPE_CARRIED];
    for (int i = 0; i < in->count; i++) {
        Node *next = build_next(q, in->items[i].carried);
        add_output(s->graph, "next", i, next ? next : in->items[i].inside);
    }
}

static int carried_number(const BuiltScope *s, const Node *carried)
{
    int i = 0;
    while (s->inputs[SCOPE_CARRIED].items[i].carried != carried)
        i++;
    return i;
}

// What crosses to whole numbers outside leaves as such, else as it was.
static Node *leaving(Quantizer *q, int crossing)
{
    const Node *from = q->plan->flat->borders[crossing].from;
    return q->plan->steps[crossing].form == FORM_MOVED ? whole_of(q, from)->whole
                                                       : real_of(q, from);
}

// Of the same value in the body there is one.
static int stacked_number(const BuiltScope *s, Node *x)
{
    const int carried = s->inputs[SCOPE_CARRIED].count;
    for (int i = carried; i < s->graph->output_count; i++)
        if (s->graph->outputs[i].node == x)
            return i;
    add_output(s->graph, "result", s->graph->output_count - carried, x);
    return s->graph->output_count - 1;
}

static void add_results(Quantizer *q, int scope, const BuiltScope *s)
{
    for (int i = q->plan->flat->scopes[scope].end; i < q->g->node_count; i++) {
        const Border *b = &q->plan->flat->borders[i];
        const bool leaves = b->crossing == CROSSING_LAST || b->crossing == CROSSING_STACKED;
        if (!leaves || b->scope != scope || !(q->whole[i] || q->plan->need_real[i]))
            continue;
        q->results[i] = b->crossing == CROSSING_LAST ? carried_number(s, b->from)
                                                     : stacked_number(s, leaving(q, i));
    }
}

// --- scans ------------------------------------------------------------------------------------

static void close_scope(Quantizer *q, int scope)
{
    BuiltScope *s = &q->scopes[scope];
    const ScanBody *like = q->plan->flat->scopes[scope].body;
    ScanBody *body = arena_new_of(s->graph->arena, ScanBody);
    s->closed = true;
    scope_enter(q, scope);
    add_nexts(q, s);
    add_results(q, scope, s);
    Node **outside = order_inputs(q, s);
    *body = (ScanBody){.graph = s->graph,
                       .length = like->length,
                       .sequences = s->inputs[SCOPE_SEQUENCE].count,
                       .carried = s->inputs[SCOPE_CARRIED].count,
                       .reverse = like->reverse};
    scope_enter(q, q->plan->flat->scopes[scope].parent);
    if (s->graph->output_count > 0)
        s->scan = build_scan(&q->b, body, outside);
}

// The innermost first.
void scopes_close(Quantizer *q, int id)
{
    const Flat *f = q->plan->flat;
    for (int i = f->scope_count - 1; i > 0; i--)
        if (f->scopes[i].end <= id && !q->scopes[i].closed)
            close_scope(q, i);
}

Node *scope_result(Quantizer *q, const Node *crossing)
{
    const Border *b = &q->plan->flat->borders[crossing->id];
    return build_scan_result(&q->b, q->scopes[b->scope].scan, q->results[crossing->id]);
}
