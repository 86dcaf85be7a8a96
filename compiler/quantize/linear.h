// linear.h -- sums in i32 before they are brought to the scale of a result (inside quantize/ only).

#ifndef NNC_LINEAR_H
#define NNC_LINEAR_H

#include "quantize/build.h"

#define MOST_SUM 0x1p30  // of a sum, its offset included: below 2^31 whatever is rounded
#define MOST_OFFSET 0x1p29

typedef struct Channels {
    Type type;             // i32; of the channel axes alone
    int8_t map[MAX_RANK];  // channel axis -> axis of the value
    int64_t count;
    double *gain, *offset;  // what follows the root
    double *step;           // of the sum
    double *shift;          // added to the sum in its own steps: what zero points leave
    double *bound;          // of the sum's absolute value
} Channels;

// What a root is, where it does not depend on the channel.
void same_for_all(Channels *c, double step, double shift, double bound);

Node *times(Quantizer *q, Node *x, int64_t factor);
// The elements of a value by themselves: q - zero.
Node *without_zero(Quantizer *q, const QuantizedValue *x);

// The sum of a root, and in `c` what its steps are.
Node *root_paired(Quantizer *q, const Step *s, Channels *c);    // pairs.c
Node *root_quotient(Quantizer *q, const Step *s, Channels *c);  // pairs.c
Node *root_chosen(Quantizer *q, const Step *s, Channels *c);    // chosen.c
Node *root_standard(Quantizer *q, const Step *s, Channels *c);  // standard.c

#endif
