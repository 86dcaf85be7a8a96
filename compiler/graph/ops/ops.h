// ops.h -- what an operation is: properties, documentation, shape rule, meaning, gradient.

#ifndef NNC_OPS_H
#define NNC_OPS_H

#include "graph/ops/emit.h"

enum {
    PURE = 1 << 0,
    ELEMENTWISE = 1 << 1,
    COMMUTES = 1 << 2,
    LEAF = 1 << 3,
    UNIFORM = 1 << 4,
    VIEW = 1 << 5,
    REDUCTION = 1 << 6,
    CHEAP = 1 << 7,
    PLACING = 1 << 8,
    SEVERAL = 1 << 9,
};

#define MAX_ARITY 3
#define ANY_ARITY (-1)

typedef struct OpDef {
    const char *doc;     // one sentence, ends with the formula
    const char *math;    // the gradient's formula
    const char *edges;   // NaN, inf, ties, or NULL
    const char *source;  // paper or NULL
    // The result's type, or false with the reason in *why (allocated in `a`), in the user's terms.
    // Leaves and those that build_typed names cannot infer it: they check what *out holds on entry.
    bool (*shape)(Arena *a, const Attr *attr, const Type *in, Type *out, const char **why);
    // ELEMENTWISE: the meaning, element by element. `in_types` and `out` tell dtypes (cast, eq).
    Sv (*scalar)(Emit *e, const Sv *in, const Type *in_types, const Type *out);
    // ELEMENTWISE: the gradient with respect to input `wrt` times dy; NULL when it is zero
    // everywhere (comparisons, floor). y is the result in the forward pass.
    Sv (*scalar_grad)(Emit *e, const Sv *in, Sv y, Sv dy, int wrt);
    // Others: the gradient of input `wrt`, as nodes; NULL when there is none.
    Node *(*grad)(Builder *b, Node *n, Node *dy, int wrt);
    double sample_low, sample_high;  // inputs that tests draw from
    double forward_ulps;             // worst error of a fast engine against the exact value
} OpDef;

extern const OpDef *const op_table[OP_COUNT];
const char *op_name(OpId op);
int op_arity(OpId op);                          // ANY_ARITY: the attributes tell
int op_input_count(OpId op, const Attr *attr);  // of a node with these attributes
unsigned op_properties(OpId op);
OpId op_by_name(const char *name);  // OP_COUNT: none

// What requantize means, see emit.h: floor(a * multiplier / 2^shift + 1/2).
int32_t requantize(int32_t a, int32_t multiplier, int32_t shift);
// What isqrt means: floor(sqrt(a) * 2^15), 0 for a <= 0.
int32_t scaled_sqrt(int32_t a);

// The gradient of n's input `wrt` as nodes, whatever the family; NULL when there is none. Nothing
// flows through i32 and bool.
Node *op_grad(Builder *b, Node *n, Node *dy, int wrt);

// An Emit whose scalar values are nodes (node_of, sv_of) of `like`'s shape; constants are filled to
// it. Memory: the graph's arena.
Emit *emit_graph(Builder *b, const Type *like);

static inline Sv sv_of(Node *n)
{
    return (Sv){(uintptr_t)n};
}
static inline Node *node_of(Sv v)
{
    return (Node *)v.v;
}

static inline bool op_is(OpId op, unsigned property)
{
    return (op_properties(op) & property) != 0;
}

#define OP(id, arity, properties) extern const OpDef op_##id;
#include "graph/ops/ops.def"
#undef OP

#endif
