// simplify_arithmetic.c -- rules on sums, products, powers and signs.
//
// See simplify.c for what rules may do to numbers. Minus signs move from operands to results, where
// the next sum takes them up; constants meet where that is exact.

#include <math.h>

#include "pass/simplify.h"

// --- numbers that operations leave alone ------------------------------------------------------

typedef enum Side { LEFT = 1, RIGHT = 2, BOTH = 3 } Side;

typedef struct Identity {
    OpId op;
    Side side;  // of the operand that is the number
    double value;
} Identity;

static const Identity identities[] = {
    {OP_add, BOTH, 0},  {OP_sub, RIGHT, 0}, {OP_mul, BOTH, 1}, {OP_div, RIGHT, 1},
    {OP_pow, RIGHT, 1}, {OP_and, BOTH, 1},  {OP_or, BOTH, 0},
};

// Operations that commute may have a constant on either side; a rule looks at one.
static bool constant_side(const Node *n, double *value, Node **other)
{
    for (int i = 1; i >= 0; i--)
        if (const_value(n->in[i], value)) {
            *other = n->in[1 - i];
            return true;
        }
    return false;
}

// x + 0, x - 0, x * 1, x / 1, x ^ 1  -->  x
static Node *drop_identity(Rewriter *r, Node *n)
{
    (void)r;
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++) {
        const Identity *row = &identities[i];
        if (row->op != n->op)
            continue;
        if ((row->side & RIGHT) && is_const(n->in[1], row->value))
            return n->in[0];
        if ((row->side & LEFT) && is_const(n->in[0], row->value))
            return n->in[1];
    }
    return NULL;
}

// --- signs ------------------------------------------------------------------------------------

static Node *negated(Rewriter *r, Node *x)
{
    return build_unary(&r->b, OP_neg, x);
}

static bool is_neg(const Node *n)
{
    return n->op == OP_neg;
}

// -(-x)  -->  x;    -(x - y)  -->  y - x;    -(x * c)  -->  x * -c
static Node *neg_inside(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    double c;
    Node *other;
    if (is_neg(x))
        return x->in[0];
    if (x->op == OP_sub)
        return build_binary(&r->b, OP_sub, x->in[1], x->in[0]);
    if (x->op == OP_mul && constant_side(x, &c, &other))
        return build_binary(&r->b, OP_mul, other, build_filled(&r->b, &n->type, -c));
    return NULL;
}

// `n` without its minus sign, which may stand before a repetition or a factor:
//     -x  -->  x;    broadcast(-x)  -->  broadcast(x);    broadcast(-x) * y  -->  broadcast(x) * y
// NULL: there is none, or `n` has other users, for whom it would be computed twice.
static Node *positive(Rewriter *r, Node *n)
{
    if (is_neg(n))
        return n->in[0];
    if (n->op == OP_broadcast && is_neg(n->in[0]))
        return build_broadcast(&r->b, n->in[0]->in[0], n->type, n->attr.map);
    if (n->op != OP_mul || !used_once(n))
        return NULL;
    for (int i = 0; i < 2; i++) {
        Node *factor = n->in[i]->op == OP_broadcast ? positive(r, n->in[i]) : NULL;
        if (factor)
            return build_binary(&r->b, OP_mul, i ? n->in[0] : factor, i ? factor : n->in[1]);
    }
    return NULL;
}

// x + -y  -->  x - y;    -x + y  -->  y - x
static Node *add_neg(Rewriter *r, Node *n)
{
    for (int i = 1; i >= 0; i--) {
        Node *x = positive(r, n->in[i]);
        if (x)
            return build_binary(&r->b, OP_sub, n->in[1 - i], x);
    }
    return NULL;
}

// x - -y  -->  x + y;    0 - x  -->  -x
static Node *sub_neg(Rewriter *r, Node *n)
{
    Node *y = positive(r, n->in[1]);
    if (y)
        return build_binary(&r->b, OP_add, n->in[0], y);
    return is_const(n->in[0], 0) ? negated(r, n->in[1]) : NULL;
}

// -x * -y  -->  x * y;    -x * c  -->  x * -c;    -x * y  -->  -(x * y)
// and the same for quotients.
static Node *product_of_neg(Rewriter *r, Node *n)
{
    Node *x = n->in[0], *y = n->in[1];
    double c;
    if (!is_neg(x) && !is_neg(y))
        return NULL;
    if (is_neg(x) && is_neg(y))
        return build_binary(&r->b, n->op, x->in[0], y->in[0]);
    if (is_neg(x) && const_value(y, &c))
        return build_binary(&r->b, n->op, x->in[0], build_filled(&r->b, &n->type, -c));
    if (is_neg(y) && const_value(x, &c))
        return build_binary(&r->b, n->op, build_filled(&r->b, &n->type, -c), y->in[0]);
    Node *positive = build_binary(&r->b, n->op, is_neg(x) ? x->in[0] : x, is_neg(y) ? y->in[0] : y);
    return negated(r, positive);
}

