// simplify_moves.c -- rules on slices, pads and windows.
//
// Moves that undo each other vanish, slices of slices are one slice, and a slice goes before what
// it is taken of where that makes less work of it:
//
//   %1 = pad %0 {1:0; 0} : f32[6]              (%0: f32[4])
//   %2 = slice %1 {2:1} : f32[4]       -->     %1 = slice %0 {1:1} : f32[3]
//                                              %2 = pad %1 {0:0; 0} : f32[4]
//
// Windows that meet end to end are a reshape, so pooling without overlap is a plain reduction.
// All of this keeps bits.

#include "pass/simplify.h"

// What a slice or a pad says, wide enough to compute with.
typedef struct Steps {
    int64_t start[MAX_RANK], step[MAX_RANK];
} Steps;

static Steps slice_steps(const Node *n)
{
    Steps s = {{0}, {0}};
    for (int i = 0; i < n->type.rank; i++) {
        s.start[i] = n->attr.slice.start[i];
        s.step[i] = n->attr.slice.step[i];
    }
    return s;
}

static Steps pad_steps(const Node *n)
{
    Steps s = {{0}, {0}};
    for (int i = 0; i < n->type.rank; i++) {
        s.start[i] = n->attr.pad.low[i];
        s.step[i] = (int64_t)n->attr.pad.interior[i] + 1;
    }
    return s;
}

// As attributes hold them, false when they do not fit. `less` is what the second number is less
// than the step: 1 in a pad. An axis of one element has step 1, whatever it says.
static bool narrow(const Steps *s, const Type *few, int less, int32_t *first, int32_t *second)
{
    for (int i = 0; i < few->rank; i++) {
        const int64_t step = few->dims[i] == 1 ? 1 : s->step[i];
        if (s->start[i] > INT32_MAX || step > INT32_MAX || step < -INT32_MAX)
            return false;
        first[i] = (int32_t)s->start[i];
        second[i] = (int32_t)step - less;
    }
    return true;
}

static Node *sliced(Rewriter *r, Node *x, const Type *to, const Steps *s)
{
    int32_t start[MAX_RANK], step[MAX_RANK];
    return narrow(s, to, 0, start, step) ? build_slice(&r->b, x, *to, start, step) : NULL;
}

static Node *padded(Rewriter *r, Node *x, const Type *to, const Steps *s, float value)
{
    int32_t low[MAX_RANK], interior[MAX_RANK];
    if (!narrow(s, &x->type, 1, low, interior))
        return NULL;
    return build_pad(&r->b, x, *to, low, interior, (double)value);
}

// --- what does nothing ------------------------------------------------------------------------

// With as many elements left as there were, only the start tells a reversed axis from a kept one.
static Node *slice_of_everything(Rewriter *r, Node *n)
{
    (void)r;
    if (!type_equal(&n->type, &n->in[0]->type))
        return NULL;
    for (int i = 0; i < n->type.rank; i++)
        if (n->attr.slice.start[i] != 0)
            return NULL;
    return n->in[0];
}

static Node *pad_of_nothing(Rewriter *r, Node *n)
{
    (void)r;
    return type_equal(&n->type, &n->in[0]->type) ? n->in[0] : NULL;
}

// Elements of one constant, which stand anywhere.
static Node *move_of_uniform(Rewriter *r, Node *n)
{
    const Node *x = n->in[0];
    if (x->op != OP_broadcast || x->in[0]->type.rank > 0)
        return NULL;
    return build_uniform(r, x->in[0], &n->type);
}

// --- moves of moves ---------------------------------------------------------------------------

static Node *slice_of_slice(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    if (inner->op != OP_slice)
        return NULL;
    Steps s = slice_steps(n);
    const Steps first = slice_steps(inner);
    for (int i = 0; i < n->type.rank; i++) {
        s.start[i] = first.start[i] + first.step[i] * s.start[i];
        s.step[i] *= first.step[i];
    }
    return sliced(r, inner->in[0], &n->type, &s);
}

// With one value, which a NaN never equals.
static Node *pad_of_pad(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    if (inner->op != OP_pad || inner->attr.pad.value != n->attr.pad.value)
        return NULL;
    Steps s = pad_steps(n);
    const Steps first = pad_steps(inner);
    for (int i = 0; i < n->type.rank; i++) {
        s.start[i] += s.step[i] * first.start[i];
        s.step[i] *= first.step[i];
    }
    return padded(r, inner->in[0], &n->type, &s, n->attr.pad.value);
}

