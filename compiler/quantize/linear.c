// linear.c -- sums in i32, brought to the scale of a result.
//
//   real = gain * (step * sum) + offset          gain, offset: a number for each channel
//   q    = requantize(sum + round(offset / (gain step)), gain step / scale) + zero
//
// A channel is a place on the axes along which gain, offset or the weights differ.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pass/rewrite.h"
#include "quantize/fixed.h"
#include "quantize/linear.h"

// --- the axes ---------------------------------------------------------------------------------

static uint32_t axes_of_fixed(const Node *n)
{
    uint32_t axes = 0;
    const Kept k = kept_of(n);
    for (int i = 0; i < k.type.rank; i++)
        if (k.type.dims[i] != 1)
            axes |= 1u << k.map[i];
    return axes;
}

static const int8_t *weight_labels(const Node *contract, int weights)
{
    return weights ? contract->attr.contract.right : contract->attr.contract.left;
}

// Where weight axis `axis` is in the result; -1: it is summed over.
static int result_axis(const Node *contract, int weights, int axis)
{
    const int8_t *out = contract->attr.contract.out;
    for (int i = 0; i < contract->type.rank; i++)
        if (out[i] == weight_labels(contract, weights)[axis])
            return i;
    return -1;
}

static uint32_t axes_of_weights(const Node *contract, int weights)
{
    const Type *t = &contract->in[weights]->type;
    uint32_t axes = 0;
    for (int i = 0; i < t->rank; i++) {
        const int at = result_axis(contract, weights, i);
        if (at >= 0 && t->dims[i] != 1)
            axes |= 1u << at;
    }
    return axes;
}

// What `n`, on the way from the top to the root, adds or multiplies by; NULL: nothing fixed.
static const Node *fixed_beside(const Quantizer *q, const Step *s, const Node *n)
{
    if (n == s->quotient)
        return s->beside;
    return n->op == OP_neg ? NULL : n->in[1 - moving_input(&q->facts, n)];
}

static Channels channels_new(Quantizer *q, const Step *s)
{
    Channels c = {.type = {.dtype = DTYPE_I32}, .count = 1};
    uint32_t axes = s->form == FORM_PRODUCT ? axes_of_weights(s->root, s->weights) : 0;
    for (const Node *n = s->top; n != s->root;) {
        const Node *fixed = fixed_beside(q, s, n);
        axes |= fixed ? axes_of_fixed(fixed) : 0;
        n = n->in[input_towards_root(&q->facts, s, n)];
    }
    for (int i = 0; i < s->root->type.rank; i++)
        if (axes & 1u << i) {
            c.map[c.type.rank] = (int8_t)i;
            c.type.dims[c.type.rank++] = s->root->type.dims[i];
            c.count *= s->root->type.dims[i];
        }
    double **arrays[] = {&c.gain, &c.offset, &c.step, &c.shift, &c.bound};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = arena_array(q->arena, double, (size_t)c.count);
    for (int64_t i = 0; i < c.count; i++)
        c.gain[i] = 1;
    return c;
}

// For each channel the element of a value that has `rank` axes, axis i being axis map[i] of the
// result; size 1 means the same for all.
static int64_t *elements_of(Quantizer *q, const Channels *c, const Type *t, const int8_t *map)
{
    int64_t *elements = arena_array(q->arena, int64_t, (size_t)c->count);
    for (int64_t k = 0; k < c->count; k++) {
        int64_t position[MAX_RANK] = {0}, rest = k, at = 0;
        for (int i = c->type.rank - 1; i >= 0; i--) {
            position[c->map[i]] = rest % c->type.dims[i];
            rest /= c->type.dims[i];
        }
        for (int i = 0; i < t->rank; i++)
            at = at * t->dims[i] + (t->dims[i] == 1 ? 0 : position[map[i]]);
        elements[k] = at;
    }
    return elements;
}

// --- additions and multiplications by fixed values --------------------------------------------

