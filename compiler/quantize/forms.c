// forms.c -- recognizes what can be computed in whole numbers.
//
//   max(add(contract(x, w), b), 0)        PRODUCT  root contract, offset b, clamp 0 .. inf
//   mul(x, sigmoid(x))                    TABLE    root x
//   max(add(x, y), 0)                     TOGETHER root add
//
// Everything here looks at the form of the graph alone.

#include "quantize/patterns.h"

#include <math.h>

#include "pass/rewrite.h"

// --- facts ------------------------------------------------------------------------------------

static bool is_fixed_node(const Facts *f, const Node *n)
{
    if (op_is(n->op, LEAF))
        return n->op == OP_const || n->op == OP_variable ||
               (n->op == OP_iota && !type_batched(&n->type));
    for (int i = 0; i < n->input_count; i++)
        if (!f->fixed[n->in[i]->id])
            return false;
    return true;
}

// The one value whose elements decide those of `n`, constants beside.
static Node *point_of(const Facts *f, Node *n)
{
    Node *point = NULL;
    double value;
    if (!op_is(n->op, ELEMENTWISE) || f->fixed[n->id])
        return n;
    for (int i = 0; i < n->input_count; i++) {
        if (const_value(n->in[i], &value))
            continue;
        Node *p = f->fixed[n->in[i]->id] ? n : f->point[n->in[i]->id];
        if (p == n || (point && p != point))
            return n;
        point = p;
    }
    return point && point->type.dtype == DTYPE_F32 ? point : n;
}

Facts facts_of(Arena *a, const Graph *g)
{
    Facts f = {
        .fixed = arena_array(a, bool, (size_t)g->node_count + 1),
        .point = arena_array(a, Node *, (size_t)g->node_count + 1),
    };
    for (int i = 0; i < g->node_count; i++) {
        f.fixed[i] = is_fixed_node(&f, g->nodes[i]);
        f.point[i] = point_of(&f, g->nodes[i]);
    }
    return f;
}

// --- clamps, and operations by fixed values ---------------------------------------------------

// The input of max or min that is no constant; -1 when `n` is no clamp.
static int clamped_input(const Node *n, double *bound)
{
    if (n->op != OP_max && n->op != OP_min)
        return -1;
    for (int i = 0; i < 2; i++)
        if (const_value(n->in[i], bound) && !isnan(*bound))
            return 1 - i;
    return -1;
}

// What is clamped to low .. high later is clamped by `n` first.
static void clamp_before(Step *s, OpId op, double bound)
{
    const double inner = fmin(fmax(bound, s->low), s->high);
    if (op == OP_max)
        s->low = inner;
    else
        s->high = inner;
}

bool has_values(const Node *n)
{
    return !type_batched(&n->type) || (n->op == OP_broadcast && !type_batched(&n->in[0]->type));
}

int moving_input(const Facts *f, const Node *n)
{
    if (n->op == OP_neg)
        return 0;
    if (n->op != OP_add && n->op != OP_sub && n->op != OP_mul && n->op != OP_div)
        return -1;
    if (f->fixed[n->in[1]->id] && has_values(n->in[1]))
        return 0;
    return n->op != OP_div && f->fixed[n->in[0]->id] && has_values(n->in[0]) ? 1 : -1;
}

int input_towards_root(const Facts *f, const Step *s, const Node *n)
{
    return n == s->quotient ? 0 : moving_input(f, n);
}

static Step stripped(const Facts *f, Node *n)
{
    Step s = {.top = n, .low = -INFINITY, .high = INFINITY};
    double bound;
    for (int i; !f->fixed[s.top->id] && (i = clamped_input(s.top, &bound)) >= 0;) {
        clamp_before(&s, s.top->op, bound);
        s.top = s.top->in[i];
    }
    s.root = s.top;
    for (int i; (i = moving_input(f, s.root)) >= 0 && !f->fixed[s.root->in[i]->id];)
        s.root = s.root->in[i];
    return s;
}

// --- forms ------------------------------------------------------------------------------------

