// split.h -- large sums and quotients in two, before kernels are made (inside kernel/ only).

#ifndef NNC_SPLIT_H
#define NNC_SPLIT_H

#include "kernel/fuse.h"

typedef struct Splitter {
    Builder b;  // new nodes go where the node in hand stood
    int64_t max_batch;
    const bool *reshaped;  // by node, as they were: whether nothing but reshapes reads it
} Splitter;

// What replaces a node, or NULL: sums (split_sums.c), quotients (split_quotients.c), contractions
// with a long depth (split_depth.c) and with a wide operand to be transposed (split_columns.c).
Node *split_sum(Splitter *s, const Node *n);
Node *split_quotient(Splitter *s, const Node *n);
Node *split_depth(Splitter *s, const Node *n);
Node *split_columns(Splitter *s, const Node *n);

#endif
