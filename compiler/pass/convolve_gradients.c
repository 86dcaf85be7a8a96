// convolve_gradients.c -- sums over windows put back become convolutions.
//
//   %2 = contract %0, %1 {abc,dec->abde}     (%0: dy f32[batch, 4, 8], %1: w f32[3, 2, 8])
//   %3 = unwindow %2 {axis 1, size 3, stride 2, dilation 1} : f32[batch, 9, 2]
// -->
//   %2 = pad %0 {0:0, 2:1, 0:0; 0} : f32[batch, 11, 8]
//   %3 = window %2 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 9, 3, 8]
//   %4 = slice %1 {2:-1, 0:1, 0:1} : f32[3, 2, 8]
//   %5 = contract %3, %4 {abdc,dec->abe} : f32[batch, 9, 2]
//
// That is the gradient of a convolution to its input, and a transposed convolution. Element i of
// the result is the sum of dy[o] w[k] over o * stride + k * dilation = i. Put dy[o] at place
// o * stride of a longer axis, between zeros: then it is the sum over k of what stands at place
// i - k * dilation, for every i alike, which is a convolution with w read backwards. Adding to
// scattered places, which is neither split over threads nor kept in registers, becomes a
// contraction, which is both.
//
// With a stride s there would be products with the zeros. Elements s apart need the same weights:
// element s I + p (phase p) of the part of the result that begins at `start` is the sum over t of
// dy[I - t] w[s t + p + start]. So the phase becomes an axis of the weights, padded with zeros to a
// multiple of s, and of the result, which a reshape puts in order:
//
//   %2 = contract %0, %1 {abc,dec->abde};  %3 = unwindow %2 {axis 1, size 3, stride 2}
// -->
//   %2 = pad %0 : f32[batch, 6, 8]
//   %3 = window %2 {axis 1, size 2, stride 1, dilation 1} : f32[batch, 5, 2, 8]
//   %4 = pad %1 : f32[4, 2, 8];  %5 = reshape %4 : f32[2, 2, 2, 8];  %6 = slice %5 {reversed}
//   %7 = contract %3, %6 {abdc,dfec->abfe} : f32[batch, 5, 2, 2];  %8 = reshape %7
//
// Any number of axes at once, with any other labels: groups and channels of a depthwise
// convolution are labels that both inputs and the result have. Axes whose windows do not overlap
// stay as they are, since nothing is added up there; they are put back after the contraction. A
// slice of the result, where the convolution was padded, goes before the contraction, from where
// simplify takes it into the pad.
//
// Not before autodiff: the weights of a transposed convolution have a better gradient as it is
// written, without the zeros.
//
// Needs: verified IR, before simplify, which makes reshapes of windows that meet end to end.
// Keeps: values, but for the order of sums.

#include <string.h>

#include "pass/rewrite.h"

// --- the pattern ------------------------------------------------------------------------------

// An axis of the result that was put together from windows.
typedef struct Axis {
    int8_t position, element;  // labels in the contraction
    int32_t stride, dilation;
    int64_t size;  // of the axis
    bool stays;
    // With a stride: the part of the axis that is needed, and the phases.
    bool phased;
    int8_t phase;             // label of the phases
    int64_t start, needed;    // elements start to start + needed
    int64_t first_tap, taps;  // t from first_tap on
    int64_t places;           // ceil(needed / stride)
} Axis;

typedef struct Scatter {
    const Node *contract;
    int dy;  // which input of the contraction has the positions; the other has the elements
    Axis axes[MAX_RANK];
    int count;
} Scatter;

// The unwindows that make `n` of a contraction, the first applied last in the list. What has other
// users stays, and then the contraction would be computed twice.
static const Node *find_contract(const Node *n, const Node **unwindows, int *count)
{
    const Node *x = n;
    for (*count = 0; x->op == OP_unwindow; x = x->in[0]) {
        if (*count == MAX_RANK || (x != n && !used_once(x)))
            return NULL;
        unwindows[(*count)++] = x;
    }
    return x->op == OP_contract && used_once(x) ? x : NULL;
}

static bool has_label(const Node *contract, int input, int8_t label)
{
    const int8_t *labels =
        input == 0 ? contract->attr.contract.left : contract->attr.contract.right;
    return label_axis(labels, contract->in[input]->type.rank, label) >= 0;
}

