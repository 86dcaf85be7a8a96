// matmul.c -- x @ w: NumPy's matmul on the written axes, as one contraction.
//
//   x: [batch, .., m, k] @ w: [k, n]         [batch, .., m, n]
//   q: [batch, h, m, k]  @ k: [batch, h, k, n]   the batch and h are shared
//   one axis alone is a row on the left, a column on the right, and is dropped again.

#include "sema/expander.h"

enum { LABEL_BATCH, LABEL_ROW, LABEL_INNER, LABEL_COLUMN, LABEL_LEADING };

typedef struct Labels {
    int8_t left[MAX_RANK], right[MAX_RANK], out[MAX_RANK];
    int out_rank;
} Labels;

// The sizes of axis `i` from the right among the axes before the matrix; 1 where there is none.
static int64_t leading(const Type *t, int i)
{
    int rank = written_rank(t);
    return i + 2 < rank ? written_dims(t)[rank - 3 - i] : 1;
}

static bool leading_agree(const Type *a, const Type *b)
{
    for (int i = 0; i < MAX_RANK; i++)
        if (leading(a, i) != leading(b, i) && leading(a, i) != 1 && leading(b, i) != 1)
            return false;
    return true;
}

// Labels of one side, the last axes given; an axis of size 1 beside a larger one was widened.
static void label_side(const Type *t, int8_t row, int8_t column, bool matrix, int8_t *labels)
{
    int rank = written_rank(t), at = 0;
    if (type_batched(t))
        labels[at++] = LABEL_BATCH;
    for (int i = 0; i < rank - 2; i++)
        labels[at++] = (int8_t)(LABEL_LEADING + rank - 3 - i);
    if (matrix)
        labels[at++] = row;
    labels[at] = column;
}

static void label_out(const Type *a, const Type *b, Labels *l)
{
    int ra = written_rank(a), rb = written_rank(b);
    int lead = (ra > rb ? ra : rb) - 2;
    l->out_rank = 0;
    if (type_batched(a) || type_batched(b))
        l->out[l->out_rank++] = LABEL_BATCH;
    for (int i = lead - 1; i >= 0; i--)
        l->out[l->out_rank++] = (int8_t)(LABEL_LEADING + i);
    if (ra > 1)
        l->out[l->out_rank++] = LABEL_ROW;
    if (rb > 1)
        l->out[l->out_rank++] = LABEL_COLUMN;
}

// Makes the leading axes of `n` as large as those of `other`, where both have them.
static Node *widen_leading(Expander *e, Node *n, const Type *other)
{
    Type t = n->type;
    int rank = written_rank(&t), first = type_batched(&t) ? 1 : 0;
    for (int i = 0; i + 2 < rank; i++)
        if (leading(&t, i) == 1)
            t.dims[first + rank - 3 - i] = leading(other, i);
    return broadcast_to(e, n, &t);
}

static Value *report_matmul(Expander *e, const Type *a, const Type *b, Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_matmul_mismatch, blame_span(e, span),
                          shape_text(e->arena, a), shape_text(e->arena, b));
    int ra = written_rank(a), rb = written_rank(b);
    if (ra && rb)
        diag_label(d, "inner sizes: %lld (axis -1) and %lld (axis %d)",
                   (long long)written_dims(a)[ra - 1],
                   (long long)written_dims(b)[rb > 1 ? rb - 2 : 0], rb > 1 ? -2 : -1);
    note_flow(e, d, a);
    return poison_after(e, d, span);
}

static bool fits(const Type *a, const Type *b)
{
    int ra = written_rank(a), rb = written_rank(b);
    if (ra == 0 || rb == 0)
        return false;
    int64_t inner = written_dims(b)[rb > 1 ? rb - 2 : 0];
    return written_dims(a)[ra - 1] == inner && leading_agree(a, b);
}

static Type matmul_type(const Type *a, const Type *b)
{
    int ra = written_rank(a), rb = written_rank(b), rank = 0;
    int64_t dims[MAX_RANK];
    for (int i = (ra > rb ? ra : rb) - 3; i >= 0; i--)
        dims[rank++] = leading(a, i) == 1 ? leading(b, i) : leading(a, i);
    if (ra > 1)
        dims[rank++] = written_dims(a)[ra - 2];
    if (rb > 1)
        dims[rank++] = written_dims(b)[rb - 1];
    return type_written(DTYPE_F32, type_batched(a) || type_batched(b), rank, dims);
}

Value *apply_matmul(Expander *e, Value *x, Value *y, Span span)
{
    Node *a = to_float(e, x, span), *b = to_float(e, y, span);
    if (!a || !b)
        return poison_value(e, span);
    if (!fits(&a->type, &b->type))
        return report_matmul(e, &a->type, &b->type, span);
    Type type = matmul_type(&a->type, &b->type);
    if (!check_size(e, &type, span))
        return poison_value(e, span);
    Type a_type = a->type;
    a = widen_leading(e, a, &b->type);
    b = widen_leading(e, b, &a_type);
    Labels l = {.out_rank = 0};
    label_side(&a->type, LABEL_ROW, LABEL_INNER, written_rank(&a->type) > 1, l.left);
    bool matrix = written_rank(&b->type) > 1;
    label_side(&b->type, LABEL_INNER, matrix ? LABEL_COLUMN : LABEL_INNER, matrix, l.right);
    label_out(&a->type, &b->type, &l);
    Node *n = build_contract(&e->builder, a, b, l.left, l.right, l.out, l.out_rank);
    return value_tensor(e->arena, span, n);
}
