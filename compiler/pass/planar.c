// planar.c -- convolutions with few channels are computed channel by channel.
//
//   %2 = contract %0, %1 {abdceg,degh->abch} : f32[batch, 28, 28, 6]
//   %3 = tanh %2
// -->
//   %2 = contract %0, %1 {abdceg,degh->ahbc} : f32[batch, 6, 28, 28]
//   %3 = tanh %2
//   %4 = transpose %3 {0, 2, 3, 1}
//
// Vectors run along the last axis of a result. Six channels fill six lanes of them, a row of 28
// fills 28 of 32. So the rows come last where that fills more lanes, and the transpose that puts
// the channels last again sinks through what follows: element-wise operations, poolings, pads and
// windows, until it ends in the labels of a contraction (simplify_sums.c) or has to be made.
//
// Elements along a row must then be neighbours in what the convolution reads, too. What has its
// channels last is transposed once, before it is padded and read through windows.
//
// Not before autodiff: gradients have convolutions of their own.
//
// Needs: simplified IR.  Keeps: values, but for the order of sums.

#include <string.h>

#include "graph/ops/ops.h"
#include "pass/rewrite.h"

// Lanes that shapes are judged by, whatever the machine has.
#define LANES 16
// So many times more lanes must be filled.
#define GAIN 1.5
// Taps of a convolution that pay for transposing what it reads.
#define LEAST_TAPS 9

// --- maps of axes -----------------------------------------------------------------------------

static void inverse(const int8_t *map, int rank, int8_t *to)
{
    for (int i = 0; i < rank; i++)
        to[map[i]] = (int8_t)i;
}

static bool is_identity(const int8_t *map, int rank)
{
    for (int i = 0; i < rank; i++)
        if (map[i] != i)
            return false;
    return true;
}

static Node *transposed(Rewriter *r, Node *x, const int8_t *map)
{
    return is_identity(map, x->type.rank) ? x : build_transpose(&r->b, x, map);
}

// The type whose axis map[i] is axis i of `t`.
static Type type_before(const Type *t, const int8_t *map)
{
    Type before = *t;
    for (int i = 0; i < t->rank; i++)
        before.dims[map[i]] = t->dims[i];
    return before;
}

// --- transposes that sink ---------------------------------------------------------------------
// op(transpose(x))  -->  transpose(op(x)). `t` is the transpose that stands for the input of `n`.

static Node *sink_in_slice(Rewriter *r, const Node *n, Node *t)
{
    const int8_t *map = t->attr.map;
    const Type to = type_before(&n->type, map);
    int32_t start[MAX_RANK], step[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++) {
        start[map[i]] = n->attr.slice.start[i];
        step[map[i]] = n->attr.slice.step[i];
    }
    return transposed(r, build_slice(&r->b, t->in[0], to, start, step), map);
}

static Node *sink_in_pad(Rewriter *r, const Node *n, Node *t)
{
    const int8_t *map = t->attr.map;
    const Type to = type_before(&n->type, map);
    int32_t low[MAX_RANK], interior[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++) {
        low[map[i]] = n->attr.pad.low[i];
        interior[map[i]] = n->attr.pad.interior[i];
    }
    Node *pad = build_pad(&r->b, t->in[0], to, low, interior, (double)n->attr.pad.value);
    return transposed(r, pad, map);
}

static Node *sink_in_window(Rewriter *r, const Node *n, Node *t)
{
    const int axis = n->attr.window.axis, moved = t->attr.map[axis];
    int8_t map[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++) {
        const int from = t->attr.map[i - (i > axis)];
        map[i] = (int8_t)(i == axis + 1 ? moved + 1 : from + (from > moved));
    }
    Node *x = build_window(&r->b, t->in[0], moved, n->attr.window.size, n->attr.window.stride,
                           n->attr.window.dilation);
    return transposed(r, x, map);
}

static Node *sink_in_unwindow(Rewriter *r, const Node *n, Node *t)
{
    const int axis = n->attr.window.axis, moved = t->attr.map[axis];
    int8_t map[MAX_RANK];
    if (t->attr.map[axis + 1] != moved + 1)
        return NULL;
    for (int i = 0; i < n->type.rank; i++) {
        const int from = t->attr.map[i + (i > axis)];
        map[i] = (int8_t)(from - (from > moved));
    }
    Node *x = build_unwindow(&r->b, t->in[0], moved, n->attr.window.stride, n->attr.window.dilation,
                             n->type.dims[axis]);
    return transposed(r, x, map);
}

static int kept_before(uint32_t dropped, int axis)
{
    return axis - __builtin_popcount(dropped & ((1u << axis) - 1));
}

