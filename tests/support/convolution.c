// convolution.c -- see convolution.h.

#include "support/convolution.h"

// name, axes, size, kernel, stride, dilation, groups, channels, filters, same, transposed
const Convolution convolutions[] = {
    {"1d", 1, {7, 1}, {3, 1}, {1, 1}, {1, 1}, 1, 2, 3, false, false},
    {"1d same", 1, {7, 1}, {3, 1}, {1, 1}, {1, 1}, 1, 2, 3, true, false},
    {"1d stride", 1, {8, 1}, {3, 1}, {2, 1}, {1, 1}, 1, 2, 3, true, false},
    {"1d remainder", 1, {8, 1}, {3, 1}, {3, 1}, {1, 1}, 1, 2, 2, false, false},
    {"1d end to end", 1, {9, 1}, {3, 1}, {3, 1}, {1, 1}, 1, 2, 2, false, false},
    {"1d gaps", 1, {9, 1}, {2, 1}, {3, 1}, {1, 1}, 1, 2, 2, false, false},
    {"1d dilation", 1, {9, 1}, {3, 1}, {1, 1}, {3, 1}, 1, 2, 2, false, false},
    {"1d dilation same", 1, {9, 1}, {3, 1}, {2, 1}, {2, 1}, 1, 2, 2, true, false},
    {"1d pointwise", 1, {5, 1}, {1, 1}, {1, 1}, {1, 1}, 1, 3, 2, true, false},
    {"1d pointwise stride", 1, {6, 1}, {1, 1}, {4, 1}, {1, 1}, 1, 3, 2, false, false},
    {"1d whole", 1, {5, 1}, {5, 1}, {1, 1}, {1, 1}, 1, 2, 2, false, false},
    {"1d groups", 1, {7, 1}, {3, 1}, {2, 1}, {1, 1}, 3, 2, 2, true, false},
    {"1d depthwise", 1, {7, 1}, {2, 1}, {1, 1}, {2, 1}, 4, 1, 1, true, false},
    {"1d even kernel", 1, {6, 1}, {4, 1}, {2, 1}, {1, 1}, 1, 1, 2, true, false},
    {"2d", 2, {5, 6}, {3, 3}, {1, 1}, {1, 1}, 1, 2, 3, false, false},
    {"2d same", 2, {5, 6}, {3, 3}, {1, 1}, {1, 1}, 1, 2, 3, true, false},
    {"2d stride", 2, {6, 7}, {3, 3}, {2, 2}, {1, 1}, 1, 2, 2, true, false},
    {"2d oblong", 2, {9, 4}, {5, 2}, {3, 1}, {1, 2}, 1, 1, 2, false, false},
    {"2d oblong same", 2, {9, 4}, {5, 2}, {3, 1}, {1, 2}, 1, 1, 2, true, false},
    {"2d one axis", 2, {5, 4}, {3, 1}, {1, 2}, {1, 1}, 1, 2, 2, true, false},
    {"2d one axis end to end", 2, {5, 6}, {3, 2}, {1, 2}, {1, 1}, 1, 2, 2, false, false},
    {"2d patches", 2, {4, 6}, {2, 3}, {2, 3}, {1, 1}, 1, 2, 2, false, false},
    {"2d pointwise stride", 2, {5, 4}, {1, 1}, {2, 2}, {1, 1}, 1, 2, 3, true, false},
    {"2d groups", 2, {5, 5}, {3, 3}, {2, 1}, {1, 1}, 2, 2, 3, true, false},
    {"2d depthwise", 2, {5, 6}, {3, 3}, {1, 1}, {1, 1}, 3, 1, 1, true, false},
    {"2d depthwise stride", 2, {6, 6}, {3, 2}, {2, 2}, {1, 2}, 3, 1, 2, false, false},
    {"2d whole", 2, {3, 4}, {3, 4}, {1, 1}, {1, 1}, 1, 1, 2, false, false},
    {"1d transposed", 1, {4, 1}, {3, 1}, {1, 1}, {1, 1}, 1, 2, 3, false, true},
    {"1d transposed stride", 1, {4, 1}, {3, 1}, {2, 1}, {1, 1}, 1, 2, 3, false, true},
    {"1d transposed end to end", 1, {4, 1}, {2, 1}, {2, 1}, {1, 1}, 1, 2, 3, false, true},
    {"1d transposed gaps", 1, {3, 1}, {2, 1}, {4, 1}, {1, 1}, 1, 2, 2, false, true},
    {"1d transposed pointwise", 1, {3, 1}, {1, 1}, {2, 1}, {1, 1}, 1, 2, 2, false, true},
    {"2d transposed", 2, {3, 4}, {3, 2}, {2, 1}, {1, 1}, 1, 2, 2, false, true},
    {"2d transposed dilation", 2, {2, 3}, {3, 2}, {2, 3}, {2, 1}, 1, 2, 2, false, true},
    {"2d transposed groups", 2, {3, 2}, {3, 3}, {2, 2}, {1, 1}, 2, 2, 1, false, true},
};

