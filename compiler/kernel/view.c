// view.c -- canonical shapes, and how a node that moves no data is read.
//
//   %2 = transpose %1 {1,0}       a user of %3 reads %1 with strides 1 and columns(%1), and 0
//   %3 = broadcast %2 {1,2}       along the first axis of %3: nothing is ever copied for a view,
//                                 but for a reshape of something that is not in row-major order
//                                 (fuse.c marks its input as copied then).

#include <assert.h>
#include <string.h>

#include "graph/ops/ops.h"
#include "kernel/fuse.h"

Shape shape_of(const Type *t)
{
    Shape s = {0};
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] == 1)
            continue;
        s.dims[s.rank] = t->dims[i];
        s.axis[s.rank++] = i;
    }
    return s;
}

bool shape_equal(const Shape *a, const Shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank) == 0;
}

// How many axes of `fine` from `first` on are one of this size; 0: none.
static int split_count(const Shape *fine, int first, int64_t size)
{
    int64_t product = 1;
    int count = 0;
    if (size == DIM_BATCH)
        return first < fine->rank && fine->dims[first] == DIM_BATCH;
    while (first + count < fine->rank && product < size && fine->dims[first + count] != DIM_BATCH)
        product *= fine->dims[first + count++];
    return product == size ? count : 0;
}

bool shape_splits(const Shape *fine, const Shape *s)
{
    int at = 0;
    for (int i = 0; i < s->rank; i++) {
        const int count = split_count(fine, at, s->dims[i]);
        if (!count)
            return false;
        at += count;
    }
    return at == fine->rank;
}

uint32_t shape_split_axes(const Shape *fine, const Shape *s, uint32_t axes)
{
    uint32_t mask = 0;
    for (int i = 0, at = 0; i < s->rank; i++) {
        const int count = split_count(fine, at, s->dims[i]);
        if (axes >> i & 1)
            mask |= ((1u << count) - 1) << at;
        at += count;
    }
    return mask;
}

Shape shape_outer(const Shape *space, uint32_t reduced)
{
    Shape s = {0};
    for (int i = 0; i < space->rank; i++) {
        if (reduced >> i & 1)
            continue;
        s.dims[s.rank] = space->dims[i];
        s.axis[s.rank++] = i;
    }
    return s;
}

void row_major(const Type *t, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        strides[i] = t->dims[i] == 1 ? 0 : stride;
        stride *= t->dims[i] == DIM_BATCH ? 1 : t->dims[i];
    }
}

void step_strides(const ScanBody *scan, const Type *t, int64_t *strides)
{
    row_major(t, strides);
    if (type_batched(t))
        strides[0] *= scan->length;
}

static View view_base(const Fusion *f, Node *n)
{
    View v = {.base = n};
    if (f->scan && n->op == OP_input && n->attr.index < f->scan->sequences)
        step_strides(f->scan, &n->type, v.strides);
    else if (n->op == OP_iota)
        v.strides[n->attr.axis] = n->type.dims[n->attr.axis] == 1 ? 0 : 1;
    else
        row_major(&n->type, v.strides);
    return v;
}

static View view_broadcast(const View *in, const Node *n)
{
    View v = {.base = in->base, .offset = in->offset};
    const Type *from = &n->in[0]->type;
    for (int i = 0; i < from->rank; i++)
        if (from->dims[i] != 1)
            v.strides[n->attr.map[i]] = in->strides[i];
    return v;
}

static View view_transpose(const View *in, const Node *n)
{
    View v = {.base = in->base, .offset = in->offset};
    for (int i = 0; i < n->type.rank; i++)
        v.strides[i] = in->strides[n->attr.map[i]];
    return v;
}

static View view_slice(const View *in, const Node *n)
{
    View v = {.base = in->base, .offset = in->offset};
    for (int i = 0; i < n->type.rank; i++) {
        v.strides[i] = n->type.dims[i] == 1 ? 0 : in->strides[i] * n->attr.slice.step[i];
        v.offset += in->strides[i] * n->attr.slice.start[i];
    }
    return v;
}

static View view_window(const View *in, const Node *n)
{
    View v = {.base = in->base, .offset = in->offset};
    const int axis = n->attr.window.axis;
    for (int i = 0; i < n->in[0]->type.rank; i++)
        v.strides[i + (i > axis)] = in->strides[i];
    v.strides[axis + 1] = in->strides[axis] * n->attr.window.dilation;
    v.strides[axis] = in->strides[axis] * n->attr.window.stride;
    for (int i = axis; i <= axis + 1; i++)
        if (n->type.dims[i] == 1)
            v.strides[i] = 0;
    return v;
}

static bool all_zero(const int64_t *strides, int rank)
{
    for (int i = 0; i < rank; i++)
        if (strides[i])
            return false;
    return true;
}

bool is_row_major(const View *v, const Type *t)
{
    int64_t want[MAX_RANK];
    row_major(t, want);
    return memcmp(v->strides, want, sizeof *want * (size_t)t->rank) == 0;
}

// A reshape (or a reduction along axes of size 1, which only drops them). Strides carry over where
// only axes of size 1 come or go; else the input must be in row-major order.
static bool view_reshape(const View *in, const Type *from, const Type *to, View *v)
{
    *v = (View){.base = in->base, .offset = in->offset};
    Shape a = shape_of(from), b = shape_of(to);
    if (shape_equal(&a, &b)) {
        for (int i = 0; i < a.rank; i++)
            v->strides[b.axis[i]] = in->strides[a.axis[i]];
        return true;
    }
    if (all_zero(in->strides, from->rank))
        return true;
    if (!is_row_major(in, from))
        return false;
    row_major(to, v->strides);
    return true;
}

