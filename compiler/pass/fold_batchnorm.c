// fold_batchnorm.c -- a scale and a shift by variables go into the contraction before them.
//
//   y = contract(x, w) + b                       w' = w * (gamma / sqrt(var + epsilon))
//   z = gamma * (y - mean)                       b' = (b - mean) * gamma / ... + beta
//         / sqrt(var + epsilon) + beta    -->    z  = contract(x, w') + b'
//
// For predict alone: there the statistics of batch norm are variables like the weights, so w' and
// b' can be computed once, after loading (see graph_split_constants), and a batch norm after a
// dense layer or a convolution costs nothing.
//
// One rule folds one operation; a chain of them folds from the contraction onwards. A value that
// is folded has one user, as a second one would cost a second contraction. A convolution is a
// contraction with windows, so all of this holds for it, depthwise ones too, whose channels are a
// label of the weights; where groups were joined by a reshape, the operation goes before it. The
// pass changes which products are rounded when, so results differ in the last bits.
//
// Needs: simplified IR.  Keeps: values, but for rounding.

#include <string.h>

#include "pass/rewrite.h"

// A contraction with, it may be, a fixed value added to it or subtracted.
typedef struct Linear {
    Node *contract;
    int weight;   // which input is the fixed one
    Node *shift;  // what is added, or NULL
    OpId op;      // OP_add or OP_sub
} Linear;

// The operand of `n` that is fixed, or -1: where `n` does not commute, only the right one will do.
static int fixed_side(const Node *n)
{
    if (is_fixed(n->in[1]))
        return 1;
    return op_is(n->op, COMMUTES) && is_fixed(n->in[0]) ? 0 : -1;
}

static bool as_contract(Node *n, Linear *y)
{
    if (n->op != OP_contract || !used_once(n) || is_fixed(n))
        return false;
    y->contract = n;
    y->weight = is_fixed(n->in[1]) ? 1 : 0;
    return is_fixed(n->in[y->weight]);
}

static bool as_linear(Node *n, Linear *y)
{
    *y = (Linear){.op = OP_add};
    if (as_contract(n, y))
        return true;
    if ((n->op != OP_add && n->op != OP_sub) || !used_once(n))
        return false;
    const int side = fixed_side(n);
    if (side < 0)
        return false;
    y->op = n->op;
    y->shift = n->in[side];
    return as_contract(n->in[1 - side], y);
}

// --- scales -----------------------------------------------------------------------------------

// The map that lays the axes of `scale`'s input along those of the weight, by the labels of the
// contraction; false when one of them is not an axis of the weight, or in another order.
static bool weight_map(const Linear *y, const Node *scale, int8_t *map)
{
    const Attr *attr = &y->contract->attr;
    const int8_t *labels = y->weight == 1 ? attr->contract.right : attr->contract.left;
    const Type *narrow = &scale->in[0]->type, *weight = &y->contract->in[y->weight]->type;
    for (int i = 0; i < narrow->rank; i++) {
        const int axis = scale->attr.map[i];
        int8_t k = 0;
        while (k < weight->rank && labels[k] != attr->contract.out[axis])
            k++;
        if (k == weight->rank || narrow->dims[i] != scale->type.dims[axis] ||
            (i > 0 && k <= map[i - 1]))
            return false;
        map[i] = k;
    }
    return true;
}

static Node *scaled_contract(Rewriter *r, const Linear *y, OpId op, const Node *scale,
                             const int8_t *map)
{
    Node *in[2] = {y->contract->in[0], y->contract->in[1]};
    Node *weight = in[y->weight];
    Node *along = build_broadcast(&r->b, scale->in[0], weight->type, map);
    in[y->weight] = build_binary(&r->b, op, weight, along);
    return build_node(&r->b, OP_contract, 2, in, &y->contract->attr);
}

