// gather_factors.c -- what a gradient needs of a function is put together, apart from the gradient.
//
//   %5 = mul dy, %3
//   %6 = mul dy, %4                       %5 = add %3, %4
//   %7 = add %5, %6             -->       %7 = mul dy, %5
//
// where %3 and %4 depend on the elements of one value alone, by a function that costs something:
// the gradient of x Phi(x), of x sigmoid(x). Their sum then belongs to the way forward, where the
// function is at hand and the value itself need not be kept. Nothing is gained where the two are
// cheap.
//
// Needs: simplified IR.  Keeps: values, but for rounding.

#include "pass/rewrite.h"

#define MOST_FACTORS 8
// A function of more steps than this is not looked through.
#define DEPTH 10

typedef struct Term {
    Node *factors[MOST_FACTORS];
    int count;
} Term;

static bool is_any_const(const Node *n)
{
    double value;
    return const_value(n, &value);
}

// The value whose elements alone, constants beside, decide those of `n`: itself where there is none
// other. NULL: a constant.
static const Node *point_of(const Node *n, int depth)
{
    const Node *point = NULL;
    if (is_any_const(n))
        return NULL;
    if (!op_is(n->op, ELEMENTWISE) || depth == 0)
        return n;
    for (int i = 0; i < n->input_count; i++) {
        const Node *p = point_of(n->in[i], depth - 1);
        if (p && point && p != point)
            return n;
        point = p ? p : point;
    }
    return point;
}

static bool costs(const Node *n, const Node *point)
{
    if (n == point || is_any_const(n) || !op_is(n->op, ELEMENTWISE))
        return false;
    if (!op_is(n->op, CHEAP))
        return true;
    for (int i = 0; i < n->input_count; i++)
        if (costs(n->in[i], point))
            return true;
    return false;
}

// False: too many.
static bool add_factors(Term *t, Node *n)
{
    if (n->op == OP_mul)
        return add_factors(t, n->in[0]) && add_factors(t, n->in[1]);
    if (t->count == MOST_FACTORS)
        return false;
    t->factors[t->count++] = n;
    return true;
}

static Term without(const Term *t, const Node *factor)
{
    Term rest = {.count = 0};
    bool left_out = false;
    for (int i = 0; i < t->count; i++)
        if (t->factors[i] != factor || left_out)
            rest.factors[rest.count++] = t->factors[i];
        else
            left_out = true;
    return rest;
}

static bool has_factor(const Term *t, const Node *factor)
{
    for (int i = 0; i < t->count; i++)
        if (t->factors[i] == factor)
            return true;
    return false;
}

// Whether all factors are functions of one value, which is `*point` unless that is NULL yet.
static bool is_of_point(const Term *t, const Node **point)
{
    for (int i = 0; i < t->count; i++) {
        const Node *p = point_of(t->factors[i], DEPTH);
        if (p && *point && p != *point)
            return false;
        *point = p ? p : *point;
    }
    return true;
}

static bool is_costly(const Term *t, const Node *point)
{
    for (int i = 0; i < t->count; i++)
        if (costs(t->factors[i], point))
            return true;
    return false;
}

static Node *product(Rewriter *r, const Term *t, const Type *type)
{
    Node *x = t->count ? t->factors[0] : build_filled(&r->b, type, 1);
    for (int i = 1; i < t->count; i++)
        x = build_binary(&r->b, OP_mul, x, t->factors[i]);
    return x;
}

static Node *gathered(Rewriter *r, Node *n)
{
    Term a = {.count = 0}, b = {.count = 0};
    if (n->type.dtype != DTYPE_F32 || !add_factors(&a, n->in[0]) || !add_factors(&b, n->in[1]))
        return NULL;
    for (int i = 0; i < a.count; i++) {
        Node *shared = a.factors[i];
        const Node *point = NULL;
        const Term first = without(&a, shared), second = without(&b, shared);
        if (is_any_const(shared) || !has_factor(&b, shared) || !is_of_point(&first, &point) ||
            !is_of_point(&second, &point) || !point || point == point_of(shared, DEPTH) ||
            !(is_costly(&first, point) || is_costly(&second, point)))
            continue;
        Node *x = product(r, &first, &n->type);
        x = build_binary(&r->b, n->op, x, product(r, &second, &n->type));
        return build_binary(&r->b, OP_mul, shared, x);
    }
    return NULL;
}

static const Rule rules[] = {{OP_add, gathered}, {OP_sub, gathered}, RULES_END};

bool pass_gather_factors(Pass *p, Graph *g)
{
    const Rule *const tables[] = {rules, NULL};
    const int applied = rewrite(p, g, tables);
    pass_count(p, "sums", applied);
    return applied > 0;
}
