// builtins_windows.c -- convolutions and pools: padding, windows, and a contraction or a reduction
// over what they hold.
//
//   conv(x[h, w, c], w[kh, kw, c, o])      pad, window along h and w, contract over kh, kw and c
//   conv_transpose(x[h, w, c], ...)        contract over c, unwindow along h and w, slice
//   max_pool(x, 2)                         window, reduce over what a window holds
//
// A kernel of size 1 needs no window: a 1 x 1 convolution is a matmul. Groups are an axis of their
// own, which a depthwise convolution has in the place of the channels.

#include <math.h>

#include "sema/expander.h"

#define MAX_SIDES 2

// One direction in which windows are laid.
typedef struct Side {
    int64_t in, kernel, stride, dilation;
    int64_t before, behind;  // padding
    int64_t out;
} Side;

typedef struct Sides {
    Side items[MAX_SIDES];
    int count;
    bool padded;
} Sides;

static int64_t side_span(const Side *s)
{
    return s->dilation * (s->kernel - 1) + 1;
}

// The axis of the node along which side 0 lies; the others follow it.
static int first_axis(const Node *n)
{
    return type_batched(&n->type) ? 1 : 0;
}

// --- arguments --------------------------------------------------------------------------------

enum { KERNEL, STRIDE, DILATION };

static void set_sizes(Sides *s, int what, const int64_t *sizes)
{
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->items[i];
        *(what == KERNEL   ? &side->kernel
          : what == STRIDE ? &side->stride
                           : &side->dilation) = sizes[i];
    }
}

// Sizes of one kind for all sides; left out they stay as they are.
static bool read_side_sizes(Expander *e, const BuiltinCall *c, Value *v, int what, Sides *s)
{
    static const char *const wanted[] = {"a window's size, or one for each axis",
                                         "a stride, or one for each axis",
                                         "a dilation, or one for each axis"};
    int64_t sizes[MAX_SIDES];
    if (!v)
        return true;
    if (!read_sizes(e, v, wanted[what], 1, s->count, c->span, sizes))
        return false;
    set_sizes(s, what, sizes);
    return true;
}

// Padding of numbers: 1, [1, 2], [(0, 1), 2].
static bool read_numbers(Expander *e, const BuiltinCall *c, Value *v, Sides *s)
{
    static const char wanted[] = "`same`, `valid`, or a size or (before, behind) for each axis";
    bool listed = v->kind == VALUE_LIST || v->kind == VALUE_TUPLE;
    if (listed && v->count != s->count)
        return report_kind(e, c->span, wanted, v), false;
    for (int i = 0; i < s->count; i++) {
        int64_t pair[2];
        if (!read_sizes(e, listed ? v->items[i].value : v, wanted, 0, 2, c->span, pair))
            return false;
        s->items[i].before = pair[0];
        s->items[i].behind = pair[1];
    }
    return true;
}

static bool is_word(const Value *v, const char *word)
{
    return v && v->kind == VALUE_STRING && name_is(v->string, word);
}

// `same` makes in / stride positions, rounded up, what is odd behind: as TensorFlow.
static void pad_same(Side *s)
{
    int64_t out = (s->in + s->stride - 1) / s->stride;
    int64_t missing = (out - 1) * s->stride + side_span(s) - s->in;
    s->before = missing > 0 ? missing / 2 : 0;
    s->behind = missing > 0 ? missing - s->before : 0;
}

static bool read_padding(Expander *e, const BuiltinCall *c, Value *v, bool same, Sides *s)
{
    if (v ? is_word(v, "same") : same) {
        for (int i = 0; i < s->count; i++)
            pad_same(&s->items[i]);
        return true;
    }
    return !v || is_word(v, "valid") || read_numbers(e, c, v, s);
}

static bool report_too_large(Expander *e, const BuiltinCall *c, const Side *s, int axis,
                             const Node *n)
{
    Diag *d =
        diag_report(diags_of(e), DIAG_window_too_large, blame_span(e, c->span), c->builtin->name,
                    (long long)side_span(s), axis, shape_text(e->arena, &n->type));
    if (s->before + s->behind > 0)
        diag_label(d, "%lld elements, with the padding",
                   (long long)(s->in + s->before + s->behind));
    note_flow(e, d, &n->type);
    poison_after(e, d, c->span);
    return false;
}

