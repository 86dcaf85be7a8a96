// random_model.c -- see random_model.h.
//
// A pool of values grows step by step; a step takes some out of it and makes a new one, or fails
// when nothing fits, which costs nothing.

#include "pass/random_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { MAX_POOL = 100, MAX_MADE_RANK = 5, TRIES = 30, SHAPE_COUNT = 8, VARIABLE_COUNT = 4 };

typedef struct Maker {
    Builder b;
    uint64_t state;
    Node *pool[MAX_POOL];
    int count;
} Maker;

#define SHAPE(rank_, ...)                                          \
    {                                                              \
        .dtype = DTYPE_F32, .rank = rank_, .dims = { __VA_ARGS__ } \
    }

static const Type shapes[SHAPE_COUNT] = {
    SHAPE(3, DIM_BATCH, 4, 3),
    SHAPE(2, DIM_BATCH, 3),
    SHAPE(1, DIM_BATCH),
    SHAPE(3, DIM_BATCH, 4, 1),
    SHAPE(2, 4, 3),
    SHAPE(1, 3),
    SHAPE(1, 4),
    SHAPE(2, 3, 4),
};

static unsigned below(Maker *m, unsigned n)
{
    m->state = m->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((m->state >> 33) % n);
}

// --- taking -----------------------------------------------------------------------------------

static Node *any(Maker *m)
{
    Node *n;
    do
        n = m->pool[below(m, (unsigned)m->count)];
    while (n->type.dtype != DTYPE_F32);
    return n;
}

static Node *constant_like(Maker *m, const Type *like)
{
    static const double values[] = {0, 1, -1, 2, 0.5, 3, -4, 0.25};
    return build_filled(&m->b, like, values[below(m, 8)]);
}

// A value of this shape, from the pool if there is one.
static Node *alike(Maker *m, const Type *like, DType dtype)
{
    Type type = *like;
    type.dtype = dtype;
    for (int i = 0; i < TRIES; i++) {
        Node *n = m->pool[below(m, (unsigned)m->count)];
        if (type_equal(&n->type, &type))
            return n;
    }
    if (dtype == DTYPE_BOOL)
        return build_filled(&m->b, &type, below(m, 2));
    return constant_like(m, &type);
}

static Node *bounded(Maker *m, Node *x)
{
    return build_unary(&m->b, below(m, 2) ? OP_tanh : OP_sigmoid, x);
}

static Node *positive(Maker *m, Node *x)
{
    Node *size = build_unary(&m->b, OP_abs, x);
    return build_binary(&m->b, OP_add, size, build_filled(&m->b, &x->type, 0.5));
}

// --- steps ------------------------------------------------------------------------------------

typedef Node *Step(Maker *m, Node *x);

static Node *step_sum(Maker *m, Node *x)
{
    return build_binary(&m->b, below(m, 2) ? OP_add : OP_sub, x, alike(m, &x->type, DTYPE_F32));
}

static Node *step_product(Maker *m, Node *x)
{
    return build_binary(&m->b, OP_mul, bounded(m, x), alike(m, &x->type, DTYPE_F32));
}

static Node *step_quotient(Maker *m, Node *x)
{
    return build_binary(&m->b, OP_div, x, positive(m, alike(m, &x->type, DTYPE_F32)));
}

static Node *step_scale(Maker *m, Node *x)
{
    static const double values[] = {1, -1, 2, 0.5, 3, -4};
    Node *c = build_filled(&m->b, &x->type, values[below(m, 6)]);
    return build_binary(&m->b, below(m, 2) ? OP_mul : OP_div, x, c);
}

static Node *step_sign(Maker *m, Node *x)
{
    return build_unary(&m->b, below(m, 3) ? OP_neg : OP_abs, x);
}

static Node *step_power(Maker *m, Node *x)
{
    static const double exponents[] = {0, 1, 2, 3, 4, 0.5, -1, -0.5};
    Node *exponent = build_filled(&m->b, &x->type, exponents[below(m, 8)]);
    return build_binary(&m->b, OP_pow, positive(m, bounded(m, x)), exponent);
}