// Whether one input has the positions of all axes that change and the other the elements.
static bool is_separable(const Scatter *s, int dy)
{
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        if (a->stays)
            continue;
        if (!has_label(s->contract, dy, a->position) || has_label(s->contract, 1 - dy, a->position))
            return false;
        if (has_label(s->contract, dy, a->element) || !has_label(s->contract, 1 - dy, a->element))
            return false;
    }
    return true;
}

static bool overlaps(const Node *unwindow)
{
    const int64_t span = unwindow->attr.window.dilation * (unwindow->attr.window.size - (int64_t)1);
    const int64_t positions = unwindow->in[0]->type.dims[unwindow->attr.window.axis];
    return positions > 1 && unwindow->attr.window.stride <= span;
}

// Windows of one element next to each other are free either way, and would be in the way of a slice
// if they stayed.
static bool is_trivial(const Node *unwindow)
{
    return unwindow->attr.window.size == 1 && unwindow->attr.window.stride == 1;
}

static void remove_label(int8_t *labels, int axis)
{
    memmove(labels + axis, labels + axis + 1, (size_t)(MAX_RANK - axis - 1));
    labels[MAX_RANK - 1] = NO_LABEL;
}

// `labels` are those of the axes that the unwindow is given, and then of those it makes. False when
// the axis has been put together before.
static bool add_axis(Scatter *s, const Node *unwindow, int8_t *labels)
{
    const int axis = unwindow->attr.window.axis;
    for (int i = 0; i < s->count; i++)
        if (s->axes[i].position == labels[axis])
            return false;
    s->axes[s->count++] = (Axis){
        .position = labels[axis],
        .element = labels[axis + 1],
        .stride = unwindow->attr.window.stride,
        .dilation = unwindow->attr.window.dilation,
        .size = unwindow->type.dims[axis],
        .stays = !overlaps(unwindow) && !is_trivial(unwindow),
    };
    remove_label(labels, axis + 1);
    return true;
}

static bool as_scatter(const Node *n, Scatter *s)
{
    const Node *unwindows[MAX_RANK];
    int8_t labels[MAX_RANK];
    int count;
    bool worthwhile = false;
    *s = (Scatter){.contract = find_contract(n, unwindows, &count)};
    if (!s->contract)
        return false;
    memcpy(labels, s->contract->attr.contract.out, sizeof labels);
    for (int i = count - 1; i >= 0; i--) {
        worthwhile |= overlaps(unwindows[i]);
        if (!add_axis(s, unwindows[i], labels))
            return false;
    }
    s->dy = is_separable(s, 0) ? 0 : 1;
    return worthwhile && is_separable(s, s->dy) &&
           s->contract->in[s->dy]->type.rank + s->count <= MAX_RANK;
}

// --- the convolution --------------------------------------------------------------------------

// A value and the label of each of its axes.
typedef struct Operand {
    Node *node;
    int8_t labels[MAX_RANK];
} Operand;

static Operand operand_of(const Node *contract, int input)
{
    Operand x = {.node = contract->in[input]};
    memcpy(x.labels, input == 0 ? contract->attr.contract.left : contract->attr.contract.right,
           sizeof x.labels);
    return x;
}

static int axis_in(const Operand *x, int8_t label)
{
    return label_axis(x->labels, x->node->type.rank, label);
}

// How far an element may be from its position.
static int64_t reach(const Axis *a, const Operand *w)
{
    return a->dilation * (w->node->type.dims[axis_in(w, a->element)] - 1);
}

static bool fits(const Scatter *s, const Operand *w)
{
    for (int i = 0; i < s->count; i++)
        if (!s->axes[i].stays && !s->axes[i].phased && reach(&s->axes[i], w) > INT32_MAX)
            return false;
    return true;
}

// --- phases -----------------------------------------------------------------------------------