// A slice of windows that steps forwards is windows, further apart, of a slice: the elements from
// the first to the last that any of them reads.
static Node *slice_of_windows(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    if (inner->op != OP_window)
        return NULL;
    const int axis = inner->attr.window.axis;
    const int64_t stride = inner->attr.window.stride, dilation = inner->attr.window.dilation;
    const Steps given = slice_steps(n);
    const int64_t apart = given.step[axis] * stride, within = given.step[axis + 1] * dilation;
    if (apart < 1 || within < 1 || apart > INT32_MAX || within > INT32_MAX)
        return NULL;
    Steps s = given;
    Type some = n->type;
    some.rank--;
    for (int i = axis + 1; i < some.rank; i++) {
        s.start[i] = given.start[i + 1];
        s.step[i] = given.step[i + 1];
        some.dims[i] = n->type.dims[i + 1];
    }
    s.start[axis] = given.start[axis] * stride + given.start[axis + 1] * dilation;
    s.step[axis] = 1;
    some.dims[axis] = apart * (n->type.dims[axis] - 1) + within * (n->type.dims[axis + 1] - 1) + 1;
    Node *x = sliced(r, inner->in[0], &some, &s);
    return x ? build_window(&r->b, x, axis, (int)n->type.dims[axis + 1], (int)apart, (int)within)
             : NULL;
}

// --- moves of repeated values -----------------------------------------------------------------

// slice(broadcast(x))  -->  broadcast(slice(x)): along the axes that are repeated there is nothing
// to slice.
static Node *slice_of_broadcast(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    if (inner->op != OP_broadcast)
        return NULL;
    const Steps given = slice_steps(n);
    Type some = inner->in[0]->type;
    Steps s = {{0}, {0}};
    for (int i = 0; i < some.rank; i++) {
        const int axis = inner->attr.map[i];
        const bool is_repeated = some.dims[i] != inner->type.dims[axis];
        s.start[i] = is_repeated ? 0 : given.start[axis];
        s.step[i] = is_repeated ? 1 : given.step[axis];
        some.dims[i] = is_repeated ? 1 : n->type.dims[axis];
    }
    Node *x = sliced(r, inner->in[0], &some, &s);
    return x ? build_broadcast(&r->b, x, n->type, inner->attr.map) : NULL;
}

// The axis of a broadcast's input that is axis `axis` of its result as it is, or -1.
static int kept_axis(const Node *broadcast, int axis)
{
    const Type *x = &broadcast->in[0]->type;
    for (int i = 0; i < x->rank; i++)
        if (broadcast->attr.map[i] == axis)
            return x->dims[i] == broadcast->type.dims[axis] ? i : -1;
    return -1;
}

// window(broadcast(x))  -->  broadcast(window(x)), along an axis that is not repeated.
static Node *window_of_broadcast(Rewriter *r, Node *n)
{
    const Node *inner = n->in[0];
    const int axis = n->attr.window.axis;
    const int kept = inner->op == OP_broadcast ? kept_axis(inner, axis) : -1;
    if (kept < 0)
        return NULL;
    Node *x = build_window(&r->b, inner->in[0], kept, n->attr.window.size, n->attr.window.stride,
                           n->attr.window.dilation);
    int8_t map[MAX_RANK] = {0};
    for (int i = 0; i < x->type.rank; i++)
        map[i] = (int8_t)(i <= kept ? inner->attr.map[i] : inner->attr.map[i - 1] + 1);
    return build_broadcast(&r->b, x, n->type, map);
}

// --- slices of pads ---------------------------------------------------------------------------

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

// One axis of a slice of a pad: the elements of the pad's input that it meets, and where in the
// result they stand.
typedef struct Crop {
    int64_t start, step, count;  // of the input's elements
    int64_t low, apart;          // in the result
} Crop;

// Elements of the result between those of the input: the slice takes every element of the pad.
static Crop crop_spread(int64_t start, int64_t size, int64_t low, int64_t apart, int64_t count)
{
    const int64_t first = start > low ? ceil_div(start - low, apart) : 0;
    const int64_t end = floor_div(start + size - 1 - low, apart) + 1;
    return (Crop){
        .start = first,
        .step = 1,
        .count = (end < count ? end : count) - first,
        .low = low + apart * first - start,
        .apart = apart,
    };
}

// Elements of the input next to each other in the result: the slice steps from one of their places
// to another, though it may begin before them and end behind. `from` and `step` count such places;
// with a negative step they are counted from the other end.
static Crop crop_aligned(int64_t from, int64_t step, int64_t size, int64_t count)
{
    const int64_t ahead = step > 0 ? from : count - 1 - from, pace = step > 0 ? step : -step;
    const int64_t first = ahead < 0 ? ceil_div(-ahead, pace) : 0;
    const int64_t end = floor_div(count - 1 - ahead, pace) + 1;
    return (Crop){
        .start = from + step * first,
        .step = step,
        .count = (end < size ? end : size) - first,
        .low = first,
        .apart = 1,
    };
}

// False when the elements of the input do not come at an even distance.
static bool crop_axis(const Node *n, int axis, Crop *c)
{
    const Node *pad = n->in[0];
    const int64_t start = n->attr.slice.start[axis], step = n->attr.slice.step[axis];
    const int64_t low = pad->attr.pad.low[axis], apart = (int64_t)pad->attr.pad.interior[axis] + 1;
    const int64_t size = n->type.dims[axis], count = pad->in[0]->type.dims[axis];
    if (size == DIM_BATCH) {
        *c = (Crop){.step = 1, .count = DIM_BATCH, .apart = 1};
        return true;
    }
    const bool aligned = (start - low) % apart == 0 && (step % apart == 0 || size == 1);
    if (aligned)
        *c = crop_aligned((start - low) / apart, size == 1 ? 1 : step / apart, size, count);
    else if (step == 1)
        *c = crop_spread(start, size, low, apart, count);
    return aligned || step == 1;
}

