// run_nodes.c -- how the interpreter computes leaves, reductions and contractions, and the loop
// around scalar bodies for what is element-wise.

#include <math.h>
#include <string.h>

#include "codegen/interpret/interpreter.h"
#include "codegen/interpret/walk.h"
#include "random.h"

int64_t value_count(const Interpreter *it, const Type *t)
{
    return type_elements(t) * (type_batched(t) ? it->args->batch : 1);
}

// --- leaves -----------------------------------------------------------------------------------

void interpret_input(Interpreter *it, const Node *n, double *y)
{
    memory_load(it->f64, n->type.dtype, it->args->inputs[n->attr.index], value_count(it, &n->type),
                y);
}

void run_variable(Interpreter *it, const Node *n, double *y)
{
    memory_load(it->f64, n->type.dtype, variable_memory(it, n->attr.index),
                value_count(it, &n->type), y);
}

void run_const(Interpreter *it, const Node *n, double *y)
{
    y[0] = n->type.dtype == DTYPE_F32 ? rounded(it, n->attr.value) : n->attr.value;
}

void run_scalar(Interpreter *it, const Node *n, double *y)
{
    const RunArgs *args = it->args;
    const double numbers[SCALAR_KIND_COUNT] = {
        [SCALAR_BATCH] = (double)args->batch,
        [SCALAR_STEP] = (double)args->step,
        [SCALAR_EPOCH] = (double)args->epoch,
        [SCALAR_VALIDATION_LOSS] = (double)args->validation_loss,
    };
    y[0] = rounded(it, numbers[n->attr.scalar]);
}

void run_iota(Interpreter *it, const Node *n, double *y)
{
    Extent e = extent_of(&n->type, it->args->batch);
    int axis = n->attr.axis;
    for (int64_t i = 0; i < value_count(it, &n->type); i++)
        y[i] = (double)(i / e.stride[axis] % e.size[axis]);
}

void run_random(Interpreter *it, const Node *n, double *y)
{
    const RunArgs *args = it->args;
    for (int64_t i = 0; i < value_count(it, &n->type); i++)
        y[i] =
            (double)nnrt_random_f32(args->seed, n->attr.stream, (uint64_t)args->step, (uint64_t)i);
}

// --- element-wise -----------------------------------------------------------------------------

// What the lanes beyond `count` hold is computed and not kept.
void run_lanes(Interpreter *it, const Node *n, int64_t start, int64_t count, double *y)
{
    Sv in[MAX_ARITY] = {{0}};
    Type types[MAX_ARITY] = {{.rank = 0}};
    for (int i = 0; i < n->input_count; i++) {
        in[i].v = (uintptr_t)(value_of(it, n->in[i]) + start);
        types[i] = n->in[i]->type;
    }
    it->lanes.used = 0;
    Sv result = op_table[n->op]->scalar(&it->lanes.emit, in, types, &n->type);
    memcpy(y + start, (const double *)result.v, (size_t)count * sizeof *y);
}

void run_elementwise(Interpreter *it, const Node *n, double *y)
{
    int64_t count = value_count(it, &n->type);
    for (int64_t start = 0; start < count; start += LANES)
        run_lanes(it, n, start, count - start < LANES ? count - start : LANES, y);
}

// --- along axes -------------------------------------------------------------------------------

// The input's elements in order, beside the result's element that each goes into.
static Walk walk_reduction(const Interpreter *it, const Node *n, uint32_t axes)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    Extent to = extent_of(&n->type, it->args->batch);
    Walk w = {.depth = 0};
    int kept = 0;
    for (int i = 0; i < n->in[0]->type.rank; i++) {
        bool reduced = axes & 1u << i;
        walk_axis(&w, from.size[i], from.stride[i], reduced ? 0 : to.stride[kept], 0);
        kept += !reduced;
    }
    return w;
}

static double combine_sum(double y, double x)
{
    return y + x;
}

static double combine_max(double y, double x)
{
    return x > y ? x : y;
}

static double combine_min(double y, double x)
{
    return x < y ? x : y;
}

static const struct {
    double start;
    double (*combine)(double y, double x);
} reductions[REDUCE_KIND_COUNT] = {
    [REDUCE_SUM] = {0, combine_sum},
    [REDUCE_MAX] = {-INFINITY, combine_max},
    [REDUCE_MIN] = {INFINITY, combine_min},
};

// Sums of whole numbers are exact in a double, and wrap in i32.
static double wrapped(double x)
{
    return (double)(int32_t)(uint32_t)(uint64_t)(int64_t)x;
}

