// masks.c -- what is true or not before any input is known: a table of bytes.

#include <string.h>

#include "quantize/build.h"
#include "quantize/fixed.h"
#include "quantize/patterns.h"

typedef struct Truth {
    const Node *small;    // without what repeats it
    const int8_t *map;    // axis of it -> axis of the value
    const uint8_t *bits;  // of each element
} Truth;

static bool truth_of(Quantizer *q, const Node *n, Truth *t)
{
    static const int8_t straight[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const bool spread = n->op == OP_broadcast;
    t->small = spread ? n->in[0] : n;
    t->map = spread ? n->attr.map : straight;
    t->bits = (const uint8_t *)fixed_values(q->arena, q->g, t->small, q->block);
    if (!t->bits)
        quantize_fail(q, "out of memory");
    return t->bits != NULL;
}

static Node *stored(Quantizer *q, const Node *n, const Truth *t, const int8_t *bits)
{
    Type type = t->small->type;
    type.dtype = DTYPE_I8;
    void *data = arena_array(q->arena, int8_t, (size_t)type_elements(&type));
    memcpy(data, bits, (size_t)type_elements(&type));
    Node *truth = build_cast(&q->b, add_variable(q, n, "mask", type, data), DTYPE_BOOL);
    type = n->type;
    return t->small == n ? truth : build_broadcast(&q->b, truth, type, t->map);
}

Node *build_truth(Quantizer *q, const Node *n)
{
    Truth t;
    return truth_of(q, n, &t) ? stored(q, n, &t, (const int8_t *)t.bits) : NULL;
}

// The element with which the row of element k begins.
static int64_t row_start(const Truth *t, uint32_t axes, int64_t k)
{
    int64_t start = 0, stride = 1;
    for (int i = t->small->type.rank - 1; i >= 0; i--) {
        const int64_t size = t->small->type.dims[i];
        start += axes >> t->map[i] & 1 ? 0 : k % size * stride;
        stride *= size;
        k /= size;
    }
    return start;
}

bool build_mask(Quantizer *q, const Node *where, uint32_t axes, Mask *out)
{
    const Node *n = where->in[0];
    Truth t;
    if (!truth_of(q, n, &t))
        return false;
    const int64_t count = type_elements(&t.small->type);
    int8_t *seen = arena_array(q->arena, int8_t, (size_t)count);
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
    out->seen = stored(q, n, &t, seen);
    out->counts = same ? out->seen : stored(q, n, &t, counts);
    return true;
}