const int convolution_count = sizeof convolutions / sizeof *convolutions;

// How many elements of the input a kernel spans.
static int span(const Convolution *c, int axis)
{
    return c->dilation[axis] * (c->kernel[axis] - 1) + 1;
}

// What is put around an axis, the smaller half in front.
static int padding(const Convolution *c, int axis)
{
    const int positions = (c->size[axis] + c->stride[axis] - 1) / c->stride[axis];
    const int missing = (positions - 1) * c->stride[axis] + span(c, axis) - c->size[axis];
    return c->same && missing > 0 ? missing : 0;
}

static int positions_of(const Convolution *c, int axis)
{
    if (c->transposed)
        return (c->size[axis] - 1) * c->stride[axis] + span(c, axis);
    return (c->size[axis] + padding(c, axis) - span(c, axis)) / c->stride[axis] + 1;
}

Type convolution_input(const Convolution *c)
{
    Type t = {.dtype = DTYPE_F32, .rank = 1, .dims = {DIM_BATCH}};
    for (int i = 0; i < c->axes; i++)
        t.dims[t.rank++] = c->size[i];
    t.dims[t.rank++] = c->groups * c->channels;
    return t;
}

Type convolution_weights(const Convolution *c)
{
    Type t = {.dtype = DTYPE_F32};
    for (int i = 0; i < c->axes; i++)
        t.dims[t.rank++] = c->kernel[i];
    t.dims[t.rank++] = c->groups;
    t.dims[t.rank++] = c->channels;
    t.dims[t.rank++] = c->filters;
    return t;
}

// --- of operations ----------------------------------------------------------------------------

// The last axis, of all groups, as two, or two as one.
static Node *split_groups(Builder *b, Node *x, int groups, int each)
{
    Type to = x->type;
    to.dims[to.rank - 1] = groups;
    to.dims[to.rank++] = each;
    return build_reshape(b, x, to);
}

static Node *join_groups(Builder *b, Node *x)
{
    Type to = x->type;
    to.rank--;
    to.dims[to.rank - 1] *= x->type.dims[to.rank];
    return build_reshape(b, x, to);
}

static Node *padded(Builder *b, const Convolution *c, Node *x)
{
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    Type to = x->type;
    for (int i = 0; i < c->axes; i++) {
        low[1 + i] = padding(c, i) / 2;
        to.dims[1 + i] += padding(c, i);
    }
    return build_pad(b, x, to, low, interior, 0);
}

// Labels of the axes, by place: the batch, then the positions and the elements of each axis.
enum { BATCH, POSITION, ELEMENT = POSITION + 2, GROUP = ELEMENT + 2, CHANNEL, FILTER };

static int label_windows(const Convolution *c, int8_t *labels)
{
    int rank = 0;
    labels[rank++] = BATCH;
    for (int i = 0; i < c->axes; i++) {
        labels[rank++] = (int8_t)(POSITION + i);
        labels[rank++] = (int8_t)(ELEMENT + i);
    }
    labels[rank++] = GROUP;
    return rank;
}

static int label_positions(const Convolution *c, int8_t *labels)
{
    int rank = 0;
    labels[rank++] = BATCH;
    for (int i = 0; i < c->axes && rank < MAX_RANK - 2; i++)
        labels[rank++] = (int8_t)(POSITION + i);
    labels[rank++] = GROUP;
    return rank;
}

