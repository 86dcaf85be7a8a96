// builtins_tensor.c -- the built-in functions of numbers and tensors.

#include <math.h>

#include "sema/expander.h"

static double sign_of(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}

// The same of a number that is known at compile time.
static double fold_math(OpId op, double x)
{
    static double (*const functions[OP_COUNT])(double) = {
        [OP_exp] = exp, [OP_log] = log,     [OP_sqrt] = sqrt,          [OP_tanh] = tanh,
        [OP_erf] = erf, [OP_abs] = fabs,    [OP_sign] = sign_of,       [OP_sin] = sin,
        [OP_cos] = cos, [OP_floor] = floor, [OP_sigmoid] = sigmoid_of,
    };
    return functions[op](x);
}

static Value *fold_call(Expander *e, BuiltinCall *c)
{
    const Value *x = c->values[0];
    if (c->builtin->op == OP_where)
        return x->boolean ? c->values[1] : c->values[2];
    double r = fold_math(c->builtin->op, value_as_real(x));
    bool whole = c->builtin->op == OP_floor || (x->kind == VALUE_INT && c->builtin->op == OP_abs);
    if (whole && fabs(r) < 9e15)
        return value_int(e->arena, c->span, (int64_t)r);
    return value_real(e->arena, c->span, r);
}

// Whether no tensor is among the arguments; a condition then has to be true or false.
static bool all_numbers(const BuiltinCall *c)
{
    int count = c->builtin->op == OP_where ? 3 : 1;
    for (int i = 0; i < count; i++)
        if (!is_number(c->values[i]))
            return false;
    return c->builtin->op != OP_where || c->values[0]->kind == VALUE_BOOL;
}

Value *builtin_elementwise(Expander *e, BuiltinCall *c)
{
    if (all_numbers(c))
        return fold_call(e, c);
    return apply_op(e, c->builtin->op, c->values, op_arity(c->builtin->op), c->span);
}

static Value *reduce_call(Expander *e, BuiltinCall *c, Reduction kind, const Arg *over_arg,
                          const Arg *keep_arg)
{
    Axes over = {.given = false}, keep = {.given = false};
    bool extreme = kind == REDUCTION_MAX || kind == REDUCTION_MIN;
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || (over_arg && !eval_axes(e, over_arg->value, n, &over)) ||
        (keep_arg && !eval_axes(e, keep_arg->value, n, &keep)))
        return poison_value(e, c->span);
    build_at(e, c->span);
    if (!extreme || n->type.dtype == DTYPE_BOOL)
        n = to_dtype(e, n, DTYPE_F32);
    return reduce_value(e, kind, n, &over, &keep, c->span);
}

Value *builtin_reduce(Expander *e, BuiltinCall *c)
{
    Reduction kind = name_is(c->builtin->name, "sum") ? REDUCTION_SUM : REDUCTION_MEAN;
    return reduce_call(e, c, kind, c->args[1], c->args[2]);
}

// One argument: an extreme of its elements. Two: element by element.
Value *builtin_max_min(Expander *e, BuiltinCall *c)
{
    bool largest = c->builtin->op == OP_max;
    Value *x = c->values[0], *y = c->values[1];
    if (!y)
        return reduce_call(e, c, largest ? REDUCTION_MAX : REDUCTION_MIN, c->args[2], c->args[3]);
    if (c->args[2] || c->args[3]) {
        const Arg *a = c->args[2] ? c->args[2] : c->args[3];
        Diag *d =
            diag_report(diags_of(e), DIAG_unknown_option, a->name_span, c->builtin->name, a->name);
        diag_help(d, "axes belong to the form with one argument");
        return poison_after(e, d, c->span);
    }
    if (is_number(x) && is_number(y))
        return (value_as_real(x) >= value_as_real(y)) == largest ? x : y;
    return apply_op(e, c->builtin->op, c->values, 2, c->span);
}

Value *builtin_argmax(Expander *e, BuiltinCall *c)
{
    int axis;
    const Expr *over = c->args[1] ? c->args[1]->value : NULL;
    Node *n = to_float(e, c->values[0], c->span);
    if (!n || !eval_axis(e, over, n, -1, c->span, &axis))
        return poison_value(e, c->span);
    build_at(e, c->span);
    return value_tensor(e->arena, c->span, build_argmax(&e->builder, n, axis));
}

// The sizes of a shape, as in an initializer's reshape(w, shape).
static bool read_shape_sizes(const Value *shape, int64_t *out, int *count)
{
    *count = shape->shape.rank;
    for (int i = 0; i < *count; i++)
        out[i] = shape->shape.dims[i];
    return true;
}

// Whole numbers from `values`: reshape(x, 2, 3), reshape(x, [2, 3]) or reshape(x, shape).
static bool read_ints(Expander *e, const BuiltinCall *c, int64_t *out, int *count)
{
    const Value *list = c->rest_count == 1 ? c->values[1] : NULL;
    if (list && list->kind == VALUE_SHAPE)
        return read_shape_sizes(list, out, count);
    bool listed = list && (list->kind == VALUE_LIST || list->kind == VALUE_TUPLE);
    *count = listed ? list->count : c->rest_count;
    if (*count > MAX_RANK - 1) {
        report_limit(e, c->span, "axes", MAX_RANK);
        return false;
    }
    for (int i = 0; i < *count; i++) {
        const Value *v = listed ? list->items[i].value : c->values[1 + i];
        if (v->kind != VALUE_INT) {
            report_kind(e, c->span, "a whole number", v);
            return false;
        }
        out[i] = v->integer;
    }
    return true;
}

