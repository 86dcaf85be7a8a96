// build.c -- adding nodes to a graph.
//
// Every node passes build_typed, which asks the operation's shape rule; that the rule agrees is the
// caller's duty, so a refusal is a bug of nnc.

#include <assert.h>

#include "graph/ops/ops.h"

static const Attr no_attr;  // every byte zero, which an initializer of one member would not promise

// Sets n's type; `why` is for the debugger of whoever gave shapes that do not fit.
static void infer_type(Arena *a, Node *n)
{
    Type *in = arena_array(a, Type, (size_t)n->input_count);
    for (int i = 0; i < n->input_count; i++)
        in[i] = n->in[i]->type;
    const char *why = NULL;
    bool fits = op_table[n->op]->shape(a, &n->attr, in, &n->type, &why);
    assert(fits && "the shapes were to be checked before building");
    (void)fits;
}

Node *build_typed(Builder *b, OpId op, int input_count, Node *const *in, const Attr *attr,
                  const Type *stated)
{
    assert(input_count == op_input_count(op, attr));
    Graph *g = b->graph;
    Node *n = arena_new_of(g->arena, Node);
    n->id = (uint32_t)g->node_count;
    n->op = op;
    n->input_count = input_count;
    n->in = arena_array(g->arena, Node *, (size_t)input_count);
    for (int i = 0; i < input_count; i++)
        n->in[i] = node_leader(in[i]);
    n->attr = attr ? *attr : no_attr;
    n->span = b->span;
    n->path = b->path;
    if (stated)
        n->type = *stated;
    infer_type(g->arena, n);
    arena_push(g->arena, g->nodes, g->node_count, g->node_capacity, n);
    return n;
}

Node *build_node(Builder *b, OpId op, int input_count, Node *const *in, const Attr *attr)
{
    return build_typed(b, op, input_count, in, attr, NULL);
}

// --- leaves -----------------------------------------------------------------------------------

static Node *build_leaf(Builder *b, OpId op, const Attr *attr, Type type)
{
    return build_typed(b, op, 0, NULL, attr, &type);
}

Node *build_input(Builder *b, Name name, Type type)
{
    Graph *g = b->graph;
    Attr attr = no_attr;
    attr.index = g->input_count;
    Port port = {.name = name, .type = type};
    arena_push(g->arena, g->inputs, g->input_count, g->input_capacity, port);
    return build_leaf(b, OP_input, &attr, type);
}

Node *build_variable(Builder *b, int variable)
{
    assert(variable >= 0 && variable < b->graph->variables->count);
    Attr attr = no_attr;
    attr.index = variable;
    return build_leaf(b, OP_variable, &attr, b->graph->variables->items[variable].type);
}

Node *build_const(Builder *b, DType dtype, double value)
{
    Attr attr = no_attr;
    attr.value = value;
    return build_leaf(b, OP_const, &attr, type_scalar(dtype));
}

Node *build_scalar(Builder *b, ScalarKind kind)
{
    Attr attr = no_attr;
    attr.scalar = kind;
    return build_leaf(b, OP_scalar, &attr, type_scalar(DTYPE_F32));
}

Node *build_iota(Builder *b, Type type, int axis)
{
    Attr attr = no_attr;
    attr.axis = axis;
    return build_leaf(b, OP_iota, &attr, type);
}

Node *build_random(Builder *b, Type type, uint32_t stream)
{
    Attr attr = no_attr;
    attr.stream = stream;
    return build_leaf(b, OP_random, &attr, type);
}

// --- element-wise -----------------------------------------------------------------------------

Node *build_unary(Builder *b, OpId op, Node *x)
{
    return build_node(b, op, 1, &x, NULL);
}

Node *build_binary(Builder *b, OpId op, Node *x, Node *y)
{
    return build_node(b, op, 2, (Node *[]){x, y}, NULL);
}

Node *build_where(Builder *b, Node *condition, Node *x, Node *y)
{
    return build_node(b, OP_where, 3, (Node *[]){condition, x, y}, NULL);
}

Node *build_cast(Builder *b, Node *x, DType dtype)
{
    Type to = x->type;
    to.dtype = dtype;
    return build_typed(b, OP_cast, 1, &x, NULL, &to);
}

// --- views and sums ---------------------------------------------------------------------------

static Attr attr_map(const int8_t *map, int rank)
{
    Attr attr = no_attr;
    for (int i = 0; i < rank; i++)
        attr.map[i] = map[i];
    return attr;
}

