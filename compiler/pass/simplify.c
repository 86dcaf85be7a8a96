// simplify.c -- algebra.
//
//   %3 = broadcast %2 : f32[4]       (%2 = const 1)
//   %4 = mul %1, %3                  -->    %6 = mul %1, %1
//   %5 = pow %4, 2
//
// The rules stand in tables, by what they are about: arithmetic, logic (comparisons, masks,
// types), views, slices and windows, sums. They are applied until none fits.
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
    arithmetic_rules, logic_rules, view_rules, move_rules, sum_rules, NULL,
};

// --- asking the result of a rectifier ---------------------------------------------------------
//
// x > 0  -->  y > 0, where y = max(x, 0), or y = where(x > 0, x, c * x) with c > 0, is there
// already: the backward pass asks which elements were positive, and the result, which the next
// layer keeps anyway, answers as well as what the rectifier was given.

static bool compares_with_zero(const Node *n)
{
    return n->op == OP_gt && is_const(n->in[1], 0);
}

static bool is_scaled_up(const Node *n, const Node *x)
{
    double c;
    for (int i = 0; i < 2; i++)
        if (n->op == OP_mul && n->in[i] == x && const_value(n->in[1 - i], &c) && c > 0)
            return true;
    return false;
}

static bool is_relu(const Node *n)
{
    return n->op == OP_max && is_const(n->in[1], 0);
}

static bool is_leaky_relu(const Node *n)
{
    return n->op == OP_where && compares_with_zero(n->in[0]) && n->in[1] == n->in[0]->in[0] &&
           is_scaled_up(n->in[2], n->in[1]);
}

static void unmark(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->mark = 0;
}

// Marks what each rectifier was given with where the rectifier stands, from 1.
static int ask_relu(Graph *g)
{
    int asked = 0;
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        const uint32_t relu = compares_with_zero(n) ? n->in[0]->mark : 0;
        if (relu) {
            n->in[0] = g->nodes[relu - 1];
            asked++;
        }
        if (is_relu(n))
            n->in[0]->mark = n->id + 1;
    }
    unmark(g);
    return asked;
}

// Makes those inputs of `n` that are marked questions the new ones.
static int ask_anew(const Graph *g, Node *n)
{
    int asked = 0;
    for (int k = 0; k < n->input_count; k++) {
        const uint32_t question = n->in[k]->mark;
        if (question == 0)
            continue;
        n->in[k] = g->nodes[question - 1];
        asked++;
    }
    return asked;
}

// Here the question is older than the answer: those who ask it after the rectifier get a new one,
// but for a second rectifier of the same value, which cse is to find. Marks the old question with
// where the new one stands, from 1.
static int ask_leaky_relu(Graph *g)
{
    Builder b = {.graph = g};
    const int count = g->node_count;
    int asked = 0;
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes[i];
        if (!is_leaky_relu(n)) {
            asked += ask_anew(g, n);
            continue;
        }
        b.span = n->span;
        b.path = n->path;
        Node *zero = build_filled(&b, &n->type, 0);
        n->in[0]->mark = build_binary(&b, OP_gt, n, zero)->id + 1;
    }
    unmark(g);
    graph_clean(g);
    return asked;
}

bool pass_simplify(Pass *p, Graph *g)
{
    const int rewritten = rewrite(p, g, tables);
    const int asked = ask_relu(g) + ask_leaky_relu(g);
    pass_count(p, "rewritten", rewritten);
    pass_count(p, "asked of a rectifier", asked);
    return rewritten + asked > 0;
}
