// patterns.h -- what is made of several nodes: softmax, standardization (inside quantize/ only).

#ifndef NNC_PATTERNS_H
#define NNC_PATTERNS_H

#include "quantize/forms.h"

#define MOST_SUMMANDS (1 << 20)  // of 255 at the most: their sum stays far below 2^31

// Elements that a sum along axes adds up; 0: the batch is among them.
int64_t summands(const Node *n);

// z in e / broadcast(sum e) with e = exp(z - broadcast(max z)), or floor(max z); NULL: `n` is none.
Node *softmax_input(const Node *n);

// z in where(mask, z, c), or where(mask, c, z), and a c so low that nothing is
// left of e^c; NULL: `n` is none.
Node *masked_value(const Facts *f, const Node *n);
double masked_constant(const Node *n);
bool mask_hides(const Node *n);  // whether the mask tells what is hidden, not what is seen

// value / sqrt(factor sum(value^2) + epsilon), the sum along axes; the value itself is x, or x -
// mean(x) along the same axes. It may be multiplied by fixed values before it is divided, or by a
// fixed value over the square root.
typedef struct Standard {
    Node *value, *x;
    const Node *sum;  // a reduction
    double factor, epsilon;
    int input;     // of the quotient, in which the value is
    Node *beside;  // over the root; NULL: `over`
    double over;
} Standard;

bool standard_of(const Facts *f, const Node *quotient, Standard *out);

#endif