static Node *sink_in_reduce(Rewriter *r, const Node *n, Node *t)
{
    int8_t map[MAX_RANK];
    uint32_t axes = 0;
    for (int i = 0; i < t->type.rank; i++)
        if (n->attr.reduce.axes >> i & 1)
            axes |= 1u << t->attr.map[i];
    for (int i = 0, next = 0; i < t->type.rank; i++)
        if (!(n->attr.reduce.axes >> i & 1))
            map[next++] = (int8_t)kept_before(axes, t->attr.map[i]);
    return transposed(r, build_reduce(&r->b, n->attr.reduce.kind, t->in[0], axes), map);
}

// Axes that repeat go with the one before them, so that a reshape can join the two.
static Node *sink_in_broadcast(Rewriter *r, const Node *n, Node *t)
{
    const int rank = t->type.rank, first = rank ? n->attr.map[0] : 0;
    int8_t back[MAX_RANK], map[MAX_RANK], places[MAX_RANK] = {0};
    int next = first;
    inverse(t->attr.map, rank, back);
    for (int i = 0; i < first; i++)
        map[i] = (int8_t)i;
    for (int k = 0; k < rank; k++) {
        const int axis = back[k], end = axis + 1 < rank ? n->attr.map[axis + 1] : n->type.rank;
        places[k] = (int8_t)next;
        for (int i = n->attr.map[axis]; i < end; i++)
            map[i] = (int8_t)next++;
    }
    return transposed(r, build_broadcast(&r->b, t->in[0], type_before(&n->type, map), places), map);
}

static Node *sink_in_transpose(Rewriter *r, const Node *n, Node *t)
{
    int8_t map[MAX_RANK];
    for (int i = 0; i < n->type.rank; i++)
        map[i] = t->attr.map[n->attr.map[i]];
    return transposed(r, t->in[0], map);
}

// Axes of two shapes, in order, that hold the same elements.
typedef struct Groups {
    int from[MAX_RANK + 1], to[MAX_RANK + 1];  // where each begins
    int count;
} Groups;

static bool find_groups(const Type *from, const Type *to, Groups *g)
{
    int i = 0, k = 0;
    g->count = 0;
    while (i < from->rank && k < to->rank) {
        g->from[g->count] = i;
        g->to[g->count++] = k;
        int64_t a = from->dims[i++], b = to->dims[k++];
        while (a != b && i <= from->rank && k <= to->rank)
            if (a < b && i < from->rank && a > 0)
                a *= from->dims[i++];
            else if (k < to->rank && b > 0)
                b *= to->dims[k++];
            else
                return false;
    }
    g->from[g->count] = from->rank;
    g->to[g->count] = to->rank;
    return g->count > 0;
}

static bool stays_together(const int8_t *map, int begin, int end)
{
    for (int i = begin; i + 1 < end; i++)
        if (map[i + 1] != map[i] + 1)
            return false;
    return true;
}

static int group_of(const Groups *g, int axis)
{
    int i = 0;
    while (g->from[i + 1] <= axis)
        i++;
    return i;
}

static Node *sink_in_reshape(Rewriter *r, const Node *n, Node *t)
{
    Groups g;
    int8_t back[MAX_RANK], map[MAX_RANK];
    int next = 0;
    if (!find_groups(&t->type, &n->type, &g))
        return NULL;
    for (int i = 0; i < g.count; i++)
        if (!stays_together(t->attr.map, g.from[i], g.from[i + 1]))
            return NULL;
    inverse(t->attr.map, t->type.rank, back);
    for (int k = 0; k < t->type.rank; k++) {
        const int group = group_of(&g, back[k]);
        if (g.from[group] == back[k])
            for (int i = g.to[group]; i < g.to[group + 1]; i++)
                map[i] = (int8_t)next++;
    }
    return transposed(r, build_reshape(&r->b, t->in[0], type_before(&n->type, map)), map);
}

typedef Node *Sink(Rewriter *r, const Node *n, Node *t);

static Sink *const sinks[OP_COUNT] = {
    [OP_slice] = sink_in_slice,     [OP_pad] = sink_in_pad,
    [OP_window] = sink_in_window,   [OP_unwindow] = sink_in_unwindow,
    [OP_reduce] = sink_in_reduce,   [OP_broadcast] = sink_in_broadcast,
    [OP_reshape] = sink_in_reshape, [OP_transpose] = sink_in_transpose,
};

static double filled_lanes(int64_t size)
{
    return (double)size / (double)((size + LANES - 1) / LANES * LANES);
}

// A transpose that puts few channels last and leaves the order of the others. Others have reasons
// of their own.
static bool puts_few_last(const Node *n)
{
    const int last = n->type.rank - 1;
    if (n->op != OP_transpose || last < 0 || (double)n->type.dims[last] * GAIN >= LANES ||
        n->attr.map[last] == last)
        return false;
    for (int i = 1; i < last; i++)
        if (n->attr.map[i] < n->attr.map[i - 1])
            return false;
    return n->type.dims[last] > 0;
}

