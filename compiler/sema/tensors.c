// tensors.c -- element-wise operations on tensors: numbers lifted, dtypes made one, shapes aligned.
//
// Written axes align from the last, as in NumPy; the batch stands apart and never aligns with
// another axis:
//
//   x: [batch, 28, 3] + c: [3]        c gets the batch and the 28
//   s: [batch]        * w: [4, 5]     [batch, 4, 5]
//
// Broadcasts are written out as nodes.

#include <string.h>

#include "sema/expander.h"

void build_at(Expander *e, Span span)
{
    e->builder.span = span;
    e->builder.path = e->frame ? e->frame->path : NULL;
}

// Whether nodes can be made here: not in a `let` or a block. The mistake is reported.
static bool can_build(Expander *e, Span span)
{
    if (e->builder.graph)
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, span), "this");
    poison_after(e, d, span);
    return false;
}

// A tensor of another graph: an initializer cannot see the values that flow.
static bool in_this_graph(Expander *e, Node *n, Span span)
{
    const Graph *g = e->builder.graph;
    if ((int)n->id < g->node_count && g->nodes[n->id] == n)
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, span), "this tensor");
    poison_after(e, d, span);
    return false;
}

void resolve_target(Expander *e, Value *target, DType dtype, const Type *shape)
{
    Type t = shape ? *shape : target->shape;
    t.dtype = dtype;
    build_at(e, target->span);
    target->node = build_input(&e->builder, target->name, t);
    target->kind = VALUE_TENSOR;
}

Node *to_tensor(Expander *e, Value *v, Span span)
{
    if (is_poison(v))
        return NULL;
    if (!is_number(v) && !is_tensor(v)) {
        report_kind(e, span, "a tensor", v);
        return NULL;
    }
    if (!can_build(e, span))
        return NULL;
    if (v->kind == VALUE_TARGET)
        resolve_target(e, v, DTYPE_F32, NULL);
    build_at(e, span);
    if (v->kind == VALUE_TENSOR)
        return in_this_graph(e, v->node, span) ? v->node : NULL;
    DType dtype = v->kind == VALUE_BOOL ? DTYPE_BOOL : DTYPE_F32;
    return build_const(&e->builder, dtype, value_as_real(v));
}

Node *to_dtype(Expander *e, Node *n, DType dtype)
{
    return n->type.dtype == dtype ? n : build_cast(&e->builder, n, dtype);
}

Node *to_float(Expander *e, Value *v, Span span)
{
    Node *n = to_tensor(e, v, span);
    return n ? to_dtype(e, n, DTYPE_F32) : NULL;
}

bool broadcast_shapes(const Type *a, const Type *b, Type *out, int *axis)
{
    int ra = written_rank(a), rb = written_rank(b), rank = ra > rb ? ra : rb;
    int64_t dims[MAX_RANK];
    for (int i = 1; i <= rank; i++) {
        int64_t x = i <= ra ? written_dims(a)[ra - i] : 1;
        int64_t y = i <= rb ? written_dims(b)[rb - i] : 1;
        *axis = i;
        if (x != y && x != 1 && y != 1)
            return false;
        dims[rank - i] = x == 1 ? y : x;
    }
    bool batched = type_batched(a) || type_batched(b);
    *axis = 0;
    if (rank + batched > MAX_RANK)
        return false;
    *out = type_written(a->dtype, batched, rank, dims);
    return true;
}

Node *broadcast_to(Expander *e, Node *n, const Type *to)
{
    if (type_same_shape(&n->type, to))
        return n;
    Type both;
    int axis;
    if (!broadcast_shapes(&n->type, to, &both, &axis) || !type_same_shape(&both, to))
        return NULL;
    int8_t map[MAX_RANK] = {0};
    int first = type_batched(&n->type) ? 1 : 0;
    int shift = written_rank(to) - written_rank(&n->type) + (type_batched(to) ? 1 : 0);
    for (int i = 0; i < written_rank(&n->type); i++)
        map[first + i] = (int8_t)(i + shift);
    Type type = *to;
    type.dtype = n->type.dtype;
    return build_broadcast(&e->builder, n, type, map);
}

static Value *report_broadcast(Expander *e, OpId op, const Type *a, const Type *b, int axis,
                               Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_broadcast_mismatch, blame_span(e, span), op_name(op),
                          shape_text(e->arena, a), shape_text(e->arena, b));
    if (axis > 0)
        diag_label(d, "axis -%d: %lld and %lld", axis,
                   (long long)written_dims(a)[written_rank(a) - axis],
                   (long long)written_dims(b)[written_rank(b) - axis]);
    diag_help(d, "axes align from the last; sizes must be equal, or one of them 1");
    return poison_after(e, d, span);
}

// Whether the operation computes with numbers, compares, or combines truths.
typedef enum OpClass { CLASS_FLOAT, CLASS_COMPARE, CLASS_LOGIC } OpClass;

static OpClass op_class(OpId op)
{
    switch (op) {
    case OP_and:
    case OP_or:
    case OP_not:
        return CLASS_LOGIC;
    case OP_eq:
    case OP_ne:
    case OP_lt:
    case OP_le:
    case OP_gt:
    case OP_ge:
        return CLASS_COMPARE;
    default:
        return CLASS_FLOAT;
    }
}