typedef struct CroppedPad {
    Steps slice, pad;
    Type some;       // the slice
    bool is_empty;   // no element of the input is met
    bool keeps_all;  // nothing else is
} CroppedPad;

static bool crop(const Node *n, CroppedPad *c)
{
    *c = (CroppedPad){.some = n->type, .keeps_all = true};
    for (int i = 0; i < n->type.rank; i++) {
        Crop axis;
        if (!crop_axis(n, i, &axis))
            return false;
        c->slice.start[i] = axis.start;
        c->slice.step[i] = axis.step;
        c->pad.start[i] = axis.low;
        c->pad.step[i] = axis.apart;
        c->some.dims[i] = axis.count;
        c->is_empty |= axis.count < 1 && n->type.dims[i] != DIM_BATCH;
        c->keeps_all &= axis.count == n->type.dims[i];
    }
    return true;
}

// slice(pad(x))  -->  pad(slice(x)). A pad that has other users stays, and then a second one would
// cost more than the slice, which moves nothing.
static Node *slice_of_pad(Rewriter *r, Node *n)
{
    Node *pad = n->in[0];
    CroppedPad c;
    if (pad->op != OP_pad || !crop(n, &c))
        return NULL;
    if (c.is_empty)
        return build_filled(&r->b, &n->type, (double)pad->attr.pad.value);
    if (!c.keeps_all && !used_once(pad))
        return NULL;
    Node *x = sliced(r, pad->in[0], &c.some, &c.slice);
    if (!x || c.keeps_all)
        return x;
    return padded(r, x, &n->type, &c.pad, pad->attr.pad.value);
}

// --- windows ----------------------------------------------------------------------------------

// Whether the windows along the axis of this size meet end to end and leave no remainder.
static bool meet_end_to_end(const Node *n, const Type *windows, int64_t size)
{
    const int64_t count = windows->dims[n->attr.window.axis];
    return n->attr.window.dilation == 1 && count * n->attr.window.size == size &&
           (count == 1 || n->attr.window.stride == n->attr.window.size);
}

// Whether the elements of `x` lie in row-major order where they are read: a reshape of anything
// else is a copy.
static bool lies_in_order(const Node *x)
{
    while (x->op == OP_reshape ||
           (x->op == OP_broadcast && type_elements(&x->type) == type_elements(&x->in[0]->type)))
        x = x->in[0];
    return !op_is(x->op, VIEW);
}

static Node *window_end_to_end(Rewriter *r, Node *n)
{
    Node *x = n->in[0];
    if (!meet_end_to_end(n, &n->type, x->type.dims[n->attr.window.axis]) || !lies_in_order(x))
        return NULL;
    return build_reshape(&r->b, x, n->type);
}

static Node *unwindow_end_to_end(Rewriter *r, Node *n)
{
    const int64_t size = n->type.dims[n->attr.window.axis];
    return meet_end_to_end(n, &n->in[0]->type, size) ? build_reshape(&r->b, n->in[0], n->type)
                                                     : NULL;
}

// The type `whole` with positions in place of the axis that windows go along.
static Type at_positions(const Node *n, const Type *whole, const Type *windows)
{
    Type t = *whole;
    t.dims[n->attr.window.axis] = windows->dims[n->attr.window.axis];
    return t;
}

// Windows of one element are every stride-th element.
static Node *window_of_one(Rewriter *r, Node *n)
{
    const int axis = n->attr.window.axis;
    if (n->attr.window.size != 1)
        return NULL;
    const Type some = at_positions(n, &n->in[0]->type, &n->type);
    Steps s = {{0}, {0}};
    for (int i = 0; i < some.rank; i++)
        s.step[i] = i == axis ? n->attr.window.stride : 1;
    return build_reshape(&r->b, sliced(r, n->in[0], &some, &s), n->type);
}

static Node *unwindow_of_one(Rewriter *r, Node *n)
{
    const int axis = n->attr.window.axis;
    if (n->attr.window.size != 1)
        return NULL;
    Node *x = build_reshape(&r->b, n->in[0], at_positions(n, &n->type, &n->in[0]->type));
    Steps s = {{0}, {0}};
    for (int i = 0; i < n->type.rank; i++)
        s.step[i] = i == axis ? n->attr.window.stride : 1;
    return padded(r, x, &n->type, &s, 0);
}

const Rule move_rules[] = {
    {OP_slice, slice_of_everything},
    {OP_slice, move_of_uniform},
    {OP_slice, slice_of_slice},
    {OP_slice, slice_of_pad},
    {OP_slice, slice_of_windows},
    {OP_slice, slice_of_broadcast},
    {OP_pad, pad_of_nothing},
    {OP_pad, pad_of_pad},
    {OP_window, move_of_uniform},
    {OP_window, window_end_to_end},
    {OP_window, window_of_broadcast},
    {OP_window, window_of_one},
    {OP_unwindow, unwindow_end_to_end},
    {OP_unwindow, unwindow_of_one},
    RULES_END,
};