static Node *sink(Rewriter *r, Node *n)
{
    return puts_few_last(n->in[0]) ? sinks[n->op](r, n, n->in[0]) : NULL;
}

// --- element-wise operations ------------------------------------------------------------------

// Whether a broadcast's axes keep their order when axis i becomes axis map[i].
static bool keeps_order(const Node *n, const int8_t *map)
{
    for (int i = 1; i < n->in[0]->type.rank; i++)
        if (map[n->attr.map[i]] < map[n->attr.map[i - 1]])
            return false;
    return true;
}

static bool is_alike(const Node *n, const Node *t)
{
    if (n->op == OP_transpose)
        return memcmp(n->attr.map, t->attr.map, sizeof n->attr.map) == 0;
    return n->op == OP_broadcast && keeps_order(n, t->attr.map);
}

static Node *before(Rewriter *r, Node *n, const Node *t)
{
    int8_t map[MAX_RANK] = {0};
    if (n->op == OP_transpose)
        return n->in[0];
    for (int i = 0; i < n->in[0]->type.rank; i++)
        map[i] = t->attr.map[n->attr.map[i]];
    return build_broadcast(&r->b, n->in[0], type_before(&n->type, t->attr.map), map);
}

static Node *sink_in_elementwise(Rewriter *r, Node *n)
{
    const Node *t = NULL;
    Node *in[MAX_ARITY];
    for (int i = 0; i < n->input_count && !t; i++)
        t = puts_few_last(n->in[i]) ? n->in[i] : NULL;
    if (!t)
        return NULL;
    for (int i = 0; i < n->input_count; i++)
        if (!is_alike(n->in[i], t))
            return NULL;
    for (int i = 0; i < n->input_count; i++)
        in[i] = before(r, n->in[i], t);
    const Type type = type_before(&n->type, t->attr.map);
    return build_transpose(&r->b, build_like(r, n, in, &type), t->attr.map);
}

// --- what a contraction reads -----------------------------------------------------------------

static const int8_t *labels_of(const Node *contract, int k)
{
    return k ? contract->attr.contract.right : contract->attr.contract.left;
}

// An axis of an operand, followed through windows, pads, slices and transposes to where its
// elements stand.
typedef struct Axis {
    Node *chain[MAX_RANK * 2];  // from the operand on
    int count;
    Node *base;
    int axis;  // of the base
    int taps;
    bool windowed;  // a window slides along it
    bool steps;     // by more than one element
} Axis;

static bool is_last(const Type *t, int axis)
{
    for (int i = axis + 1; i < t->rank; i++)
        if (t->dims[i] != 1)
            return false;
    return true;
}

// A transpose that has the axis last is made.
static bool follows_axis(Axis *a, const Node *n)
{
    const int axis = n->attr.window.axis;
    if (n->op == OP_transpose && is_last(&n->type, a->axis)) {
        return false;
    } else if (n->op == OP_transpose) {
        a->axis = n->attr.map[a->axis];
    } else if (n->op == OP_pad) {
        a->steps |= n->attr.pad.interior[a->axis] > 0;
    } else if (n->op == OP_slice) {
        a->steps |= n->attr.slice.step[a->axis] != 1;
    } else if (n->op == OP_window && a->axis != axis + 1) {
        a->windowed |= a->axis == axis;
        a->steps |= a->axis == axis && n->attr.window.stride > 1;
        a->taps *= n->attr.window.size;
        a->axis -= a->axis > axis;
    } else {
        return false;
    }
    return true;
}

static Axis find_axis(Node *x, int axis)
{
    Axis a = {.base = x, .axis = axis, .taps = 1};
    while (a.count < MAX_RANK * 2 && follows_axis(&a, a.base)) {
        a.chain[a.count++] = a.base;
        a.base = a.base->in[0];
    }
    return a;
}

static bool are_neighbours(const Axis *a)
{
    return is_last(&a->base->type, a->axis) && !a->steps;
}

// The operand, made of a base that has the axis last: the ones behind it go before it, behind the
// batch.
static Node *with_axis_last(Rewriter *r, const Axis *a)
{
    const int rank = a->base->type.rank, batched = type_batched(&a->base->type);
    int8_t map[MAX_RANK], back[MAX_RANK] = {0};
    int next = 0;
    if (batched)
        map[next++] = 0;
    for (int i = a->axis + 1; i < rank; i++)
        map[next++] = (int8_t)i;
    for (int i = batched; i <= a->axis; i++)
        map[next++] = (int8_t)i;
    inverse(map, rank, back);
    Node *x = build_transpose(&r->b, build_transpose(&r->b, a->base, map), back);
    for (int i = a->count - 1; i >= 0; i--) {
        const Node *n = a->chain[i];
        x = x->op == OP_transpose ? sinks[n->op](r, n, x) : build_like(r, n, &x, &n->type);
    }
    return x;
}