static void insert_label(int8_t *labels, int axis, int8_t label)
{
    memmove(labels + axis + 1, labels + axis, (size_t)(MAX_RANK - axis - 1));
    labels[axis] = label;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static bool is_label_used(const Scatter *s, int8_t label)
{
    bool used = has_label(s->contract, 0, label) || has_label(s->contract, 1, label);
    for (int i = 0; i < s->count; i++)
        used |= s->axes[i].phased && s->axes[i].phase == label;
    return used;
}

// The axis of the result that an axis of the scatter is.
static int result_axis(const Scatter *s, const Axis *a)
{
    int axis = 0;
    for (int i = 0; i < s->contract->type.rank; i++) {
        const int8_t label = s->contract->attr.contract.out[i];
        bool element = false;
        if (label == a->position)
            return axis;
        for (int k = 0; k < s->count; k++)
            element |= s->axes[k].element == label;
        axis += !element;
    }
    return axis;
}

static void make_phased(Scatter *s, Axis *a, const Node *slice)
{
    const Operand w = operand_of(s->contract, 1 - s->dy);
    const int64_t taps = w.node->type.dims[axis_in(&w, a->element)], stride = a->stride;
    const int axis = result_axis(s, a);
    const int64_t start = slice ? slice->attr.slice.start[axis] : 0;
    if (start > taps - 1)
        return;
    for (a->phase = 0; is_label_used(s, a->phase);)
        a->phase++;
    a->phased = a->phase < LABEL_COUNT;
    a->start = start;
    a->needed = slice ? slice->type.dims[axis] : a->size;
    a->first_tap = -ceil_div(start, stride);
    a->taps = (taps - 1 - start) / stride - a->first_tap + 1;
    a->places = ceil_div(a->needed, stride);
}

// An axis that there are too many others for, or whose part begins after the last tap, gets zeros.
static void find_phases(Scatter *s, const Node *n, const Node *slice)
{
    int rank = s->contract->in[1 - s->dy]->type.rank, result_rank = n->type.rank;
    for (int i = 0; i < s->count; i++) {
        Axis *a = &s->axes[i];
        if (a->stays || a->stride == 1 || a->dilation != 1 || rank == MAX_RANK ||
            result_rank == MAX_RANK)
            continue;
        make_phased(s, a, slice);
        rank += a->phased;
        result_rank += a->phased;
    }
}

// dy without the positions that nothing of the part that is needed hangs on.
static Node *reached_positions(Rewriter *r, const Scatter *s, const Operand *dy)
{
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    Type to = dy->node->type;
    for (int i = 0; i < to.rank; i++)
        step[i] = 1;
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        const int axis = a->phased ? axis_in(dy, a->position) : 0;
        const int64_t most = a->places - a->first_tap;
        if (a->phased && to.dims[axis] > most)
            to.dims[axis] = most;
    }
    return type_equal(&to, &dy->node->type) ? dy->node
                                            : build_slice(&r->b, dy->node, to, start, step);
}

// The weights with an axis of taps and one of phases where they had the elements.
static void make_phases(Rewriter *r, const Scatter *s, Operand *w)
{
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        if (!a->phased)
            continue;
        const int axis = axis_in(w, a->element), rank = w->node->type.rank;
        int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
        Type to = w->node->type;
        low[axis] = (int32_t)(-a->first_tap * a->stride - a->start);
        to.dims[axis] = a->taps * a->stride;
        w->node = build_pad(&r->b, w->node, to, low, interior, 0);
        memmove(to.dims + axis + 1, to.dims + axis, (size_t)(rank - axis) * sizeof *to.dims);
        to.rank++;
        to.dims[axis] = a->taps;
        to.dims[axis + 1] = a->stride;
        w->node = build_reshape(&r->b, w->node, to);
        insert_label(w->labels, axis + 1, a->phase);
    }
}

// Every position at its place among zeros, and as many in front as the elements reach back.
static void spread_positions(Rewriter *r, const Scatter *s, const Operand *w, Operand *dy)
{
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    dy->node = reached_positions(r, s, dy);
    Type to = dy->node->type;
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        if (a->stays)
            continue;
        const int axis = axis_in(dy, a->position);
        if (a->phased) {
            low[axis] = (int32_t)(a->first_tap + a->taps - 1);
            to.dims[axis] = a->places + a->taps - 1;
            continue;
        }
        low[axis] = (int32_t)reach(a, w);
        interior[axis] = a->stride - 1;
        to.dims[axis] = a->size + low[axis];
    }
    dy->node = build_pad(&r->b, dy->node, to, low, interior, 0);
}

// The label of a position is then that of its place in the result.
static void window_positions(Rewriter *r, const Scatter *s, const Operand *w, Operand *dy)
{
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        if (a->stays)
            continue;
        const int axis = axis_in(dy, a->position), rank = dy->node->type.rank;
        const int size = (int)w->node->type.dims[axis_in(w, a->element)];
        dy->node = build_window(&r->b, dy->node, axis, size, 1, a->dilation);
        memmove(dy->labels + axis + 2, dy->labels + axis + 1, (size_t)(rank - axis - 1));
        dy->labels[axis + 1] = a->element;
    }
}

