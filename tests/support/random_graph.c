// random_graph.c -- random graphs over the whole roster of operations.
//
// For every value a range is kept that holds all its elements, so that the operands of the next
// operation can be brought into the range that its definition says samples come from.

#include "support/random_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"

#define MAX_ELEMENTS 2048  // of an example of one value
#define TRIES 40           // for one node
#define DOMAIN 4.0         // operands of element-wise operations are within +-DOMAIN

// --- numbers ----------------------------------------------------------------------------------

// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
uint64_t rng_next(Rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

int rng_below(Rng *r, int n)
{
    return (int)(rng_next(r) % (uint64_t)n);
}

double rng_between(Rng *r, double low, double high)
{
    return (double)(float)(low + (high - low) * (double)rng_below(r, 4097) / 4096);
}

static void put_element(void *data, int64_t i, DType dtype, bool f64, Rng *r)
{
    if (dtype == DTYPE_I32)
        ((int32_t *)data)[i] = rng_below(r, 5);
    else if (dtype == DTYPE_BOOL)
        ((uint8_t *)data)[i] = (uint8_t)rng_below(r, 2);
    else if (f64)
        ((double *)data)[i] = rng_between(r, -1, 1);
    else
        ((float *)data)[i] = (float)rng_between(r, -1, 1);
}

void *random_data(Arena *a, const Type *t, int64_t batch, uint64_t seed, bool f64)
{
    Rng r = {seed};
    int64_t count = type_elements(t) * (type_batched(t) ? batch : 1);
    void *data = arena_calloc(a, (size_t)count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        put_element(data, i, t->dtype, f64, &r);
    return data;
}

// --- values -----------------------------------------------------------------------------------

typedef struct Value {
    Node *node;
    double low, high;  // every element is between
    bool exact;        // every engine gives the same bits
    bool used;
} Value;

typedef struct Maker {
    Builder builder;
    Rng rng;
    RandomGraphOptions options;
    Value *values;
    int count, capacity;
} Maker;

static bool chance(Maker *m, int percent)
{
    return rng_below(&m->rng, 100) < percent;
}

static void add_value(Maker *m, Node *n, double low, double high, bool exact)
{
    Value v = {.node = n, .low = low, .high = high, .exact = exact};
    arena_push(m->builder.graph->arena, m->values, m->count, m->capacity, v);
}

static Value *pick(Maker *m)
{
    return &m->values[rng_below(&m->rng, m->count)];
}

// A value of the shape of `like`, which may be `like` itself.
static Value *pick_alike(Maker *m, const Value *like)
{
    int start = rng_below(&m->rng, m->count);
    for (int i = 0;; i++) {
        Value *v = &m->values[(start + i) % m->count];
        if (type_same_shape(&v->node->type, &like->node->type))
            return v;
    }
}

static Type random_type(Maker *m, DType dtype, bool batch)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 8, 17};
    Type t = {.dtype = dtype};
    if (batch)
        t.dims[t.rank++] = DIM_BATCH;
    for (int i = rng_below(&m->rng, 4); i > 0; i--)
        t.dims[t.rank++] = sizes[rng_below(&m->rng, 7)];
    return t;
}

// The value brought into low .. high by a line through the ends of its range.
static Node *squeezed(Maker *m, Value *v, double low, double high)
{
    v->used = true;
    Node *x = v->node;
    if (x->type.dtype != DTYPE_F32 || (v->low >= low && v->high <= high))
        return x;
    double scale = v->high > v->low ? (double)(float)((high - low) / (v->high - v->low)) : 0;
    Builder *b = &m->builder;
    x = build_binary(b, OP_mul, x, build_filled(b, &x->type, scale));
    double offset = (double)(float)(low - scale * v->low);
    return build_binary(b, OP_add, x, build_filled(b, &x->type, offset));
}

// --- element-wise -----------------------------------------------------------------------------

enum { JUMPS = 1, KINKS = 2 };