// Puts what is left of `elements` in the place of a -1; false when the sizes do not fit.
static bool fill_wildcard(int64_t *dims, int count, int64_t elements)
{
    int64_t product = 1;
    int wild = -1;
    for (int i = 0; i < count; i++) {
        if (dims[i] == -1 && wild < 0)
            wild = i;
        else if (dims[i] < 1 || __builtin_mul_overflow(product, dims[i], &product))
            return false;
    }
    if (wild < 0)
        return product == elements;
    dims[wild] = elements / product;
    return elements % product == 0 && dims[wild] > 0;
}

static Value *report_reshape(Expander *e, BuiltinCall *c, const Node *n, const int64_t *dims,
                             int count)
{
    Text wanted = text_in(e->arena);
    for (int i = 0; i < count; i++)
        text_addf(&wanted, "%s%lld", i ? ", " : "", (long long)dims[i]);
    Diag *d = diag_report(diags_of(e), DIAG_reshape_mismatch, blame_span(e, c->span),
                          shape_text(e->arena, &n->type), (long long)type_elements(&n->type),
                          text_str(&wanted));
    note_flow(e, d, &n->type);
    return poison_after(e, d, c->span);
}

Value *builtin_reshape(Expander *e, BuiltinCall *c)
{
    int64_t dims[MAX_RANK], wanted[MAX_RANK];
    int count;
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || !read_ints(e, c, dims, &count))
        return poison_value(e, c->span);
    for (int i = 0; i < count; i++)
        wanted[i] = dims[i];
    if (!fill_wildcard(dims, count, type_elements(&n->type)))
        return report_reshape(e, c, n, wanted, count);
    Type to = type_written(n->type.dtype, type_batched(&n->type), count, dims);
    build_at(e, c->span);
    if (!type_equal(&to, &n->type))
        n = build_reshape(&e->builder, n, to);
    return value_tensor(e->arena, c->span, n);
}

// False when `axes` are not the numbers 0 .. rank - 1 in some order.
static bool is_permutation(int64_t *axes, int count, int rank)
{
    uint32_t seen = 0;
    for (int i = 0; i < count; i++) {
        axes[i] += axes[i] < 0 ? rank : 0;
        if (axes[i] < 0 || axes[i] >= rank)
            return false;
        seen |= 1u << axes[i];
    }
    return count == rank && seen == (1u << rank) - 1;
}

Value *builtin_transpose(Expander *e, BuiltinCall *c)
{
    int64_t axes[MAX_RANK];
    int count;
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || !read_ints(e, c, axes, &count))
        return poison_value(e, c->span);
    int rank = written_rank(&n->type);
    if (count == 0 && rank >= 2) {
        for (count = 0; count < rank; count++)
            axes[count] = count < rank - 2 ? count : 2 * rank - 3 - count;
    }
    if (!is_permutation(axes, count, rank)) {
        Diag *d = diag_report(diags_of(e), DIAG_bad_transpose, blame_span(e, c->span),
                              shape_text(e->arena, &n->type));
        return poison_after(e, d, c->span);
    }
    int8_t map[MAX_RANK] = {0};
    int first = type_batched(&n->type) ? 1 : 0;
    for (int i = 0; i < rank; i++)
        map[first + i] = (int8_t)(axes[i] + first);
    build_at(e, c->span);
    return value_tensor(e->arena, c->span, build_transpose(&e->builder, n, map));
}

// The class that a target must be where it is made one-hot: the output without its last axis.
static void resolve_class(Expander *e, Value *target)
{
    Type t = target->shape;
    t.rank -= written_rank(&t) > 0 ? 1 : 0;
    resolve_target(e, target, DTYPE_I32, &t);
}

Value *builtin_one_hot(Expander *e, BuiltinCall *c)
{
    const Value *size = c->values[1];
    if (size->kind != VALUE_INT || size->integer < 1)
        return report_kind(e, c->span, "a whole number above 0", size);
    if (c->values[0]->kind == VALUE_TARGET)
        resolve_class(e, c->values[0]);
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n)
        return poison_value(e, c->span);
    if (n->type.dtype != DTYPE_I32) {
        Diag *d =
            diag_report(diags_of(e), DIAG_not_a_class, blame_span(e, c->span), c->builtin->name);
        return poison_after(e, d, c->span);
    }
    Type to = n->type;
    if (to.rank == MAX_RANK)
        return report_limit(e, c->span, "axes", MAX_RANK);
    to.dims[to.rank++] = size->integer;
    if (!check_size(e, &to, c->span))
        return poison_value(e, c->span);
    build_at(e, c->span);
    int8_t map[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    Node *wide = build_broadcast(&e->builder, n, to, map);
    Node *index = build_iota(&e->builder, to, to.rank - 1);
    Node *hot = build_binary(&e->builder, OP_eq, wide, index);
    return value_tensor(e->arena, c->span, build_cast(&e->builder, hot, DTYPE_F32));
}