Node *build_broadcast(Builder *b, Node *x, Type to, const int8_t *map)
{
    Attr attr = attr_map(map, x->type.rank);
    return build_typed(b, OP_broadcast, 1, &x, &attr, &to);
}

Node *build_filled(Builder *b, const Type *like, double value)
{
    Node *one = build_const(b, like->dtype, value);
    return like->rank ? build_broadcast(b, one, *like, NULL) : one;
}

Node *build_reshape(Builder *b, Node *x, Type to)
{
    return build_typed(b, OP_reshape, 1, &x, NULL, &to);
}

Node *build_transpose(Builder *b, Node *x, const int8_t *map)
{
    Attr attr = attr_map(map, x->type.rank);
    return build_node(b, OP_transpose, 1, &x, &attr);
}

Node *build_reduce(Builder *b, ReduceKind kind, Node *x, uint32_t axes)
{
    Attr attr = no_attr;
    attr.reduce.axes = axes;
    attr.reduce.kind = kind;
    return build_node(b, OP_reduce, 1, &x, &attr);
}

Node *build_argmax(Builder *b, Node *x, int axis)
{
    Attr attr = no_attr;
    attr.axis = axis;
    return build_node(b, OP_argmax, 1, &x, &attr);
}

static void set_labels(int8_t *to, const int8_t *labels, int rank)
{
    for (int i = 0; i < MAX_RANK; i++)
        to[i] = i < rank ? labels[i] : NO_LABEL;
}

Node *build_contract(Builder *b, Node *x, Node *y, const int8_t *left, const int8_t *right,
                     const int8_t *out, int out_rank)
{
    Attr attr = no_attr;
    set_labels(attr.contract.left, left, x->type.rank);
    set_labels(attr.contract.right, right, y->type.rank);
    set_labels(attr.contract.out, out, out_rank);
    return build_node(b, OP_contract, 2, (Node *[]){x, y}, &attr);
}

// --- data moved -------------------------------------------------------------------------------

// An axis of one element has no step: its attribute is the neutral one, so that equal nodes have
// equal bytes.
Node *build_slice(Builder *b, Node *x, Type to, const int32_t *start, const int32_t *step)
{
    Attr attr = no_attr;
    for (int i = 0; i < x->type.rank; i++) {
        attr.slice.start[i] = start[i];
        attr.slice.step[i] = to.dims[i] == 1 ? 1 : step[i];
    }
    return build_typed(b, OP_slice, 1, &x, &attr, &to);
}

Node *build_pad(Builder *b, Node *x, Type to, const int32_t *low, const int32_t *interior,
                double value)
{
    Attr attr = no_attr;
    for (int i = 0; i < x->type.rank; i++) {
        attr.pad.low[i] = low[i];
        attr.pad.interior[i] = x->type.dims[i] == 1 ? 0 : interior[i];
    }
    attr.pad.value = (float)value;
    return build_typed(b, OP_pad, 1, &x, &attr, &to);
}

Node *build_join(Builder *b, Node *const *parts, int count, int axis)
{
    Attr attr = no_attr;
    attr.join.axis = axis;
    attr.join.count = count;
    return build_node(b, OP_join, count, parts, &attr);
}

static Attr attr_window(int axis, int64_t size, int stride, int dilation)
{
    Attr attr = no_attr;
    attr.window.axis = axis;
    attr.window.size = (int32_t)size;
    attr.window.stride = stride;
    attr.window.dilation = dilation;
    return attr;
}

Node *build_window(Builder *b, Node *x, int axis, int size, int stride, int dilation)
{
    Attr attr = attr_window(axis, size, stride, dilation);
    return build_node(b, OP_window, 1, &x, &attr);
}

// The inverse of the shape rule of `window`: two axes become one of size n.
Node *build_unwindow(Builder *b, Node *x, int axis, int stride, int dilation, int64_t n)
{
    assert(axis + 1 < x->type.rank);
    Attr attr = attr_window(axis, x->type.dims[axis + 1], stride, dilation);
    Type to = x->type;
    to.rank--;
    to.dims[axis] = n;
    for (int i = axis + 1; i < to.rank; i++)
        to.dims[i] = x->type.dims[i + 1];
    return build_typed(b, OP_unwindow, 1, &x, &attr, &to);
}

Node *build_gather(Builder *b, Node *table, Node *index)
{
    return build_node(b, OP_gather, 2, (Node *[]){table, index}, NULL);
}

Node *build_scatter_add(Builder *b, Node *values, Node *index, Type to)
{
    return build_typed(b, OP_scatter_add, 2, (Node *[]){values, index}, NULL, &to);
}