static void apply_fixed(OpId op, int moving, double x, double *gain, double *offset)
{
    switch (op) {
    case OP_neg:
        x = -1;
        break;
    case OP_add:
        *offset += x;
        return;
    case OP_sub:
        *gain *= moving ? -1 : 1;
        *offset = moving ? x - *offset : *offset - x;
        return;
    case OP_div:
        *gain /= x;
        *offset /= x;
        return;
    default:
        break;
    }
    *gain *= x;
    *offset *= x;
}

static bool apply_node(Quantizer *q, Channels *c, const Step *s, const Node *n)
{
    const Node *fixed = fixed_beside(q, s, n);
    const int moving = input_towards_root(&q->facts, s, n);
    const OpId op = n == s->quotient ? OP_mul : n->op;
    const Kept kept = fixed ? kept_of(fixed) : (Kept){0};
    const float *values = fixed ? fixed_values(q->arena, q->g, kept.node, q->block) : NULL;
    if (fixed && !values)
        return false;
    const int64_t *at = fixed ? elements_of(q, c, &kept.type, kept.map) : NULL;
    for (int64_t k = 0; k < c->count; k++)
        apply_fixed(op, moving, values ? (double)values[at[k]] : 1, &c->gain[k], &c->offset[k]);
    return true;
}

// From the root on: what comes first is applied first.
static bool apply_all(Quantizer *q, Channels *c, const Step *s)
{
    const Facts *f = &q->facts;
    int count = 0;
    for (const Node *n = s->top; n != s->root; n = n->in[input_towards_root(f, s, n)])
        count++;
    const Node **chain = arena_array(q->arena, const Node *, (size_t)count + 1);
    for (const Node *n = s->top; n != s->root; n = n->in[input_towards_root(f, s, n)])
        chain[--count] = n;
    for (int i = 0; chain[i]; i++)
        if (!apply_node(q, c, s, chain[i]))
            return false;
    for (int64_t k = 0; k < c->count; k++)
        if (!isfinite(c->gain[k]) || !isfinite(c->offset[k])) {
            quantize_fail(q, "a weight of %s is no finite number", place_of(s->top));
            return false;
        }
    return true;
}

// --- weights ----------------------------------------------------------------------------------

typedef struct Weights {
    const Node *node;
    const float *values;
    int64_t count, channels;
    int64_t *channel;                      // by element: its channel among those of the weights
    double *largest, *sum, *step, *total;  // by channel: of |w|, |w|; q's; of q
    Type type;                             // of the channels
    int8_t map[MAX_RANK];                  // their axes in the result
} Weights;

// Channels are numbered in the order of the weights' own axes.
static Weights weights_new(Quantizer *q, const Step *s)
{
    const Node *n = s->root->in[s->weights];
    Weights w = {.node = n, .count = type_elements(&n->type), .channels = 1};
    w.values = fixed_values(q->arena, q->g, n, q->block);
    int64_t stride[MAX_RANK] = {0};
    for (int i = n->type.rank - 1; i >= 0; i--)
        if (result_axis(s->root, s->weights, i) >= 0) {
            stride[i] = w.channels;
            w.channels *= n->type.dims[i];
        }
    for (int i = 0; i < n->type.rank; i++)
        if (stride[i]) {
            w.map[w.type.rank] = (int8_t)result_axis(s->root, s->weights, i);
            w.type.dims[w.type.rank++] = n->type.dims[i];
        }
    w.channel = arena_array(q->arena, int64_t, (size_t)w.count);
    for (int64_t k = 0; k < w.count; k++) {
        int64_t rest = k;
        for (int i = n->type.rank - 1; i >= 0; i--) {
            w.channel[k] += rest % n->type.dims[i] * stride[i];
            rest /= n->type.dims[i];
        }
    }
    double **arrays[] = {&w.largest, &w.sum, &w.step, &w.total};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = arena_array(q->arena, double, (size_t)w.channels);
    return w;
}

