// builtins_parts.c -- parts of tensors, and tensors made of parts: slices, concatenation, padding.
//
//   x[2], x[1..3, 0], x[h = 1..n]      slice, and reshape where an axis goes
//   concat(a, b)                       a with 0 behind it, plus b with 0 in front of it

#include "sema/expander.h"

// --- sizes ------------------------------------------------------------------------------------

static bool read_size(Expander *e, const Value *v, const char *what, int64_t least, Span span,
                      int64_t *out)
{
    if (v->kind != VALUE_INT)
        return report_kind(e, span, what, v), false;
    *out = v->integer;
    if (*out >= least && *out <= INT32_MAX)
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_bad_size, blame_span(e, span), (long long)*out);
    poison_after(e, d, span);
    return false;
}

bool read_sizes(Expander *e, Value *v, const char *what, int64_t least, int count, Span span,
                int64_t *out)
{
    bool listed = v->kind == VALUE_LIST || v->kind == VALUE_TUPLE;
    if (listed && v->count != count)
        return report_kind(e, span, what, v), false;
    for (int i = 0; i < count; i++)
        if (!read_size(e, listed ? v->items[i].value : v, what, least, span, &out[i]))
            return false;
    return true;
}

Value *builtin_pair(Expander *e, BuiltinCall *c)
{
    int64_t sizes[2];
    if (!read_sizes(e, c->values[0], "a size or a pair of sizes", 1, 2, c->span, sizes))
        return poison_value(e, c->span);
    Value *v = value_new(e->arena, VALUE_TUPLE, c->span);
    v->items = arena_array(e->arena, NamedValue, 2);
    for (v->count = 0; v->count < 2; v->count++)
        v->items[v->count].value = value_int(e->arena, c->span, sizes[v->count]);
    return v;
}

// Places along an axis are 32-bit numbers in the graph.
static bool check_axis(Expander *e, const Type *t, int axis, Span span)
{
    if (t->dims[axis] <= INT32_MAX)
        return true;
    Diag *d =
        diag_report(diags_of(e), DIAG_too_large, blame_span(e, span),
                    arena_printf(e->arena, "%lld", (long long)t->dims[axis]), (long long)INT32_MAX);
    poison_after(e, d, span);
    return false;
}

// The axis of the node that a call's `axis` names; false after a report.
static bool axis_of(Expander *e, const BuiltinCall *c, int parameter, const Node *n, int fallback,
                    int *axis)
{
    const Arg *a = c->args[parameter];
    return eval_axis(e, a ? a->value : NULL, n, fallback, c->span, axis) &&
           check_axis(e, &n->type, *axis, c->span);
}

static int written_axis(const Node *n, int axis)
{
    return axis - (type_batched(&n->type) ? 1 : 0);
}

// --- slices -----------------------------------------------------------------------------------

Node *slice_axis(Expander *e, Node *n, int axis, int64_t start, int64_t count, int step)
{
    int32_t starts[MAX_RANK] = {0}, steps[MAX_RANK] = {0};
    Type to = n->type;
    if (step == 1 && count == to.dims[axis])
        return n;
    for (int i = 0; i < to.rank; i++)
        steps[i] = 1;
    starts[axis] = (int32_t)start;
    steps[axis] = (int32_t)step;
    to.dims[axis] = count;
    return build_slice(&e->builder, n, to, starts, steps);
}

Value *builtin_reverse(Expander *e, BuiltinCall *c)
{
    int axis;
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || !axis_of(e, c, 1, n, 0, &axis))
        return poison_value(e, c->span);
    build_at(e, c->span);
    int64_t size = n->type.dims[axis];
    return value_tensor(e->arena, c->span, slice_axis(e, n, axis, size - 1, size, -1));
}

// Elements from .. to of an axis, those below 0 counted from its end; NULL after a report.
static Node *slice_range(Expander *e, Node *n, int axis, int64_t from, int64_t to,
                         const char *written, Span span)
{
    int64_t size = n->type.dims[axis];
    int64_t start = from + (from < 0 ? size : 0), end = to + (to < 0 ? size : 0);
    if (start >= 0 && start < end && end <= size) {
        build_at(e, span);
        return slice_axis(e, n, axis, start, end - start, 1);
    }
    Diag *d = diag_report(diags_of(e), DIAG_slice_range, blame_span(e, span), "slice", written,
                          written_axis(n, axis), shape_text(e->arena, &n->type));
    diag_label(d, "the axis has %lld, from 0", (long long)size);
    poison_after(e, d, span);
    return NULL;
}

static const char *range_text(Expander *e, int64_t from, int64_t to)
{
    return arena_printf(e->arena, "%lld .. %lld", (long long)from, (long long)to);
}

