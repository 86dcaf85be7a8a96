// gather.c -- reading rows of a table by their numbers, and adding to them. Each is the gradient of
// the other; an embedding is the first.

#include <string.h>

#include "graph/ops/shapes.h"

// What is read from `table` at `index`: the axes of the index, then those of a row.
static bool rows_read(Arena *a, const Type *table, const Type *index, Type *rows, const char **why)
{
    if (!shape_wants(a, DTYPE_I32, index, why))
        return false;
    if (table->rank == 0 || type_batched(table))
        return shape_fail(a, why, "a table of rows has no batch and one axis at least, not %s",
                          type_text(a, table));
    if (index->rank + table->rank - 1 > MAX_RANK)
        return shape_fail(a, why, "rows of %s at %s would have more than %d axes",
                          type_text(a, table), type_text(a, index), MAX_RANK);
    *rows = *index;
    rows->dtype = table->dtype;
    rows->rank += table->rank - 1;
    memcpy(&rows->dims[index->rank], &table->dims[1],
           (size_t)(table->rank - 1) * sizeof *rows->dims);
    return shape_sized(a, rows, why);
}

static SHAPE_RULE(shape_gather)
{
    (void)attr;
    return rows_read(a, &in[0], &in[1], out, why);
}

static Node *grad_gather(Builder *b, Node *n, Node *dy, int wrt)
{
    return wrt == 0 ? build_scatter_add(b, dy, n->in[1], n->in[0]->type) : NULL;
}

static SHAPE_RULE(shape_scatter_add)
{
    (void)attr;
    Type rows;
    if (!rows_read(a, out, &in[1], &rows, why) || !shape_wants(a, DTYPE_F32, &in[0], why) ||
        !shape_wants(a, DTYPE_F32, out, why))
        return false;
    if (type_same_shape(&rows, &in[0]))
        return true;
    return shape_fail(a, why, "rows of %s at %s are %s, not %s", type_text(a, out),
                      type_text(a, &in[1]), type_text(a, &rows), type_text(a, &in[0]));
}

static Node *grad_scatter_add(Builder *b, Node *n, Node *dy, int wrt)
{
    return wrt == 0 ? build_gather(b, dy, n->in[1]) : NULL;
}

const OpDef op_gather = {
    .doc = "Rows of a table by their numbers: y[i..., j...] = table[index[i...], j...].",
    .math = "dtable = scatter_add(dy, index)",
    .edges = "an index below 0 reads the first row, one past the end the last row",
    .shape = shape_gather,
    .grad = grad_gather,
    .sample_low = -8,
    .sample_high = 8,
};

// The sample is positive for the reason given at op_reduce.
const OpDef op_scatter_add = {
    .doc = "Values added to the rows of a table of zeros: y[r, j...] = sum of values[i..., j...] "
           "over index[i...] = r.",
    .math = "dvalues = gather(dy, index)",
    .edges = "an index below 0 adds to the first row, one past the end to the last row; values "
             "are added in their order",
    .shape = shape_scatter_add,
    .grad = grad_scatter_add,
    .sample_low = 0.25,
    .sample_high = 2,
    .forward_ulps = 64,
};