static bool measure_weights(Quantizer *q, Weights *w)
{
    for (int64_t k = 0; w->values && k < w->count; k++) {
        const double x = fabs((double)w->values[k]);
        if (!isfinite(x)) {
            quantize_fail(q, "a weight of %s is no finite number", place_of(w->node));
            return false;
        }
        w->largest[w->channel[k]] = fmax(w->largest[w->channel[k]], x);
        w->sum[w->channel[k]] += x;
    }
    return w->values != NULL;
}

#define LEAST_WEIGHT_STEP 1e-30

// As fine as 127 steps allow, but so that the sum cannot leave its 31 bits.
static void choose_steps(Weights *w)
{
    for (int64_t i = 0; i < w->channels; i++)
        w->step[i] =
            fmax(fmax(w->largest[i] / 127, w->sum[i] * 255 / MOST_OFFSET), LEAST_WEIGHT_STEP);
}

static Node *quantized_weights(Quantizer *q, Weights *w)
{
    int8_t *codes = arena_array(q->arena, int8_t, (size_t)w->count);
    for (int64_t k = 0; k < w->count; k++) {
        const int64_t channel = w->channel[k];
        const double x = floor((double)w->values[k] / w->step[channel] + 0.5);
        codes[k] = (int8_t)fmin(fmax(x, -127), 127);
        w->total[channel] += codes[k];
    }
    Type type = w->node->type;
    type.dtype = DTYPE_I8;
    return add_variable(q, w->node, "int8", type, codes);
}

// --- roots: the sum, and what its steps are ---------------------------------------------------

static Node *root_product(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = whole_of(q, s->operands[0]);
    Weights w = weights_new(q, s);
    if (!measure_weights(q, &w))
        return quantize_fail(q, "out of memory");
    choose_steps(&w);
    Node *in[2] = {x->whole, x->whole};
    in[s->weights] = quantized_weights(q, &w);
    const int64_t *of = elements_of(q, c, &w.type, w.map);
    for (int64_t k = 0; k < c->count; k++) {
        c->step[k] = x->scale.step * w.step[of[k]];
        c->shift[k] = -x->scale.zero * w.total[of[k]];
        c->bound[k] = 128 * (w.sum[of[k]] / w.step[of[k]] + (double)w.count / 2);
    }
    return build_node(&q->b, OP_contract, 2, in, &s->root->attr);
}

void same_for_all(Channels *c, double step, double shift, double bound)
{
    for (int64_t k = 0; k < c->count; k++) {
        c->step[k] = step;
        c->shift[k] = shift;
        c->bound[k] = bound;
    }
}

Node *times(Quantizer *q, Node *x, int64_t factor)
{
    return build_binary(&q->b, OP_imul, x, whole_const(q, &x->type, factor));
}

Node *without_zero(Quantizer *q, const QuantizedValue *x)
{
    return plus_const(q, widened(q, x->whole), -x->scale.zero);
}

static Node *root_sum(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = whole_of(q, s->operands[0]);
    const double count =
        (double)(type_elements(&s->root->in[0]->type) / type_elements(&s->root->type));
    same_for_all(c, x->scale.step, -x->scale.zero * count, 128 * count);
    return build_reduce(&q->b, REDUCE_SUM, widened(q, x->whole), s->root->attr.reduce.axes);
}

// Of a code, and of its distance to the zero.
static double most_code(const QuantizedValue *x)
{
    return x->scale.wide ? 32767 : 128;
}

static double most_distance(const QuantizedValue *x)
{
    return x->scale.wide ? 32767 : 255;
}

static Node *root_scaled(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = wide_of(q, s->operands[0]);
    same_for_all(c, x->scale.step, -x->scale.zero, most_code(x));
    return widened(q, x->whole);
}

static double most_sum(const QuantizedValue *x, const QuantizedValue *y, double step)
{
    return most_code(x) * round(x->scale.step / step) + most_code(y) * round(y->scale.step / step);
}

