// quantize_aware.c -- training that sees what quantization will do.
//
//   %3 = contract x, w        -->    %3 = contract fake_quantize(x, step, zero),
//                                                  fake_quantize(w, step of each channel, 0)
//                                    update w.low, w.high: where x ran, a running average
//
// The values pass through the 256 numbers that an i8 has, the gradients straight through (Bengio,
// Leonard & Courville 2013). What is not a product with weights stays as it is. Batch
// normalization, folded into the weights later, scales channels, and the steps with them: the
// weights that are quantized then are those that were seen here.
//
// Needs: a graph as it was expanded.  Keeps: shapes.

#include <string.h>

#include "pass/rewrite.h"

#define KEPT 0.99          // of a range from step to step
#define LEAST_STEP 1e-30f  // its reciprocal is a normal f32

// --- the weights of a product -----------------------------------------------------------------

const char *weights_path(Arena *a, const Graph *g, const Node *n)
{
    while (n->input_count > 0)
        n = n->in[0];
    if (n->op != OP_variable)
        return NULL;
    const char *path = g->variables->items[n->attr.index].path;
    const char *folded = strstr(path, ".folded");
    return folded ? arena_printf(a, "%.*s", (int)(folded - path), path) : path;
}

int weights_range(const Graph *g, const char *path, const char *end)
{
    return variables_find(g->variables,
                          intern(g->names, arena_printf(g->arena, "%s.%s", path, end)));
}

static bool depends_on_variables(const bool *fixed, const Node *n)
{
    if (op_is(n->op, LEAF))
        return n->op == OP_const || n->op == OP_variable;
    for (int i = 0; i < n->input_count; i++)
        if (!fixed[n->in[i]->id])
            return false;
    return true;
}

// Which input of a product is its weights; -1: none, or both.
static int weights_of(const bool *fixed, const Node *n)
{
    if (n->op != OP_contract || fixed[n->in[0]->id] == fixed[n->in[1]->id])
        return -1;
    return fixed[n->in[1]->id];
}

static bool *fixed_nodes(const Graph *g)
{
    bool *fixed = arena_array(g->arena, bool, (size_t)g->node_count + 1);
    for (int i = 0; i < g->node_count; i++)
        fixed[i] = depends_on_variables(fixed, g->nodes[i]);
    return fixed;
}

// --- ranges -----------------------------------------------------------------------------------

static void declare(Graph *g, const Node *weights, const char *end)
{
    const char *path = weights_path(g->arena, g, weights);
    if (!path || weights_range(g, path, end) >= 0)
        return;
    variables_add(g->variables,
                  (Variable){.path = intern(g->names, arena_printf(g->arena, "%s.%s", path, end)),
                             .kind = VARIABLE_STATE,
                             .type = type_scalar(DTYPE_F32),
                             .span = weights->span});
}

void quantize_aware_declare(Graph *g)
{
    const bool *fixed = fixed_nodes(g);
    for (int i = 0; i < g->node_count; i++) {
        const int weights = weights_of(fixed, g->nodes[i]);
        if (weights < 0)
            continue;
        declare(g, g->nodes[i]->in[weights], "low");
        declare(g, g->nodes[i]->in[weights], "high");
    }
}

typedef struct Aware {
    Builder b;
    const bool *fixed;
    Node **ends[2];  // by variable: what becomes of a range in this step
} Aware;

static Node *number(Aware *w, double value)
{
    return build_const(&w->b, DTYPE_F32, value);
}

// The end of the range of x that `variable` keeps: of this batch alone in the first step.
static Node *running_end(Aware *w, Node *x, int variable, bool high)
{
    Builder *b = &w->b;
    Node **known = &w->ends[high][variable];
    const uint32_t axes = (1u << x->type.rank) - 1;
    Node *now = build_reduce(b, high ? REDUCE_MAX : REDUCE_MIN, x, axes);
    now = build_binary(b, high ? OP_max : OP_min, now, number(w, 0));
    Node *old = build_binary(b, OP_mul, build_variable(b, variable), number(w, KEPT));
    Node *mean = build_binary(b, OP_add, old, build_binary(b, OP_mul, now, number(w, 1 - KEPT)));
    Node *first = build_binary(b, OP_le, build_scalar(b, SCALAR_STEP), number(w, 1));
    Node *end = build_where(b, first, now, mean);
    if (*known)  // weights that are shared: as wide as any of their inputs
        end = build_binary(b, high ? OP_max : OP_min, *known, end);
    return *known = end;
}