Value *builtin_slice(Expander *e, BuiltinCall *c)
{
    int axis;
    const Value *from = c->values[1], *to = c->values[2];
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || !axis_of(e, c, 3, n, -1, &axis))
        return poison_value(e, c->span);
    if (from->kind != VALUE_INT || to->kind != VALUE_INT)
        return report_kind(e, c->span, "a whole number", from->kind != VALUE_INT ? from : to);
    n = slice_range(e, n, axis, from->integer, to->integer,
                    range_text(e, from->integer, to->integer), c->span);
    return n ? value_tensor(e->arena, c->span, n) : poison_value(e, c->span);
}

// --- x[...] -----------------------------------------------------------------------------------

// The axis that an index is for: the one it names, or the next in order.
static bool index_axis(Expander *e, const Arg *a, const Node *n, int *next, int *axis)
{
    const Expr name = {.kind = EXPR_NAME, .span = a->name_span, .name = a->name};
    int fallback = a->name ? 0 : (*next)++;
    if (!a->name && fallback >= written_rank(&n->type)) {
        Diag *d =
            diag_report(diags_of(e), DIAG_no_such_axis, blame_span(e, a->value->span),
                        program_text(e->program, a->value->span), shape_text(e->arena, &n->type));
        poison_after(e, d, a->value->span);
        return false;
    }
    return eval_axis(e, a->name ? &name : NULL, n, fallback, a->value->span, axis) &&
           check_axis(e, &n->type, *axis, a->value->span);
}

// One index: the slice it takes, whose axis goes when it is a number. NULL after a report.
static Node *take_index(Expander *e, Node *n, const Arg *a, int axis, uint32_t *gone)
{
    Value *v = eval_expr(e, a->value);
    Span span = a->value->span;
    if (v->kind == VALUE_RANGE)
        return slice_range(e, n, axis, v->integer, v->end, range_text(e, v->integer, v->end), span);
    if (v->kind != VALUE_INT) {
        report_kind(e, span, "a whole number or a range", v);
        return NULL;
    }
    *gone |= 1u << axis;
    int64_t size = n->type.dims[axis], i = v->integer + (v->integer < 0 ? size : 0);
    const char *written = arena_printf(e->arena, "%lld", (long long)v->integer);
    return slice_range(e, n, axis, i < 0 ? size : i, i < 0 ? size : i + 1, written, span);
}

static Node *drop_axes(Expander *e, Node *n, uint32_t gone)
{
    Type to = {.dtype = n->type.dtype};
    for (int i = 0; i < n->type.rank; i++)
        if (!(gone >> i & 1))
            to.dims[to.rank++] = n->type.dims[i];
    return gone ? build_reshape(&e->builder, n, to) : n;
}

Value *index_tensor(Expander *e, Value *v, const Expr *x)
{
    uint32_t gone = 0;
    int next = 0, axis;
    Node *n = to_tensor(e, v, x->span);
    for (const Arg *a = x->args; a && n; a = a->next)
        n = index_axis(e, a, n, &next, &axis) ? take_index(e, n, a, axis, &gone) : NULL;
    if (!n)
        return poison_value(e, x->span);
    build_at(e, x->span);
    return value_tensor(e->arena, x->span, drop_axes(e, n, gone));
}

// --- split ------------------------------------------------------------------------------------

// The parts that are asked for: a list of sizes, or so many equal ones. NULL when they do not fill
// the axis.
static int64_t *part_sizes(Expander *e, const Value *parts, int64_t size, int *count)
{
    bool listed = parts->kind == VALUE_LIST || parts->kind == VALUE_TUPLE;
    if (!listed && (parts->kind != VALUE_INT || parts->integer < 1 || size % parts->integer))
        return NULL;
    *count = listed ? parts->count : (int)parts->integer;
    int64_t *sizes = arena_array(e->arena, int64_t, (size_t)*count + 1), sum = 0;
    for (int i = 0; i < *count; i++) {
        const Value *v = listed ? parts->items[i].value : NULL;
        if (v && (v->kind != VALUE_INT || v->integer < 1 || v->integer > size))
            return NULL;
        sizes[i] = v ? v->integer : size / *count;
        sum += sizes[i];
    }
    return sum == size ? sizes : NULL;
}

static const char *parts_text(Expander *e, const Value *parts)
{
    if (parts->kind == VALUE_INT)
        return arena_printf(e->arena, "%lld equal parts", (long long)parts->integer);
    return parts->kind == VALUE_LIST ? "parts of these sizes" : value_kind_text(parts->kind);
}