// --- contractions -----------------------------------------------------------------------------

static Node *contract_of(Rewriter *r, Node *left, Node *right, const Attr *attr)
{
    Node *in[2] = {left, right};
    return build_node(&r->b, OP_contract, 2, in, attr);
}

// Which operand has the label alone; -1: both have it.
static int owner(const Node *n, int8_t label)
{
    const bool left = label_axis(n->attr.contract.left, n->in[0]->type.rank, label) >= 0;
    const bool right = label_axis(n->attr.contract.right, n->in[1]->type.rank, label) >= 0;
    return left && right ? -1 : right;
}

static bool gains(const Type *t)
{
    const int64_t few = t->dims[t->rank - 1], many = t->dims[t->rank - 2];
    return few > 1 && many > 1 && filled_lanes(many) > GAIN * filled_lanes(few);
}

// The last axis of the result comes behind the batch.
static Node *channels_first(Rewriter *r, const Node *n, Node *const *in)
{
    const int rank = n->type.rank, first = type_batched(&n->type);
    Attr attr = n->attr;
    int8_t map[MAX_RANK] = {0};
    for (int i = first; i < rank; i++) {
        map[i] = (int8_t)(i + 1 < rank ? i + 1 : first);
        attr.contract.out[map[i]] = n->attr.contract.out[i];
    }
    return build_transpose(&r->b, contract_of(r, in[0], in[1], &attr), map);
}

static Node *rows_last(Rewriter *r, Node *n)
{
    const int rank = n->type.rank;
    if (rank < 3 || !gains(&n->type))
        return NULL;
    const int8_t row = n->attr.contract.out[rank - 2];
    const int x = owner(n, row), w = owner(n, n->attr.contract.out[rank - 1]);
    if (x < 0 || w != !x)
        return NULL;
    const Axis a = find_axis(n->in[x], label_axis(labels_of(n, x), n->in[x]->type.rank, row));
    const bool there = are_neighbours(&a);
    if (!a.windowed || a.steps || (!there && a.taps < LEAST_TAPS))
        return NULL;
    Node *in[2] = {n->in[0], n->in[1]};
    if (!there)
        in[x] = with_axis_last(r, &a);
    return channels_first(r, n, in);
}

// Whether the results have neighbours that an operand has, too.
static bool has_vectors(const Node *n)
{
    int last = n->type.rank - 1;
    while (last >= 0 && n->type.dims[last] == 1)
        last--;
    for (int k = 0; k < 2 && last >= 0; k++) {
        const int8_t label = n->attr.contract.out[last];
        const int axis = label_axis(labels_of(n, k), n->in[k]->type.rank, label);
        if (axis < 0)
            continue;
        const Axis a = find_axis(n->in[k], axis);
        if (are_neighbours(&a))
            return true;
    }
    return false;
}

// A sum over rows, such as the gradient of the weights, has them last in both operands.
static Node *sum_along_rows(Rewriter *r, Node *n)
{
    if (has_vectors(n))
        return NULL;
    for (int k = 0; k < 2; k++) {
        const int last = n->in[k]->type.rank - 1;
        const int8_t label = last >= 0 ? labels_of(n, k)[last] : NO_LABEL;
        const int axis = label_axis(labels_of(n, !k), n->in[!k]->type.rank, label);
        if (axis < 0 || owner(n, label) >= 0 || n->in[k]->op == OP_transpose)
            continue;
        const Axis a = find_axis(n->in[!k], axis);
        if (!a.windowed || a.steps || are_neighbours(&a))
            continue;
        Node *in[2] = {n->in[0], n->in[1]};
        in[!k] = with_axis_last(r, &a);
        return contract_of(r, in[0], in[1], &n->attr);
    }
    return NULL;
}

static const Rule rules[] = {
    {OP_contract, rows_last},
    {OP_contract, sum_along_rows},
    {ANY_ELEMENTWISE, sink_in_elementwise},
    {OP_slice, sink},
    {OP_pad, sink},
    {OP_window, sink},
    {OP_unwindow, sink},
    {OP_reduce, sink},
    {OP_broadcast, sink},
    {OP_reshape, sink},
    RULES_END,
};

bool pass_planar(Pass *p, Graph *g)
{
    const Rule *const tables[] = {rules, NULL};
    const int applied = p->differentiable ? 0 : rewrite(p, g, tables);
    pass_count(p, "moved", applied);
    return applied > 0;
}
