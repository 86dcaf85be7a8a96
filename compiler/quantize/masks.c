// masks.c -- what is true or not before any input is known.
//
// Comparisons of places, as a causal mask is one, are made where they are needed, on whole numbers;
// all else is a table of bytes.

#include <math.h>
#include <string.h>

#include "pass/rewrite.h"
#include "quantize/build.h"
#include "quantize/fixed.h"
#include "quantize/patterns.h"

typedef struct Truth {
    Kept kept;
    const uint8_t *bits;  // of each element
} Truth;

static bool truth_of(Quantizer *q, const Node *n, Truth *t)
{
    t->kept = kept_of(n);
    t->bits = (const uint8_t *)fixed_values(q->arena, q->g, t->kept.node, q->block);
    if (!t->bits)
        quantize_fail(q, "out of memory");
    return t->bits != NULL;
}

// --- places -----------------------------------------------------------------------------------

#define EXACT 0x1p24  // whole numbers up to which f32 has all of them

#define DEEPEST 8  // of sums of sums

static Node *place(Quantizer *q, const Node *n, double *bound, int depth);

static Node *place_of_two(Quantizer *q, const Node *n, double *bound, int depth)
{
    double second = 0;
    Node *x = place(q, n->in[0], bound, depth), *y = x ? place(q, n->in[1], &second, depth) : NULL;
    *bound += y ? second : 0;
    return y ? build_binary(&q->b, n->op == OP_add ? OP_iadd : OP_isub, x, y) : NULL;
}

static Node *moved(Quantizer *q, const Node *n, Node *x)
{
    Type type = n->type;
    type.dtype = x->type.dtype;
    return build_typed(&q->b, n->op, 1, &x, &n->attr, &type);
}

// A value made of places along axes and whole constants, as i32, at most `bound`; NULL: it is made
// of something else.
static Node *place(Quantizer *q, const Node *n, double *bound, int depth)
{
    double value;
    if (const_value(n, &value)) {
        *bound = fabs(value);
        return *bound <= EXACT && floor(value) == value ? whole_const(q, &n->type, (int64_t)value)
                                                        : NULL;
    }
    if (n->op == OP_iota) {
        *bound = (double)n->type.dims[n->attr.axis];
        return build_iota(&q->b, n->type, n->attr.axis);
    }
    if (n->op == OP_cast && n->in[0]->type.dtype == DTYPE_I32)
        return place(q, n->in[0], bound, depth);
    if (depth > 0 && (n->op == OP_add || n->op == OP_sub))
        return place_of_two(q, n, bound, depth - 1);
    Node *x = op_is(n->op, VIEW) ? place(q, n->in[0], bound, depth) : NULL;
    return x ? moved(q, n, x) : NULL;
}

static bool is_comparison(OpId op)
{
    return op == OP_eq || op == OP_ne || op == OP_lt || op == OP_le || op == OP_gt || op == OP_ge;
}

static Node *compared_places(Quantizer *q, const Node *n)
{
    double first = 0, second = 0;
    Node *x = is_comparison(n->op) ? place(q, n->in[0], &first, DEEPEST) : NULL;
    Node *y = x ? place(q, n->in[1], &second, DEEPEST) : NULL;
    return y && first <= EXACT && second <= EXACT ? build_binary(&q->b, n->op, x, y) : NULL;
}

// --- tables -----------------------------------------------------------------------------------

static Node *stored(Quantizer *q, const Node *n, const Truth *t, const int8_t *bits)
{
    Type type = t->kept.type;
    type.dtype = DTYPE_I8;
    void *data = arena_array(q->arena, int8_t, (size_t)type_elements(&type));
    memcpy(data, bits, (size_t)type_elements(&type));
    Node *x = build_cast(&q->b, add_variable(q, n, "mask", type, data), DTYPE_BOOL);
    return t->kept.spread ? build_broadcast(&q->b, x, n->type, t->kept.map) : x;
}

// What `n` says, or the contrary.
static Node *truth(Quantizer *q, const Node *n, const Truth *t, bool contrary)
{
    Node *x = compared_places(q, t->kept.node);
    if (x && contrary)
        x = build_unary(&q->b, OP_not, x);
    if (x)
        return t->kept.node == n ? x : build_broadcast(&q->b, x, n->type, t->kept.map);
    const int64_t count = type_elements(&t->kept.type);
    int8_t *bits = arena_array(q->arena, int8_t, (size_t)count);
    for (int64_t k = 0; k < count; k++)
        bits[k] = (t->bits[k] != 0) != contrary;
    return stored(q, n, t, bits);
}

Node *build_truth(Quantizer *q, const Node *n)
{
    Truth t;
    return truth_of(q, n, &t) ? truth(q, n, &t, false) : NULL;
}

// --- masks ------------------------------------------------------------------------------------

// The element with which the row of element k begins.
static int64_t row_start(const Truth *t, uint32_t axes, int64_t k)
{
    int64_t start = 0, stride = 1;
    for (int i = t->kept.type.rank - 1; i >= 0; i--) {
        const int64_t size = t->kept.type.dims[i];
        start += axes >> t->kept.map[i] & 1 ? 0 : k % size * stride;
        stride *= size;
        k /= size;
    }
    return start;
}

// A row is looked through as it comes.
static bool moving_mask(Quantizer *q, const Node *where, uint32_t axes, Mask *out)
{
    Builder *b = &q->b;
    Node *seen = build_condition(q, where->in[0]);
    if (!seen)
        return false;
    out->seen = mask_hides(where) ? build_unary(b, OP_not, seen) : seen;
    Node *any = build_reduce(b, REDUCE_MAX, build_cast(b, out->seen, DTYPE_I32), axes);
    Node *none = build_binary(b, OP_eq, any, whole_const(q, &any->type, 0));
    out->counts = build_binary(b, OP_or, out->seen, repeated_over(q, none, &seen->type, axes));
    return true;
}

bool build_mask(Quantizer *q, const Node *where, uint32_t axes, Mask *out)
{
    const Node *n = where->in[0];
    Truth t;
    if (!q->facts.fixed[n->id])
        return moving_mask(q, where, axes, out);
    if (!truth_of(q, n, &t))
        return false;
    const int64_t count = type_elements(&t.kept.type);
    bool *seen = arena_array(q->arena, bool, (size_t)count);
    int8_t *counts = arena_array(q->arena, int8_t, (size_t)count);
    bool *any = arena_array(q->arena, bool, (size_t)count);
    bool same = true;
    for (int64_t k = 0; k < count; k++) {
        seen[k] = (t.bits[k] != 0) != mask_hides(where);
        any[row_start(&t, axes, k)] |= seen[k];
    }
    for (int64_t k = 0; k < count; k++) {
        counts[k] = seen[k] || !any[row_start(&t, axes, k)];
        same = same && counts[k] == seen[k];
    }
    out->seen = truth(q, n, &t, mask_hides(where));
    out->counts = same ? out->seen : stored(q, n, &t, counts);
    return true;
}
