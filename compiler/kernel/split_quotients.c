// split_quotients.c -- many elements divided by one: its reciprocal, and products.
//
//   %2 = div %0, broadcast %1
//     -->
//   %2 = mul %0, broadcast (div 1, %1)
//
// A processor multiplies ten times as fast as it divides: rows by their sum, layers by their
// deviation, moments by the correction for their start. The product differs from the quotient by
// one unit in the last place at most; a divisor below 3e-39, whose reciprocal is no number, counts
// as 0.

#include "kernel/split.h"

// So many elements at least for each reciprocal.
#define SHARE 4

static bool is_shared(const Node *broadcast)
{
    const Type *whole = &broadcast->type, *part = &broadcast->in[0]->type;
    return type_elements(whole) >= SHARE * type_elements(part) ||
           (type_batched(whole) && !type_batched(part));
}

Node *split_quotient(Splitter *s, const Node *n)
{
    Builder *b = &s->b;
    Node *divisor = n->in[1];
    if (n->type.dtype != DTYPE_F32 || divisor->op != OP_broadcast || !is_shared(divisor))
        return NULL;
    Node *one = build_filled(b, &divisor->in[0]->type, 1);
    Node *inverse = build_binary(b, OP_div, one, divisor->in[0]);
    Node *factor = build_broadcast(b, inverse, divisor->type, divisor->attr.map);
    return build_binary(b, OP_mul, n->in[0], factor);
}