// How many windows there are, once all else is known; false when there is no room for one.
static bool place_sides(Expander *e, const BuiltinCall *c, Sides *s, const Node *n)
{
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->items[i];
        int64_t room = side->in + side->before + side->behind - side_span(side);
        if (room < 0 || side_span(side) > INT32_MAX)
            return report_too_large(e, c, side, i, n);
        side->out = room / side->stride + 1;
        s->padded |= side->before + side->behind > 0;
    }
    return true;
}

// --- windows ----------------------------------------------------------------------------------

// Labels of axes: of the contraction, and to find the axes of the windows again.
enum {
    L_BATCH,
    L_OUT,
    L_KERNEL = L_OUT + MAX_SIDES,
    L_GROUP = L_KERNEL + MAX_SIDES,
    L_IN,
    L_COLUMN
};

typedef struct Labels {
    int8_t at[MAX_RANK];
    int count;
} Labels;

static void label(Labels *l, int which)
{
    l->at[l->count++] = (int8_t)which;
}

// NULL when the padded tensor is too large, which is reported.
static Node *pad_sides(Expander *e, Node *n, const Sides *s, double value, Span span)
{
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    Type to = n->type;
    int first = first_axis(n);
    for (int i = 0; i < s->count; i++) {
        low[first + i] = (int32_t)s->items[i].before;
        to.dims[first + i] += s->items[i].before + s->items[i].behind;
    }
    if (!check_size(e, &to, span))
        return NULL;
    return s->padded ? build_pad(&e->builder, n, to, low, interior, value) : n;
}

// The type with an axis of `size` behind axis `axis`, which becomes `positions` long.
static Type window_type(const Type *t, int axis, int64_t positions, int64_t size)
{
    Type to = *t;
    to.rank++;
    to.dims[axis] = positions;
    to.dims[axis + 1] = size;
    for (int i = axis + 2; i < to.rank; i++)
        to.dims[i] = t->dims[i - 1];
    return to;
}

static Node *window_side(Expander *e, Node *n, const Side *s, int axis, Span span)
{
    if (s->kernel == 1 && s->stride == 1)
        return n;
    if (s->kernel == 1)
        return slice_axis(e, n, axis, 0, s->out, (int)s->stride);
    Type to = window_type(&n->type, axis, s->out, s->kernel);
    if (!check_size(e, &to, span))
        return NULL;
    return build_window(&e->builder, n, axis, (int)s->kernel, (int)s->stride, (int)s->dilation);
}

// Windows along every side, the last one first, so that the places of the others stay.
static Node *lay_windows(Expander *e, Node *n, const Sides *s, double value, Span span)
{
    int first = first_axis(n);
    n = pad_sides(e, n, s, value, span);
    for (int i = s->count - 1; i >= 0 && n; i--)
        n = window_side(e, n, &s->items[i], first + i, span);
    return n;
}

static Labels window_labels(const Node *n, const Sides *s)
{
    Labels l = {.count = 0};
    if (type_batched(&n->type))
        label(&l, L_BATCH);
    for (int i = 0; i < s->count; i++) {
        label(&l, L_OUT + i);
        if (s->items[i].kernel > 1)
            label(&l, L_KERNEL + i);
    }
    return l;
}

// --- conv -------------------------------------------------------------------------------------

typedef struct Convolution {
    Sides sides;
    Node *x, *w;
    int64_t channels, groups, in, out;  // in: channels of a group
} Convolution;

static bool report_weights(Expander *e, const BuiltinCall *c, const Convolution *k, const char *why)
{
    Diag *d = diag_report(diags_of(e), DIAG_conv_mismatch, blame_span(e, c->span), c->builtin->name,
                          shape_text(e->arena, &k->x->type), shape_text(e->arena, &k->w->type));
    diag_label(d, "%s", why);
    note_flow(e, d, &k->x->type);
    poison_after(e, d, c->span);
    return false;
}

