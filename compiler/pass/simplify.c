// simplify.c -- algebra.
//
//   %3 = broadcast %2 : f32[4]       (%2 = const 1)
//   %4 = mul %1, %3                  -->    %6 = mul %1, %1
//   %5 = pow %4, 2
//
// The rules stand in tables, by what they are about: arithmetic, logic (comparisons, masks,
// types), views, sums. They are applied until none fits.
//
// What the rules may do to numbers
//   Bits      An f32 result keeps its bits, but for pow with a small constant exponent (closer to
//             the exact value than powf, or within an ulp of it), and for the sum of a value that
//             does not vary along the axis (a product by the count: rounded once).
//   Zeros     The sign of a zero is not kept.
//   NaN, inf  0 * x is kept, as it is NaN for an infinite x. A mask (a bool cast to f32) times x
//             is a choice between x and 0: where the mask is 0 the result is 0 whatever x is.
//
// Needs: verified IR.  Keeps: every value, as said above.

#include "pass/simplify.h"

static const Rule *const tables[] = {
    arithmetic_rules, logic_rules, view_rules, sum_rules, NULL,
};

static bool compares_with_zero(const Node *n)
{
    return n->op == OP_gt && is_const(n->in[1], 0);
}

static bool is_relu(const Node *n)
{
    return n->op == OP_max && is_const(n->in[1], 0);
}

// x > 0  -->  max(x, 0) > 0, where max(x, 0) is there already: the backward pass of relu asks which
// elements were positive, and the result, which the next layer keeps anyway, answers as well as
// what relu was given.
static int ask_relu(Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (is_relu(g->nodes[i]))
            g->nodes[i]->in[0]->mark = g->nodes[i]->id + 1;
    int asked = 0;
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        const uint32_t mark = compares_with_zero(n) ? n->in[0]->mark : 0;
        if (mark == 0 || mark - 1 > n->id)
            continue;
        n->in[0] = g->nodes[mark - 1];
        asked++;
    }
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->mark = 0;
    return asked;
}

bool pass_simplify(Pass *p, Graph *g)
{
    const int rewritten = rewrite(p, g, tables);
    const int asked = ask_relu(g);
    pass_count(p, "rewritten", rewritten);
    pass_count(p, "asked of a relu", asked);
    return rewritten + asked > 0;
}
