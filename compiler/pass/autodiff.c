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
// A scan is met after all its results; what its body is worth is in autodiff_scan.c.
//
// Needs: verified IR.  Keeps: every node there is.

#include "pass/autodiff.h"

#include <assert.h>

static bool depends(const Autodiff *d, const Node *n, const bool *wanted)
{
    if (n->type.dtype != DTYPE_F32)
        return false;
    for (int i = 0; i < n->input_count; i++)
        if (d->depends[n->in[i]->id])
            return true;
    return wanted[n->id];
}

Autodiff autodiff_begin(Graph *g, const bool *wanted)
{
    const size_t n = (size_t)g->node_count;
    Autodiff d = {
        .b = {.graph = g},
        .count = g->node_count,
        .depends = arena_array(g->arena, bool, n),
        .adjoint = arena_array(g->arena, Node *, n),
    };
    for (int i = 0; i < d.count; i++)
        d.depends[i] = depends(&d, g->nodes[i], wanted);
    return d;
}

void autodiff_add(Autodiff *d, const Node *n, Node *contribution)
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
    Node **share = arena_array(d->b.graph->arena, Node *, (size_t)n->input_count + 1);
    for (int i = 0; i < n->input_count; i++) {
        Node *dx = d->depends[n->in[i]->id] ? op_grad(&d->b, n, d->adjoint[n->id], i) : NULL;
        Node **sum = &share[first_use(n, i)];
        if (dx)
            *sum = *sum ? build_binary(&d->b, OP_add, *sum, dx) : dx;
    }
    for (int i = 0; i < n->input_count; i++)
        if (share[i])
            autodiff_add(d, n->in[i], share[i]);
}

void autodiff_sweep(Autodiff *d)
{
    for (int i = d->count - 1; i >= 0; i--) {
        Node *n = d->b.graph->nodes[i];
        if (!d->adjoint[i])
            continue;
        d->b.span = n->span;
        d->b.path = n->path;
        if (n->op == OP_scan)
            autodiff_scan(d, n);
        else if (n->op == OP_scan_result)
            d->adjoint[n->in[0]->id] = d->adjoint[i];  // the scan will ask all its results
        else
            propagate(d, n);
    }
}

static bool contains(const int *variables, int count, int variable)
{
    for (int i = 0; i < count; i++)
        if (variables[i] == variable)
            return true;
    return false;
}

// The reads of these variables, by id: no other leaf of a model can be asked for.
static bool *reads_of(const Graph *g, const int *variables, int count)
{
    bool *reads = arena_array(g->arena, bool, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++)
        reads[i] =
            g->nodes[i]->op == OP_variable && contains(variables, count, g->nodes[i]->attr.index);
    return reads;
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
    Autodiff d = autodiff_begin(g, reads_of(g, variables, count));
    d.b.span = loss->span;
    d.b.path = loss->path;
    if (d.depends[loss->id])
        autodiff_add(&d, loss, build_const(&d.b, DTYPE_F32, 1));
    autodiff_sweep(&d);
    for (int i = 0; i < count; i++)
        gradients[i] = gradient_of(&d, variables[i]);
}
