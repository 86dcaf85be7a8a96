// ops.c -- the table of operations, out of the roster.

#include "graph/ops/ops.h"

#include <string.h>

const OpDef *const op_table[OP_COUNT] = {
#define OP(id, arity, properties) &op_##id,
#include "graph/ops/ops.def"
#undef OP
};

static const struct {
    const char *name;
    int arity;
    unsigned properties;
} roster[OP_COUNT] = {
#define OP(id, arity, properties) {#id, arity, properties},
#include "graph/ops/ops.def"
#undef OP
};

const char *op_name(OpId op)
{
    return roster[op].name;
}

int op_arity(OpId op)
{
    return roster[op].arity;
}

int op_input_count(OpId op, const Attr *attr)
{
    if (op_arity(op) != ANY_ARITY)
        return op_arity(op);
    return op == OP_scan ? attr->scan->graph->input_count : attr->join.count;
}

unsigned op_properties(OpId op)
{
    return roster[op].properties;
}

OpId op_by_name(const char *name)
{
    int op = 0;
    while (op < OP_COUNT && strcmp(roster[op].name, name) != 0)
        op++;
    return (OpId)op;
}