// What the roster does not say: where operations are not smooth, and the range of their results
// when the operands are within +-DOMAIN. An operation without a row is smooth and wide.
static const struct {
    int rough;
    double low, high;
} traits[OP_COUNT] = {
    [OP_neg] = {0, -DOMAIN, DOMAIN},
    [OP_abs] = {KINKS, 0, DOMAIN},
    [OP_sign] = {JUMPS, -1, 1},
    [OP_floor] = {JUMPS, -DOMAIN, DOMAIN},
    [OP_sqrt] = {0, 0, 2},
    [OP_exp] = {0, 0, 55},
    [OP_log] = {0, -5, 1.5},
    [OP_sin] = {0, -1, 1},
    [OP_cos] = {0, -1, 1},
    [OP_tanh] = {0, -1, 1},
    [OP_sigmoid] = {0, 0, 1},
    [OP_erf] = {0, -1, 1},
    [OP_add] = {0, -2 * DOMAIN, 2 * DOMAIN},
    [OP_sub] = {0, -2 * DOMAIN, 2 * DOMAIN},
    [OP_mul] = {0, -DOMAIN *DOMAIN, DOMAIN *DOMAIN},
    [OP_div] = {0, 0, 8},
    [OP_mod] = {JUMPS, -1, DOMAIN},
    [OP_max] = {KINKS, -DOMAIN, DOMAIN},
    [OP_min] = {KINKS, -DOMAIN, DOMAIN},
    [OP_where] = {0, -DOMAIN, DOMAIN},
    [OP_fake_quantize] = {JUMPS, -600, 600},
    [OP_eq] = {JUMPS, 0, 1},
    [OP_ne] = {JUMPS, 0, 1},
    [OP_lt] = {JUMPS, 0, 1},
    [OP_le] = {JUMPS, 0, 1},
    [OP_gt] = {JUMPS, 0, 1},
    [OP_ge] = {JUMPS, 0, 1},
    [OP_not] = {0, 0, 1},
    [OP_and] = {0, 0, 1},
    [OP_or] = {0, 0, 1},
};

static bool shapes_fit(Maker *m, OpId op, Value *const *v)
{
    Type in[MAX_ARITY] = {{.rank = 0}}, out = {.rank = 0};
    for (int i = 0; i < op_arity(op); i++)
        in[i] = v[i]->node->type;
    const char *why;
    return op_table[op]->shape(m->builder.graph->arena, &(Attr){.value = 0}, in, &out, &why);
}

static bool all_exact(OpId op, Value *const *v)
{
    bool exact = true;
    for (int i = 0; i < op_arity(op); i++)
        exact = exact && v[i]->exact;
    return exact;
}

static bool make_elementwise(Maker *m, OpId op)
{
    Value *v[MAX_ARITY] = {pick(m)};
    for (int i = 1; i < op_arity(op); i++)
        v[i] = pick_alike(m, v[0]);
    bool exact = all_exact(op, v);
    int rough = traits[op].rough;
    if (!shapes_fit(m, op, v) || (rough && m->options.smooth) || ((rough & JUMPS) && !exact))
        return false;
    Node *in[MAX_ARITY] = {NULL};
    for (int i = 0; i < op_arity(op); i++)
        in[i] = squeezed(m, v[i], fmax(op_table[op]->sample_low, -DOMAIN),
                         fmin(op_table[op]->sample_high, DOMAIN));
    Node *n = build_node(&m->builder, op, op_arity(op), in, NULL);
    bool known = traits[op].high > traits[op].low && n->type.dtype != DTYPE_I32;
    add_value(m, n, known ? traits[op].low : -256, known ? traits[op].high : 256,
              exact && op_table[op]->forward_ulps <= 0.5);
    return true;
}

static bool make_cast(Maker *m)
{
    Value *v = pick(m);
    DType to = (DType)rng_below(&m->rng, DTYPE_COUNT);
    bool jumps = v->node->type.dtype == DTYPE_F32 && to != DTYPE_F32;
    if (jumps && (!v->exact || m->options.smooth))
        return false;
    v->used = true;
    static const double lowest[DTYPE_COUNT] = {-HUGE_VAL, -HUGE_VAL, 0, INT8_MIN};
    static const double highest[DTYPE_COUNT] = {HUGE_VAL, HUGE_VAL, 1, INT8_MAX};
    const double low = to == DTYPE_BOOL ? 0 : fmin(fmax(v->low, lowest[to]), highest[to]);
    const double high = to == DTYPE_BOOL ? 1 : fmin(fmax(v->high, lowest[to]), highest[to]);
    add_value(m, build_cast(&m->builder, v->node, to), low, high, v->exact);
    return true;
}

// --- leaves -----------------------------------------------------------------------------------

