// build.h -- the integer graph in the making (inside quantize/ only).

#ifndef NNC_QUANTIZE_BUILD_H
#define NNC_QUANTIZE_BUILD_H

#include "quantize/forms.h"
#include "quantize/scopes.h"

typedef struct Quantizer {
    Arena *arena;
    QuantizePlan *plan;
    const Graph *g;  // of f32
    void *block;     // its variables
    Facts facts;
    Builder b;  // of the integer graph, in the scope at hand
    int scope;
    BuiltScope *scopes;
    int *results;            // by id, of what leaves a scan: which of its results
    Node **real;             // by id: the value as f32, or as whatever else it was, in its scope
    QuantizedValue **whole;  // by id: the value as i8, in its scope
    Quantized *out;
    const char *why;  // what cannot be done; NULL: nothing so far
} Quantizer;

// A variable of the integer graph; what is in `data` stays the caller's arena's.
Node *add_variable(Quantizer *q, const Node *like, const char *suffix, Type type, void *data);

// Constants in the shape of `like`.
Node *whole_const(Quantizer *q, const Type *like, int64_t value);
// An i8 as an i32 of the same value; an i32 as it is.
Node *widened(Quantizer *q, Node *x);
Node *plus_const(Quantizer *q, Node *x, int64_t value);
// The elements of a reduction where it was taken from, whose shape is `like`'s.
Node *repeated_over(Quantizer *q, Node *x, const Type *like, uint32_t axes);

// Says why it cannot be done, if nothing has been said; NULL.
Node *quantize_fail(Quantizer *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The value of n by its step, of the forms from PRODUCT on (linear.c).
Node *build_linear(Quantizer *q, const Node *n, const Step *s, Scale to);
// functions.c; `ends`: all that it was, from which its scale follows.
Node *build_softmax(Quantizer *q, const Node *n, const Step *s, Range ends, Scale *to);
Node *build_table(Quantizer *q, const Node *n, const Step *s, Scale to);
Node *build_wide_table(Quantizer *q, const Node *n, const Step *s, Scale to);  // wide_table.c
// The elements of a fixed value, and their range, which holds 0; NULL: why is said, of `user`.
float *finite_values(Quantizer *q, const Node *n, const Node *user, Range *r);  // functions.c
Node *build_rows(Quantizer *q, const Node *n, Scale *to);
Node *build_known(Quantizer *q, const Node *n, Scale *to);
// The truth of a condition that Facts know, as bool.
Node *build_truth(Quantizer *q, const Node *n);  // masks.c

// A condition that has a form, as bool (chosen.c).
Node *build_condition(Quantizer *q, const Node *n);

// What a mask leaves of the rows of a value along `axes`, as bool in its shape. In a row of
// which nothing is seen all counts, alike.
typedef struct Mask {
    Node *seen, *counts;
} Mask;
bool build_mask(Quantizer *q, const Node *where, uint32_t axes, Mask *out);  // masks.c

// What a scan carries, its steps of fixed sequences, and the next of what it carries (states.c).
Node *build_carried(Quantizer *q, const Node *n, Scale to);
Node *build_step(Quantizer *q, const Node *n, Scale *to);
Node *build_next(Quantizer *q, const Node *carried);
void states_join_ranges(Quantizer *q);

// Whole numbers kept from `low` to `high`.
Node *bounded(Quantizer *q, Node *x, int64_t low, int64_t high);
// f32 in a scale.
Node *quantized(Quantizer *q, Node *x, Scale s);
// What is in one scale in another, narrow or wide.
Node *in_scale(Quantizer *q, Node *x, Scale from, Scale to);

// For messages: the layer that a node is of.
static inline const char *place_of(const Node *n)
{
    return n->path && *n->path ? n->path : "the model";
}

// A value for the scope at hand, which is that of `n` or inside of it: as i8, as wide as it is, and
// as it was.
const QuantizedValue *whole_of(Quantizer *q, const Node *n);
const QuantizedValue *wide_of(Quantizer *q, const Node *n);
Node *real_of(Quantizer *q, const Node *n);

#endif
