// split_constants.c -- what depends on variables alone is computed once, after they are loaded.
//
//   predict                             fold                      predict
//   %1 = variable w                     %1 = variable w           %1 = variable w.folded
//   %2 = variable s                     %2 = variable s           %2 = contract x, %1
//   %3 = mul %1, %2              -->    %3 = mul %1, %2     +
//   %4 = contract x, %3                 update w.folded = %3
//
// The cut is where a fixed value meets one that is not. Views stay on the side of their user: a
// broadcast is larger than what it shows, and the others cost nothing. So does what has the batch
// as an axis, which no variable has.
//
// Needs: verified IR.  Keeps: every value, bit for bit.

#include <string.h>

#include "pass/rewrite.h"

typedef struct Splitter {
    Graph *g;
    Builder fold;   // of the new graph
    bool *needed;   // by id: by what stays
    bool *copied;   // by id: by what is cut
    Node **copies;  // by id, in the new graph
} Splitter;

static bool is_cut(const Splitter *s, const Node *n)
{
    return s->needed[n->id] && is_fixed(n) && !op_is(n->op, LEAF | VIEW | SEVERAL) &&
           !type_batched(&n->type);
}

static void need_inputs(bool *needed, const Node *n)
{
    for (int i = 0; i < n->input_count; i++)
        needed[n->in[i]->id] = true;
}

// Users come after their inputs, so one sweep backwards settles everything.
static int find_cuts(Splitter *s)
{
    int cuts = 0;
    for (int i = 0; i < s->g->output_count; i++)
        s->needed[s->g->outputs[i].node->id] = true;
    for (int i = s->g->node_count - 1; i >= 0; i--) {
        const Node *n = s->g->nodes[i];
        const bool cut = is_cut(s, n);
        if (!is_fixed(n) || (s->needed[i] && !cut))
            need_inputs(s->needed, n);
        if (cut || s->copied[i])
            need_inputs(s->copied, n);
        cuts += cut;
    }
    return cuts;
}

static void copy(Splitter *s, const Node *n)
{
    Node **in = arena_array(s->g->arena, Node *, (size_t)n->input_count + 1);
    Attr attr = n->attr;
    if (n->op == OP_scan)
        attr.scan = scan_clone(n->attr.scan);
    for (int i = 0; i < n->input_count; i++)
        in[i] = s->copies[n->in[i]->id];
    s->fold.span = n->span;
    s->fold.path = n->path;
    s->copies[n->id] = build_typed(&s->fold, n->op, n->input_count, in, &attr, &n->type);
}

// A variable that `n` reads, preferably on the left; NULL when it is made of constants alone.
static const Node *first_variable(const Node *n)
{
    while (n->input_count > 0) {
        double value;
        int i = 0;
        while (i + 1 < n->input_count && const_value(n->in[i], &value))
            i++;
        n = n->in[i];
    }
    return n->op == OP_variable ? n : NULL;
}

// "dense_1.w.folded", or "dense_1.w.folded_2" when that is taken.
static Name new_path(const Graph *g, const Node *n)
{
    const Node *variable = first_variable(n);
    const char *stem = variable ? g->variables->items[variable->attr.index].path : "constant";
    Name path = intern(g->names, arena_printf(g->arena, "%s.folded", stem));
    for (int i = 2; variables_find(g->variables, path) >= 0; i++)
        path = intern(g->names, arena_printf(g->arena, "%s.folded_%d", stem, i));
    return path;
}

static void cut(Splitter *s, Node *n)
{
    const Variable folded = {
        .path = new_path(s->g, n),
        .kind = VARIABLE_FOLDED,
        .type = n->type,
        .span = n->span,
    };
    const int variable = variables_add(s->g->variables, folded);
    graph_update(s->fold.graph, variable, s->copies[n->id]);
    Builder b = {.graph = s->g, .span = n->span, .path = n->path};
    node_forward(n, build_variable(&b, variable));
}

Graph *graph_split_constants(Graph *g)
{
    const int count = g->node_count;
    Splitter s = {
        .g = g,
        .needed = arena_array(g->arena, bool, (size_t)count),
        .copied = arena_array(g->arena, bool, (size_t)count),
        .copies = arena_array(g->arena, Node *, (size_t)count),
    };
    mark_nodes(g, g->arena);
    if (find_cuts(&s) > 0)
        s.fold.graph = graph_new(g->arena, g->names, g->variables, "fold");
    for (int i = 0; i < count && s.fold.graph; i++) {
        Node *n = g->nodes[i];
        const bool is_a_cut = is_cut(&s, n);
        if (s.copied[i] || is_a_cut)
            copy(&s, n);
        if (is_a_cut)
            cut(&s, n);
    }
    unmark_nodes(g);
    graph_clean(g);
    return s.fold.graph;
}