static Step with_operand(Step s, Form form, Node *x)
{
    s.form = form;
    s.operands[s.operand_count++] = x;
    return s;
}

static bool is_moved(const Node *n)
{
    if (n->type.dtype != DTYPE_F32)
        return false;
    if (op_is(n->op, VIEW))
        return true;
    if (n->op == OP_pad)
        return !isnan(n->attr.pad.value);
    return n->op == OP_reduce && n->attr.reduce.kind != REDUCE_SUM;
}

// Products that each sum of a contraction adds up; 0: the batch is among them.
static int64_t products(const Node *n)
{
    const Node *x = n->in[0];
    int64_t count = 1;
    for (int i = 0; i < x->type.rank; i++)
        if (label_axis(n->attr.contract.out, n->type.rank, n->attr.contract.left[i]) < 0)
            count *= x->type.dims[i] == DIM_BATCH ? 0 : x->type.dims[i];
    return count;
}

#define MOST_PRODUCTS (1 << 14)  // of 255 * 255 at the most: their sum is below 2^30
// Past clamps and fixed operations, what can be summed up in i32.
static Step linear_form(const Facts *f, Step s)
{
    const Node *r = s.root;
    if (r->op == OP_contract && f->fixed[r->in[0]->id] != f->fixed[r->in[1]->id]) {
        s.weights = f->fixed[r->in[1]->id];
        if (type_batched(&r->in[s.weights]->type))
            return s;  // a variable repeated for every example
        return with_operand(s, FORM_PRODUCT, r->in[!s.weights]);
    }
    if (r->op == OP_contract && products(r) > 0 && products(r) <= MOST_PRODUCTS)
        return with_operand(with_operand(s, FORM_REAL, r->in[0]), FORM_PAIRED, r->in[1]);
    if (r->op == OP_reduce && r->attr.reduce.kind == REDUCE_SUM && summands(r) > 0 &&
        summands(r) < MOST_SUMMANDS)
        return with_operand(s, FORM_SUM, r->in[0]);
    Standard d;
    if (standard_of(f, s.root, &d)) {
        s.quotient = s.root;
        s.root = d.value;
        return with_operand(s, FORM_STANDARD, d.x);
    }
    return s;
}

static Step pair_form(const Facts *f, Step s)
{
    const Node *r = s.root;
    const bool added = r->op == OP_add || r->op == OP_sub;
    if ((!added && r->op != OP_mul) || f->fixed[r->in[0]->id] || f->fixed[r->in[1]->id])
        return s;
    s = with_operand(s, FORM_REAL, r->in[0]);
    return with_operand(s, added ? FORM_TOGETHER : FORM_GATED, r->in[1]);
}

// Behind a mask: its root is what the mask leaves.
static Step softmax_form(const Facts *f, Node *z)
{
    Step s = {.root = masked_value(f, z)};
    if (s.root)
        s.mask = z;
    else
        s.root = z;
    return with_operand(s, FORM_SOFTMAX, s.root);
}

Step form_of(const Facts *f, Node *n)
{
    Step none = {.form = FORM_REAL};
    if (n->type.dtype != DTYPE_F32 || f->fixed[n->id])
        return none;
    if (n->op == OP_input)
        return (Step){.form = FORM_DOOR};
    if (is_moved(n))
        return with_operand(none, FORM_MOVED, n->in[0]);
    if (n->op == OP_gather && f->fixed[n->in[0]->id])
        return (Step){.form = FORM_ROWS};
    Node *z = softmax_input(n);
    if (z)
        return softmax_form(f, z);
    const Step s = linear_form(f, stripped(f, n));
    if (s.form != FORM_REAL)
        return s;
    Node *point = f->point[n->id];
    if (point != n) {
        // what is clamped or scaled on the way from a pair of values needs no table
        const Step pair = s.root == point ? pair_form(f, s) : s;
        none.root = point;
        return pair.form != FORM_REAL ? pair : with_operand(none, FORM_TABLE, point);
    }
    const Step pair = pair_form(f, s);
    if (pair.form != FORM_REAL || s.root == n)
        return pair;
    return with_operand(s, FORM_SCALED, s.root);
}
