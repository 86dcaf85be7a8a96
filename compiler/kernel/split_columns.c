// split_columns.c -- a wide operand that must be transposed is copied in panels.
//
//   %3 = contract %1, %2 {ab,cb->ac} : f32[batch, 9216]      (%2: f32[9216, 128])
//     -->
//   %3 = reshape %2 : f32[144, 64, 128]
//   %4 = transpose %3 {0,2,1} : f32[144, 128, 64]
//   %5 = contract %1, %4 {ab,cbd->acd} : f32[batch, 144, 64]
//   %6 = reshape %5 : f32[batch, 9216]
//
// The rows of a transposed operand as it stands would lie pages apart, so that all lines of a
// column of tiles fall into few sets of a cache; a panel is one run of memory. It costs the axis on
// which element-wise work could join, so this is for results that are read in another shape anyhow.

#include "kernel/split.h"

#define PANEL 64
// Columns and rows from which on it pays.
#define LEAST_COLUMNS 1024
#define LEAST_ROWS 64

// Whether `n` is a product of a matrix with the transpose of another.
static bool is_by_transpose(const Node *n)
{
    const int8_t *left = n->attr.contract.left, *right = n->attr.contract.right;
    const int8_t *out = n->attr.contract.out;
    return n->type.rank == 2 && n->in[0]->type.rank == 2 && n->in[1]->type.rank == 2 &&
           !n->attr.contract.parts && out[0] == left[0] && out[1] == right[0] &&
           left[1] == right[1] && n->in[1]->op == OP_variable;
}

static bool is_wide(const Splitter *s, const Node *n)
{
    const int64_t rows = n->type.dims[0] == DIM_BATCH ? s->max_batch : n->type.dims[0];
    return n->type.dims[1] >= LEAST_COLUMNS && n->type.dims[1] % PANEL == 0 && rows >= LEAST_ROWS;
}

// The operand in panels: [columns / PANEL, depth, PANEL].
static Node *panels_of(Splitter *s, Node *x)
{
    static const int8_t map[MAX_RANK] = {0, 2, 1};
    const int64_t depth = x->type.dims[1];
    const int64_t dims[3] = {x->type.dims[0] / PANEL, PANEL, depth};
    Node *split = build_reshape(&s->b, x, type_of(x->type.dtype, 3, dims));
    return build_transpose(&s->b, split, map);
}

static int8_t unused_label(const Node *n)
{
    int8_t label = 0;
    while (label == n->attr.contract.left[0] || label == n->attr.contract.left[1] ||
           label == n->attr.contract.right[0])
        label++;
    return label;
}

Node *split_columns(Splitter *s, const Node *n)
{
    if (!is_by_transpose(n) || !is_wide(s, n) || !s->reshaped[n->id])
        return NULL;
    const int8_t row = n->attr.contract.left[0], depth = n->attr.contract.left[1];
    const int8_t panel = n->attr.contract.right[0], column = unused_label(n);
    const int8_t left[MAX_RANK] = {row, depth}, right[MAX_RANK] = {panel, depth, column};
    const int8_t out[MAX_RANK] = {row, panel, column};
    Node *product = build_contract(&s->b, n->in[0], panels_of(s, n->in[1]), left, right, out, 3);
    return build_reshape(&s->b, product, n->type);
}