// 2^-16 of the coarser one; of wide values as fine as the sum allows: rounding a factor must not
// make a state grow or shrink from step to step.
static double common_step(const QuantizedValue *x, const QuantizedValue *y)
{
    double step = fmax(x->scale.step, y->scale.step) * 0x1p-16;
    if (!x->scale.wide && !y->scale.wide)
        return step;
    while (most_sum(x, y, step) > MOST_OFFSET)
        step *= 2;
    while (most_sum(x, y, step / 2) <= MOST_OFFSET)
        step /= 2;
    return step;
}

static Node *root_together(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = wide_of(q, s->operands[0]), *y = wide_of(q, s->operands[1]);
    const double step = common_step(x, y);
    const double first = round(x->scale.step / step);
    const double second = round(y->scale.step / step) * (s->root->op == OP_sub ? -1 : 1);
    same_for_all(c, step, -(x->scale.zero * first + y->scale.zero * second), most_sum(x, y, step));
    return build_binary(&q->b, OP_iadd, times(q, widened(q, x->whole), (int64_t)first),
                        times(q, widened(q, y->whole), (int64_t)second));
}

static Node *root_gated(Quantizer *q, const Step *s, Channels *c)
{
    const QuantizedValue *x = wide_of(q, s->operands[0]), *y = wide_of(q, s->operands[1]);
    same_for_all(c, x->scale.step * y->scale.step, 0, most_distance(x) * most_distance(y));
    return build_binary(&q->b, OP_imul, without_zero(q, x), without_zero(q, y));
}

static Node *(*const roots[FORM_COUNT])(Quantizer *q, const Step *s, Channels *c) = {
    [FORM_PRODUCT] = root_product,   [FORM_SUM] = root_sum,
    [FORM_TOGETHER] = root_together, [FORM_GATED] = root_gated,
    [FORM_SCALED] = root_scaled,     [FORM_PAIRED] = root_paired,
    [FORM_STANDARD] = root_standard, [FORM_QUOTIENT] = root_quotient,
    [FORM_CHOSEN] = root_chosen,
};

// --- requantization ---------------------------------------------------------------------------

// A number for each channel, in the shape of the sum.
static Node *per_channel(Quantizer *q, const Channels *c, const Node *like, const Node *sum,
                         const char *suffix, const int32_t *values)
{
    bool same = true;
    for (int64_t k = 1; k < c->count; k++)
        same = same && values[k] == values[0];
    if (same)
        return whole_const(q, &sum->type, values[0]);
    void *data = arena_array(q->arena, int32_t, (size_t)c->count);
    memcpy(data, values, (size_t)c->count * sizeof *values);
    Node *v = add_variable(q, like, suffix, c->type, data);
    return build_broadcast(&q->b, v, sum->type, c->map);
}

typedef struct Requantization {
    int32_t *offset, *multiplier, *shift, *zero;
    double largest;  // result, before clamps
} Requantization;

static int32_t bounded_offset(double x)
{
    return (int32_t)fmin(fmax(floor(x + 0.5), -MOST_SUM), MOST_SUM);
}

static double scale_at(const Channels *c, int64_t k, Scale to)
{
    return c->gain[k] * c->step[k] / to.step;
}

#define MOST_STEPS 256  // of a result that is no end of i8's range
#define MOST_WIDE_STEPS 65536
#define MOST_ERROR 0x1p-8  // of a multiplier: in steps of the result, at its end

// Whether multipliers for a shift have the digits that are needed.
static bool shift_serves(const Channels *c, const Requantization *r, Scale to, int shift)
{
    for (int64_t k = 0; k < c->count; k++) {
        const double scale = fabs(scale_at(c, k, to));
        const double steps = to.wide ? MOST_WIDE_STEPS : MOST_STEPS;
        const double most = fmin(c->bound[k] + fabs((double)r->offset[k]), steps / scale);
        if (floor(ldexp(scale, shift) + 0.5) > INT32_MAX || ldexp(most, -shift - 1) > MOST_ERROR)
            return false;
    }
    return true;
}