// Input and weights, and the sides that they share; false after a report.
static bool read_operands(Expander *e, BuiltinCall *c, Convolution *k)
{
    k->x = to_float(e, c->values[0], c->span);
    k->w = k->x ? to_float(e, c->values[1], c->span) : NULL;
    if (!k->w)
        return false;
    int count = written_rank(&k->w->type) - 2;
    if (type_batched(&k->w->type))
        return report_weights(e, c, k, "weights are the same for all examples");
    if (count < 1 || count > MAX_SIDES)
        return report_weights(e, c, k, "weights are [k, in, out] or [kh, kw, in, out]");
    if (written_rank(&k->x->type) != count + 1)
        return report_weights(e, c, k,
                              count == 1 ? "weights of three axes take an input [t, c]"
                                         : "weights of four axes take an input [h, w, c]");
    const int64_t *x = written_dims(&k->x->type), *w = k->w->type.dims;
    k->sides = (Sides){.count = count};
    for (int i = 0; i < count; i++)
        k->sides.items[i] = (Side){.in = x[i], .kernel = w[i], .stride = 1, .dilation = 1};
    k->channels = x[count];
    k->in = w[count];
    k->out = w[count + 1];
    k->groups = 1;
    return true;
}

static bool check_channels(Expander *e, const BuiltinCall *c, const Convolution *k)
{
    long long channels = (long long)k->channels, groups = (long long)k->groups;
    if (k->channels % k->groups || k->out % k->groups)
        return report_weights(
            e, c, k,
            arena_printf(e->arena, "%lld groups do not divide %lld channels and %lld outputs",
                         groups, channels, (long long)k->out));
    if (k->channels / k->groups == k->in)
        return true;
    const char *groups_text =
        k->groups > 1 ? arena_printf(e->arena, " in %lld groups", groups) : "";
    return report_weights(e, c, k,
                          arena_printf(e->arena, "%lld channels%s, and weights for %lld", channels,
                                       groups_text, (long long)k->in));
}

static bool read_conv(Expander *e, BuiltinCall *c, Convolution *k)
{
    Sides *s = &k->sides;
    if (!read_operands(e, c, k) || !read_side_sizes(e, c, c->values[2], STRIDE, s) ||
        !read_side_sizes(e, c, c->values[4], DILATION, s) ||
        (c->values[5] &&
         !read_sizes(e, c->values[5], "a number of groups", 1, 1, c->span, &k->groups)))
        return false;
    return check_channels(e, c, k) && read_padding(e, c, c->values[3], true, s) &&
           place_sides(e, c, s, k->x);
}

static bool has_group(const Convolution *k)
{
    return k->groups > 1;
}

static bool has_in(const Convolution *k)
{
    return k->in > 1 || !has_group(k);
}

static bool has_column(const Convolution *k)
{
    return k->out > k->groups || !has_group(k);
}

// Channels as groups and the channels of each; the axis of what there is one of is left out.
static Node *split_channels(Expander *e, const Convolution *k)
{
    Type to = k->x->type;
    to.rank--;
    if (has_group(k))
        to.dims[to.rank++] = k->groups;
    if (has_in(k))
        to.dims[to.rank++] = k->in;
    return has_group(k) && has_in(k) ? build_reshape(&e->builder, k->x, to) : k->x;
}

// The weights without axes of size 1, their labels beside.
static Node *label_weights(Expander *e, const Convolution *k, Labels *l)
{
    Type to = {.dtype = DTYPE_F32};
    for (int i = 0; i < k->sides.count; i++) {
        if (k->sides.items[i].kernel == 1)
            continue;
        label(l, L_KERNEL + i);
        to.dims[to.rank++] = k->sides.items[i].kernel;
    }
    if (has_in(k)) {
        label(l, L_IN);
        to.dims[to.rank++] = k->in;
    }
    if (has_group(k)) {
        label(l, L_GROUP);
        to.dims[to.rank++] = k->groups;
    }
    if (has_column(k)) {
        label(l, L_COLUMN);
        to.dims[to.rank++] = k->out / k->groups;
    }
    return type_equal(&to, &k->w->type) ? k->w : build_reshape(&e->builder, k->w, to);
}

static void label_channels(Labels *l, bool group, bool last, int which)
{
    if (group)
        label(l, L_GROUP);
    if (last)
        label(l, which);
}

static Node *contract(Expander *e, Node *x, Node *w, const Labels *left, const Labels *right,
                      const Labels *out)
{
    return build_contract(&e->builder, x, w, left->at, right->at, out->at, out->count);
}