static bool drops_ones_only(const Node *n)
{
    if (n->op != OP_reduce)
        return false;
    Shape a = shape_of(&n->in[0]->type), b = shape_of(&n->type);
    return shape_equal(&a, &b);
}

typedef View ViewRule(const View *in, const Node *n);

static ViewRule *const rules[OP_COUNT] = {
    [OP_broadcast] = view_broadcast,
    [OP_transpose] = view_transpose,
    [OP_slice] = view_slice,
    [OP_window] = view_window,
};

static bool is_view(const Node *n)
{
    return op_is(n->op, VIEW) || drops_ones_only(n);
}

View view_step(const View *in, const Node *n)
{
    return rules[n->op](in, n);
}

static View view_clipped(const View *in, const Node *n)
{
    View v = *in;
    for (int i = 0; i < n->type.rank; i++)
        v.offset -= in->strides[i] * n->attr.pad.low[i];
    return v;
}

View view_below(const Fusion *f, Node *n)
{
    if (f->clipped[n->id]) {
        const View in = view_of(f, n->in[0]);
        return view_clipped(&in, n);
    }
    if (!is_view(n))
        return view_base(f, n);
    View in = view_of(f, n->in[0]), v;
    if (rules[n->op])
        return rules[n->op](&in, n);
    if (!view_reshape(&in, &n->in[0]->type, &n->type, &v))
        v = (View){.base = NULL};  // only while fuse.c looks for inputs that must be copied
    return v;
}

View view_of(const Fusion *f, Node *n)
{
    if (!f->copied[n->id])
        return view_below(f, n);
    View v = {.base = n};
    row_major(&n->type, v.strides);
    return v;
}

int operand_count(const Fusion *f, const Node *n)
{
    return f->copied[n->id] ? 1 : n->input_count;
}

View operand_view(const Fusion *f, Node *n, int i)
{
    return f->copied[n->id] ? view_below(f, n) : view_of(f, n->in[i]);
}

bool is_computed(const Fusion *f, const Node *n)
{
    if (f->copied[n->id])
        return true;
    if (f->uniform[n->id] || is_view(n) || f->clipped[n->id])
        return false;
    return op_is(n->op, ELEMENTWISE | REDUCTION | PLACING) || n->op == OP_contract ||
           n->op == OP_gather || n->op == OP_scan || n->op == OP_join;
}

bool is_join(const Fusion *f, const Node *n)
{
    return n->op == OP_join && !f->copied[n->id];
}

bool is_frame(const Node *n)
{
    if (n->op != OP_pad)
        return false;
    for (int i = 0; i < n->type.rank; i++)
        if (n->attr.pad.interior[i])
            return false;
    return true;
}

const Type *home_type(const Node *n)
{
    return op_is(n->op, PLACING) ? &n->in[0]->type : &n->type;
}

Level level_in(const Group *g, const Node *n)
{
    Shape s = shape_of(home_type(n));
    return g->reduced && !shape_splits(&g->space, &s) ? LEVEL_OUTER : LEVEL_FULL;
}

void access_in(const Group *g, const Type *user, Level level, const View *v, int64_t *strides)
{
    const Shape s = shape_of(user);
    const Shape space = shape_outer(&g->space, level == LEVEL_OUTER ? g->reduced : 0);
    memset(strides, 0, sizeof *strides * MAX_RANK);
    for (int i = 0, at = 0; i < s.rank; i++) {
        const int count = split_count(&space, at, s.dims[i]);
        int64_t stride = v->strides[s.axis[i]];
        assert(count > 0);
        for (int k = at + count - 1; k >= at; k--) {
            strides[space.axis[k]] = stride;
            stride *= space.dims[k];
        }
        at += count;
    }
}

static bool fits(const Group *g, const Type *t)
{
    Shape s = shape_of(t), outer = shape_outer(&g->space, g->reduced);
    return shape_splits(&g->space, &s) || (g->reduced && shape_splits(&outer, &s));
}

bool access_natural(const Group *g, const View *v, const int64_t *strides)
{
    const Node *base = v->base;
    if (op_is(base->op, PLACING) || v->offset || !fits(g, &base->type))
        return false;
    int64_t want[MAX_RANK];
    View own = {.base = NULL};
    row_major(&base->type, own.strides);
    access_in(g, &base->type, level_in(g, base), &own, want);
    return memcmp(strides, want, sizeof *want * (size_t)g->space.rank) == 0;
}

#define INLINE_DEPTH 3

static bool inline_depth(const Fusion *f, const Node *n, int depth)
{
    if (f->copied[n->id])
        return false;
    if (op_is(n->op, LEAF))
        return n->op != OP_random;
    if (f->uniform[n->id])
        return true;
    if (depth == 0 || !op_is(n->op, CHEAP | VIEW))
        return false;
    for (int i = 0; i < n->input_count; i++)
        if (!inline_depth(f, n->in[i], depth - !op_is(n->op, VIEW)))
            return false;
    return true;
}

bool is_inline(const Fusion *f, const Node *n)
{
    return op_is(n->op, ELEMENTWISE) && !f->uniform[n->id] && !f->kept[n->id] &&
           inline_depth(f, n, INLINE_DEPTH);
}
