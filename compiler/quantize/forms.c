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
    if (f->flat->borders[n->id].crossing == CROSSING_STEP)
        return false;  // another number in each step
    if (op_is(n->op, LEAF))
        return n->op == OP_const || n->op == OP_variable ||
               (n->op == OP_iota && !type_batched(&n->type));
    for (int i = 0; i < n->input_count; i++)
        if (!f->fixed[n->in[i]->id])
            return false;
    return true;
}

// Whether it has values without a batch, though it may be repeated for every example.
static bool is_kept(const Facts *f, const Node *n)
{
    if (!f->fixed[n->id] || !type_batched(&n->type))
        return f->fixed[n->id];
    if (n->op == OP_broadcast)
        return !type_batched(&n->in[0]->type);
    for (int i = 0; i < n->input_count; i++)
        if (!f->kept[n->in[i]->id])
            return false;
    return op_is(n->op, ELEMENTWISE);
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

Facts facts_of(Arena *a, const Flat *flat)
{
    const Graph *g = flat->graph;
    Facts f = {
        .flat = flat,
        .fixed = arena_array(a, bool, (size_t)g->node_count + 1),
        .kept = arena_array(a, bool, (size_t)g->node_count + 1),
        .point = arena_array(a, Node *, (size_t)g->node_count + 1),
    };
    for (int i = 0; i < g->node_count; i++) {
        f.fixed[i] = is_fixed_node(&f, g->nodes[i]);
        f.kept[i] = is_kept(&f, g->nodes[i]);
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

int moving_input(const Facts *f, const Node *n)
{
    if (n->op == OP_neg)
        return 0;
    if (n->op != OP_add && n->op != OP_sub && n->op != OP_mul && n->op != OP_div)
        return -1;
    if (f->kept[n->in[1]->id])
        return 0;
    return n->op != OP_div && f->kept[n->in[0]->id] ? 1 : -1;
}

int input_towards_root(const Facts *f, const Step *s, const Node *n)
{
    return n == s->quotient ? s->quotient_input : moving_input(f, n);
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
        s.quotient_input = d.input;
        s.beside = d.beside;
        s.root = d.value;
        return with_operand(s, FORM_STANDARD, d.x);
    }
    return s;
}

// Moving, or fixed values that can be had.
static bool may_be_whole(const Facts *f, const Node *n)
{
    return n->type.dtype == DTYPE_F32 && (!f->fixed[n->id] || f->kept[n->id]);
}

static Form form_of_pair(OpId op)
{
    switch (op) {
    case OP_add:
    case OP_sub:
        return FORM_TOGETHER;
    case OP_mul:
        return FORM_GATED;
    case OP_div:
        return FORM_QUOTIENT;
    case OP_max:
    case OP_min:
        return FORM_CHOSEN;
    default:
        return FORM_REAL;
    }
}

static Step pair_form(const Facts *f, Step s)
{
    const Node *r = s.root;
    const Form form = form_of_pair(r->op);
    if (form == FORM_REAL || !may_be_whole(f, r->in[0]) || !may_be_whole(f, r->in[1]))
        return s;
    return with_operand(with_operand(s, form, r->in[0]), form, r->in[1]);
}

// --- choices ----------------------------------------------------------------------------------

// Constants need not be whole numbers.
static bool add_operand(const Facts *f, Step *s, Node *n)
{
    double value;
    if (const_value(n, &value))
        return isfinite(value);
    if (s->operand_count == MOST_OPERANDS || !may_be_whole(f, n))
        return false;
    s->operands[s->operand_count++] = n;
    return true;
}

static bool is_comparison(const Node *n)
{
    return n->op == OP_eq || n->op == OP_ne || n->op == OP_lt || n->op == OP_le || n->op == OP_gt ||
           n->op == OP_ge;
}

bool compares_whole(const Node *n)
{
    return is_comparison(n) && n->in[0]->type.dtype != DTYPE_F32;
}

// `depth`: of views, nots, ands and ors, which take operands.
static bool add_condition(const Facts *f, Step *s, Node *n, int depth)
{
    if (f->fixed[n->id])
        return f->kept[n->id];
    if (compares_whole(n))
        return true;
    if (is_comparison(n))
        return add_operand(f, s, n->in[0]) && add_operand(f, s, n->in[1]);
    if (depth == 0 || (n->op != OP_not && n->op != OP_and && n->op != OP_or && !op_is(n->op, VIEW)))
        return false;
    for (int i = 0; i < n->input_count; i++)
        if (!add_condition(f, s, n->in[i], depth - 1))
            return false;
    return true;
}

static Step choice_form(const Facts *f, Step s)
{
    Node *r = s.root;
    Step chosen = s;
    if (r->op == OP_where && add_condition(f, &chosen, r->in[0], MOST_OPERANDS) &&
        add_operand(f, &chosen, r->in[1]) && add_operand(f, &chosen, r->in[2]) &&
        chosen.operand_count > 0) {
        chosen.form = FORM_CHOSEN;
        return chosen;
    }
    return pair_form(f, s);
}

// --- softmax ----------------------------------------------------------------------------------

// Behind a mask: its root is what the mask leaves.
static Step softmax_form(const Facts *f, Node *z)
{
    Step s = {.form = FORM_SOFTMAX, .root = masked_value(f, z), .mask = z};
    if (s.root && add_operand(f, &s, s.root) && add_condition(f, &s, z->in[0], MOST_OPERANDS))
        return s;
    return with_operand((Step){.root = z}, FORM_SOFTMAX, z);
}

// What is carried is computed as its next.
static Step border_form(const Facts *f, const Border *b)
{
    const Step none = {.form = FORM_REAL};
    if (b->crossing == CROSSING_CARRIED)
        return (Step){.form = FORM_CARRIED};
    if (b->crossing == CROSSING_STEP && f->fixed[b->from->id])
        return (Step){.form = FORM_STEP};
    return with_operand(none, FORM_MOVED, b->from);
}

Step form_of(const Facts *f, Node *n)
{
    Step none = {.form = FORM_REAL};
    if (n->type.dtype != DTYPE_F32)
        return none;
    if (f->flat->borders[n->id].crossing != CROSSING_NONE)
        return border_form(f, &f->flat->borders[n->id]);
    if (f->fixed[n->id])
        return (Step){.form = f->kept[n->id] ? FORM_KNOWN : FORM_REAL};
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
        const Step pair = s.root == point ? choice_form(f, s) : s;
        none.root = point;
        if (pair.form != FORM_REAL)
            return pair;
        // nor what a scan may carry on in more than 8 bits
        return s.root == point && f->flat->scope[n->id] > 0 ? with_operand(s, FORM_SCALED, point)
                                                            : with_operand(none, FORM_TABLE, point);
    }
    const Step pair = choice_form(f, s);
    if (pair.form != FORM_REAL || s.root == n)
        return pair;
    return with_operand(s, FORM_SCALED, s.root);
}