static void reverse_elements(Rewriter *r, const Scatter *s, Operand *w)
{
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < w->node->type.rank; i++)
        step[i] = 1;
    for (int i = 0; i < s->count; i++) {
        if (s->axes[i].stays)
            continue;
        const int axis = axis_in(w, s->axes[i].element);
        start[axis] = (int32_t)(w->node->type.dims[axis] - 1);
        step[axis] = -1;
    }
    w->node = build_slice(&r->b, w->node, w->node->type, start, step);
}

// The result, in which the axes that stay are still windows.
static Operand contracted(Rewriter *r, const Scatter *s, const Operand *left, const Operand *right)
{
    Operand y = {.node = NULL};
    int rank = s->contract->type.rank;
    memcpy(y.labels, s->contract->attr.contract.out, sizeof y.labels);
    for (int i = 0; i < s->count; i++)
        if (!s->axes[i].stays)
            remove_label(y.labels, label_axis(y.labels, rank--, s->axes[i].element));
    for (int i = 0; i < s->count; i++)
        if (s->axes[i].phased)
            insert_label(y.labels, label_axis(y.labels, rank++, s->axes[i].position) + 1,
                         s->axes[i].phase);
    y.node =
        build_contract(&r->b, left->node, right->node, left->labels, right->labels, y.labels, rank);
    return y;
}

// Phases of one place are neighbours.
static void join_phases(Rewriter *r, const Axis *a, Operand *y)
{
    const int axis = axis_in(y, a->position), rank = y->node->type.rank;
    Type to = y->node->type;
    to.dims[axis] *= to.dims[axis + 1];
    memmove(to.dims + axis + 1, to.dims + axis + 2, (size_t)(rank - axis - 2) * sizeof *to.dims);
    to.rank--;
    to.dims[to.rank] = 0;
    y->node = build_reshape(&r->b, y->node, to);
    remove_label(y->labels, axis + 1);
    if (to.dims[axis] == a->needed)
        return;
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < to.rank; i++)
        step[i] = 1;
    to.dims[axis] = a->needed;
    y->node = build_slice(&r->b, y->node, to, start, step);
}

// The part of the result that was asked for, along the axes that have no phases.
static Node *rest_of_slice(Rewriter *r, const Node *slice, Node *y)
{
    Attr attr = slice->attr;
    for (int i = 0; i < y->type.rank; i++)
        if (y->type.dims[i] == slice->type.dims[i])
            attr.slice.start[i] = 0;
    if (type_equal(&y->type, &slice->type))
        return y;
    return build_slice(&r->b, y, slice->type, attr.slice.start, attr.slice.step);
}

static Node *put_back(Rewriter *r, const Scatter *s, Operand y)
{
    for (int i = 0; i < s->count; i++)
        if (s->axes[i].phased)
            join_phases(r, &s->axes[i], &y);
    for (int i = 0; i < s->count; i++) {
        const Axis *a = &s->axes[i];
        if (!a->stays)
            continue;
        const int axis = axis_in(&y, a->position);
        y.node = build_unwindow(&r->b, y.node, axis, a->stride, a->dilation, a->size);
        remove_label(y.labels, axis + 1);
    }
    return y.node;
}

// `slice`: the only user of `n`, of which it takes a part; or NULL.
static Node *convolve(Rewriter *r, Node *n, const Node *slice)
{
    Scatter s;
    if (!as_scatter(n, &s))
        return NULL;
    find_phases(&s, n, slice);
    Operand dy = operand_of(s.contract, s.dy), w = operand_of(s.contract, 1 - s.dy);
    if (!fits(&s, &w))
        return NULL;
    spread_positions(r, &s, &w, &dy);
    make_phases(r, &s, &w);
    window_positions(r, &s, &w, &dy);
    reverse_elements(r, &s, &w);
    Node *y = put_back(r, &s, s.dy == 0 ? contracted(r, &s, &dy, &w) : contracted(r, &s, &w, &dy));
    return slice ? rest_of_slice(r, slice, y) : y;
}