Value *builtin_split(Expander *e, BuiltinCall *c)
{
    int axis;
    Node *n = to_tensor(e, c->values[0], c->span);
    if (!n || !axis_of(e, c, 2, n, -1, &axis))
        return poison_value(e, c->span);
    Value *v = value_new(e->arena, VALUE_TUPLE, c->span);
    const int64_t *sizes = part_sizes(e, c->values[1], n->type.dims[axis], &v->count);
    if (!sizes) {
        Diag *d = diag_report(diags_of(e), DIAG_split_mismatch, blame_span(e, c->span),
                              written_axis(n, axis), shape_text(e->arena, &n->type),
                              parts_text(e, c->values[1]));
        return poison_after(e, d, c->span);
    }
    v->items = arena_array(e->arena, NamedValue, (size_t)v->count + 1);
    build_at(e, c->span);
    int64_t start = 0;
    for (int i = 0; i < v->count; start += sizes[i++])
        v->items[i].value =
            value_tensor(e->arena, c->span, slice_axis(e, n, axis, start, sizes[i], 1));
    return v;
}

// --- concat -----------------------------------------------------------------------------------

typedef struct Parts {
    Node **nodes;
    int count, axis;
    Type type;  // of the whole
} Parts;

// The parts as written: concat(a, b), or concat([a, b]).
static Value *part(const BuiltinCall *c, int i)
{
    const Value *first = c->values[1];
    bool listed = first->kind == VALUE_LIST || first->kind == VALUE_TUPLE;
    return listed ? first->items[i].value : c->values[1 + i];
}

static int count_parts(const BuiltinCall *c)
{
    const Value *first = c->values[1];
    bool listed = c->rest_count == 1 && (first->kind == VALUE_LIST || first->kind == VALUE_TUPLE);
    return listed ? first->count : c->rest_count;
}

// Whole numbers with whole numbers, masks with masks; all else is real.
static DType parts_dtype(const Parts *p)
{
    for (int i = 1; i < p->count; i++)
        if (p->nodes[i]->type.dtype != p->nodes[0]->type.dtype)
            return DTYPE_F32;
    return p->nodes[0]->type.dtype;
}

// Adds the type of part `i` to that of the whole; false when they differ along another axis.
static bool join_type(Parts *p, int i)
{
    Type *whole = &p->type;
    const Type *t = &p->nodes[i]->type;
    int rank = written_rank(whole), axis = p->axis;
    if (written_rank(t) != rank)
        return false;
    for (int k = 0; k < rank; k++)
        if (k != axis && written_dims(t)[k] != written_dims(whole)[k])
            return false;
    int64_t size = written_dims(whole)[axis] + written_dims(t)[axis];
    *whole = type_written(whole->dtype, type_batched(whole) || type_batched(t), rank,
                          written_dims(type_batched(whole) ? whole : t));
    whole->dims[axis + (type_batched(whole) ? 1 : 0)] = size;
    return true;
}

static bool read_parts(Expander *e, BuiltinCall *c, Parts *p)
{
    p->count = count_parts(c);
    p->nodes = arena_array(e->arena, Node *, (size_t)p->count + 1);
    for (int i = 0; i < p->count; i++)
        if (!(p->nodes[i] = to_tensor(e, part(c, i), c->span)))
            return false;
    if (p->count == 0 || !axis_of(e, c, 0, p->nodes[0], -1, &p->axis))
        return false;
    p->axis = written_axis(p->nodes[0], p->axis);
    p->type = p->nodes[0]->type;
    p->type.dtype = parts_dtype(p);
    for (int i = 1; i < p->count; i++) {
        const Type before = p->type;
        if (join_type(p, i))
            continue;
        Diag *d = diag_report(diags_of(e), DIAG_concat_mismatch, blame_span(e, c->span),
                              shape_text(e->arena, &before),
                              shape_text(e->arena, &p->nodes[i]->type), p->axis);
        poison_after(e, d, c->span);
        return false;
    }
    return check_size(e, &p->type, c->span) &&
           check_axis(e, &p->type, p->axis + (type_batched(&p->type) ? 1 : 0), c->span);
}

// The part at its place among zeros, of the type of the whole.
static Node *place_part(Expander *e, const Parts *p, Node *n, int64_t at)
{
    int first = type_batched(&p->type) ? 1 : 0;
    Type own = p->type;
    own.dims[first + p->axis] = written_dims(&n->type)[p->axis];
    n = broadcast_to(e, to_dtype(e, n, p->type.dtype), &own);
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    low[first + p->axis] = (int32_t)at;
    return build_pad(&e->builder, n, p->type, low, interior, 0);
}