static Node *step_extreme(Maker *m, Node *x)
{
    return build_binary(&m->b, below(m, 2) ? OP_max : OP_min, x, alike(m, &x->type, DTYPE_F32));
}

static Node *step_comparison(Maker *m, Node *x)
{
    static const OpId ops[] = {OP_lt, OP_le, OP_gt, OP_ge, OP_eq, OP_ne};
    Node *left = below(m, 2) ? x : constant_like(m, &x->type);
    return build_binary(&m->b, ops[below(m, 6)], left, alike(m, &x->type, DTYPE_F32));
}

static Node *step_mask(Maker *m, Node *x)
{
    Node *mask = build_cast(&m->b, alike(m, &x->type, DTYPE_BOOL), DTYPE_F32);
    return below(m, 3) ? build_binary(&m->b, OP_mul, x, mask) : mask;
}

static Node *step_logic(Maker *m, Node *x)
{
    Node *mask = alike(m, &x->type, DTYPE_BOOL);
    if (below(m, 2))
        return build_unary(&m->b, OP_not, mask);
    return build_binary(&m->b, below(m, 2) ? OP_and : OP_or, mask, alike(m, &x->type, DTYPE_BOOL));
}

static Node *step_choice(Maker *m, Node *x)
{
    Node *mask = alike(m, &x->type, DTYPE_BOOL);
    return build_where(&m->b, mask, x, alike(m, &x->type, DTYPE_F32));
}

static Node *step_reduce(Maker *m, Node *x)
{
    if (x->type.rank == 0)
        return NULL;
    const uint32_t axes = 1 + below(m, (1u << x->type.rank) - 1);
    return build_reduce(&m->b, (ReduceKind)below(m, REDUCE_KIND_COUNT), x, axes);
}

static Node *step_broadcast(Maker *m, Node *x)
{
    const Type *to = &shapes[below(m, SHAPE_COUNT)];
    int8_t map[MAX_RANK] = {0};
    int k = 0;
    for (int i = 0; i < x->type.rank; i++) {
        while (k < to->rank && to->dims[k] != x->type.dims[i] &&
               (x->type.dims[i] != 1 || to->dims[k] == DIM_BATCH || below(m, 2)))
            k++;
        if (k == to->rank)
            return NULL;
        map[i] = (int8_t)k++;
    }
    return build_broadcast(&m->b, x, *to, map);
}

// Axes of size 1 come and go, anywhere but before the batch.
static Node *step_unit_axes(Maker *m, Node *x)
{
    Type to = {.dtype = DTYPE_F32};
    for (int i = 0; i < x->type.rank; i++) {
        if (x->type.dims[i] == 1 && below(m, 2))
            continue;
        if (x->type.dims[i] != DIM_BATCH && below(m, 3) == 0)
            to.dims[to.rank++] = 1;
        to.dims[to.rank++] = x->type.dims[i];
    }
    return to.rank <= MAX_MADE_RANK ? build_reshape(&m->b, x, to) : NULL;
}

static Node *step_flatten(Maker *m, Node *x)
{
    Type to = {.dtype = DTYPE_F32};
    if (type_batched(&x->type))
        to.dims[to.rank++] = DIM_BATCH;
    to.dims[to.rank++] = type_elements(&x->type);
    return build_reshape(&m->b, x, to);
}

static Node *step_transpose(Maker *m, Node *x)
{
    int8_t map[MAX_RANK] = {0};
    const int first = type_batched(&x->type) ? 1 : 0;
    for (int i = 0; i < x->type.rank; i++)
        map[i] = (int8_t)i;
    for (int i = x->type.rank - 1; i > first; i--) {
        const int k = first + (int)below(m, (unsigned)(i - first + 1));
        const int8_t axis = map[i];
        map[i] = map[k];
        map[k] = axis;
    }
    return build_transpose(&m->b, x, map);
}

