// rewrite.h -- local rules on nodes, and the sweep that applies them; shared by the passes that
// replace a node by an equal, better one.

#ifndef NNC_REWRITE_H
#define NNC_REWRITE_H

#include "graph/ops/ops.h"
#include "pass/pass.h"

// What a rule is given to build with: new nodes go right before the node in hand and take its span
// and path.
typedef struct Rewriter {
    Builder b;
    Arena *scratch;
} Rewriter;

// A rule looks at `n` and the nodes above it and returns what has the same value and type: a node
// that stands before `n` or one made with the rewriter. NULL: the rule does not apply. Rules must
// be monotone -- fewer nodes, smaller ones, or a fixed order between equals -- so that rewriting
// ends, and must not build anything when they do not apply.
typedef Node *RuleApply(Rewriter *r, Node *n);

typedef struct Rule {
    OpId op;  // of the nodes that it may apply to, or ANY_ELEMENTWISE
    RuleApply *apply;
} Rule;

#define ANY_ELEMENTWISE OP_COUNT

// A table of rules ends with a row without a function.
#define RULES_END      \
    {                  \
        OP_COUNT, NULL \
    }

// Applies the rules of all tables (the list ends with NULL) to all nodes, the first that fits
// first, until none applies anywhere. Returns how many times a rule applied. What became dead is
// dropped.
int rewrite(Pass *p, Graph *g, const Rule *const *tables);

// Sets Node.mark so that used_once and is_fixed answer; unmark_nodes sets it to 0 again. Rules find
// nodes marked.
void mark_nodes(Graph *g, Arena *scratch);
void unmark_nodes(Graph *g);

// --- what rules ask ---------------------------------------------------------------------------

// Whether every element of `n` is one constant, which may be seen through views.
bool const_value(const Node *n, double *value);
bool is_const(const Node *n, double value);

// Whether types differ by axes of size 1 alone. position[i]: the axis of `to` that axis i of
// `from` becomes, -1 for a dropped one.
bool unit_axes(const Type *from, const Type *to, int8_t *position);

// Whether the axes of `to` are products of neighbours in `from`, or one each: axis i is made of
// axes first[i] to first[i + 1], which is not one of them. Axes of size 1 go with what follows
// them.
bool axis_groups(const Type *from, const Type *to, int *first);

// Whether `n` has one user, an output or update counting as one; false for nodes that are new in
// this sweep, and not exact for those that a rule of this sweep returned.
bool used_once(const Node *n);

// Whether `n` depends on constants, and on variables that the graph does not update, alone; false
// for nodes that are new in this sweep.
bool is_fixed(const Node *n);

// `n` with other inputs, and with the shape of `like`.
Node *build_like(Rewriter *r, const Node *n, Node *const *in, const Type *like);

// `x`, a scalar, in the shape of `like`; `x` itself when that is rank 0.
Node *build_uniform(Rewriter *r, Node *x, const Type *like);

#endif