// (contract(x, w) + b) * s  -->  contract(x, w * s) + b * s, and the same for quotients.
static Node *fold_scale(Rewriter *r, Node *n)
{
    Linear y;
    int8_t map[MAX_RANK] = {0};
    const int side = fixed_side(n);
    if (side < 0 || n->in[side]->op != OP_broadcast || !as_linear(n->in[1 - side], &y))
        return NULL;
    Node *scale = n->in[side];
    if (!weight_map(&y, scale, map))
        return NULL;
    Node *contract = scaled_contract(r, &y, n->op, scale, map);
    if (!y.shift)
        return contract;
    return build_binary(&r->b, y.op, contract, build_binary(&r->b, n->op, y.shift, scale));
}

// --- shifts -----------------------------------------------------------------------------------

// (contract(x, w) + a) + b  -->  contract(x, w) + (a + b), and with minus signs.
static Node *fold_shift(Rewriter *r, Node *n)
{
    Linear y;
    const int side = fixed_side(n);
    if (side < 0 || !as_linear(n->in[1 - side], &y) || !y.shift)
        return NULL;
    const OpId op = n->op == y.op ? OP_add : OP_sub;
    Node *both = build_binary(&r->b, op, y.shift, n->in[side]);
    return build_binary(&r->b, y.op, y.contract, both);
}

// --- reshapes ---------------------------------------------------------------------------------

// The first axis of `from` that makes up each axis of `to`, and the end of the last; false when
// they are not products of neighbours.
static bool axis_groups(const Type *from, const Type *to, int *first)
{
    int k = 0;
    for (int i = 0; i < to->rank; i++) {
        int64_t size = 1;
        first[i] = k;
        do
            size *= k < from->rank ? from->dims[k++] : 0;
        while (size > 0 && size < to->dims[i]);
        if (size != to->dims[i])
            return false;
    }
    first[to->rank] = k;
    return true;
}

// The operand as it stands before the reshape: its axes are those that the reshape joins.
static Node *split_operand(Rewriter *r, const Node *operand, const Type *to, const int *first)
{
    Node *x = operand->in[0];
    Type narrow = {.dtype = x->type.dtype};
    int8_t map[MAX_RANK] = {0};
    for (int i = 0; i < x->type.rank; i++) {
        const int axis = operand->attr.map[i];
        for (int k = first[axis]; k < first[axis + 1]; k++) {
            map[narrow.rank] = (int8_t)k;
            narrow.dims[narrow.rank++] = x->type.dims[i] == 1 ? 1 : to->dims[k];
        }
    }
    return build_broadcast(&r->b, build_reshape(&r->b, x, narrow), *to, map);
}

// reshape(y) * s  -->  reshape(y * s'), and the same for the others, where y is a contraction.
static Node *fold_before_reshape(Rewriter *r, Node *n)
{
    Linear y;
    int first[MAX_RANK + 1];
    const int side = fixed_side(n);
    if (side < 0 || n->in[side]->op != OP_broadcast)
        return NULL;
    const Node *reshape = n->in[1 - side];
    if (reshape->op != OP_reshape || !used_once(reshape) || !as_linear(reshape->in[0], &y) ||
        !axis_groups(&reshape->in[0]->type, &reshape->type, first))
        return NULL;
    Node *in[2];
    in[1 - side] = reshape->in[0];
    in[side] = split_operand(r, n->in[side], &reshape->in[0]->type, first);
    return build_reshape(&r->b, build_node(&r->b, n->op, 2, in, NULL), n->type);
}

static const Rule rules[] = {
    {OP_mul, fold_scale},          {OP_div, fold_scale},          {OP_add, fold_shift},
    {OP_sub, fold_shift},          {OP_mul, fold_before_reshape}, {OP_div, fold_before_reshape},
    {OP_add, fold_before_reshape}, {OP_sub, fold_before_reshape}, RULES_END,
};

bool pass_fold_batchnorm(Pass *p, Graph *g)
{
    if (strcmp(g->name, "predict") != 0)
        return false;
    const int folded = rewrite(p, g, (const Rule *const[]){rules, NULL});
    pass_count(p, "folded", folded);
    return folded > 0;
}
