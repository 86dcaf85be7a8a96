// rewrite.c -- the sweep that applies rules, and the questions that rules ask.
//
// The array of nodes is built anew: a node is looked at after its inputs, what a rule builds is
// appended where the node would have stood, and the node itself is appended when no rule applies.
// So the order stays topological with no sorting. Nodes that rules built are looked at in the next
// sweep; a sweep that changes nothing is the last.

#include "pass/rewrite.h"

#include <assert.h>
#include <string.h>

// A chain of n nodes may need n sweeps at the worst, two or three is what models need. The bound
// is there so that a rule that is not monotone is found by its assertion.
enum { MAX_SWEEPS = 1000 };

static bool fits(const Rule *rule, const Node *n)
{
    return rule->op == n->op || (rule->op == ANY_ELEMENTWISE && op_is(n->op, ELEMENTWISE));
}

static Node *apply_first(Rewriter *r, Node *n, const Rule *const *tables)
{
    for (; *tables; tables++)
        for (const Rule *rule = *tables; rule->apply; rule++) {
            Node *better = fits(rule, n) ? rule->apply(r, n) : NULL;
            if (better)
                return better;
        }
    return NULL;
}

// --- Node.mark: how many users, and whether fixed --------------------------------------------

enum { FIXED = 1 << 30 };

static bool *updated_variables(const Graph *g, Arena *scratch)
{
    bool *updated = arena_array(scratch, bool, (size_t)g->variables->count);
    for (int i = 0; i < g->update_count; i++)
        updated[g->updates[i].variable] = true;
    return updated;
}

static bool inputs_are_fixed(const Node *n)
{
    for (int i = 0; i < n->input_count; i++)
        if (!is_fixed(n->in[i]))
            return false;
    return true;
}

void mark_nodes(Graph *g, Arena *scratch)
{
    const bool *updated = updated_variables(g, scratch);
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        const bool fixed = op_is(n->op, LEAF) ? n->op == OP_const || (n->op == OP_variable &&
                                                                      !updated[n->attr.index])
                                              : inputs_are_fixed(n);
        n->mark = fixed ? FIXED : 0;
        for (int k = 0; k < n->input_count; k++)
            n->in[k]->mark++;
    }
    for (int i = 0; i < g->output_count; i++)
        g->outputs[i].node->mark++;
    for (int i = 0; i < g->update_count; i++)
        g->updates[i].value->mark++;
}

void unmark_nodes(Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->mark = 0;
}

bool used_once(const Node *n)
{
    return (n->mark & ~(uint32_t)FIXED) == 1;
}

bool is_fixed(const Node *n)
{
    return n->mark & FIXED;
}

// --- the sweep --------------------------------------------------------------------------------

static void keep(Graph *g, Node *n)
{
    n->id = (uint32_t)g->node_count;
    arena_push(g->arena, g->nodes, g->node_count, g->node_capacity, n);
}

static int sweep(Rewriter *r, Graph *g, const Rule *const *tables)
{
    const int old_count = g->node_count;
    Node **old = arena_array(r->scratch, Node *, (size_t)old_count);
    for (int i = 0; i < old_count; i++)
        old[i] = g->nodes[i];
    mark_nodes(g, r->scratch);
    g->node_count = 0;

    int applied = 0;
    for (int i = 0; i < old_count; i++) {
        Node *n = old[i];
        for (int k = 0; k < n->input_count; k++)
            n->in[k] = node_leader(n->in[k]);
        r->b.span = n->span;
        r->b.path = n->path;
        Node *better = apply_first(r, n, tables);
        if (better) {
            assert(type_equal(&better->type, &n->type));
            node_forward(n, better);
            applied++;
        } else {
            keep(g, n);
        }
    }
    unmark_nodes(g);
    return applied;
}

int rewrite(Pass *p, Graph *g, const Rule *const *tables)
{
    Rewriter r = {.b = {.graph = g}, .scratch = p->scratch};
    int total = 0;
    for (int i = 0; i < MAX_SWEEPS; i++) {
        const int applied = sweep(&r, g, tables);
        total += applied;
        if (applied == 0)
            return total;
        graph_clean(g);
    }
    assert(false && "a rule is not monotone");
    return total;
}

// --- what rules ask ---------------------------------------------------------------------------

bool const_value(const Node *n, double *value)
{
    while (op_is(n->op, VIEW))
        n = n->in[0];
    if (n->op != OP_const)
        return false;
    *value = n->attr.value;
    return true;
}

bool is_const(const Node *n, double value)
{
    double v;
    return const_value(n, &v) && v == value;
}

bool unit_axes(const Type *from, const Type *to, int8_t *position)
{
    int k = 0;
    for (int i = 0; i < from->rank; i++) {
        while (k < to->rank && to->dims[k] != from->dims[i] && to->dims[k] == 1)
            k++;
        if (k < to->rank && to->dims[k] == from->dims[i])
            position[i] = (int8_t)k++;
        else if (from->dims[i] == 1)
            position[i] = -1;
        else
            return false;
    }
    while (k < to->rank && to->dims[k] == 1)
        k++;
    return k == to->rank;
}

bool axis_groups(const Type *from, const Type *to, int *first)
{
    int k = 0;
    for (int i = 0; i < to->rank; i++) {
        int64_t size = 1;
        first[i] = k;
        do
            size *= k < from->rank ? from->dims[k++] : 0;
        while (size > 0 && size < to->dims[i]);
        if (size != to->dims[i])
            return false;
    }
    first[to->rank] = k;
    return true;
}

Node *build_like(Rewriter *r, const Node *n, Node *const *in, const Type *like)
{
    Type type = *like;
    type.dtype = n->type.dtype;
    return build_typed(&r->b, n->op, n->input_count, in, &n->attr, &type);
}

Node *build_uniform(Rewriter *r, Node *x, const Type *like)
{
    Type type = *like;
    type.dtype = x->type.dtype;
    return type.rank ? build_broadcast(&r->b, x, type, NULL) : x;
}