// x * -1, x / -1  -->  -x
static Node *product_by_minus_one(Rewriter *r, Node *n)
{
    if (is_const(n->in[1], -1))
        return negated(r, n->in[0]);
    return n->op == OP_mul && is_const(n->in[0], -1) ? negated(r, n->in[1]) : NULL;
}

// |-x|  -->  |x|;    | |x| |  -->  |x|
static Node *abs_inside(Rewriter *r, Node *n)
{
    if (is_neg(n->in[0]))
        return build_unary(&r->b, OP_abs, n->in[0]->in[0]);
    return n->in[0]->op == OP_abs ? n->in[0] : NULL;
}

// --- powers of two: products by them are exact but for overflow and underflow -----------------

static bool is_power_of_two(double c)
{
    int exponent;
    return isnormal(c) && fabs(frexp(c, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
}

// x / c  -->  x * (1 / c)
static Node *div_by_power_of_two(Rewriter *r, Node *n)
{
    double c;
    if (!const_value(n->in[1], &c) || !is_power_of_two(c))
        return NULL;
    return build_binary(&r->b, OP_mul, n->in[0], build_filled(&r->b, &n->type, 1 / c));
}

// (x * c) * d  -->  x * (c * d), when one of them is a power of two
static Node *product_of_constants(Rewriter *r, Node *n)
{
    double c, d;
    Node *inner, *x;
    if (!constant_side(n, &d, &inner) || inner->op != OP_mul || !constant_side(inner, &c, &x))
        return NULL;
    if ((!is_power_of_two(c) && !is_power_of_two(d)) || !isnormal((float)(c * d)))
        return NULL;
    return build_binary(&r->b, OP_mul, x, build_filled(&r->b, &n->type, c * d));
}

// x + x  -->  x * 2
static Node *twice(Rewriter *r, Node *n)
{
    if (n->in[0] != n->in[1] || n->type.dtype != DTYPE_F32)
        return NULL;
    return build_binary(&r->b, OP_mul, n->in[0], build_filled(&r->b, &n->type, 2));
}

static Node *scaled(Rewriter *r, Node *x, double c)
{
    return build_binary(&r->b, OP_mul, x, build_filled(&r->b, &x->type, c));
}

// A factor that is a power of two goes where there is less to do, or where it meets another:
//     (x / y) * c  -->  (x * c) / y;    (broadcast(x) * y) * c  -->  broadcast(x * c) * y
static Node *sink_power_of_two(Rewriter *r, Node *n)
{
    double c;
    Node *x;
    if (!constant_side(n, &c, &x) || !is_power_of_two(c) || !used_once(x))
        return NULL;
    if (x->op == OP_div)
        return build_binary(&r->b, OP_div, scaled(r, x->in[0], c), x->in[1]);
    if (x->op != OP_mul)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const Node *factor = x->in[i];
        if (factor->op != OP_broadcast)
            continue;
        Node *once = scaled(r, factor->in[0], c);
        Node *repeated = build_broadcast(&r->b, once, n->type, factor->attr.map);
        return build_binary(&r->b, OP_mul, i ? x->in[0] : repeated, i ? repeated : x->in[1]);
    }
    return NULL;
}

// --- powers -----------------------------------------------------------------------------------

static Node *reciprocal(Rewriter *r, Node *x)
{
    return build_binary(&r->b, OP_div, build_filled(&r->b, &x->type, 1), x);
}

static Node *square(Rewriter *r, Node *x)
{
    return build_binary(&r->b, OP_mul, x, x);
}

// x ^ c for the exponents that cost less than powf.
static Node *power(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    double c;
    if (!const_value(n->in[1], &c))
        return NULL;
    if (c == 0)
        return build_filled(&r->b, &n->type, 1);
    if (c == 2)
        return square(r, x);
    if (c == 3)
        return build_binary(&r->b, OP_mul, square(r, x), x);
    if (c == 4)
        return square(r, square(r, x));
    if (c == 0.5)
        return build_unary(&r->b, OP_sqrt, x);
    if (c == -1)
        return reciprocal(r, x);
    if (c == -0.5)
        return reciprocal(r, build_unary(&r->b, OP_sqrt, x));
    return NULL;
}

// Rules that change what a node is come before those that move parts of it.
const Rule arithmetic_rules[] = {
    {ANY_ELEMENTWISE, fold_constants},
    {ANY_ELEMENTWISE, drop_identity},
    {OP_neg, neg_inside},
    {OP_abs, abs_inside},
    {OP_add, add_neg},
    {OP_add, twice},
    {OP_sub, sub_neg},
    {OP_mul, product_by_minus_one},
    {OP_div, product_by_minus_one},
    {OP_mul, product_of_neg},
    {OP_div, product_of_neg},
    {OP_mul, product_of_constants},
    {OP_mul, sink_power_of_two},
    {OP_div, div_by_power_of_two},
    {OP_pow, power},
    RULES_END,
};
