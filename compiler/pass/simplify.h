// simplify.h -- the tables of rules that pass_simplify is made of, by file.

#ifndef NNC_SIMPLIFY_H
#define NNC_SIMPLIFY_H

#include "pass/rewrite.h"

extern const Rule arithmetic_rules[];  // simplify_arithmetic.c
extern const Rule logic_rules[];       // simplify_logic.c
extern const Rule view_rules[];        // simplify_views.c
extern const Rule move_rules[];        // simplify_moves.c
extern const Rule sum_rules[];         // simplify_sums.c

// An element-wise operation on constants of rank 0 is a constant; constant_fold.c. A rule.
Node *fold_constants(Rewriter *r, Node *n);

#endif
