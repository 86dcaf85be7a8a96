// autodiff.c -- reverse-mode differentiation, graph to graph.
//
//   %1 = variable w            %1 = variable w
//   %2 = mul %1, %1     -->    %2 = mul %1, %1
//   loss %2                    %3 = const 1
//                              %4 = mul %3, %1
//                              %5 = mul %3, %1
//                              %6 = add %4, %5      the gradient of w
//
// One sweep forward marks what depends on a wanted variable; one sweep backward gives each marked
// node on the way from the loss its adjoint, the derivative of the loss with respect to it, and
// hands it on to the inputs through the rule of the operation. A node's users stand after it, so
// its adjoint is complete when the sweep reaches it. Contributions are added in the order of that
// sweep, which depends on the graph alone: the same sums, in the same order, in every run.
//
// Nothing flows through i32 and bool, nor through an operation that has no gradient. The new nodes
// carry the span and the path of the forward node that they come from.
//
// Needs: verified IR.  Keeps: every node there is.

#include <assert.h>

#include "graph/ops/ops.h"
#include "pass/pass.h"

typedef struct Autodiff {
    Builder b;
    int count;       // nodes of the forward part
    bool *depends;   // by id: on a wanted variable, differentiably
    Node **adjoint;  // by id; NULL: zero so far
} Autodiff;

static bool contains(const int *variables, int count, int variable)
{
    for (int i = 0; i < count; i++)
        if (variables[i] == variable)
            return true;
    return false;
}

static bool depends(const Autodiff *d, const Node *n, const int *variables, int count)
{
    if (n->type.dtype != DTYPE_F32)
        return false;
    if (n->op == OP_variable)  // the only leaf that a gradient can be asked for
        return contains(variables, count, n->attr.index);
    for (int i = 0; i < n->input_count; i++)
        if (d->depends[n->in[i]->id])
            return true;
    return false;
}

static void accumulate(Autodiff *d, const Node *n, Node *contribution)
{
    Node **sum = &d->adjoint[n->id];
    assert(type_equal(&contribution->type, &n->type));
    *sum = *sum ? build_binary(&d->b, OP_add, *sum, contribution) : contribution;
}

static int first_use(const Node *n, int input)
{
    int i = 0;
    while (n->in[i] != n->in[input])
        i++;
    return i;
}

// An input that stands twice (x * x) gets the sum of both shares at once, which are often equal.
static void propagate(Autodiff *d, Node *n)
{
    Node *share[MAX_ARITY] = {NULL};
    d->b.span = n->span;
    d->b.path = n->path;
    for (int i = 0; i < n->input_count; i++) {
        Node *dx = d->depends[n->in[i]->id] ? op_grad(&d->b, n, d->adjoint[n->id], i) : NULL;
        Node **sum = &share[first_use(n, i)];
        if (dx)
            *sum = *sum ? build_binary(&d->b, OP_add, *sum, dx) : dx;
    }
    for (int i = 0; i < n->input_count; i++)
        if (share[i])
            accumulate(d, n->in[i], share[i]);
}

// A variable may be read by several nodes, in which case its gradient is the sum over them.
static Node *gradient_of(Autodiff *d, int variable)
{
    Node *sum = NULL;
    for (int i = 0; i < d->count; i++) {
        const Node *n = d->b.graph->nodes[i];
        Node *adjoint = d->adjoint[i];
        if (n->op != OP_variable || n->attr.index != variable || !adjoint)
            continue;
        sum = sum ? build_binary(&d->b, OP_add, sum, adjoint) : adjoint;
    }
    return sum ? sum : build_filled(&d->b, &d->b.graph->variables->items[variable].type, 0);
}

void autodiff(Graph *g, Node *loss, const int *variables, int count, Node **gradients)
{
    assert(loss->type.dtype == DTYPE_F32 && loss->type.rank == 0);
    const size_t n = (size_t)g->node_count;
    Autodiff d = {
        .b = {.graph = g, .span = loss->span, .path = loss->path},
        .count = g->node_count,
        .depends = arena_array(g->arena, bool, n),
        .adjoint = arena_array(g->arena, Node *, n),
    };
    for (int i = 0; i < d.count; i++)
        d.depends[i] = depends(&d, g->nodes[i], variables, count);
    if (d.depends[loss->id])
        d.adjoint[loss->id] = build_const(&d.b, DTYPE_F32, 1);
    for (int i = d.count - 1; i >= 0; i--)
        if (d.adjoint[i])
            propagate(&d, g->nodes[i]);
    for (int i = 0; i < count; i++)
        gradients[i] = gradient_of(&d, variables[i]);
}
