// test_tree_print.c -- the words of the tree, and parentheses exactly where they are needed.

#include <criterion/criterion.h>

#include "front.h"

Test(tree, words)
{
    for (ItemKind kind = 0; kind < ITEM_COUNT; kind++)
        cr_expect_not_null(item_kind_text(kind));
    for (OpKind op = 0; op < OPK_COUNT; op++)
        cr_expect_not_null(op_kind_text(op));
}

// Small numbers without a library: the same sequence everywhere.
static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static Expr *random_expr(Arena *a, unsigned *state, int depth)
{
    Expr *e = arena_new_of(a, Expr);
    const unsigned choice = depth == 0 ? 0 : next_random(state) % 6;
    e->kind = choice < 2    ? EXPR_NAME
              : choice == 2 ? EXPR_UNARY
              : choice == 3 ? EXPR_IF
                            : EXPR_BINARY;
    e->name = "a";
    e->op = next_random(state) % OPK_COUNT;
    if (e->kind == EXPR_UNARY)
        e->op = e->op % 2 ? OPK_NOT : OPK_NEG;
    else if (e->op == OPK_NOT || e->op == OPK_NEG)
        e->op = OPK_POW;
    if (e->kind == EXPR_NAME)
        return e;
    e->left = random_expr(a, state, depth - 1);
    e->right = e->kind == EXPR_UNARY ? NULL : random_expr(a, state, depth - 1);
    e->cond = e->kind == EXPR_IF ? random_expr(a, state, depth - 1) : NULL;
    return e;
}

static bool is_same(const Expr *a, const Expr *b)
{
    if (!a || !b)
        return a == b;
    const bool operators = a->kind == EXPR_UNARY || a->kind == EXPR_BINARY;
    return a->kind == b->kind && (!operators || a->op == b->op) && is_same(a->cond, b->cond) &&
           is_same(a->left, b->left) && is_same(a->right, b->right);
}

Test(tree, any_expression_is_read_as_it_was_printed)
{
    unsigned state = 1;
    for (int trial = 0; trial < 3000; trial++) {
        Session *s = session_new();
        Text out = text_in(s->arena);
        const Expr *e = random_expr(s->arena, &state, 5);
        expr_print(&out, e);
        ParseEnv env = {s->arena, s->names, s->diags};
        const Expr *again =
            parse_expression(&env, sources_add(s->sources, "e", out.data, out.size));
        cr_assert(again && is_same(e, again), "trial %d: %s", trial, text_str(&out));
        session_free(s);
    }
}