// The dtype in which `op` computes. Graphs reckon in f32 alone; whole numbers are compared as such
// where every tensor is whole and every number too.
static DType common_dtype(OpId op, Value *const *in, int count)
{
    OpClass class = op_class(op);
    bool whole = class == CLASS_COMPARE;
    bool logic = class == CLASS_LOGIC || class == CLASS_COMPARE;
    for (int i = 0; i < count; i++) {
        const Value *v = in[i];
        bool tensor = v->kind == VALUE_TENSOR;
        whole &= tensor ? v->node->type.dtype == DTYPE_I32 : v->kind == VALUE_INT;
        logic &= tensor ? v->node->type.dtype == DTYPE_BOOL : v->kind == VALUE_BOOL;
    }
    return logic ? DTYPE_BOOL : whole ? DTYPE_I32 : DTYPE_F32;
}

// A number as a constant of that dtype; a tensor cast to it.
static Node *operand(Expander *e, Value *v, DType dtype, Span span)
{
    if (is_number(v) && can_build(e, span)) {
        build_at(e, span);
        return build_const(&e->builder, dtype, value_as_real(v));
    }
    Node *n = to_tensor(e, v, span);
    if (n && dtype == DTYPE_BOOL && n->type.dtype != DTYPE_BOOL) {
        report_kind(e, span, "true or false", v);
        return NULL;
    }
    return n ? to_dtype(e, n, dtype) : NULL;
}

// A target that is compared for equality is a class; anywhere else it is a number like the output.
static void resolve_targets(Expander *e, OpId op, Value *const *in, int count)
{
    bool equality = op == OP_eq || op == OP_ne;
    for (int i = 0; i < count; i++) {
        if (in[i]->kind != VALUE_TARGET)
            continue;
        Value *other = in[count - 1 - i];
        bool tensor = other->kind == VALUE_TENSOR;
        bool class =
            equality && (tensor ? other->node->type.dtype != DTYPE_F32 : other->kind == VALUE_INT);
        resolve_target(e, in[i], class ? DTYPE_I32 : DTYPE_F32,
                       class && tensor ? &other->node->type : NULL);
    }
}

// `where` takes its condition apart from the values it chooses from.
static bool operands(Expander *e, OpId op, Value *const *in, int count, Span span, Node **out)
{
    int first = op == OP_where ? 1 : 0;
    DType dtype = common_dtype(op, in + first, count - first);
    if (op_class(op) == CLASS_LOGIC)
        dtype = DTYPE_BOOL;
    if (first && !(out[0] = operand(e, in[0], DTYPE_BOOL, span)))
        return false;
    for (int i = first; i < count; i++)
        if (!(out[i] = operand(e, in[i], dtype, span)))
            return false;
    return true;
}

Value *apply_op(Expander *e, OpId op, Value *const *in, int count, Span span)
{
    Node *nodes[3];
    for (int i = 0; i < count; i++)
        if (is_poison(in[i]))
            return poison_value(e, span);
    if (!can_build(e, span))
        return poison_value(e, span);
    resolve_targets(e, op, in, count);
    if (!operands(e, op, in, count, span, nodes))
        return poison_value(e, span);
    Type shape = nodes[0]->type;
    for (int i = 1; i < count; i++) {
        int axis;
        Type left = shape;
        if (!broadcast_shapes(&left, &nodes[i]->type, &shape, &axis))
            return report_broadcast(e, op, &left, &nodes[i]->type, axis, span);
    }
    if (!check_size(e, &shape, span))
        return poison_value(e, span);
    build_at(e, span);
    for (int i = 0; i < count; i++)
        nodes[i] = broadcast_to(e, nodes[i], &shape);
    return value_tensor(e->arena, span, build_node(&e->builder, op, count, nodes, NULL));
}

static OpId op_of(OpKind kind)
{
    static const OpId ids[OPK_COUNT] = {
        [OPK_OR] = OP_or,   [OPK_AND] = OP_and, [OPK_NOT] = OP_not, [OPK_EQ] = OP_eq,
        [OPK_NE] = OP_ne,   [OPK_LT] = OP_lt,   [OPK_LE] = OP_le,   [OPK_GT] = OP_gt,
        [OPK_GE] = OP_ge,   [OPK_ADD] = OP_add, [OPK_SUB] = OP_sub, [OPK_MUL] = OP_mul,
        [OPK_DIV] = OP_div, [OPK_MOD] = OP_mod, [OPK_NEG] = OP_neg, [OPK_POW] = OP_pow,
    };
    return ids[kind];
}

Value *apply_binary(Expander *e, OpKind op, Value *x, Value *y, Span span)
{
    if (is_poison(x) || is_poison(y))
        return poison_value(e, span);
    if (!is_tensor(x) && !is_tensor(y))
        return fold_binary(e, op, x, y, span);
    if (op == OPK_MATMUL)
        return apply_matmul(e, x, y, span);
    Value *in[] = {x, y};
    return apply_op(e, op_of(op), in, 2, span);
}

Value *apply_unary(Expander *e, OpKind op, Value *x, Span span)
{
    if (is_poison(x))
        return x;
    if (!is_tensor(x))
        return fold_unary(e, op, x, span);
    return apply_op(e, op_of(op), &x, 1, span);
}
