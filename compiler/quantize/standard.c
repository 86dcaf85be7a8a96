// standard.c -- a value divided by the root of its mean square, as layer normalization does it.
//
// With the codes q of n elements, S = sum q, and c = q - round(S / n), all exact,
//
//   V = sum c^2 / n - (sum c / n)^2 + epsilon / step^2    in units of 2^-u
//   y = (q - S / n) / sqrt(V)                             in units of 2^-p
//
// c keeps the sum of squares within 31 bits, and takes nothing from variances that are small beside
// the mean. Without a mean c is q - zero. u and p are as large as 31 bits have room for: V is far
// above 1 where it is far above epsilon, and |y| <= sqrt(n).

#include <math.h>

#include "quantize/linear.h"
#include "quantize/patterns.h"

enum {
    MEAN_BITS = 22,    // behind the point of a mean, and of what is divided
    REST_BITS = 15,    // of what rounding the mean leaves, which is at most 1/2
    ROOT_BITS = 15,    // those that isqrt adds
    COARSE_BITS = 10,  // taken off the root, so that its reciprocal has as many as itself
    ONE_BITS = 30,     // of the 1 in 1 / sqrt(V)
    RESULT_BITS = 20,  // of y: far more than its 8 need
    MOST_UNIT_BITS = 14
};
#define MOST_SQUARE (255.0 * 255)

typedef struct Row {
    const Type *type;  // of the value
    uint32_t axes;
    double count;    // elements of a row
    double epsilon;  // in steps^2, where the mean of the squares is divided by
    int unit_bits, result_bits;
} Row;

static Node *scaled_by(Quantizer *q, Node *x, double factor)
{
    const FixedPoint f = fixed_point(factor);
    Node *in[3] = {x, whole_const(q, &x->type, f.multiplier), whole_const(q, &x->type, f.shift)};
    return build_node(&q->b, OP_requantize, 3, in, NULL);
}

static Node *sum_of(Quantizer *q, const Row *r, Node *x)
{
    return build_reduce(&q->b, REDUCE_SUM, x, r->axes);
}

static Node *spread(Quantizer *q, const Row *r, Node *x)
{
    return repeated_over(q, x, r->type, r->axes);
}

// u is even, for its root's sake.
static Row row_of(const Standard *d, double step)
{
    Row r = {.type = &d->value->type, .axes = d->sum->attr.reduce.axes};
    r.count = (double)summands(d->sum);
    r.epsilon = d->epsilon / (d->factor * r.count) / (step * step);
    const int room = (int)floor(log2(MOST_SUM / (MOST_SQUARE + r.epsilon)) / 2) * 2;
    const double most = fmin(sqrt(r.count), 255 / sqrt(fmax(r.epsilon, 1e-30)));
    r.unit_bits = room < MOST_UNIT_BITS ? room : MOST_UNIT_BITS;
    r.result_bits = (int)floor((double)RESULT_BITS - log2(most));
    return r;
}

// The mean of c^2 in units of 2^-u. Of very many squares a few bits are taken off before they are
// added up.
static Node *mean_square(Quantizer *q, const Row *r, Node *c)
{
    const int off = (int)fmax(ceil(log2(r->count * MOST_SQUARE / MOST_SUM)), 0);
    Node *square = build_binary(&q->b, OP_imul, c, c);
    if (off)
        square = scaled_by(q, square, ldexp(1, -off));
    return scaled_by(q, sum_of(q, r, square), ldexp(1 / r->count, r->unit_bits + off));
}

// (sum c / n)^2 in the same units, with sum c = S - n round(S / n).
static Node *square_of_rest(Quantizer *q, const Row *r, Node *sum, Node *mean)
{
    Node *rest = build_binary(&q->b, OP_isub, sum, times(q, mean, (int64_t)r->count));
    rest = scaled_by(q, rest, ldexp(1 / r->count, REST_BITS));
    return scaled_by(q, build_binary(&q->b, OP_imul, rest, rest),
                     ldexp(1, r->unit_bits - 2 * REST_BITS));
}

static Node *reciprocal_of_root(Quantizer *q, const Row *r, Node *square)
{
    square = plus_const(q, square, llround(ldexp(r->epsilon, r->unit_bits)));
    Node *root = scaled_by(q, build_unary(&q->b, OP_isqrt, square), ldexp(1, -COARSE_BITS));
    return build_binary(&q->b, OP_idiv, whole_const(q, &root->type, 1 << ONE_BITS), root);
}

// `x` has MEAN_BITS behind the point.
static Node *divided(Quantizer *q, const Row *r, Node *x, Node *square)
{
    const int shift =
        MEAN_BITS + ONE_BITS - r->unit_bits / 2 - (ROOT_BITS - COARSE_BITS) - r->result_bits;
    Node *reciprocal = spread(q, r, reciprocal_of_root(q, r, square));
    Node *in[3] = {x, reciprocal, whole_const(q, &x->type, shift)};
    return build_node(&q->b, OP_requantize, 3, in, NULL);
}

static Node *standardized(Quantizer *q, const Row *r, const QuantizedValue *x)
{
    Node *c = without_zero(q, x);
    return divided(q, r, times(q, c, 1 << MEAN_BITS), mean_square(q, r, c));
}

static Node *centred(Quantizer *q, const Row *r, const QuantizedValue *x)
{
    Builder *b = &q->b;
    Node *codes = widened(q, x->whole), *sum = sum_of(q, r, codes);
    Node *mean = scaled_by(q, sum, 1 / r->count);
    Node *square = mean_square(q, r, build_binary(b, OP_isub, codes, spread(q, r, mean)));
    square = build_binary(b, OP_isub, square, square_of_rest(q, r, sum, mean));
    Node *exact = spread(q, r, scaled_by(q, sum, ldexp(1 / r->count, MEAN_BITS)));
    return divided(q, r, build_binary(b, OP_isub, times(q, codes, 1 << MEAN_BITS), exact), square);
}

Node *root_standard(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = whole_of(q, s->operands[0]);
    Standard d;
    if (!standard_of(&q->facts, s->quotient, &d))
        return quantize_fail(q, "%s is divided by something else", place_of(s->quotient));
    const Row r = row_of(&d, x->scale.step);
    same_for_all(c, ldexp(d.over / sqrt(d.factor * r.count), -r.result_bits), 0,
                 ldexp(2, RESULT_BITS));
    return d.x == d.value ? standardized(q, &r, x) : centred(q, &r, x);
}
