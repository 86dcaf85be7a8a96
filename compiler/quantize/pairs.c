// pairs.c -- sums of products of two values, and quotients of two.
//
//   sum (x - zx)(y - zy) = sum x y - zy sum x - zx sum y + n zx zy
//
// The product is one of i8; what the zero points leave is summed once for each row.

#include <math.h>

#include "quantize/linear.h"

static const int8_t *labels_of(const Node *contract, int side)
{
    return side ? contract->attr.contract.right : contract->attr.contract.left;
}

// Axes of an input of a contraction, in the order in which the result has them.
typedef struct Kept {
    uint32_t summed;  // those that it has not
    int count;
    int8_t order[MAX_RANK];  // axis of the sum over the others
    int8_t map[MAX_RANK];    // axis of the result
} Kept;

static Kept kept_axes(const Node *contract, int side)
{
    const Type *t = &contract->in[side]->type;
    const int8_t *labels = labels_of(contract, side), *out = contract->attr.contract.out;
    int8_t place[MAX_RANK];  // of an axis among those that are kept
    Kept k = {0};
    for (int i = 0, kept = 0; i < t->rank; i++) {
        const bool stays = label_axis(out, contract->type.rank, labels[i]) >= 0;
        place[i] = (int8_t)kept;
        kept += stays;
        k.summed |= stays ? 0 : 1u << i;
    }
    for (int i = 0; i < contract->type.rank; i++) {
        const int axis = label_axis(labels, t->rank, out[i]);
        if (axis < 0)
            continue;
        k.order[k.count] = place[axis];
        k.map[k.count++] = (int8_t)i;
    }
    return k;
}

static bool in_order(const Kept *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->order[i] != i)
            return false;
    return true;
}

// The sums of one input, times what the other's zero point makes of them, in the result's shape.
static Node *correction(Quantizer *q, const Node *contract, int side, int zero)
{
    const Kept k = kept_axes(contract, side);
    Node *x = widened(q, whole_of(q, contract->in[side])->whole);
    Node *sum = times(q, k.summed ? build_reduce(&q->b, REDUCE_SUM, x, k.summed) : x, zero);
    if (!in_order(&k))
        sum = build_transpose(&q->b, sum, k.order);
    Type type = contract->type;
    type.dtype = DTYPE_I32;
    return build_broadcast(&q->b, sum, type, k.map);
}

static double products_of(const Node *contract)
{
    const Kept k = kept_axes(contract, 0);
    double count = 1;
    for (int i = 0; i < contract->in[0]->type.rank; i++)
        count *= k.summed & 1u << i ? (double)contract->in[0]->type.dims[i] : 1;
    return count;
}

Node *root_paired(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = whole_of(q, s->operands[0]), *y = whole_of(q, s->operands[1]);
    const double count = products_of(s->root);
    Node *in[2] = {x->whole, y->whole};
    Node *sum = build_node(&q->b, OP_contract, 2, in, &s->root->attr);
    for (int side = 0; side < 2; side++) {
        const int zero = (side ? x : y)->scale.zero;
        if (zero)
            sum = build_binary(&q->b, OP_isub, sum, correction(q, s->root, side, zero));
    }
    same_for_all(c, x->scale.step * y->scale.step, count * x->scale.zero * y->scale.zero,
                 count * 255 * 255);
    return sum;
}

// --- quotients --------------------------------------------------------------------------------

enum { QUOTIENT_BITS = 22 };  // 255 times that is below 2^30

// What is divided by 0 is as large as its sign allows, 0 / 0 is 0.
static Node *sign_at_end(Quantizer *q, Node *x)
{
    x = build_binary(&q->b, OP_imin, x, whole_const(q, &x->type, 1));
    x = build_binary(&q->b, OP_imax, x, whole_const(q, &x->type, -1));
    return times(q, x, 1 << 30);
}

Node *root_quotient(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = whole_of(q, s->operands[0]), *y = whole_of(q, s->operands[1]);
    Builder *b = &q->b;
    Node *above = without_zero(q, x), *below = without_zero(q, y);
    Node *none = build_binary(b, OP_eq, below, whole_const(q, &below->type, 0));
    Node *quotient = build_binary(b, OP_idiv, times(q, above, 1 << QUOTIENT_BITS), below);
    same_for_all(c, ldexp(x->scale.step / y->scale.step, -QUOTIENT_BITS), 0, 0x1p30);
    return build_where(b, none, sign_at_end(q, above), quotient);
}
