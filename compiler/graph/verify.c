// verify.c -- graph_verify: everything that graph.h says of a graph, checked anew.
//
// It runs after every pass, so what it finds is a bug of nnc; the text says where to look.

#include "graph/ops/ops.h"

typedef struct Verifier {
    const Graph *graph;
    Arena *scratch;
} Verifier;

// --- one node ---------------------------------------------------------------------------------

static const char *check_inputs(const Verifier *v, const Node *n)
{
    const int wanted = op_input_count(n->op, &n->attr);
    if (n->input_count != wanted)
        return arena_printf(v->scratch, "has %d inputs, not %d", n->input_count, wanted);
    for (int i = 0; i < n->input_count; i++) {
        const Node *in = n->in[i];
        if (!in || in->id >= n->id || v->graph->nodes[in->id] != in)
            return arena_printf(v->scratch, "input %d does not stand before it", i);
    }
    return NULL;
}

static const char *check_type(const Verifier *v, const Node *n)
{
    Type *in = arena_array(v->scratch, Type, (size_t)n->input_count);
    for (int i = 0; i < n->input_count; i++)
        in[i] = n->in[i]->type;
    Type type = n->type;
    if (!type_valid(&type))
        return "has no legal type";
    const char *why = NULL;
    if (!op_table[n->op]->shape(v->scratch, &n->attr, in, &type, &why))
        return why;
    if (type_equal(&type, &n->type))
        return NULL;
    Text text = text_in(v->scratch);
    text_add(&text, "has type ");
    type_print(&text, &n->type);
    text_add(&text, ", which should be ");
    type_print(&text, &type);
    return text_str(&text);
}

// What inputs and variables refer to, the shape rules cannot see.
static const char *check_reference(const Verifier *v, const Node *n)
{
    const Graph *g = v->graph;
    int i = n->attr.index;
    if (n->op == OP_variable)
        return i >= 0 && i < g->variables->count &&
                       type_equal(&g->variables->items[i].type, &n->type)
                   ? NULL
                   : "has not the type of a variable";
    if (n->op == OP_input)
        return i >= 0 && i < g->input_count && type_equal(&g->inputs[i].type, &n->type)
                   ? NULL
                   : "has not the type of an input";
    return NULL;
}

// The body of a scan is a graph of its own, that sees nothing of this one.
static const char *check_body(const Verifier *v, const Node *n)
{
    if (n->op != OP_scan)
        return NULL;
    const Graph *body = n->attr.scan->graph;
    if (body->update_count > 0)
        return "has a body with updates";
    for (int i = 0; i < body->node_count; i++)
        if (body->nodes[i]->op == OP_variable)
            return "has a body that reads a variable";
    const char *wrong = graph_verify(body, v->scratch);
    return wrong ? arena_printf(v->scratch, "in its body: %s", wrong) : NULL;
}

static const char *check_result(const Verifier *v, const Node *n)
{
    (void)v;
    if (n->op != OP_scan_result)
        return NULL;
    if (n->in[0]->op != OP_scan)
        return "reads no scan";
    const ScanBody *s = n->in[0]->attr.scan;
    if (n->attr.index < 0 || n->attr.index >= s->graph->output_count)
        return "is no result of the scan";
    const Type type = scan_result_type(s, n->attr.index);
    return type_equal(&type, &n->type) ? NULL : "has not the type of the scan's result";
}

// No other node reads what is no value.
static const char *check_several(const Verifier *v, const Node *n)
{
    (void)v;
    for (int i = 0; i < n->input_count; i++)
        if (op_is(n->in[i]->op, SEVERAL) && n->op != OP_scan_result)
            return "reads several results as one";
    return NULL;
}

static const char *check_node(const Verifier *v, const Node *n)
{
    static const char *(*const checks[])(const Verifier *, const Node *) = {
        check_inputs, check_type, check_reference, check_body, check_result, check_several,
    };
    if ((unsigned)n->op >= OP_COUNT)
        return "is no operation";
    if (n->forward || n->mark)
        return "was left with the scratch fields of a pass set";
    const char *wrong = NULL;
    for (size_t i = 0; !wrong && i < sizeof checks / sizeof *checks; i++)
        wrong = checks[i](v, n);
    return wrong;
}

// --- the whole --------------------------------------------------------------------------------

static const char *check_nodes(const Verifier *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->id != (uint32_t)i)
            return arena_printf(v->scratch, "node %d has number %u", i, g->nodes[i]->id);
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        const char *wrong = check_node(v, n);
        if (wrong)
            return arena_printf(v->scratch, "%%%d = %s: %s", i,
                                (unsigned)n->op < OP_COUNT ? op_name(n->op) : "?", wrong);
    }
    return NULL;
}

// Each slot is read by one node, and these stand in the order of the slots.
static const char *check_slots(const Verifier *v)
{
    const Graph *g = v->graph;
    int slot = 0;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_input && g->nodes[i]->attr.index != slot++)
            return "the nodes of the inputs do not stand in the order of the inputs";
    return slot == g->input_count ? NULL : "an input has no node";
}

static const char *check_input_names(const Verifier *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->input_count; i++)
        for (int j = 0; j < i; j++)
            if (g->inputs[i].name == g->inputs[j].name)
                return arena_printf(v->scratch, "two inputs are named %s", g->inputs[i].name);
    return NULL;
}

static bool in_graph(const Graph *g, const Node *n)
{
    return n && n->id < (uint32_t)g->node_count && g->nodes[n->id] == n;
}

static const char *check_outputs(const Verifier *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->output_count; i++) {
        if (!in_graph(g, g->outputs[i].node))
            return arena_printf(v->scratch, "output %s is no node", g->outputs[i].name);
        for (int j = 0; j < i; j++)
            if (g->outputs[i].name == g->outputs[j].name)
                return arena_printf(v->scratch, "two outputs are named %s", g->outputs[i].name);
    }
    return NULL;
}

static const char *check_updates(const Verifier *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->update_count; i++) {
        const Update *u = &g->updates[i];
        if (u->variable < 0 || u->variable >= g->variables->count)
            return arena_printf(v->scratch, "update %d is of no variable", i);
        const Variable *variable = &g->variables->items[u->variable];
        if (!in_graph(g, u->value) || !type_equal(&u->value->type, &variable->type))
            return arena_printf(v->scratch, "the update of %s has not its type", variable->path);
        for (int j = 0; j < i; j++)
            if (g->updates[j].variable == u->variable)
                return arena_printf(v->scratch, "%s is updated twice", variable->path);
    }
    return NULL;
}

const char *graph_verify(const Graph *g, Arena *scratch)
{
    static const char *(*const checks[])(const Verifier *) = {
        check_nodes, check_slots, check_input_names, check_outputs, check_updates,
    };
    Verifier v = {.graph = g, .scratch = scratch};
    const char *wrong = NULL;
    for (size_t i = 0; !wrong && i < sizeof checks / sizeof *checks; i++)
        wrong = checks[i](&v);
    return wrong;
}
