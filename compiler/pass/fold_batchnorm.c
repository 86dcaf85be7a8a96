// fold_batchnorm.c -- a scale and a shift by variables go into the contraction beside them.
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
// label of the weights; where groups were joined by a reshape, the operation goes before it. A
// scale of what a contraction reads folds too, and a shift where nothing is padded. The pass
// changes which products are rounded when, so results differ in the last bits.
//
// Needs: simplified IR.  Keeps: values, but for rounding, where scales are finite.

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
    if (n->op != OP_contract || is_fixed(n))
        return false;
    y->contract = n;
    y->weight = is_fixed(n->in[1]) ? 1 : 0;
    return is_fixed(n->in[y->weight]);
}

static bool as_linear(Node *n, Linear *y)
{
    *y = (Linear){.op = OP_add};
    if (!used_once(n))
        return false;
    if (as_contract(n, y))
        return true;
    if (n->op != OP_add && n->op != OP_sub)
        return false;
    const int side = fixed_side(n);
    if (side < 0)
        return false;
    y->op = n->op;
    y->shift = n->in[side];
    return used_once(n->in[1 - side]) && as_contract(n->in[1 - side], y);
}

// --- scales -----------------------------------------------------------------------------------

static const int8_t *labels_of(const Node *contract, int input)
{
    return input == 0 ? contract->attr.contract.left : contract->attr.contract.right;
}

// The map that lays the axes of the input of `wide`, a broadcast, along those of the weight, by the
// labels of the axes of `wide`; false when one of them is not an axis of the weight, or in another
// order.
static bool weight_map(const Linear *y, const Node *wide, const int8_t *labels, int8_t *map)
{
    const int8_t *weight_labels = labels_of(y->contract, y->weight);
    const Type *narrow = &wide->in[0]->type, *weight = &y->contract->in[y->weight]->type;
    for (int i = 0; i < narrow->rank; i++) {
        const int axis = wide->attr.map[i];
        int8_t k = 0;
        while (k < weight->rank && weight_labels[k] != labels[axis])
            k++;
        if (k == weight->rank || narrow->dims[i] != wide->type.dims[axis] ||
            (i > 0 && k <= map[i - 1]))
            return false;
        map[i] = k;
    }
    return true;
}

// The weight op the input of `wide`.
static Node *scaled_weight(Rewriter *r, const Linear *y, OpId op, const Node *wide,
                           const int8_t *map)
{
    Node *weight = y->contract->in[y->weight];
    Node *along = build_broadcast(&r->b, wide->in[0], weight->type, map);
    return build_binary(&r->b, op, weight, along);
}