Value *builtin_conv(Expander *e, BuiltinCall *c)
{
    Convolution k;
    if (!read_conv(e, c, &k))
        return poison_value(e, c->span);
    bool batched = type_batched(&k.x->type);
    int64_t dims[MAX_RANK];
    Labels right = {.count = 0}, out = {.count = 0};
    if (batched)
        label(&out, L_BATCH);
    for (int i = 0; i < k.sides.count; i++) {
        label(&out, L_OUT + i);
        dims[i] = k.sides.items[i].out;
    }
    dims[k.sides.count] = k.out;
    Type type = type_written(DTYPE_F32, batched, k.sides.count + 1, dims);
    build_at(e, c->span);
    Node *x = check_size(e, &type, c->span)
                  ? lay_windows(e, split_channels(e, &k), &k.sides, 0, c->span)
                  : NULL;
    if (!x)
        return poison_value(e, c->span);
    Labels left = window_labels(k.x, &k.sides);
    label_channels(&left, has_group(&k), has_in(&k), L_IN);
    label_channels(&out, has_group(&k), has_column(&k), L_COLUMN);
    Node *w = label_weights(e, &k, &right);
    Node *y = contract(e, x, w, &left, &right, &out);
    return value_tensor(e->arena, c->span,
                        type_equal(&y->type, &type) ? y : build_reshape(&e->builder, y, type));
}

// --- conv_transpose ---------------------------------------------------------------------------

// The padding of a transposed convolution is cut off: `same` makes in * stride elements, `valid`
// all.
static bool read_transposed(Expander *e, BuiltinCall *c, Convolution *k)
{
    Sides *s = &k->sides;
    if (!read_operands(e, c, k) || !read_side_sizes(e, c, c->values[2], STRIDE, s) ||
        !check_channels(e, c, k))
        return false;
    bool same = !c->values[3] || is_word(c->values[3], "same");
    if (!same && !read_padding(e, c, c->values[3], false, s))
        return false;
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->items[i];
        int64_t full = (side->in - 1) * side->stride + side->kernel;
        if (same && side->kernel > side->stride)
            side->before = (side->kernel - side->stride) / 2;
        side->out = same ? side->in * side->stride : full - side->before - side->behind;
        if (side->out < 1 || full > INT32_MAX)
            return report_too_large(e, c, side, i, k->x);
    }
    return true;
}

// Adds up what one side's kernels reach, and cuts off its padding.
static Node *unwindow_side(Expander *e, Node *n, const Side *s, int axis, Span span)
{
    int64_t full = (s->in - 1) * s->stride + s->kernel;
    int64_t size = full < s->before + s->out ? s->before + s->out : full;
    Type to = n->type;
    to.dims[axis] = size;
    to.dims[axis + 1] = 1;
    if (!check_size(e, &to, span))
        return NULL;
    n = build_unwindow(&e->builder, n, axis, (int)s->stride, 1, size);
    return slice_axis(e, n, axis, s->before, s->out, 1);
}

Value *builtin_conv_transpose(Expander *e, BuiltinCall *c)
{
    Convolution k;
    if (!read_transposed(e, c, &k))
        return poison_value(e, c->span);
    Labels left = {.count = 0}, right = {.count = 0}, out = {.count = 0};
    if (type_batched(&k.x->type)) {
        label(&left, L_BATCH);
        label(&out, L_BATCH);
    }
    Type wide = k.x->type;
    for (int i = 0; i < k.sides.count; i++) {
        label(&left, L_OUT + i);
        label(&right, L_KERNEL + i);
        label(&out, L_OUT + i);
        label(&out, L_KERNEL + i);
        wide = window_type(&wide, first_axis(k.x) + 2 * i, k.sides.items[i].in,
                           k.sides.items[i].kernel);
    }
    wide.dims[wide.rank - 1] = k.out;
    if (!check_size(e, &wide, c->span))
        return poison_value(e, c->span);
    label(&left, L_IN);
    label(&right, L_IN);
    label(&right, L_COLUMN);
    label(&out, L_COLUMN);
    build_at(e, c->span);
    Node *y = contract(e, k.x, k.w, &left, &right, &out);
    for (int i = k.sides.count - 1; i >= 0 && y; i--)
        y = unwindow_side(e, y, &k.sides.items[i], first_axis(k.x) + 2 * i, c->span);
    return y ? value_tensor(e->arena, c->span, y) : poison_value(e, c->span);
}

// --- pools ------------------------------------------------------------------------------------

static bool report_pool_input(Expander *e, const BuiltinCall *c, const Node *n)
{
    Diag *d = diag_report(diags_of(e), DIAG_shape_mismatch, blame_span(e, c->span),
                          c->builtin->name, "[h, w, c] or [t, c]", shape_text(e->arena, &n->type));
    note_flow(e, d, &n->type);
    poison_after(e, d, c->span);
    return false;
}