static double top_of(DType dtype)
{
    static const double top[DTYPE_COUNT] = {1, 4, 1};
    return top[dtype];
}

static DType random_dtype(Maker *m)
{
    return chance(m, 75) ? DTYPE_F32 : DTYPE_I32;  // no user has bool data
}

static Name numbered(Maker *m, const char *what, int number)
{
    Graph *g = m->builder.graph;
    return intern(g->names, arena_printf(g->arena, "%s%d", what, number));
}

static bool make_input(Maker *m)
{
    Type t = random_type(m, random_dtype(m), m->options.batch && chance(m, 70));
    Name name = numbered(m, "in", m->builder.graph->input_count);
    double top = top_of(t.dtype);
    add_value(m, build_input(&m->builder, name, t), t.dtype == DTYPE_F32 ? -top : 0, top, true);
    return true;
}

static bool make_variable(Maker *m)
{
    if (!m->options.variables)
        return false;
    Variables *vs = m->builder.graph->variables;
    if (vs->count == 0 || chance(m, 70)) {
        Variable v = {
            .path = numbered(m, "layer.v", vs->count),
            .kind = (VariableKind)rng_below(&m->rng, VARIABLE_KIND_COUNT),
            .type = random_type(m, DTYPE_F32, false),
        };
        variables_add(vs, v);
    }
    add_value(m, build_variable(&m->builder, rng_below(&m->rng, vs->count)), -1, 1, true);
    return true;
}

static bool make_const(Maker *m)
{
    double value = rng_between(&m->rng, -2, 2);
    add_value(m, build_const(&m->builder, DTYPE_F32, value), value, value, true);
    return true;
}

static bool make_scalar(Maker *m)
{
    ScalarKind kind = (ScalarKind)rng_below(&m->rng, SCALAR_VALIDATION_LOSS);  // that one is inf
    add_value(m, build_scalar(&m->builder, kind), 0, 1000, true);
    return true;
}

static bool make_iota(Maker *m)
{
    Type t = random_type(m, DTYPE_I32, m->options.batch && chance(m, 50));
    if (t.rank == 0)
        return false;
    add_value(m, build_iota(&m->builder, t, rng_below(&m->rng, t.rank)), 0, 17, true);
    return true;
}

static bool make_random(Maker *m)
{
    Type t = random_type(m, DTYPE_F32, m->options.batch && chance(m, 50));
    uint32_t stream = (uint32_t)rng_below(&m->rng, 4);
    add_value(m, build_random(&m->builder, t, stream), 0, 1, true);
    return true;
}

// --- views ------------------------------------------------------------------------------------

static bool add_view(Maker *m, Value *v, Node *n)
{
    v->used = true;
    add_value(m, n, v->low, v->high, v->exact);
    return true;
}

static bool make_broadcast(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    Type to = {.dtype = x->dtype};
    int8_t map[MAX_RANK] = {0};
    if (m->options.batch && !type_batched(x) && chance(m, 50))
        to.dims[to.rank++] = DIM_BATCH;
    for (int i = 0; i < x->rank; i++) {
        if (to.rank + 2 > MAX_RANK)
            return false;
        if (chance(m, 30) && x->dims[i] != DIM_BATCH)
            to.dims[to.rank++] = 1 + rng_below(&m->rng, 4);
        map[i] = (int8_t)to.rank;
        to.dims[to.rank++] = x->dims[i] == 1 ? 1 + rng_below(&m->rng, 4) : x->dims[i];
    }
    if (chance(m, 30) && to.rank < MAX_RANK)
        to.dims[to.rank++] = 1 + rng_below(&m->rng, 4);
    if (type_elements(&to) > MAX_ELEMENTS)
        return false;
    return add_view(m, v, build_broadcast(&m->builder, v->node, to, map));
}

// All axes but the batch become one, or two when the number of elements allows.
static bool make_reshape(Maker *m)
{
    Value *v = pick(m);
    Type to = {.dtype = v->node->type.dtype};
    if (type_batched(&v->node->type))
        to.dims[to.rank++] = DIM_BATCH;
    int64_t n = type_elements(&v->node->type);
    int64_t first = 1 + rng_below(&m->rng, 5);
    if (n % first == 0)
        to.dims[to.rank++] = first;
    else
        first = 1;
    to.dims[to.rank++] = n / first;
    return add_view(m, v, build_reshape(&m->builder, v->node, to));
}