// unwindow(reshape(x))  -->  reshape(unwindow(x)), where the reshape leaves the axes of the
// windows: those of other windows that met end to end, or had one element, may have become one.
static Node *unwindow_first(Rewriter *r, Node *n)
{
    const Node *reshape = n->in[0];
    const int axis = n->attr.window.axis;
    int first[MAX_RANK + 1];
    if (reshape->op != OP_reshape || !axis_groups(&reshape->in[0]->type, &reshape->type, first))
        return NULL;
    const Type *from = &reshape->in[0]->type;
    const int position = first[axis + 1] - 1, element = first[axis + 1];
    if (from->dims[position] != reshape->type.dims[axis] || first[axis + 2] - element != 1)
        return NULL;
    Node *x = build_unwindow(&r->b, reshape->in[0], position, n->attr.window.stride,
                             n->attr.window.dilation, n->type.dims[axis]);
    return build_reshape(&r->b, x, n->type);
}

// --- a part of the result ---------------------------------------------------------------------

// The part of an input of a contraction that a slice of its result needs.
static Node *needed(Rewriter *r, const Node *slice, int input)
{
    const Node *contract = slice->in[0];
    const Operand x = operand_of(contract, input);
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK];
    Type to = x.node->type;
    for (int i = 0; i < to.rank; i++) {
        const int axis = label_axis(contract->attr.contract.out, contract->type.rank, x.labels[i]);
        step[i] = axis < 0 ? 1 : slice->attr.slice.step[axis];
        if (axis < 0)
            continue;
        start[i] = slice->attr.slice.start[axis];
        to.dims[i] = slice->type.dims[axis];
    }
    return build_slice(&r->b, x.node, to, start, step);
}

// slice(contract(x, w))  -->  contract(slice(x), slice(w)), where that is less to compute.
static Node *compute_less(Rewriter *r, Node *n)
{
    const Node *contract = n->in[0];
    if (contract->op != OP_contract || !used_once(contract) ||
        type_elements(&n->type) == type_elements(&contract->type))
        return NULL;
    Node *in[] = {needed(r, n, 0), needed(r, n, 1)};
    return build_node(&r->b, OP_contract, 2, in, &contract->attr);
}

// --- the pass ---------------------------------------------------------------------------------

// By id: whether a node is but a step of the next unwindow, which takes all of them at once.
static bool *inner_unwindows(const Graph *g, Arena *scratch)
{
    bool *inner = arena_array(scratch, bool, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_unwindow && used_once(g->nodes[i]->in[0]))
            inner[g->nodes[i]->in[0]->id] = true;
    return inner;
}

// By id of an unwindow: the slice that is its only user and leaves nothing out in between.
static const Node **slices_of(const Graph *g, Arena *scratch)
{
    const Node **slices = arena_array(scratch, const Node *, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        bool dense = n->op == OP_slice && n->in[0]->op == OP_unwindow && used_once(n->in[0]);
        for (int k = 0; dense && k < n->type.rank; k++)
            dense = n->attr.slice.step[k] == 1;
        if (dense)
            slices[n->in[0]->id] = n;
    }
    return slices;
}

static int convolve_all(Pass *p, Graph *g)
{
    Rewriter r = {.b = {.graph = g}, .scratch = p->scratch};
    mark_nodes(g, p->scratch);
    const bool *inner = inner_unwindows(g, p->scratch);
    const Node **sliced = slices_of(g, p->scratch);
    int rewritten = 0;
    for (int i = 0, count = g->node_count; i < count; i++) {
        Node *n = g->nodes[i];
        r.b.span = n->span;
        r.b.path = n->path;
        const Node *slice = n->op == OP_unwindow ? sliced[i] : NULL;
        Node *better = n->op == OP_unwindow && !inner[i] ? convolve(&r, n, slice) : NULL;
        if (!better)
            continue;
        if (slice)
            n = (Node *)slice;
        node_forward(n, better);
        rewritten++;
    }
    unmark_nodes(g);
    graph_clean(g);
    return rewritten;
}

bool pass_convolve_gradients(Pass *p, Graph *g)
{
    static const Rule moves[] = {{OP_unwindow, unwindow_first}, RULES_END};
    static const Rule crops[] = {{OP_slice, compute_less}, RULES_END};
    if (p->differentiable)
        return false;
    const int moved = rewrite(p, g, (const Rule *const[]){moves, NULL});
    const int rewritten = convolve_all(p, g);
    const int cropped = rewrite(p, g, (const Rule *const[]){crops, NULL});
    pass_count(p, "moved", moved);
    pass_count(p, "rewritten", rewritten);
    pass_count(p, "computed in part", cropped);
    return moved + rewritten + cropped > 0;
}