static Node *spread(Aware *w, Node *x, const Type *like)
{
    return like->rank ? build_broadcast(&w->b, x, *like, NULL) : x;
}

static Node *fake(Aware *w, Node *x, Node *step, Node *zero)
{
    return build_node(&w->b, OP_fake_quantize, 3, (Node *[]){x, step, zero}, NULL);
}

static Node *aware_value(Aware *w, Node *x, const char *path)
{
    Builder *b = &w->b;
    Node *low = running_end(w, x, weights_range(b->graph, path, "low"), false);
    Node *high = running_end(w, x, weights_range(b->graph, path, "high"), true);
    Node *step = build_binary(b, OP_mul, build_binary(b, OP_sub, high, low), number(w, 1.0 / 255));
    step = build_binary(b, OP_max, step, number(w, (double)LEAST_STEP));
    Node *zero = build_binary(b, OP_div, low, step);
    zero = build_binary(b, OP_sub, number(w, -128 + 0.5), zero);
    return fake(w, x, spread(w, step, &x->type),
                spread(w, build_unary(b, OP_floor, zero), &x->type));
}

// Views, and pads with 0, show the same numbers: what is below them is quantized.
static Node *aware_input(Aware *w, Node *x, const char *path)
{
    if (!op_is(x->op, VIEW) && !(x->op == OP_pad && x->attr.pad.value == 0))
        return aware_value(w, x, path);
    Node *below = aware_input(w, x->in[0], path);
    return build_typed(&w->b, x->op, 1, &below, &x->attr, &x->type);
}

// --- weights ----------------------------------------------------------------------------------

static uint32_t summed_axes(const Node *contract, int weights)
{
    const int8_t *own = weights ? contract->attr.contract.right : contract->attr.contract.left;
    uint32_t axes = 0;
    for (int i = 0; i < contract->in[weights]->type.rank; i++)
        if (!memchr(contract->attr.contract.out, own[i], (size_t)contract->type.rank))
            axes |= 1u << i;
    return axes;
}

static Node *aware_weights(Aware *w, const Node *contract, int weights)
{
    Builder *b = &w->b;
    Node *x = contract->in[weights];
    const uint32_t axes = summed_axes(contract, weights);
    int8_t map[MAX_RANK] = {0};
    int count = 0;
    for (int i = 0; i < x->type.rank; i++)
        if (!(axes & 1u << i))
            map[count++] = (int8_t)i;
    Node *most = build_unary(b, OP_abs, x);
    most = axes ? build_reduce(b, REDUCE_MAX, most, axes) : most;
    Node *step = build_binary(b, OP_mul, most, build_filled(b, &most->type, 1.0 / 127));
    step = build_binary(b, OP_max, step, build_filled(b, &step->type, (double)LEAST_STEP));
    step = axes ? build_broadcast(b, step, x->type, map) : step;
    return fake(w, x, step, build_filled(b, &x->type, 0));
}

// --- the graph --------------------------------------------------------------------------------

static void make_aware(Aware *w, Node *n, int weights)
{
    const char *path = weights_path(w->b.graph->arena, w->b.graph, n->in[weights]);
    if (!path)
        return;
    w->b.span = n->span;
    w->b.path = n->path;
    Node *values = aware_input(w, n->in[!weights], path);
    n->in[weights] = aware_weights(w, n, weights);
    n->in[!weights] = values;
}

static void update_ranges(Aware *w, const Variables *vs)
{
    for (int i = 0; i < vs->count; i++)
        for (int end = 0; end < 2; end++)
            if (w->ends[end][i])
                graph_update(w->b.graph, i, w->ends[end][i]);
}

void quantize_aware(Graph *g)
{
    const int count = g->node_count;
    Node **old = g->nodes;
    Aware w = {.b = {.graph = g}, .fixed = fixed_nodes(g)};
    quantize_aware_declare(g);
    for (int i = 0; i < 2; i++)
        w.ends[i] = arena_array(g->arena, Node *, (size_t)g->variables->count + 1);
    int *weights = arena_array(g->arena, int, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        weights[i] = weights_of(w.fixed, old[i]);
    g->nodes = NULL;
    g->node_count = g->node_capacity = 0;
    for (int i = 0; i < count; i++) {
        if (weights[i] >= 0)
            make_aware(&w, old[i], weights[i]);
        arena_push(g->arena, g->nodes, g->node_count, g->node_capacity, old[i]);
    }
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->id = (uint32_t)i;
    update_ranges(&w, g->variables);
}