// Of the layer of what is folded, or, where a model scales by itself (`it * 100`), of its own.
static Node *contract_anew(Rewriter *r, const Linear *y, Node *x, Node *weight)
{
    if (!r->b.path || !*r->b.path)
        r->b.path = y->contract->path;
    Node *in[2];
    in[1 - y->weight] = x;
    in[y->weight] = weight;
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
    if (!weight_map(&y, scale, y.contract->attr.contract.out, map))
        return NULL;
    Node *weight = scaled_weight(r, &y, n->op, scale, map);
    Node *contract = contract_anew(r, &y, y.contract->in[1 - y.weight], weight);
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

// Whether a value is a contraction of which reshapes and slices may have been made, as of the
// phases of a transposed convolution.
static bool is_over_linear(Node *n)
{
    Linear y;
    while ((n->op == OP_reshape || n->op == OP_slice) && used_once(n))
        n = n->in[0];
    return as_linear(n, &y);
}

// reshape(y) * s  -->  reshape(y * s'), and the same for the others, where y is a contraction.
static Node *fold_before_reshape(Rewriter *r, Node *n)
{
    int first[MAX_RANK + 1];
    const int side = fixed_side(n);
    if (side < 0 || n->in[side]->op != OP_broadcast)
        return NULL;
    const Node *reshape = n->in[1 - side];
    if (reshape->op != OP_reshape || !used_once(reshape) || !is_over_linear(reshape->in[0]) ||
        !axis_groups(&reshape->in[0]->type, &reshape->type, first))
        return NULL;
    Node *in[2];
    in[1 - side] = reshape->in[0];
    in[side] = split_operand(r, n->in[side], &reshape->in[0]->type, first);
    return build_reshape(&r->b, build_node(&r->b, n->op, 2, in, NULL), n->type);
}

// Whether a broadcast repeats its input along all axes of which the slice takes a part.
static bool is_alike_along(const Node *broadcast, const Node *slice)
{
    for (int i = 0; i < broadcast->in[0]->type.rank; i++) {
        const int axis = broadcast->attr.map[i];
        if (broadcast->in[0]->type.dims[i] != 1 &&
            (slice->attr.slice.start[axis] != 0 || slice->attr.slice.step[axis] != 1 ||
             slice->type.dims[axis] != slice->in[0]->type.dims[axis]))
            return false;
    }
    return true;
}

// slice(y) * s  -->  slice(y * s'), and the same for the others, where y is a contraction.
static Node *fold_before_slice(Rewriter *r, Node *n)
{
    const int side = fixed_side(n);
    if (side < 0 || n->in[side]->op != OP_broadcast)
        return NULL;
    const Node *slice = n->in[1 - side], *wide = n->in[side];
    if (slice->op != OP_slice || !used_once(slice) || !is_over_linear(slice->in[0]) ||
        !is_alike_along(wide, slice))
        return NULL;
    Node *in[2];
    in[1 - side] = slice->in[0];
    in[side] = build_broadcast(&r->b, wide->in[0], slice->in[0]->type, wide->attr.map);
    return build_slice(&r->b, build_node(&r->b, n->op, 2, in, NULL), n->type,
                       slice->attr.slice.start, slice->attr.slice.step);
}

// --- what stands before a contraction ---------------------------------------------------------

enum { MAX_MOVES = 2 * MAX_RANK };

// A contraction of a scaled or shifted value, which may be padded with zeros and seen through
// windows in between.
typedef struct Reading {
    Linear y;
    const Node *moves[MAX_MOVES];  // the first is what the contraction reads
    int count;
    bool padded;
    Node *scaled;             // x op a fixed value
    int side;                 // which operand is the fixed one
    int8_t labels[MAX_RANK];  // of its axes; NO_LABEL where windows or padding lie along one
} Reading;

static void below_window(const Node *window, int8_t *labels)
{
    const int axis = window->attr.window.axis;
    labels[axis] = NO_LABEL;
    memmove(labels + axis + 1, labels + axis + 2, (size_t)(MAX_RANK - axis - 2));
}

static void below_pad(const Node *pad, int8_t *labels)
{
    for (int i = 0; i < pad->type.rank; i++)
        if (pad->type.dims[i] != pad->in[0]->type.dims[i])
            labels[i] = NO_LABEL;
}

static Node *below_moves(Reading *s, Node *n)
{
    for (; s->count < MAX_MOVES && used_once(n); n = n->in[0]) {
        if (n->op == OP_window)
            below_window(n, s->labels);
        else if (n->op == OP_pad && n->attr.pad.value == 0)
            below_pad(n, s->labels);
        else
            return n;
        s->padded |= n->op == OP_pad;
        s->moves[s->count++] = n;
    }
    return NULL;
}

static bool as_reading(Node *n, Reading *s)
{
    *s = (Reading){.y.op = OP_add};
    if (!as_contract(n, &s->y))
        return false;
    const int input = 1 - s->y.weight;
    memcpy(s->labels, labels_of(n, input), sizeof s->labels);
    s->scaled = below_moves(s, n->in[input]);
    if (!s->scaled || s->scaled->input_count != 2)
        return false;
    s->side = fixed_side(s->scaled);
    return s->side >= 0 && s->scaled->in[s->side]->op == OP_broadcast;
}

// The contraction of what was scaled, as it was before.
static Node *contract_reading(Rewriter *r, const Reading *s, Node *weight)
{
    Node *x = s->scaled->in[1 - s->side];
    for (int i = s->count - 1; i >= 0; i--)
        x = build_like(r, s->moves[i], &x, &s->moves[i]->type);
    return contract_anew(r, &s->y, x, weight);
}

// contract(x * s, w)  -->  contract(x, w * s), and the same for quotients.
static Node *fold_scaled_input(Rewriter *r, const Reading *s, const int8_t *map)
{
    const OpId op = s->scaled->op;
    Node *weight = scaled_weight(r, &s->y, op, s->scaled->in[s->side], map);
    return contract_reading(r, s, weight);
}

// Where the axes of the weight that the contraction keeps lie in its result; the others are summed.
// False when they are in another order.
static bool result_map(const Linear *y, uint32_t *summed, int8_t *map)
{
    const int8_t *labels = labels_of(y->contract, y->weight);
    const int rank = y->contract->type.rank;
    int kept = 0;
    *summed = 0;
    for (int i = 0; i < y->contract->in[y->weight]->type.rank; i++) {
        const int8_t *at = memchr(y->contract->attr.contract.out, labels[i], (size_t)rank);
        if (!at) {
            *summed |= 1u << i;
            continue;
        }
        map[kept] = (int8_t)(at - y->contract->attr.contract.out);
        if (kept > 0 && map[kept] <= map[kept - 1])
            return false;
        kept++;
    }
    return true;
}

// contract(x + b, w)  -->  contract(x, w) + the sum of w * b, and with minus signs. Not where there
// is padding, to which b was not added.
static Node *fold_shifted_input(Rewriter *r, const Reading *s, const int8_t *map)
{
    uint32_t summed;
    int8_t kept[MAX_RANK] = {0};
    const Linear *y = &s->y;
    if (s->padded || !result_map(y, &summed, kept))
        return NULL;
    Node *shift = scaled_weight(r, y, OP_mul, s->scaled->in[s->side], map);
    if (summed)
        shift = build_reduce(&r->b, REDUCE_SUM, shift, summed);
    shift = build_broadcast(&r->b, shift, y->contract->type, kept);
    Node *contract = contract_reading(r, s, y->contract->in[y->weight]);
    return build_binary(&r->b, s->scaled->op, contract, shift);
}

static Node *fold_input(Rewriter *r, Node *n)
{
    Reading s;
    int8_t map[MAX_RANK] = {0};
    if (!as_reading(n, &s) || !weight_map(&s.y, s.scaled->in[s.side], s.labels, map))
        return NULL;
    if (s.scaled->op == OP_mul || s.scaled->op == OP_div)
        return fold_scaled_input(r, &s, map);
    if (s.scaled->op == OP_add || s.scaled->op == OP_sub)
        return fold_shifted_input(r, &s, map);
    return NULL;
}

static const Rule rules[] = {
    {OP_mul, fold_scale},          {OP_div, fold_scale},
    {OP_add, fold_shift},          {OP_sub, fold_shift},
    {OP_mul, fold_before_reshape}, {OP_div, fold_before_reshape},
    {OP_add, fold_before_reshape}, {OP_sub, fold_before_reshape},
    {OP_mul, fold_before_slice},   {OP_div, fold_before_slice},
    {OP_add, fold_before_slice},   {OP_sub, fold_before_slice},
    {OP_contract, fold_input},     RULES_END,
};

bool pass_fold_batchnorm(Pass *p, Graph *g)
{
    if (strcmp(g->name, "predict") != 0)
        return false;
    const int folded = rewrite(p, g, (const Rule *const[]){rules, NULL});
    pass_count(p, "folded", folded);
    return folded > 0;
}