// An axis that is not the batch, or -1.
static int some_axis(Maker *m, const Node *x)
{
    const int first = type_batched(&x->type) ? 1 : 0;
    return x->type.rank > first ? first + (int)below(m, (unsigned)(x->type.rank - first)) : -1;
}

static Node *step_slice(Maker *m, Node *x)
{
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    Type to = x->type;
    for (int i = 0; i < to.rank; i++)
        step[i] = 1;
    const int axis = some_axis(m, x);
    if (axis < 0)
        return NULL;
    const int size = (int)to.dims[axis], apart = 1 + (int)below(m, 3);
    start[axis] = (int32_t)below(m, (unsigned)size);
    step[axis] = below(m, 3) ? apart : -apart;
    const int room = (step[axis] > 0 ? size - 1 - start[axis] : start[axis]) / apart;
    to.dims[axis] = room + 1;
    return build_slice(&m->b, x, to, start, step);
}

static Node *step_pad(Maker *m, Node *x)
{
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    Type to = x->type;
    const int axis = some_axis(m, x);
    if (axis < 0 || to.dims[axis] > 6)
        return NULL;
    low[axis] = (int32_t)below(m, 3);
    interior[axis] = (int32_t)below(m, 3);
    to.dims[axis] = low[axis] + (interior[axis] + 1) * (to.dims[axis] - 1) + 1 + below(m, 3);
    return build_pad(&m->b, x, to, low, interior, below(m, 3) == 0);
}

static Node *step_window(Maker *m, Node *x)
{
    const int axis = some_axis(m, x), size = 1 + (int)below(m, 3), dilation = 1 + (int)below(m, 2);
    if (axis < 0 || x->type.rank == MAX_MADE_RANK || x->type.dims[axis] <= dilation * (size - 1))
        return NULL;
    return build_window(&m->b, x, axis, size, 1 + (int)below(m, 3), dilation);
}

static Node *step_unwindow(Maker *m, Node *x)
{
    const int axis = some_axis(m, x), stride = 1 + (int)below(m, 3),
              dilation = 1 + (int)below(m, 2);
    if (axis < 0 || axis + 1 == x->type.rank)
        return NULL;
    const int64_t n = stride * (x->type.dims[axis] - 1) + dilation * (x->type.dims[axis + 1] - 1) +
                      1 + below(m, (unsigned)stride);
    return n > 20 ? NULL : build_unwindow(&m->b, x, axis, stride, dilation, n);
}

// Whether the last axis of x can be summed against the first of y.
static bool chains(const Node *x, const Node *y)
{
    const int rank = x->type.rank;
    return rank > 0 && y->type.rank > 0 && y->type.dims[0] == x->type.dims[rank - 1] &&
           y->type.dims[0] != DIM_BATCH && rank + y->type.rank - 2 <= MAX_MADE_RANK;
}

static Node *step_contract(Maker *m, Node *x)
{
    int8_t left[MAX_RANK], right[MAX_RANK], out[MAX_RANK];
    Node *y = any(m);
    for (int i = 0; i < TRIES && !chains(x, y); i++)
        y = any(m);
    if (!chains(x, y))
        return NULL;
    int8_t label = 0;
    int rank = 0;
    for (int i = 0; i < x->type.rank; i++)
        left[i] = label++;
    for (int i = 0; i < x->type.rank - 1; i++)
        out[rank++] = left[i];
    right[0] = left[x->type.rank - 1];
    for (int i = 1; i < y->type.rank; i++)
        right[i] = out[rank++] = label++;
    return build_contract(&m->b, bounded(m, x), bounded(m, y), left, right, out, rank);
}

