// shapes.h -- shape rules that several families of operations share.

#ifndef NNC_SHAPES_H
#define NNC_SHAPES_H

#include "graph/ops/ops.h"

// Sets *why and returns false: `return shape_fail(...)` ends a rule.
bool shape_fail(Arena *a, const char **why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *type_text(Arena *a, const Type *t);                 // "f32[batch, 3]"
const char *dim_text(Arena *a, int64_t dim);                    // "batch" or "3"
bool shape_sized(Arena *a, const Type *out, const char **why);  // not too large
bool shape_wants(Arena *a, DType wanted, const Type *x, const char **why);
bool shape_alike(Arena *a, const Type *x, const Type *y, const char **why);  // one shape

#define SHAPE_RULE(name) \
    bool name(Arena *a, const Attr *attr, const Type *in, Type *out, const char **why)

SHAPE_RULE(shape_unary);   // f32[...] -> f32[...]
SHAPE_RULE(shape_binary);  // f32[...], f32[...] -> f32[...]
SHAPE_RULE(shape_ternary);

#endif
