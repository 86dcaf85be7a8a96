// emit_graph.c -- the engine of scalar bodies that builds graph nodes: how the gradient of an
// element-wise operation, written once for one element, enters the graph.

#include "graph/ops/ops.h"

typedef struct GraphEmit {
    Emit emit;
    Builder *builder;
    Type like;  // every value has this shape
} GraphEmit;

static Sv graph_constant(Emit *e, DType dtype, double value)
{
    GraphEmit *g = (GraphEmit *)e;
    Type type = g->like;
    type.dtype = dtype;
    return sv_of(build_filled(g->builder, &type, value));
}

static const struct {
    OpId op;
    DType cast;  // what OP_cast makes
} nodes[EMIT_COUNT] = {
    [EMIT_NEG] = {.op = OP_neg},
    [EMIT_ABS] = {.op = OP_abs},
    [EMIT_FLOOR] = {.op = OP_floor},
    [EMIT_SQRT] = {.op = OP_sqrt},
    [EMIT_EXP] = {.op = OP_exp},
    [EMIT_LOG] = {.op = OP_log},
    [EMIT_SIN] = {.op = OP_sin},
    [EMIT_COS] = {.op = OP_cos},
    [EMIT_TANH] = {.op = OP_tanh},
    [EMIT_SIGMOID] = {.op = OP_sigmoid},
    [EMIT_ERF] = {.op = OP_erf},
    [EMIT_NOT] = {.op = OP_not},
    [EMIT_TO_F32] = {.op = OP_cast, .cast = DTYPE_F32},
    [EMIT_TO_I32] = {.op = OP_cast, .cast = DTYPE_I32},
    [EMIT_TO_BOOL] = {.op = OP_cast, .cast = DTYPE_BOOL},
    [EMIT_ADD] = {.op = OP_add},
    [EMIT_SUB] = {.op = OP_sub},
    [EMIT_MUL] = {.op = OP_mul},
    [EMIT_DIV] = {.op = OP_div},
    [EMIT_POW] = {.op = OP_pow},
    [EMIT_MAX] = {.op = OP_max},
    [EMIT_MIN] = {.op = OP_min},
    [EMIT_EQ] = {.op = OP_eq},
    [EMIT_NE] = {.op = OP_ne},
    [EMIT_LT] = {.op = OP_lt},
    [EMIT_LE] = {.op = OP_le},
    [EMIT_GT] = {.op = OP_gt},
    [EMIT_GE] = {.op = OP_ge},
    [EMIT_AND] = {.op = OP_and},
    [EMIT_OR] = {.op = OP_or},
    [EMIT_SELECT] = {.op = OP_where},
    [EMIT_TO_I8] = {.op = OP_cast, .cast = DTYPE_I8},
    [EMIT_IADD] = {.op = OP_iadd},
    [EMIT_ISUB] = {.op = OP_isub},
    [EMIT_IMUL] = {.op = OP_imul},
    [EMIT_IDIV] = {.op = OP_idiv},
    [EMIT_REQUANTIZE] = {.op = OP_requantize},
    [EMIT_ISQRT] = {.op = OP_isqrt},
};

static Sv graph_apply(Emit *e, EmitOp op, Sv a, Sv b, Sv c)
{
    Builder *builder = ((GraphEmit *)e)->builder;
    if (op == EMIT_FMA)  // the graph has no fused operation; an engine may not fuse the two
        return e_add(e, e_mul(e, a, b), c);
    OpId id = nodes[op].op;
    if (id == OP_cast)
        return sv_of(build_cast(builder, node_of(a), nodes[op].cast));
    Node *in[MAX_ARITY] = {node_of(a), node_of(b), node_of(c)};
    return sv_of(build_node(builder, id, op_arity(id), in, NULL));
}

Emit *emit_graph(Builder *b, const Type *like)
{
    GraphEmit *g = arena_new_of(b->graph->arena, GraphEmit);
    g->emit = (Emit){.constant = graph_constant, .apply = graph_apply};
    g->builder = b;
    g->like = *like;
    return &g->emit;
}

static Node *elementwise_grad(Builder *b, Node *n, Node *dy, int wrt)
{
    Sv in[MAX_ARITY] = {{0}};
    for (int i = 0; i < n->input_count; i++)
        in[i] = sv_of(n->in[i]);
    Emit *e = emit_graph(b, &n->type);
    return node_of(op_table[n->op]->scalar_grad(e, in, sv_of(n), sv_of(dy), wrt));
}

Node *op_grad(Builder *b, Node *n, Node *dy, int wrt)
{
    const OpDef *def = op_table[n->op];
    if (n->type.dtype != DTYPE_F32 || n->in[wrt]->type.dtype != DTYPE_F32)
        return NULL;
    if (def->scalar_grad)
        return elementwise_grad(b, n, dy, wrt);
    return def->grad ? def->grad(b, n, dy, wrt) : NULL;
}
