// fold.c -- arithmetic of numbers that are known at compile time.
//
// Whole numbers stay whole where the result is: 28 / 2 is 14, 1 / 255 is real. Overflow is an
// error, not a wrong size.

#include <math.h>
#include <string.h>

#include "sema/expander.h"

static Value *overflow(Expander *e, OpKind op, Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_number_overflow, blame_span(e, span), op_kind_text(op));
    return poison_after(e, d, span);
}

static Value *zero_divisor(Expander *e, OpKind op, Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_zero_divisor, blame_span(e, span), op_kind_text(op));
    return poison_after(e, d, span);
}

static bool int_power(int64_t base, int64_t exponent, int64_t *out)
{
    int64_t r = 1;
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(r, base, &r))
            return false;
        if (r == 0 || (r == 1 && base == 1))
            break;
        if (base == -1) {
            r = exponent % 2 ? -1 : 1;
            break;
        }
    }
    *out = r;
    return true;
}

// Of -7 by 3: 2, as the sign of the divisor says.
static int64_t int_modulo(int64_t x, int64_t y)
{
    int64_t r = y == -1 ? 0 : x % y;
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static double real_modulo(double x, double y)
{
    return x - y * floor(x / y);
}

// True with the result in *out; false: not a whole number, or it overflows (*over).
static bool fold_ints(OpKind op, int64_t x, int64_t y, int64_t *out, bool *over)
{
    switch (op) {
    case OPK_ADD:
        *over = __builtin_add_overflow(x, y, out);
        break;
    case OPK_SUB:
        *over = __builtin_sub_overflow(x, y, out);
        break;
    case OPK_MUL:
        *over = __builtin_mul_overflow(x, y, out);
        break;
    case OPK_DIV:
        if (y == -1 || x % y != 0)
            return false;
        *out = x / y;
        break;
    case OPK_MOD:
        *out = int_modulo(x, y);
        break;
    case OPK_POW:
        if (y < 0)
            return false;
        *over = !int_power(x, y, out);
        break;
    default:
        return false;
    }
    return !*over;
}

static double fold_reals(OpKind op, double x, double y)
{
    switch (op) {
    case OPK_ADD:
        return x + y;
    case OPK_SUB:
        return x - y;
    case OPK_MUL:
        return x * y;
    case OPK_DIV:
        return x / y;
    case OPK_MOD:
        return real_modulo(x, y);
    default:
        return pow(x, y);
    }
}

static bool compare(OpKind op, double x, double y)
{
    switch (op) {
    case OPK_EQ:
        return x == y;
    case OPK_NE:
        return x != y;
    case OPK_LT:
        return x < y;
    case OPK_LE:
        return x <= y;
    case OPK_GT:
        return x > y;
    default:
        return x >= y;
    }
}

// == and != of things that are no numbers: strings, names of definitions.
static bool same_thing(const Value *x, const Value *y, bool *same)
{
    if (x->kind == VALUE_STRING && y->kind == VALUE_STRING)
        *same = strcmp(x->string, y->string) == 0;
    else if (x->kind == VALUE_DEFINITION && y->kind == VALUE_DEFINITION)
        *same = x->name == y->name;
    else if (is_number(x) || is_number(y) || x->kind == VALUE_LIST || y->kind == VALUE_LIST)
        *same = false;
    else
        return false;
    return true;
}

static Value *fold_logic(Expander *e, OpKind op, const Value *x, const Value *y, Span span)
{
    if (x->kind != VALUE_BOOL || y->kind != VALUE_BOOL)
        return report_kind(e, span, "true or false", x->kind == VALUE_BOOL ? y : x);
    bool r = op == OPK_AND ? x->boolean && y->boolean : x->boolean || y->boolean;
    return value_bool(e->arena, span, r);
}

static Value *fold_numbers(Expander *e, OpKind op, const Value *x, const Value *y, Span span)
{
    double a = value_as_real(x), b = value_as_real(y);
    if (op >= OPK_EQ && op <= OPK_GE)
        return value_bool(e->arena, span, compare(op, a, b));
    if ((op == OPK_DIV || op == OPK_MOD) && b == 0)
        return zero_divisor(e, op, span);
    if (x->kind == VALUE_INT && y->kind == VALUE_INT) {
        int64_t r;
        bool over = false;
        if (fold_ints(op, x->integer, y->integer, &r, &over))
            return value_int(e->arena, span, r);
        if (over)
            return overflow(e, op, span);
    }
    return value_real(e->arena, span, fold_reals(op, a, b));
}

Value *fold_binary(Expander *e, OpKind op, const Value *x, const Value *y, Span span)
{
    bool same;
    if (op == OPK_AND || op == OPK_OR)
        return fold_logic(e, op, x, y, span);
    if (op == OPK_MATMUL)
        return report_kind(e, span, "tensors", x);
    if (is_number(x) && is_number(y))
        return fold_numbers(e, op, x, y, span);
    if ((op == OPK_EQ || op == OPK_NE) && same_thing(x, y, &same))
        return value_bool(e->arena, span, same == (op == OPK_EQ));
    return report_kind(e, span, "a number or a tensor", is_number(x) ? y : x);
}

Value *fold_unary(Expander *e, OpKind op, const Value *x, Span span)
{
    if (op == OPK_NOT) {
        if (x->kind != VALUE_BOOL)
            return report_kind(e, span, "true or false", x);
        return value_bool(e->arena, span, !x->boolean);
    }
    if (x->kind == VALUE_INT && x->integer != INT64_MIN)
        return value_int(e->arena, span, -x->integer);
    if (x->kind == VALUE_INT || x->kind == VALUE_REAL)
        return value_real(e->arena, span, -value_as_real(x));
    return report_kind(e, span, "a number or a tensor", x);
}