static void shuffle(Maker *m, int8_t *items, int first, int count)
{
    for (int i = count - 1; i > first; i--) {
        int j = first + rng_below(&m->rng, i - first + 1);
        int8_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

static bool make_transpose(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    int8_t map[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    shuffle(m, map, type_batched(x), x->rank);
    return add_view(m, v, build_transpose(&m->builder, v->node, map));
}

static double size_of(int64_t dim)
{
    return dim == DIM_BATCH ? RANDOM_GRAPH_MAX_BATCH : (double)dim;
}

// --- data moved -------------------------------------------------------------------------------

static bool make_slice(Maker *m)
{
    Value *v = pick(m);
    Type to = v->node->type;
    int32_t start[MAX_RANK] = {0}, step[MAX_RANK] = {1};
    for (int i = type_batched(&to); i < to.rank; i++) {
        const int size = (int)to.dims[i];
        const int apart = 1 + rng_below(&m->rng, 3);
        start[i] = rng_below(&m->rng, size);
        step[i] = chance(m, 30) ? -apart : apart;
        const int room = (step[i] > 0 ? size - 1 - start[i] : start[i]) / apart;
        to.dims[i] = 1 + rng_below(&m->rng, room + 1);
    }
    return add_view(m, v, build_slice(&m->builder, v->node, to, start, step));
}

static bool is_alike_but(const Type *a, const Type *b, int axis)
{
    Type alike = *a;
    if (alike.rank == b->rank && alike.dims[axis] != DIM_BATCH)
        alike.dims[axis] = b->dims[axis];
    return type_equal(&alike, b);
}

static bool make_pad(Maker *m)
{
    Value *v = pick(m);
    Type to = v->node->type;
    int32_t low[MAX_RANK] = {0}, interior[MAX_RANK] = {0};
    for (int i = type_batched(&to); i < to.rank; i++) {
        low[i] = rng_below(&m->rng, 3);
        interior[i] = rng_below(&m->rng, 3);
        to.dims[i] = low[i] + (interior[i] + 1) * (to.dims[i] - 1) + 1 + rng_below(&m->rng, 3);
    }
    if (type_elements(&to) > MAX_ELEMENTS)
        return false;
    const double value = rng_below(&m->rng, 2);
    v->used = true;
    add_value(m, build_pad(&m->builder, v->node, to, low, interior, value), fmin(v->low, value),
              fmax(v->high, value), v->exact);
    return true;
}

// Halves of a value, or what is like it but for an axis, in the other order.
static bool make_join(Maker *m)
{
    Value *a = pick(m), *v = pick(m);
    const int first = type_batched(&a->node->type);
    if (a->node->type.rank == first)
        return false;
    const int axis = first + rng_below(&m->rng, a->node->type.rank - first);
    Type to = a->node->type;
    for (int tries = 0; tries < TRIES && !is_alike_but(&v->node->type, &to, axis); tries++)
        v = pick(m);
    if (!is_alike_but(&v->node->type, &to, axis))
        v = a;
    to.dims[axis] += v->node->type.dims[axis];
    if (type_elements(&to) > MAX_ELEMENTS)
        return false;
    a->used = v->used = true;
    add_value(m, build_join(&m->builder, (Node *[]){v->node, a->node}, 2, axis),
              fmin(a->low, v->low), fmax(a->high, v->high), a->exact && v->exact);
    return true;
}

// An axis that is not the batch, or -1.
static int pick_axis(Maker *m, const Type *t)
{
    const int first = type_batched(t);
    return t->rank > first ? first + rng_below(&m->rng, t->rank - first) : -1;
}

static bool make_window(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    const int axis = pick_axis(m, x);
    if (axis < 0 || x->rank == MAX_RANK)
        return false;
    const int size = 1 + rng_below(&m->rng, 3), dilation = 1 + rng_below(&m->rng, 2);
    if (dilation * (size - 1) + 1 > x->dims[axis] || type_elements(x) * size > MAX_ELEMENTS)
        return false;
    return add_view(
        m, v, build_window(&m->builder, v->node, axis, size, 1 + rng_below(&m->rng, 3), dilation));
}

static bool make_unwindow(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    const int axis = pick_axis(m, x);
    if (x->dtype != DTYPE_F32 || axis < 0 || axis + 1 == x->rank)
        return false;
    const int stride = 1 + rng_below(&m->rng, 3), dilation = 1 + rng_below(&m->rng, 2);
    const int64_t size = x->dims[axis + 1];
    const int64_t n =
        stride * (x->dims[axis] - 1) + dilation * (size - 1) + 1 + rng_below(&m->rng, stride);
    if (type_elements(x) / x->dims[axis] / size * n > MAX_ELEMENTS)
        return false;
    Node *in = squeezed(m, v, -DOMAIN, DOMAIN);
    const double top = DOMAIN * (double)size;
    add_value(m, build_unwindow(&m->builder, in, axis, stride, dilation, n), -top, top, false);
    return true;
}

static bool is_table(const Type *t)
{
    return t->dtype == DTYPE_F32 && t->rank > 0 && !type_batched(t);
}

static bool make_gather(Maker *m)
{
    Value *table = pick(m), *index = pick(m);
    const Type *t = &table->node->type, *i = &index->node->type;
    if (!is_table(t) || i->dtype != DTYPE_I32 || t->rank - 1 + i->rank > MAX_RANK ||
        type_elements(t) / t->dims[0] * type_elements(i) > MAX_ELEMENTS)
        return false;
    index->used = true;
    return add_view(m, table, build_gather(&m->builder, table->node, index->node));
}

// Whether values of this type can be rows at these indices.
static bool are_rows(const Type *values, const Type *index)
{
    if (values->dtype != DTYPE_F32 || values->rank < index->rank || values->rank == MAX_RANK)
        return false;
    Type front = *values;
    front.rank = index->rank;
    return type_same_shape(&front, index) && type_batched(values) == type_batched(index);
}

static bool make_scatter_add(Maker *m)
{
    Value *values = pick(m), *index = pick(m);
    const Type *i = &index->node->type, *t = &values->node->type;
    if (i->dtype != DTYPE_I32 || !are_rows(t, i))
        return false;
    Type to = {.dtype = DTYPE_F32, .rank = 1, .dims = {1 + rng_below(&m->rng, 5)}};
    for (int axis = i->rank; axis < t->rank; axis++)
        to.dims[to.rank++] = t->dims[axis];
    double terms = 1;
    for (int axis = 0; axis < i->rank; axis++)
        terms *= size_of(i->dims[axis]);
    Node *in = squeezed(m, values, -DOMAIN, DOMAIN);
    index->used = true;
    add_value(m, build_scatter_add(&m->builder, in, index->node, to), -DOMAIN * terms,
              DOMAIN * terms, false);
    return true;
}

// --- along axes -------------------------------------------------------------------------------

static bool make_reduce(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    ReduceKind kind =
        m->options.smooth ? REDUCE_SUM : (ReduceKind)rng_below(&m->rng, REDUCE_KIND_COUNT);
    uint32_t axes = (uint32_t)rng_below(&m->rng, 1 << x->rank);
    if (x->dtype != DTYPE_F32 || axes == 0)
        return false;
    double terms = 1;
    for (int i = 0; i < x->rank; i++)
        if (kind == REDUCE_SUM && (axes & 1u << i))
            terms *= size_of(x->dims[i]);
    Node *n = build_reduce(&m->builder, kind, squeezed(m, v, -DOMAIN, DOMAIN), axes);
    add_value(m, n, -DOMAIN * terms, DOMAIN * terms, false);
    return true;
}

static bool make_argmax(Maker *m)
{
    Value *v = pick(m);
    const Type *x = &v->node->type;
    int first = type_batched(x);
    if (m->options.smooth || !v->exact || x->dtype != DTYPE_F32 || x->rank == first)
        return false;
    int axis = first + rng_below(&m->rng, x->rank - first);
    v->used = true;
    add_value(m, build_argmax(&m->builder, v->node, axis), 0, (double)x->dims[axis], true);
    return true;
}

typedef struct Labels {
    int8_t left[MAX_RANK], right[MAX_RANK], out[2 * MAX_RANK];
    int out_rank;
    double terms;  // in each sum
} Labels;

// The axis of the left, of this size, that no axis of the right has met yet; or -1.
static int free_axis(const Type *left, int64_t size, uint32_t taken)
{
    for (int i = 0; i < left->rank; i++)
        if (left->dims[i] == size && !(taken & 1u << i))
            return i;
    return -1;
}

// Axes of equal size meet or not as chance has it, but batches always meet.
static uint32_t meet(Maker *m, const Type *left, const Type *right, Labels *l)
{
    uint32_t met = 0;
    for (int i = 0; i < left->rank; i++)
        l->left[i] = (int8_t)i;
    for (int j = 0; j < right->rank; j++) {
        int i = free_axis(left, right->dims[j], met);
        bool meets = i >= 0 && (right->dims[j] == DIM_BATCH || chance(m, 70));
        l->right[j] = (int8_t)(meets ? i : left->rank + j);
        met |= meets ? 1u << i : 0;
    }
    return met;
}

static Labels random_labels(Maker *m, const Type *left, const Type *right)
{
    Labels l = {.terms = 1};
    uint32_t met = meet(m, left, right, &l);
    for (int i = 0; i < left->rank; i++) {
        if ((met & 1u << i) && chance(m, 70))
            l.terms *= size_of(left->dims[i]);
        else
            l.out[l.out_rank++] = (int8_t)i;
    }
    bool batched = l.out_rank > 0 && l.out[0] == 0 && type_batched(left);
    for (int j = 0; j < right->rank; j++) {
        if (l.right[j] < left->rank)
            continue;
        l.out[l.out_rank++] = l.right[j];
        if (right->dims[j] == DIM_BATCH) {
            l.out[l.out_rank - 1] = l.out[0];
            l.out[0] = l.right[j];
            batched = true;
        }
    }
    shuffle(m, l.out, batched, l.out_rank);
    return l;
}

static bool contract_fits(const Type *left, const Type *right, const Labels *l)
{
    int64_t elements = 1;
    for (int i = 0; i < l->out_rank; i++) {
        int64_t dim =
            l->out[i] < left->rank ? left->dims[l->out[i]] : right->dims[l->out[i] - left->rank];
        elements *= dim == DIM_BATCH ? 1 : dim;
    }
    return l->out_rank <= MAX_RANK && elements <= MAX_ELEMENTS;
}

static bool make_contract(Maker *m)
{
    Value *x = pick(m), *y = pick(m);
    if (x->node->type.dtype != DTYPE_F32 || y->node->type.dtype != DTYPE_F32)
        return false;
    Labels l = random_labels(m, &x->node->type, &y->node->type);
    if (!contract_fits(&x->node->type, &y->node->type, &l))
        return false;
    Node *left = squeezed(m, x, -DOMAIN, DOMAIN), *right = squeezed(m, y, -DOMAIN, DOMAIN);
    Node *n = build_contract(&m->builder, left, right, l.left, l.right, l.out, l.out_rank);
    double top = DOMAIN * DOMAIN * l.terms;
    add_value(m, n, -top, top, false);
    return true;
}

// --- scans ------------------------------------------------------------------------------------

// A step of h' = tanh(x + h c), y = x h; x, h and c are within +-1.
static ScanBody *scan_body(Maker *m, Type step, int64_t length)
{
    const Graph *outer = m->builder.graph;
    Builder b = {.graph = graph_new(outer->arena, outer->names, outer->variables, "body")};
    Node *x = build_input(&b, intern(outer->names, "x"), step);
    Node *h = build_input(&b, intern(outer->names, "h"), step);
    Node *c = build_input(&b, intern(outer->names, "c"), step);
    Node *sum = build_binary(&b, OP_add, x, build_binary(&b, OP_mul, h, c));
    Node *next = build_unary(&b, OP_tanh, sum);
    graph_output(b.graph, intern(outer->names, "next"), next);
    graph_output(b.graph, intern(outer->names, "y"), build_binary(&b, OP_mul, x, h));
    graph_output(b.graph, intern(outer->names, "stacked"), chance(m, 50) ? next : h);
    ScanBody *s = arena_new_of(outer->arena, ScanBody);
    *s = (ScanBody){
        .graph = b.graph, .length = length, .sequences = 1, .carried = 1, .reverse = chance(m, 50)};
    return s;
}

static Type step_type(const Type *sequence)
{
    const int time = type_batched(sequence) ? 1 : 0;
    Type step = {.dtype = sequence->dtype};
    for (int i = 0; i < sequence->rank; i++)
        if (i != time)
            step.dims[step.rank++] = sequence->dims[i];
    return step;
}

// What is carried and captured is a value of the type of a step, or a constant.
static Node *scan_operand(Maker *m, Type step)
{
    Value *v = pick(m);
    return type_equal(&v->node->type, &step) ? squeezed(m, v, -1, 1)
                                             : build_filled(&m->builder, &step, 0.5);
}

static bool make_scan(Maker *m)
{
    Value *v = pick(m);
    const Type *type = &v->node->type;
    if (type->dtype != DTYPE_F32 || type->rank == (type_batched(type) ? 1 : 0))
        return false;
    const Type step = step_type(type);
    ScanBody *s = scan_body(m, step, type->dims[type_batched(type) ? 1 : 0]);
    Node *in[3] = {squeezed(m, v, -1, 1)};
    in[1] = scan_operand(m, step);
    in[2] = scan_operand(m, step);
    Node *scan = build_scan(&m->builder, s, in);
    for (int i = 0; i < 3; i++)
        add_value(m, build_scan_result(&m->builder, scan, i), -1, 1, false);
    return true;
}

// --- the graph --------------------------------------------------------------------------------

static bool (*const makers[OP_COUNT])(Maker *) = {
    [OP_input] = make_input,       [OP_variable] = make_variable,
    [OP_const] = make_const,       [OP_scalar] = make_scalar,
    [OP_iota] = make_iota,         [OP_random] = make_random,
    [OP_cast] = make_cast,         [OP_broadcast] = make_broadcast,
    [OP_reshape] = make_reshape,   [OP_transpose] = make_transpose,
    [OP_reduce] = make_reduce,     [OP_argmax] = make_argmax,
    [OP_contract] = make_contract, [OP_slice] = make_slice,
    [OP_pad] = make_pad,           [OP_window] = make_window,
    [OP_unwindow] = make_unwindow, [OP_join] = make_join,
    [OP_gather] = make_gather,     [OP_scatter_add] = make_scatter_add,
    [OP_scan] = make_scan,
};

static bool make_node(Maker *m)
{
    OpId op = (OpId)rng_below(&m->rng, OP_COUNT);
    if (makers[op])
        return makers[op](m);
    return op_is(op, ELEMENTWISE) && make_elementwise(m, op);
}

static void make_updates(Maker *m)
{
    Graph *g = m->builder.graph;
    for (int i = 0; i < g->variables->count; i++) {
        const Type *type = &g->variables->items[i].type;
        Value *v = pick(m);
        for (int tries = 0; tries < TRIES && !type_equal(&v->node->type, type); tries++)
            v = pick(m);
        if (type_equal(&v->node->type, type))
            graph_update(g, i, squeezed(m, v, -1, 1));
    }
}

static Node *summed(Maker *m, Value *v)
{
    const Type *t = &v->node->type;
    double terms = 1;
    for (int i = 0; i < t->rank; i++)
        terms *= size_of(t->dims[i]);
    Node *sum = squeezed(m, v, -1, 1);
    if (t->rank)
        sum = build_reduce(&m->builder, REDUCE_SUM, sum, (1u << t->rank) - 1);
    Node *scale = build_filled(&m->builder, &sum->type, (double)(float)(1 / terms));
    return build_binary(&m->builder, OP_mul, sum, scale);
}

static void make_loss(Maker *m)
{
    Node *loss = build_const(&m->builder, DTYPE_F32, 0);
    for (int i = 0; i < m->count; i++) {
        Value *v = &m->values[i];
        if (!v->used && v->node->type.dtype == DTYPE_F32)
            loss = build_binary(&m->builder, OP_add, loss, summed(m, v));
    }
    graph_output(m->builder.graph, intern(m->builder.graph->names, "loss"), loss);
}

static void make_outputs(Maker *m)
{
    Graph *g = m->builder.graph;
    for (int i = 0; i < m->count; i++)
        if (!m->values[i].used || chance(m, 5))
            graph_output(g, numbered(m, "out", g->output_count), m->values[i].node);
}

Graph *random_graph(Arena *a, Interner *names, uint64_t seed, RandomGraphOptions options)
{
    Maker m = {.rng = {seed}, .options = options};
    m.builder.graph = graph_new(a, names, variables_new(a), "random");
    make_input(&m);
    make_input(&m);
    for (int i = 0; i < options.nodes; i++)
        for (int tries = 0; tries < TRIES && !make_node(&m); tries++)
            ;
    if (options.variables)
        make_updates(&m);
    if (options.loss)
        make_loss(&m);
    make_outputs(&m);
    return m.builder.graph;
}