static bool report_empty(Expander *e, const BuiltinCall *c, const Side *s)
{
    int64_t padding = s->before > s->behind ? s->before : s->behind;
    Diag *d = diag_report(diags_of(e), DIAG_empty_window, blame_span(e, c->span), c->builtin->name,
                          (long long)padding, (long long)s->kernel);
    poison_after(e, d, c->span);
    return false;
}

static bool read_pool(Expander *e, BuiltinCall *c, const Node *n, Sides *s)
{
    *s = (Sides){.count = written_rank(&n->type) - 1};
    if (s->count < 1 || s->count > MAX_SIDES)
        return report_pool_input(e, c, n);
    for (int i = 0; i < s->count; i++)
        s->items[i] = (Side){.in = written_dims(&n->type)[i], .kernel = 2, .dilation = 1};
    if (!read_side_sizes(e, c, c->values[1], KERNEL, s))
        return false;
    for (int i = 0; i < s->count; i++)
        s->items[i].stride = s->items[i].kernel;
    if (!read_side_sizes(e, c, c->values[2], STRIDE, s) ||
        !read_padding(e, c, c->values[3], false, s) || !place_sides(e, c, s, n))
        return false;
    for (int i = 0; i < s->count; i++)
        if (s->items[i].before >= s->items[i].kernel || s->items[i].behind >= s->items[i].kernel)
            return report_empty(e, c, &s->items[i]);
    return true;
}

// Over the elements of each window.
static Node *reduce_windows(Expander *e, Node *n, const Labels *l, ReduceKind kind)
{
    uint32_t axes = 0;
    for (int i = 0; i < l->count; i++)
        if (l->at[i] >= L_KERNEL)
            axes |= 1u << i;
    return axes ? build_reduce(&e->builder, kind, n, axes) : n;
}

// How many elements of each window along a side are no padding: [out, 1, 1] for the first of two.
//   min(o * stride - before + kernel, in) - max(o * stride - before, 0)
static Value *real_elements(Expander *e, const Sides *s, int i, Span span)
{
    const Side *side = &s->items[i];
    Type type = {.dtype = DTYPE_I32, .rank = s->count - i + 1};
    for (int k = 0; k < type.rank; k++)
        type.dims[k] = k == 0 ? side->out : 1;
    Arena *a = e->arena;
    Value *o = value_tensor(a, span, build_iota(&e->builder, type, 0));
    Value *start = apply_binary(e, OPK_MUL, o, value_real(a, span, (double)side->stride), span);
    start = apply_binary(e, OPK_SUB, start, value_real(a, span, (double)side->before), span);
    Value *end = apply_binary(e, OPK_ADD, start, value_real(a, span, (double)side->kernel), span);
    Value *last[] = {end, value_real(a, span, (double)side->in)};
    Value *first[] = {start, value_real(a, span, 0)};
    return apply_binary(e, OPK_SUB, apply_op(e, OP_min, last, 2, span),
                        apply_op(e, OP_max, first, 2, span), span);
}

static Value *divide_by_elements(Expander *e, Value *sum, const Sides *s, Span span)
{
    Value *elements = value_real(e->arena, span, 1);
    for (int i = 0; i < s->count; i++) {
        const Side *side = &s->items[i];
        Value *n = side->before + side->behind > 0
                       ? real_elements(e, s, i, span)
                       : value_real(e->arena, span, (double)side->kernel);
        elements = apply_binary(e, OPK_MUL, elements, n, span);
    }
    return apply_binary(e, OPK_DIV, sum, elements, span);
}

Value *builtin_pool(Expander *e, BuiltinCall *c)
{
    Sides s;
    bool largest = name_is(c->builtin->name, "max_pool");
    Node *n = to_float(e, c->values[0], c->span);
    if (!n || !read_pool(e, c, n, &s))
        return poison_value(e, c->span);
    build_at(e, c->span);
    Labels l = window_labels(n, &s);
    n = lay_windows(e, n, &s, largest ? -INFINITY : 0, c->span);
    if (!n)
        return poison_value(e, c->span);
    n = reduce_windows(e, n, &l, largest ? REDUCE_MAX : REDUCE_SUM);
    Value *v = value_tensor(e->arena, c->span, n);
    return largest ? v : divide_by_elements(e, v, &s, c->span);
}