// What stands before `at` and what follows it as one: zeros meet each on the other's places. Graphs
// do not add whole numbers, which are chosen by their place instead.
static Node *join_parts(Expander *e, const Parts *p, Node *whole, Node *n, int64_t at)
{
    Builder *b = &e->builder;
    if (p->type.dtype != DTYPE_I32)
        return build_binary(b, p->type.dtype == DTYPE_BOOL ? OP_or : OP_add, whole, n);
    Node *index = build_iota(b, p->type, p->axis + (type_batched(&p->type) ? 1 : 0));
    Node *before = build_binary(b, OP_lt, index, build_filled(b, &p->type, (double)at));
    return build_where(b, before, whole, n);
}

Value *builtin_concat(Expander *e, BuiltinCall *c)
{
    Parts p = {.count = 0};
    if (!read_parts(e, c, &p))
        return poison_value(e, c->span);
    if (p.count == 1)
        return value_tensor(e->arena, c->span, p.nodes[0]);
    build_at(e, c->span);
    Node *whole = NULL;
    int64_t at = 0;
    for (int i = 0; i < p.count; i++) {
        Node *n = place_part(e, &p, p.nodes[i], at);
        whole = whole ? join_parts(e, &p, whole, n, at) : n;
        at += written_dims(&p.nodes[i]->type)[p.axis];
    }
    return value_tensor(e->arena, c->span, whole);
}

// --- pad, gather, iota ------------------------------------------------------------------------

static bool read_pads(Expander *e, BuiltinCall *c, int rank, int64_t (*pads)[2])
{
    for (int i = 0; i < rank; i++)
        if (!read_sizes(e, c->values[2 + i], "a size, or a pair (before, behind)", 0, 2, c->span,
                        pads[i]))
            return false;
    return true;
}

Value *builtin_pad(Expander *e, BuiltinCall *c)
{
    int64_t pads[MAX_RANK][2];
    const Value *value = c->values[1];
    Node *n = to_float(e, c->values[0], c->span);
    if (!n)
        return poison_value(e, c->span);
    int rank = written_rank(&n->type), first = type_batched(&n->type) ? 1 : 0;
    if (c->rest_count != rank) {
        Diag *d = diag_report(diags_of(e), DIAG_pad_mismatch, blame_span(e, c->span),
                              shape_text(e->arena, &n->type), rank, c->rest_count);
        return poison_after(e, d, c->span);
    }
    if (value && !is_number(value))
        return report_kind(e, c->span, "a number", value);
    if (!read_pads(e, c, rank, pads))
        return poison_value(e, c->span);
    Type to = n->type;
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    for (int i = 0; i < rank; i++) {
        low[first + i] = (int32_t)pads[i][0];
        to.dims[first + i] += pads[i][0] + pads[i][1];
    }
    if (!check_size(e, &to, c->span))
        return poison_value(e, c->span);
    build_at(e, c->span);
    n = build_pad(&e->builder, n, to, low, interior, value ? value_as_real(value) : 0);
    return value_tensor(e->arena, c->span, n);
}

Value *builtin_gather(Expander *e, BuiltinCall *c)
{
    Node *table = to_float(e, c->values[0], c->span);
    Node *index = table ? to_tensor(e, c->values[1], c->span) : NULL;
    if (!index)
        return poison_value(e, c->span);
    if (index->type.dtype != DTYPE_I32) {
        Diag *d =
            diag_report(diags_of(e), DIAG_not_a_class, blame_span(e, c->span), c->builtin->name);
        return poison_after(e, d, c->span);
    }
    if (table->type.rank == 0 || type_batched(&table->type))
        return report_kind(e, c->span, "a table that all examples share", c->values[0]);
    if (index->type.rank + table->type.rank - 1 > MAX_RANK)
        return report_limit(e, c->span, "axes", MAX_RANK);
    Type to = index->type;
    for (int i = 1; i < table->type.rank; i++)
        to.dims[to.rank++] = table->type.dims[i];
    if (!check_size(e, &to, c->span))
        return poison_value(e, c->span);
    build_at(e, c->span);
    return value_tensor(e->arena, c->span, build_gather(&e->builder, table, index));
}

Value *builtin_iota(Expander *e, BuiltinCall *c)
{
    int64_t count;
    if (!read_size(e, c->values[0], "a whole number above 0", 1, c->span, &count))
        return poison_value(e, c->span);
    if (!e->builder.graph) {
        Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, c->span), "`iota`");
        return poison_after(e, d, c->span);
    }
    build_at(e, c->span);
    Node *n = build_iota(&e->builder, type_of(DTYPE_I32, 1, &count), 0);
    return value_tensor(e->arena, c->span, n);
}