// Over the last axis, as the library writes it, but for the logarithm that a loss takes.
static Node *step_softmax(Maker *m, Node *x)
{
    static const int8_t map[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const int last = x->type.rank - 1;
    if (last < 0 || x->type.dims[last] == DIM_BATCH)
        return NULL;
    Node *max = build_reduce(&m->b, REDUCE_MAX, x, 1u << last);
    Node *shift = build_broadcast(&m->b, max, x->type, map);
    Node *e = build_unary(&m->b, OP_exp, build_binary(&m->b, OP_sub, x, shift));
    Node *sum = build_reduce(&m->b, REDUCE_SUM, e, 1u << last);
    Node *p = build_binary(&m->b, OP_div, e, build_broadcast(&m->b, sum, x->type, map));
    return below(m, 2) ? p : build_unary(&m->b, OP_log, p);
}

static Node *step_log_sigmoid(Maker *m, Node *x)
{
    Node *p = build_unary(&m->b, OP_sigmoid, bounded(m, x));
    if (below(m, 2))
        p = build_binary(&m->b, OP_sub, build_filled(&m->b, &x->type, 1), p);
    return build_unary(&m->b, OP_log, p);
}

static Node *step_softplus(Maker *m, Node *x)
{
    Node *e = build_unary(&m->b, OP_exp, bounded(m, x));
    Node *sum = build_binary(&m->b, OP_add, build_filled(&m->b, &x->type, 1), e);
    return build_unary(&m->b, OP_log, sum);
}

static Step *const steps[] = {
    step_sum,         step_sum,      step_product,   step_product,  step_quotient,   step_scale,
    step_sign,        step_power,    step_extreme,   step_mask,     step_comparison, step_logic,
    step_choice,      step_reduce,   step_broadcast, step_flatten,  step_unit_axes,  step_transpose,
    step_broadcast,   step_contract, step_slice,     step_slice,    step_slice,      step_pad,
    step_pad,         step_window,   step_window,    step_unwindow, step_softmax,    step_softplus,
    step_log_sigmoid,
};

// --- the graph --------------------------------------------------------------------------------

static void add(Maker *m, Node *n)
{
    if (n && n->type.rank <= MAX_MADE_RANK)
        m->pool[m->count++] = n;
}

static void add_leaves(Maker *m)
{
    static const int variables[VARIABLE_COUNT] = {4, 5, 6, 7};  // shapes without the batch
    Graph *g = m->b.graph;
    add(m, build_input(&m->b, intern(g->names, "x"), shapes[0]));
    add(m, build_input(&m->b, intern(g->names, "y"), shapes[1]));
    add(m, build_scalar(&m->b, SCALAR_STEP));
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        const Name path = intern(g->names, arena_printf(g->arena, "w%d", i));
        variables_add(g->variables, (Variable){.path = path, .type = shapes[variables[i]]});
        add(m, build_variable(&m->b, i));
    }
}

// A scalar that depends on the last value and on some others.
static Node *loss_of(Maker *m)
{
    Node *loss = build_const(&m->b, DTYPE_F32, 0);
    for (int i = 0; i < 6; i++) {
        Node *last = m->pool[m->count - 1];
        Node *x = bounded(m, i == 0 && last->type.dtype == DTYPE_F32 ? last : any(m));
        if (x->type.rank > 0)
            x = build_reduce(&m->b, REDUCE_SUM, x, (1u << x->type.rank) - 1);
        loss = build_binary(&m->b, OP_add, loss, x);
    }
    return loss;
}

Graph *random_model(Arena *a, uint64_t seed, bool loss)
{
    Graph *g = graph_new(a, interner_new(a), variables_new(a), "predict");
    Maker m = {.b = {.graph = g}, .state = seed * 977 + 13};
    add_leaves(&m);
    for (int i = 10 + (int)below(&m, 40); i > 0; i--)
        add(&m, steps[below(&m, sizeof steps / sizeof *steps)](&m, any(&m)));
    if (loss)
        graph_output(g, intern(g->names, "loss"), loss_of(&m));
    for (int i = m.count - 6; i < m.count && !loss; i++)
        graph_output(g, intern(g->names, arena_printf(a, "o%d", i)), m.pool[i]);
    graph_clean(g);
    const char *wrong = graph_verify(g, a);
    cr_assert(!wrong, "seed %d: %s", (int)seed, wrong);
    return g;
}