static void label_weights(const Convolution *c, int8_t *labels)
{
    for (int i = 0; i < c->axes; i++)
        labels[i] = (int8_t)(ELEMENT + i);
    labels[c->axes] = GROUP;
    labels[c->axes + 1] = CHANNEL;
    labels[c->axes + 2] = FILTER;
}

static Node *build_direct(Builder *b, const Convolution *c, Node *x, Node *w)
{
    int8_t left[MAX_RANK], right[MAX_RANK], out[MAX_RANK];
    left[label_windows(c, left)] = CHANNEL;
    label_weights(c, right);
    const int rank = label_positions(c, out);
    out[rank] = FILTER;
    x = padded(b, c, x);
    for (int i = 0; i < c->axes; i++)
        x = build_window(b, x, 1 + 2 * i, c->kernel[i], c->stride[i], c->dilation[i]);
    return build_contract(b, x, w, left, right, out, rank + 1);
}

static Node *build_transposed(Builder *b, const Convolution *c, Node *x, Node *w)
{
    int8_t left[MAX_RANK], right[MAX_RANK], out[MAX_RANK];
    left[label_positions(c, left)] = CHANNEL;
    label_weights(c, right);
    const int rank = label_windows(c, out);
    out[rank] = FILTER;
    Node *y = build_contract(b, x, w, left, right, out, rank + 1);
    for (int i = 0; i < c->axes; i++)
        y = build_unwindow(b, y, 1 + i, c->stride[i], c->dilation[i], positions_of(c, i));
    return y;
}

Node *build_convolution(Builder *b, const Convolution *c, Node *x, Node *w)
{
    x = split_groups(b, x, c->groups, c->channels);
    return join_groups(b, (c->transposed ? build_transposed : build_direct)(b, c, x, w));
}

// --- of loops ---------------------------------------------------------------------------------

// Where the element of a kernel at a position stands; -1: in the padding.
static int place(const Convolution *c, int axis, int position, int element)
{
    const int i = position * c->stride[axis] + element * c->dilation[axis];
    const int inside = i - (c->transposed ? 0 : padding(c, axis) / 2);
    return c->transposed || inside < c->size[axis] ? inside : -1;
}

static void multiply(const Convolution *c, const double *x, const double *w, double *y)
{
    for (int g = 0; g < c->groups; g++)
        for (int i = 0; i < c->channels; i++)
            for (int k = 0; k < c->filters; k++)
                y[g * c->filters + k] +=
                    x[g * c->channels + i] * w[(g * c->channels + i) * c->filters + k];
}

// One position of one example with one element of the kernel: all channels and filters.
static void add_products(const Convolution *c, const int *o, const int *k, const double *x,
                         const double *w, double *y)
{
    const int from[2] = {place(c, 0, o[0], k[0]), place(c, 1, o[1], k[1])};
    if (from[0] < 0 || from[1] < 0)
        return;
    const int width = c->transposed ? positions_of(c, 1) : c->size[1];
    const int far = from[0] * width + from[1];
    const int near = o[0] * (c->transposed ? c->size[1] : positions_of(c, 1)) + o[1];
    multiply(c, x + (c->transposed ? near : far) * c->groups * c->channels,
             w + (k[0] * c->kernel[1] + k[1]) * c->groups * c->channels * c->filters,
             y + (c->transposed ? far : near) * c->groups * c->filters);
}

static void convolve_example(const Convolution *c, const double *x, const double *w, double *y)
{
    const int rows = c->transposed ? c->size[0] : positions_of(c, 0);
    const int columns = c->transposed ? c->size[1] : positions_of(c, 1);
    for (int i = 0; i < rows * columns; i++)
        for (int k = 0; k < c->kernel[0] * c->kernel[1]; k++)
            add_products(c, (int[]){i / columns, i % columns},
                         (int[]){k / c->kernel[1], k % c->kernel[1]}, x, w, y);
}

double *naive_convolution(Arena *a, const Convolution *c, int64_t batch, const double *x,
                          const double *w)
{
    const int from = c->size[0] * c->size[1] * c->groups * c->channels;
    const int to = positions_of(c, 0) * positions_of(c, 1) * c->groups * c->filters;
    double *y = arena_array(a, double, (size_t)(batch * to));
    for (int64_t i = 0; i < batch; i++)
        convolve_example(c, x + i * from, w, y + i * to);
    return y;
}
