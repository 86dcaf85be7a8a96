// raw_input.c -- puts the conversion of raw inputs into a graph, so that a deployed model needs
// none.
//
//   %0 = input x                        %0 = input x
//   %1 = contract %0, ...               %1 = ((%0 * scale) - x.mean) * x.inverse
//                               -->     %2 = contract %1, ...
//
// The statistics are variables, the same for every graph, which the caller gives their values
// before anything is folded; the passes after this put what they can into the weights.

#include "graph/ops/ops.h"
#include "pass/pass.h"

// How many of the last axes have `features` elements together; all, where none do.
static int trailing_axes(const Type *t, int64_t features)
{
    int64_t n = 1;
    const int most = t->rank - type_batched(t);
    for (int axes = 0; axes <= most; axes++) {
        if (n == features)
            return axes;
        n *= axes < most ? t->dims[t->rank - 1 - axes] : 1;
    }
    return most;
}

// A new variable that stands for a number of each feature, as wide as `x`.
static Node *statistic(Builder *b, const Node *x, const RawInput *raw, const char *what,
                       int *variable)
{
    const int axes = trailing_axes(&x->type, raw->features);
    const int first = x->type.rank - axes;
    Graph *g = b->graph;
    const char *input = g->inputs[x->attr.index].name;
    const Variable v = {
        .path = intern(g->names, arena_printf(g->arena, "input %s.%s", input, what)),
        .kind = VARIABLE_FOLDED,
        .type = type_of(DTYPE_F32, axes, x->type.dims + first),
        .span = x->span,
    };
    int8_t map[MAX_RANK] = {0};
    for (int i = 0; i < axes; i++)
        map[i] = (int8_t)(first + i);
    const int known = variables_find(g->variables, v.path);
    *variable = known >= 0 ? known : variables_add(g->variables, v);
    return build_broadcast(b, build_variable(b, *variable), x->type, map);
}

static Node *converted(Builder *b, Node *x, RawInput *raw)
{
    Node *y = x;
    if (raw->scale != 1)
        y = build_binary(b, OP_mul, y, build_filled(b, &x->type, raw->scale));
    if (raw->features > 0) {
        y = build_binary(b, OP_sub, y, statistic(b, x, raw, "mean", &raw->mean));
        y = build_binary(b, OP_mul, y, statistic(b, x, raw, "inverse", &raw->inverse));
    }
    return y;
}

static void replace(const Graph *g, int count, const Node *old, Node *by)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            if (g->nodes[i]->in[k] == old)
                g->nodes[i]->in[k] = by;
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i].node == old)
            g->outputs[i].node = by;
}

void graph_take_raw_input(Graph *g, int input, RawInput *raw)
{
    const int count = g->node_count;
    for (int i = 0; i < count; i++) {
        Node *x = g->nodes[i];
        if (x->op != OP_input || x->attr.index != input || x->type.dtype != DTYPE_F32)
            continue;
        Builder b = {.graph = g, .span = x->span, .path = x->path};
        Node *y = converted(&b, x, raw);
        if (y != x)
            replace(g, count, x, y);
        break;
    }
    graph_clean(g);
}
