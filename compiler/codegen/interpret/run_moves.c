// run_moves.c -- how the interpreter computes what moves data and hardly computes: every element of
// the smaller side is met once, with its place on the other side beside it.

#include <string.h>

#include "codegen/interpret/interpreter.h"
#include "codegen/interpret/walk.h"

// --- views ------------------------------------------------------------------------------------

static void copy_walk(Walk *w, const double *x, double *y)
{
    do
        y[w->at[1]] = x[w->at[0]];
    while (walk_next(w));
}

void run_broadcast(Interpreter *it, const Node *n, double *y)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    Extent to = extent_of(&n->type, it->args->batch);
    int64_t stride[MAX_RANK] = {0};  // of the input, along the result's axes
    for (int i = 0; i < n->in[0]->type.rank; i++)
        if (from.size[i] > 1)
            stride[n->attr.map[i]] = from.stride[i];
    Walk w = {.depth = 0};
    for (int i = 0; i < n->type.rank; i++)
        walk_axis(&w, to.size[i], stride[i], to.stride[i], 0);
    copy_walk(&w, value_of(it, n->in[0]), y);
}

void run_reshape(Interpreter *it, const Node *n, double *y)
{
    memcpy(y, value_of(it, n->in[0]), (size_t)value_count(it, &n->type) * sizeof *y);
}

void run_transpose(Interpreter *it, const Node *n, double *y)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    Extent to = extent_of(&n->type, it->args->batch);
    Walk w = {.depth = 0};
    for (int i = 0; i < n->type.rank; i++)
        walk_axis(&w, to.size[i], from.stride[n->attr.map[i]], to.stride[i], 0);
    copy_walk(&w, value_of(it, n->in[0]), y);
}

void run_slice(Interpreter *it, const Node *n, double *y)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    Extent to = extent_of(&n->type, it->args->batch);
    Walk w = {.depth = 0};
    for (int i = 0; i < n->type.rank; i++) {
        walk_axis(&w, to.size[i], n->attr.slice.step[i] * from.stride[i], to.stride[i], 0);
        w.at[0] += n->attr.slice.start[i] * from.stride[i];
    }
    copy_walk(&w, value_of(it, n->in[0]), y);
}

// The elements of `windows` beside those of `whole` that they are.
static Walk walk_windows(const Interpreter *it, const Node *n, const Type *windows,
                         const Type *whole)
{
    Extent few = extent_of(whole, it->args->batch);
    Extent many = extent_of(windows, it->args->batch);
    const int axis = n->attr.window.axis;
    Walk w = {.depth = 0};
    for (int i = 0; i < windows->rank; i++) {
        int64_t stride = few.stride[i > axis ? i - 1 : i];
        if (i == axis)
            stride *= n->attr.window.stride;
        if (i == axis + 1)
            stride *= n->attr.window.dilation;
        walk_axis(&w, many.size[i], stride, many.stride[i], 0);
    }
    return w;
}

void run_window(Interpreter *it, const Node *n, double *y)
{
    Walk w = walk_windows(it, n, &n->type, &n->in[0]->type);
    copy_walk(&w, value_of(it, n->in[0]), y);
}

// --- placed apart -----------------------------------------------------------------------------

void run_pad(Interpreter *it, const Node *n, double *y)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    Extent to = extent_of(&n->type, it->args->batch);
    for (int64_t i = 0; i < value_count(it, &n->type); i++)
        y[i] = (double)n->attr.pad.value;
    Walk w = {.depth = 0};
    for (int i = 0; i < n->type.rank; i++) {
        const int64_t apart = (int64_t)n->attr.pad.interior[i] + 1;
        walk_axis(&w, from.size[i], from.stride[i], apart * to.stride[i], 0);
        w.at[1] += n->attr.pad.low[i] * to.stride[i];
    }
    copy_walk(&w, value_of(it, n->in[0]), y);
}

void run_join(Interpreter *it, const Node *n, double *y)
{
    const int axis = n->attr.join.axis;
    const Extent to = extent_of(&n->type, it->args->batch);
    int64_t start = 0;
    for (int k = 0; k < n->input_count; k++) {
        const Extent from = extent_of(&n->in[k]->type, it->args->batch);
        Walk w = {.depth = 0};
        for (int i = 0; i < n->type.rank; i++)
            walk_axis(&w, from.size[i], from.stride[i], to.stride[i], 0);
        w.at[1] = start * to.stride[axis];
        start += from.size[axis];
        copy_walk(&w, value_of(it, n->in[k]), y);
    }
}

void run_unwindow(Interpreter *it, const Node *n, double *y)
{
    const double *x = value_of(it, n->in[0]);
    memset(y, 0, (size_t)value_count(it, &n->type) * sizeof *y);
    Walk w = walk_windows(it, n, &n->in[0]->type, &n->type);
    do
        y[w.at[0]] += x[w.at[1]];
    while (walk_next(&w));
    round_value(it, n, y);
}

// --- rows of tables ---------------------------------------------------------------------------

// The row of the table that an index means: those outside mean the nearest.
static int64_t row_of(double index, int64_t rows)
{
    const int64_t row = (int64_t)index;
    return row < 0 ? 0 : row >= rows ? rows - 1 : row;
}

void run_gather(Interpreter *it, const Node *n, double *y)
{
    const double *table = value_of(it, n->in[0]), *index = value_of(it, n->in[1]);
    const int64_t rows = n->in[0]->type.dims[0];
    const int64_t width = type_elements(&n->in[0]->type) / rows;
    for (int64_t i = 0; i < value_count(it, &n->in[1]->type); i++)
        memcpy(y + i * width, table + row_of(index[i], rows) * width, (size_t)width * sizeof *y);
}

void run_scatter_add(Interpreter *it, const Node *n, double *y)
{
    const double *values = value_of(it, n->in[0]), *index = value_of(it, n->in[1]);
    const int64_t rows = n->type.dims[0];
    const int64_t width = type_elements(&n->type) / rows;
    memset(y, 0, (size_t)(rows * width) * sizeof *y);
    for (int64_t i = 0; i < value_count(it, &n->in[1]->type); i++)
        for (int64_t k = 0; k < width; k++)
            y[row_of(index[i], rows) * width + k] += values[i * width + k];
    round_value(it, n, y);
}
