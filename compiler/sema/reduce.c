// reduce.c -- sums, means and extremes along axes that are named or numbered.
//
//   sum(x)             over an example's own axes, never the batch
//   sum(x, over = c)   that axis stays, with size 1
//   sum(x, keep = c)   over all others, the batch too; the result is [c]

#include "sema/expander.h"

// The written axis that a pattern's name means in `t`, or -1 when its size says it is another.
static int axis_by_name(const Binding *b, const Type *t)
{
    int axis = written_rank(t) + b->axis;
    if (axis < 0 || axis >= written_rank(t) || b->value->kind != VALUE_INT)
        return -1;
    int64_t size = written_dims(t)[axis];
    return size == b->value->integer || size == 1 ? axis : -1;
}

static bool report_axis(Expander *e, const Expr *x, const Type *t)
{
    Diag *d = diag_report(diags_of(e), DIAG_no_such_axis, blame_span(e, x->span),
                          program_text(e->program, x->span), shape_text(e->arena, t));
    poison_after(e, d, x->span);
    return false;
}

static bool add_axis(Expander *e, const Expr *x, const Type *t, Axes *out)
{
    const Binding *b = x->kind == EXPR_NAME ? scope_find(e->frame->scope, x->name) : NULL;
    if (x->kind == EXPR_NAME && !b && name_is(x->name, "batch")) {
        out->batch = true;
        return type_batched(t) ? true : report_axis(e, x, t);
    }
    int64_t axis;
    if (b && b->is_axis)
        axis = axis_by_name(b, t);
    else if (!eval_int(e, x, "an axis", &axis))
        return false;
    else if (axis < 0)
        axis += written_rank(t);
    if (axis < 0 || axis >= written_rank(t))
        return report_axis(e, x, t);
    out->bits |= 1u << axis;
    return true;
}

bool eval_axes(Expander *e, const Expr *x, const Node *of, Axes *out)
{
    *out = (Axes){.given = true};
    if (x->kind != EXPR_LIST && x->kind != EXPR_TUPLE)
        return add_axis(e, x, &of->type, out);
    for (const Arg *a = x->args; a; a = a->next)
        if (!add_axis(e, a->value, &of->type, out))
            return false;
    return true;
}

bool eval_axis(Expander *e, const Expr *x, const Node *of, int fallback, Span span, int *out)
{
    Axes axes = {.given = false};
    if (x && !eval_axes(e, x, of, &axes))
        return false;
    int rank = written_rank(&of->type);
    int axis = fallback < 0 ? rank + fallback : fallback;
    if (axes.given)
        axis = axes.bits ? __builtin_ctz(axes.bits) : -1;
    if (axes.batch || axis < 0 || axis >= rank || (axes.bits & (axes.bits - 1))) {
        const Value tensor = {.kind = VALUE_TENSOR};
        report_kind(e, span, "one axis of a tensor", &tensor);
        return false;
    }
    *out = axis + (type_batched(&of->type) ? 1 : 0);
    return true;
}

// Divides by the elements that were added up: a number, times the size of the batch.
static Node *divide_by_count(Expander *e, Node *sum, int64_t count, bool batch)
{
    Builder *b = &e->builder;
    Node *n = build_const(b, DTYPE_F32, (double)count);
    if (batch) {
        Node *examples = build_scalar(b, SCALAR_BATCH);
        n = count == 1 ? examples : build_binary(b, OP_mul, n, examples);
    }
    return build_binary(b, OP_div, sum, broadcast_to(e, n, &sum->type));
}

static Node *reduce_axes(Expander *e, Reduction kind, Node *n, uint32_t axes)
{
    static const ReduceKind kinds[] = {
        [REDUCTION_SUM] = REDUCE_SUM,
        [REDUCTION_MEAN] = REDUCE_SUM,
        [REDUCTION_MAX] = REDUCE_MAX,
        [REDUCTION_MIN] = REDUCE_MIN,
    };
    int64_t count = 1;
    bool batch = false;
    for (int i = 0; i < n->type.rank; i++) {
        if (!(axes >> i & 1))
            continue;
        batch |= n->type.dims[i] == DIM_BATCH;
        count *= n->type.dims[i] == DIM_BATCH ? 1 : n->type.dims[i];
    }
    Node *r = axes ? build_reduce(&e->builder, kinds[kind], n, axes) : n;
    bool divide = kind == REDUCTION_MEAN && (count > 1 || batch);
    return divide ? divide_by_count(e, r, count, batch) : r;
}

static uint32_t all_axes(const Type *t)
{
    return (1u << t->rank) - 1;
}

Node *sum_all(Expander *e, Node *n)
{
    return reduce_axes(e, REDUCTION_SUM, n, all_axes(&n->type));
}

Node *mean_all(Expander *e, Node *n)
{
    return reduce_axes(e, REDUCTION_MEAN, n, all_axes(&n->type));
}

// Axes over which something was reduced come back with size 1.
static Node *keep_ones(Expander *e, Node *n, const Type *before, uint32_t axes)
{
    Type t = *before;
    for (int i = 0; i < t.rank; i++)
        if (axes >> i & 1)
            t.dims[i] = 1;
    t.dtype = n->type.dtype;
    return build_reshape(&e->builder, n, t);
}

Value *reduce_value(Expander *e, Reduction kind, Node *n, const Axes *over, const Axes *keep,
                    Span span)
{
    Type type = n->type;
    uint32_t shift = type_batched(&type) ? 1 : 0;
    uint32_t own = all_axes(&type) & ~shift;
    if (keep->given) {
        uint32_t kept = keep->bits << shift | (keep->batch ? 1u : 0);
        n = reduce_axes(e, kind, n, all_axes(&type) & ~kept);
    } else if (over->given && over->batch) {
        n = reduce_axes(e, kind, n, over->bits << shift | 1u);
    } else if (over->given) {
        uint32_t axes = over->bits << shift;
        n = keep_ones(e, reduce_axes(e, kind, n, axes), &type, axes);
    } else {
        n = reduce_axes(e, kind, n, own);
    }
    return value_tensor(e->arena, span, n);
}