void round_value(const Interpreter *it, const Node *n, double *y)
{
    if (n->type.dtype != DTYPE_F32) {
        for (int64_t i = 0; i < value_count(it, &n->type); i++)
            y[i] = wrapped(y[i]);
        return;
    }
    for (int64_t i = 0; i < value_count(it, &n->type); i++)
        y[i] = rounded(it, y[i]);
}

void run_reduce(Interpreter *it, const Node *n, double *y)
{
    const double *x = value_of(it, n->in[0]);
    ReduceKind kind = n->attr.reduce.kind;
    for (int64_t i = 0; i < value_count(it, &n->type); i++)
        y[i] = reductions[kind].start;
    Walk w = walk_reduction(it, n, n->attr.reduce.axes);
    do
        y[w.at[1]] = reductions[kind].combine(y[w.at[1]], x[w.at[0]]);
    while (walk_next(&w));
    round_value(it, n, y);
}

// The index along `axis` of the largest of `size` elements that stand `stride` apart.
static int64_t largest(const double *x, int64_t size, int64_t stride)
{
    int64_t best = 0;
    double high = -INFINITY;
    for (int64_t i = 0; i < size; i++) {
        if (x[i * stride] > high) {
            high = x[i * stride];
            best = i;
        }
    }
    return best;
}

void run_argmax(Interpreter *it, const Node *n, double *y)
{
    Extent from = extent_of(&n->in[0]->type, it->args->batch);
    int axis = n->attr.axis;
    int64_t size = from.size[axis], stride = from.stride[axis];
    for (int64_t i = 0; i < value_count(it, &n->type); i++) {
        int64_t first = i / stride * stride * size + i % stride;
        y[i] = (double)largest(value_of(it, n->in[0]) + first, size, stride);
    }
}

// --- contract ---------------------------------------------------------------------------------

typedef struct Label {
    int64_t size;
    int64_t stride[WALK_ARRAYS];  // in the left input, the right one, the result
} Label;

static void note_labels(Label *labels, const int8_t *names, const Type *t, int64_t batch, int array)
{
    Extent e = extent_of(t, batch);
    for (int i = 0; i < t->rank; i++) {
        labels[names[i]].size = e.size[i];
        labels[names[i]].stride[array] = e.stride[i];
    }
}

static void walk_label(Walk *w, const Label *l)
{
    walk_axis(w, l->size, l->stride[0], l->stride[1], l->stride[2]);
}

// All labels but the last of the result: those of the result outside, in its order; inside what is
// summed over, in the left's order.
static Walk walk_contraction(const Interpreter *it, const Node *n, Label *last)
{
    Label labels[LABEL_COUNT] = {{.size = 0}};
    const int8_t *left = n->attr.contract.left, *out = n->attr.contract.out;
    note_labels(labels, left, &n->in[0]->type, it->args->batch, 0);
    note_labels(labels, n->attr.contract.right, &n->in[1]->type, it->args->batch, 1);
    note_labels(labels, out, &n->type, it->args->batch, 2);
    Walk w = {.depth = 0};
    for (int i = 0; i < n->type.rank - 1; i++)
        walk_label(&w, &labels[out[i]]);
    for (int i = 0; i < n->in[0]->type.rank; i++)
        if (!memchr(out, left[i], (size_t)n->type.rank))
            walk_label(&w, &labels[left[i]]);
    *last = n->type.rank > 0 ? labels[out[n->type.rank - 1]] : (Label){.size = 1};
    return w;
}

// One product for each element of a row of the result, whose elements are neighbours. The first
// case is that of a product of matrices, which compilers make vectors of.
static void add_products(const Label *row, double *y, const double *left, const double *right)
{
    const int64_t l = row->stride[0], r = row->stride[1];
    if (l == 0 && r == 1)
        for (int64_t i = 0; i < row->size; i++)
            y[i] += *left * right[i];
    else
        for (int64_t i = 0; i < row->size; i++)
            y[i] += left[i * l] * right[i * r];
}

// An element is the sum of its products in the order of the walk, whichever is innermost.
void run_contract(Interpreter *it, const Node *n, double *y)
{
    const double *left = value_of(it, n->in[0]), *right = value_of(it, n->in[1]);
    Label row;
    memset(y, 0, (size_t)value_count(it, &n->type) * sizeof *y);
    Walk w = walk_contraction(it, n, &row);
    do
        add_products(&row, y + w.at[2], left + w.at[0], right + w.at[1]);
    while (walk_next(&w));
    round_value(it, n, y);
}
