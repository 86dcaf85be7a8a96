// simplify_logic.c -- rules on comparisons, masks, choices and types.
//
// A mask is a bool; as a number it is its cast to f32. Masks times numbers become choices
// (`where`), which every engine does with one instruction, and choices meet where they can.

#include "pass/simplify.h"

// min(x, x), max(x, x), x and x, x or x  -->  x
static Node *same_operands(Rewriter *r, Node *n)
{
    (void)r;
    return n->in[0] == n->in[1] ? n->in[0] : NULL;
}

// x and false  -->  false;    x or true  -->  true
static Node *decided(Rewriter *r, Node *n)
{
    (void)r;
    const double value = n->op == OP_or;
    for (int i = 0; i < 2; i++)
        if (is_const(n->in[i], value))
            return n->in[i];
    return NULL;
}

// c < x  -->  x > c: constants stand to the right, so that other rules have one place to look.
static Node *constant_to_the_right(Rewriter *r, Node *n)
{
    static const OpId turned[OP_COUNT] = {
        [OP_eq] = OP_eq, [OP_ne] = OP_ne, [OP_lt] = OP_gt,
        [OP_le] = OP_ge, [OP_gt] = OP_lt, [OP_ge] = OP_le,
    };
    double c;
    if (!const_value(n->in[0], &c) || const_value(n->in[1], &c))
        return NULL;
    return build_binary(&r->b, turned[n->op], n->in[1], n->in[0]);
}

// not not x  -->  x;    not (x == y)  -->  x != y, and the other way. The other comparisons stay:
// with a NaN both x < y and x >= y are false.
static Node *not_inside(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    if (x->op == OP_not)
        return x->in[0];
    if (x->op == OP_eq || x->op == OP_ne)
        return build_binary(&r->b, x->op == OP_eq ? OP_ne : OP_eq, x->in[0], x->in[1]);
    return NULL;
}

static Node *cast_to_same(Rewriter *r, Node *n)
{
    (void)r;
    return n->in[0]->type.dtype == n->type.dtype ? n->in[0] : NULL;
}

// --- masks ------------------------------------------------------------------------------------

// The bool behind a mask cast to f32, in the mask's shape; NULL: no mask.
static Node *mask_of(Rewriter *r, Node *n)
{
    Node *cast = n->op == OP_broadcast ? n->in[0] : n;
    if (cast->op != OP_cast || cast->in[0]->type.dtype != DTYPE_BOOL || n->type.dtype != DTYPE_F32)
        return NULL;
    Type type = n->type;
    type.dtype = DTYPE_BOOL;
    return cast == n ? cast->in[0] : build_broadcast(&r->b, cast->in[0], type, n->attr.map);
}

// mask * x  -->  where(mask, x, 0)
static Node *product_with_mask(Rewriter *r, Node *n)
{
    for (int i = 0; i < 2; i++) {
        Node *mask = mask_of(r, n->in[i]);
        if (mask)
            return build_where(&r->b, mask, n->in[1 - i], build_filled(&r->b, &n->type, 0));
    }
    return NULL;
}

// --- choices ----------------------------------------------------------------------------------

// where(true, x, y)  -->  x;    where(c, x, x)  -->  x;    where(not c, x, y)  -->  where(c, y, x)
static Node *simple_choice(Rewriter *r, Node *n)
{
    Node *c = n->in[0], *x = n->in[1], *y = n->in[2];
    double value;
    if (const_value(c, &value))
        return value != 0 ? x : y;
    if (x == y)
        return x;
    return c->op == OP_not ? build_where(&r->b, c->in[0], y, x) : NULL;
}

// where(mask, 1, 0)  -->  mask as f32
static Node *choice_of_one(Rewriter *r, Node *n)
{
    if (n->type.dtype != DTYPE_F32 || !is_const(n->in[1], 1) || !is_const(n->in[2], 0))
        return NULL;
    return build_cast(&r->b, n->in[0], DTYPE_F32);
}

// where(c, where(c, x, _), y)  -->  where(c, x, y);    where(c, x, where(c, _, y)) likewise
static Node *choice_in_choice(Rewriter *r, Node *n)
{
    Node *c = n->in[0], *x = n->in[1], *y = n->in[2];
    if (x->op == OP_where && x->in[0] == c)
        return build_where(&r->b, c, x->in[1], y);
    if (y->op == OP_where && y->in[0] == c)
        return build_where(&r->b, c, x, y->in[2]);
    return NULL;
}

static bool is_zero(const Node *n)
{
    return is_const(n, 0);
}

// where(c, x, 0) + where(c, 0, y)  -->  where(c, x, y): the gradient of a choice comes in halves.
static Node *sum_of_choices(Rewriter *r, Node *n)
{
    Node *a = n->in[0], *b = n->in[1];
    if (a->op != OP_where || b->op != OP_where || a->in[0] != b->in[0])
        return NULL;
    if (is_zero(a->in[2]) && is_zero(b->in[1]))
        return build_where(&r->b, a->in[0], a->in[1], b->in[2]);
    if (is_zero(a->in[1]) && is_zero(b->in[2]))
        return build_where(&r->b, a->in[0], b->in[1], a->in[2]);
    return NULL;
}

static Node *scaled(Rewriter *r, Node *x, Node *c)
{
    return is_zero(x) ? x : build_binary(&r->b, OP_mul, x, c);
}

// where(c, x, 0) * k  -->  where(c, x * k, 0), for a constant k; where(c, 0, x) likewise.
static Node *scaled_choice(Rewriter *r, Node *n)
{
    for (int i = 0; i < 2; i++) {
        Node *w = n->in[i], *k = n->in[1 - i];
        double value;
        if (w->op != OP_where || !const_value(k, &value) || value - value != 0)
            continue;  // an infinite or NaN k makes the zero a NaN
        if (is_zero(w->in[1]) || is_zero(w->in[2]))
            return build_where(&r->b, w->in[0], scaled(r, w->in[1], k), scaled(r, w->in[2], k));
    }
    return NULL;
}

const Rule logic_rules[] = {
    {OP_max, same_operands},
    {OP_min, same_operands},
    {OP_and, same_operands},
    {OP_or, same_operands},
    {OP_and, decided},
    {OP_or, decided},
    {OP_eq, constant_to_the_right},
    {OP_ne, constant_to_the_right},
    {OP_lt, constant_to_the_right},
    {OP_le, constant_to_the_right},
    {OP_gt, constant_to_the_right},
    {OP_ge, constant_to_the_right},
    {OP_not, not_inside},
    {OP_cast, cast_to_same},
    {OP_where, simple_choice},
    {OP_where, choice_of_one},
    {OP_where, choice_in_choice},
    {OP_mul, product_with_mask},
    {OP_mul, scaled_choice},
    {OP_add, sum_of_choices},
    RULES_END,
};