// One for all channels is a constant in a kernel; with 32 the result is half of the product's bits.
// 0: there is none.
static int common_shift(const Channels *c, const Requantization *r, Scale to)
{
    double largest = 0;
    for (int64_t k = 0; k < c->count; k++)
        largest = fmax(largest, fabs(scale_at(c, k, to)));
    const int own = fixed_point(largest).shift;
    return shift_serves(c, r, to, 32) ? 32 : shift_serves(c, r, to, own) ? own : 0;
}

static void choose_multipliers(const Channels *c, Requantization *r, Scale to)
{
    const int shift = common_shift(c, r, to);
    for (int64_t k = 0; k < c->count; k++) {
        const double scale = scale_at(c, k, to);
        const FixedPoint f = fixed_point(scale);
        r->multiplier[k] = shift ? (int32_t)floor(ldexp(scale, shift) + 0.5) : f.multiplier;
        r->shift[k] = shift ? shift : f.shift;
    }
}

static Requantization requantization_of(Quantizer *q, const Channels *c, Scale to)
{
    Requantization r = {
        .offset = arena_array(q->arena, int32_t, (size_t)c->count),
        .multiplier = arena_array(q->arena, int32_t, (size_t)c->count),
        .shift = arena_array(q->arena, int32_t, (size_t)c->count),
        .zero = arena_array(q->arena, int32_t, (size_t)c->count),
    };
    for (int64_t k = 0; k < c->count; k++) {
        const double step = c->gain[k] * c->step[k];
        // An offset that the sum has no room for, or no steps, is added behind it.
        const double inside = step != 0 ? c->offset[k] / step : HUGE_VAL;
        const bool fits = fabs(inside) < MOST_OFFSET;
        r.offset[k] = bounded_offset(c->shift[k] + (fits ? inside : 0));
        r.zero[k] = to.zero + (fits ? 0 : bounded_offset(c->offset[k] / to.step));
        const double most = (c->bound[k] + fabs((double)r.offset[k])) * fabs(step / to.step);
        r.largest = fmax(r.largest, most + abs(r.zero[k]));
    }
    choose_multipliers(c, &r, to);
    return r;
}

// Clamps in steps of the result; the cast to i8 does those to its ends.
static Node *clamped(Quantizer *q, Node *y, const Step *s, Scale to)
{
    const int low = scale_quantize(to, s->low), high = scale_quantize(to, s->high);
    if (to.wide)
        return bounded(q, y, low, high);
    if (low > -128)
        y = build_binary(&q->b, OP_imax, y, whole_const(q, &y->type, low));
    if (high < 127)
        y = build_binary(&q->b, OP_imin, y, whole_const(q, &y->type, high));
    return build_cast(&q->b, y, DTYPE_I8);
}

#define MOST_WITHOUT_CLAMP 0x1p30

Node *build_linear(Quantizer *q, const Node *n, const Step *s, Scale to)
{
    Builder *b = &q->b;
    Channels c = channels_new(q, s);
    if (!apply_all(q, &c, s))
        return quantize_fail(q, "out of memory");
    Node *sum = roots[s->form](q, s, &c);
    if (!sum)
        return NULL;
    const Requantization r = requantization_of(q, &c, to);
    const Node *like = s->form == FORM_PRODUCT ? s->root->in[s->weights] : n;
    sum = build_binary(b, OP_iadd, sum, per_channel(q, &c, like, sum, "offset", r.offset));
    Node *scaling[3] = {sum, per_channel(q, &c, like, sum, "multiplier", r.multiplier),
                        per_channel(q, &c, like, sum, "shift", r.shift)};
    Node *y = build_node(b, OP_requantize, 3, scaling, NULL);
    if (r.largest > MOST_WITHOUT_CLAMP) {  // the zero point must not make it wrap
        y = build_binary(b, OP_imax, y, whole_const(q, &y->type, -(1 << 29)));
        y = build_binary(b, OP_imin, y, whole_const(q, &y->type, 1 << 29));
    }
    y = build_binary(b, OP_iadd, y, per_channel(q, &c, like, sum, "zero", r.zero));
    return clamped(q, y, s, to);
}
