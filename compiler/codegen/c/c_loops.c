// c_loops.c -- a loop kernel as C.
//
//   for the outer axes
//       for each pass
//           outer values that are known
//           for the reduced axes
//               full values, reductions, stores
//       outer values that follow, outer stores
//
// A value that is used once, where it is made, is written into the expression of its user; the
// others become constants `v3`. So a kernel reads like the formula it computes.

#include <string.h>

#include "codegen/c/c_nest.h"

#define LONGEST_INLINE 90  // characters of an expression that goes into another
#define LANES 4         // partial results of a long reduction, which need not wait for each other
#define LONG_ENOUGH 16  // for them

typedef CCode Nest;

static const char *const index_names[MAX_RANK] = {"i", "j", "k", "l", "m", "n", "o", "p"};

static bool is_reduction(const Instr *c)
{
    return c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX;
}

static bool ends_in_pass(const Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    return is_reduction(c) && c->pass == n->pass + 1 && n->needed[instr];
}

static bool is_full_store(const Nest *n, const Instr *c)
{
    return c->kind == INSTR_STORE && c->level == LEVEL_FULL && c->pass == n->pass;
}

static int64_t size_of(const Nest *n, int axis)
{
    return axis_size(n->k->axes[axis].size, n->k->axes[axis].factor, n->w->batch);
}

static const char *position(const Nest *n, const Instr *c)
{
    return c_position(n->w, n->index, c->strides, n->k->axis_count, c->offset);
}

// --- values -------------------------------------------------------------------------------------

static const char *row_position(Nest *n, const Instr *c, int row)
{
    const CValue *v = &n->value[c->args[row]];
    const char *at = position(n, c);
    const char *call = arena_printf(n->w->arena, "%s(%s, %lld)", c_helper(n->w, C_ROW), v->text,
                                    (long long)c->rows);
    const char *start =
        c->row_stride == 1 ? call
                           : arena_printf(n->w->arena, "%s * %lld", call, (long long)c->row_stride);
    return strcmp(at, "0") == 0 ? start : arena_printf(n->w->arena, "%s + %s", start, at);
}

static CValue iota(Nest *n, const Instr *c)
{
    return (CValue){arena_printf(n->w->arena, "(int32_t)(%s)", position(n, c)), BIND_UNARY,
                    DTYPE_I32};
}

static CValue random_number(Nest *n, const Instr *c)
{
    CWriter *w = n->w;
    const char *text;
    if (w->run.given)
        text = arena_printf(w->arena, "%s(run->seed, run->step, %uu, (uint32_t)(%s))",
                            c_helper(w, C_RANDOM), (unsigned)c->node->attr.stream, position(n, c));
    else
        text = arena_printf(w->arena, "%s(%lluu, 0, %uu, (uint32_t)(%s))", c_helper(w, C_RANDOM),
                            (unsigned long long)w->run.seed, (unsigned)c->node->attr.stream,
                            position(n, c));
    return (CValue){text, BIND_PRIMARY, DTYPE_F32};
}

static CValue apply(Nest *n, const Instr *c)
{
    CValue args[3];
    for (int i = 0; i < c->arg_count; i++)
        args[i] = n->value[c->args[i]];
    return c_apply(n->w, c->node, args);
}

static bool is_given(const Nest *n, const Instr *c)
{
    return n->given >= 0 && c == &n->k->code[n->given];
}

static CValue expression(Nest *n, const Instr *c)
{
    if (c_is_own_to_lanes(n, c))
        return c_lanes_value(n, c);
    if (is_given(n, c))
        return c_name_value(n->product, c->dtype);
    switch (c->kind) {
    case INSTR_CONST:
        return c_constant(n->w, c->dtype, c->node->attr.value);
    case INSTR_SCALAR:
        return c_scalar(n->w, c->node->attr.scalar);
    case INSTR_LOAD:
        return c_load(n->w, c_slot(n->w, c->slot), position(n, c), c->dtype);
    case INSTR_GATHER:
        return c_load(n->w, c_slot(n->w, c->slot), row_position(n, c, 0), c->dtype);
    case INSTR_IOTA:
        return iota(n, c);
    case INSTR_RANDOM:
        return random_number(n, c);
    case INSTR_PRODUCT:
        return c_name_value(n->product, c->dtype);
    default:
        return apply(n, c);
    }
}

// --- what is written into its user's expression -------------------------------------------------

static const Instr *only_user(const Nest *n, int instr)
{
    const Instr *found = NULL;
    for (int i = 0; i < n->k->count; i++)
        for (int x = 0; x < n->k->code[i].arg_count; x++)
            if (n->needed[i] && i != n->given && n->k->code[i].args[x] == instr)
                found = &n->k->code[i];
    return found;
}

// Elements of an array that the kernel writes are read before it does.
static bool reads_what_is_written(const Nest *n, const Instr *c)
{
    return (c->kind == INSTR_LOAD || c->kind == INSTR_GATHER) &&
           c_writes_memory(n->w, n->k, c->slot);
}

static bool goes_into_user(const Nest *n, int instr, const char *text)
{
    const Instr *c = &n->k->code[instr];
    const Instr *user = only_user(n, instr);
    if (c->kind == INSTR_CONST || c->kind == INSTR_PRODUCT || is_given(n, c))
        return true;
    return n->uses[instr] == 1 && !reads_what_is_written(n, c) && c->reload < 0 &&
           user->level == c->level && !is_reduction(user) && strlen(text) <= LONGEST_INLINE;
}

static void declare(Nest *n, int instr, CValue v)
{
    const Instr *c = &n->k->code[instr];
    const char *name = arena_printf(n->w->arena, "v%d%s", instr, n->suffix ? n->suffix : "");
    n->known[instr] = true;
    n->value[instr] = v;
    if (goes_into_user(n, instr, v.text))
        return;
    const char *type = n->lanes ? c_vector_name(n->w, "v", n->lanes) : c_types[c->dtype].value;
    c_line(n->w, "const %s %s = %s;", type, name, v.text);
    n->value[instr] = c_name_value(name, c->dtype);
}

static void define(Nest *n, int instr)
{
    declare(n, instr, expression(n, &n->k->code[instr]));
}

static void reload(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr], *kept = kernel_store_of(n->k, instr, c->reload);
    declare(n, instr, c_load(n->w, c_slot(n->w, c->reload), position(n, kept), c->dtype));
}

// Defines a full value and what it needs in the pass at hand.
static void demand(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    if (n->known[instr])
        return;
    if (c->reload >= 0 && c->pass < n->pass) {
        reload(n, instr);
        return;
    }
    for (int i = 0; i < c->arg_count; i++)
        demand(n, c->args[i]);
    define(n, instr);
}

static void forget(Nest *n, Level level)
{
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].level == level)
            n->known[i] = false;
}

// --- reductions ---------------------------------------------------------------------------------

// The innermost of the reduced axes that is a loop; -1: there is none.
static int last_reduced(const Nest *n)
{
    int last = -1;
    for (int i = 0; i < n->k->axis_count; i++)
        if (n->k->axes[i].reduced && size_of(n, i) > 1)
            last = i;
    return last;
}

// Whether the reductions of the pass at hand are made of LANES partial ones, so that a compiler may
// put these into a vector without changing the order of a sum.
static bool in_lanes(const Nest *n)
{
    const int axis = last_reduced(n);
    bool any = false;
    if (axis < 0 || axis != n->k->vector_axis || size_of(n, axis) < LONG_ENOUGH ||
        size_of(n, axis) % LANES)
        return false;
    for (int i = 0; i < n->k->count; i++) {
        if (ends_in_pass(n, i) && n->k->code[i].kind == INSTR_ARGMAX)
            return false;
        any |= ends_in_pass(n, i);
    }
    return any;
}

// What a reduction begins with.
static const char *first_of(const Instr *c)
{
    static const char *const first[][REDUCE_KIND_COUNT] = {
        [DTYPE_F32] = {"0.0f", "-INFINITY", "INFINITY"},
        [DTYPE_I32] = {"0", "INT32_MIN", "INT32_MAX"},
        [DTYPE_I8] = {"0", "-128", "127"},
    };
    return first[c->dtype][c->node->attr.reduce.kind];
}

static void start_reductions(Nest *n)
{
    const bool lanes = in_lanes(n);
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!ends_in_pass(n, i))
            continue;
        if (c->kind == INSTR_ARGMAX) {
            c_line(n->w, "float most%d = -INFINITY;", i);
            c_line(n->w, "int32_t v%d = 0;", i);
            continue;
        }
        const char *f = first_of(c), *type = c_types[c->dtype].value;
        if (lanes)
            c_line(n->w, "%s s%d[%d] = {%s, %s, %s, %s};", type, i, LANES, f, f, f, f);
        else
            c_line(n->w, "%s v%d = %s;", type, i, f);
    }
}

static const char *reduced_index(const Nest *n)
{
    for (int i = 0; i < n->k->axis_count; i++)
        if (n->k->axes[i].reduced && n->index[i])
            return n->index[i];
    return "0";
}

// a and b as one.
static const char *joined(Nest *n, const Instr *c, const char *a, const char *b)
{
    static const EmitOp ops[REDUCE_KIND_COUNT] = {
        [REDUCE_MAX] = EMIT_MAX, [REDUCE_MIN] = EMIT_MIN, [REDUCE_SUM] = EMIT_ADD};
    const ReduceKind kind = c->node->attr.reduce.kind;
    const EmitOp op = kind == REDUCE_SUM && c->dtype != DTYPE_F32 ? EMIT_IADD : ops[kind];
    const CValue none = {0};
    return c_operation(n->w, op, c_name_value(a, c->dtype), c_name_value(b, c->dtype), none).text;
}

static void accumulate(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    const char *v = n->value[c->args[0]].text;
    if (c->kind == INSTR_ARGMAX) {
        c_open(n->w, "if (%s > most%d)", v, instr);
        c_line(n->w, "most%d = %s;", instr, v);
        c_line(n->w, "v%d = (int32_t)%s;", instr, reduced_index(n));
        c_close(n->w);
        return;
    }
    const char *so_far = arena_printf(n->w->arena, in_lanes(n) ? "s%d[u]" : "v%d", instr);
    if (c->node->attr.reduce.kind == REDUCE_SUM && c->dtype == DTYPE_F32)
        c_line(n->w, "%s += %s;", so_far, v);
    else
        c_line(n->w, "%s = %s;", so_far, joined(n, c, so_far, v));
}

// Of the partial results.
static void join_lanes(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    const char *s[LANES];
    for (int i = 0; i < LANES; i++)
        s[i] = arena_printf(n->w->arena, "s%d[%d]", instr, i);
    const bool sum = c->node->attr.reduce.kind == REDUCE_SUM && c->dtype == DTYPE_F32;
    const char *const halves = sum ? "(%s)" : "%s";
    const char *low = arena_printf(n->w->arena, halves, joined(n, c, s[0], s[1]));
    const char *high = arena_printf(n->w->arena, halves, joined(n, c, s[2], s[3]));
    c_line(n->w, "const %s v%d = %s;", c_types[c->dtype].value, instr, joined(n, c, low, high));
}

static void finish_reductions(Nest *n)
{
    for (int i = 0; i < n->k->count; i++)
        if (ends_in_pass(n, i)) {
            if (in_lanes(n))
                join_lanes(n, i);
            n->value[i] = c_name_value(arena_printf(n->w->arena, "v%d", i), n->k->code[i].dtype);
            n->known[i] = true;
        }
}

// --- stores -------------------------------------------------------------------------------------

static void store(Nest *n, const Instr *c)
{
    CWriter *w = n->w;
    const char *array = c_slot(w, c->slot);
    const char *at = c->arg_count == 2 ? row_position(n, c, 1) : position(n, c);
    const CValue v = n->value[c->args[0]];
    if (n->lanes)
        c_line(w, "%s(%s + %s, %s);", c_vector_name(w, "store", n->lanes), array, at, v.text);
    else if (c->adds)
        c_line(w, "%s[%s] += %s;", array, at, v.text);
    else
        c_store(w, array, at, v);
}

// --- loops --------------------------------------------------------------------------------------

static void open_axis(Nest *n, int axis)
{
    n->index[axis] = NULL;
    if (size_of(n, axis) == 1)
        return;
    n->index[axis] = index_names[axis];
    c_open(n->w, "for (%s %s = 0; %s < %lld; ++%s)", n->w->index, index_names[axis],
           index_names[axis], (long long)size_of(n, axis), index_names[axis]);
}

static void close_axis(Nest *n, int axis)
{
    if (n->index[axis])
        c_close(n->w);
}

// All values before any store: a store may overwrite what another value is read from.
static void full_body(Nest *n)
{
    const Kernel *k = n->k;
    forget(n, LEVEL_FULL);
    for (int i = 0; i < k->count; i++)
        if (ends_in_pass(n, i) || is_full_store(n, &k->code[i]))
            for (int x = 0; x < k->code[i].arg_count; x++)
                demand(n, k->code[i].args[x]);
    for (int i = 0; i < k->count; i++)
        if (ends_in_pass(n, i))
            accumulate(n, i);
    for (int i = 0; i < k->count; i++)
        if (is_full_store(n, &k->code[i]))
            store(n, &k->code[i]);
}

// The last reduced axis, LANES elements at a time.
static void lane_loops(Nest *n, int axis)
{
    CWriter *w = n->w;
    const char *i = index_names[axis];
    c_open(w, "for (%s %s = 0; %s < %lld; %s += %d)", w->index, i, i, (long long)size_of(n, axis),
           i, LANES);
    c_open(w, "for (int u = 0; u < %d; ++u)", LANES);
    n->index[axis] = arena_printf(w->arena, "%su", i);
    c_line(w, "const %s %s = %s + u;", w->index, n->index[axis], i);
    full_body(n);
    c_close(w);
    c_close(w);
}

static void reduced_loops(Nest *n, int axis)
{
    const Kernel *k = n->k;
    while (axis < k->axis_count && !k->axes[axis].reduced)
        axis++;
    if (axis == k->axis_count) {
        full_body(n);
        return;
    }
    if (axis == last_reduced(n) && in_lanes(n)) {
        lane_loops(n, axis);
        return;
    }
    open_axis(n, axis);
    reduced_loops(n, axis + 1);
    close_axis(n, axis);
}

static bool has_work(const Nest *n)
{
    for (int i = 0; i < n->k->count; i++)
        if (ends_in_pass(n, i) || is_full_store(n, &n->k->code[i]))
            return true;
    return false;
}

static void outer_values(Nest *n, int passes_done)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (c->level == LEVEL_OUTER && c->kind != INSTR_STORE && !is_reduction(c) &&
            c->pass <= passes_done && n->needed[i] && !n->known[i])
            define(n, i);
    }
}

static void outer_body(Nest *n)
{
    forget(n, LEVEL_OUTER);
    for (n->pass = 0; n->pass < n->k->passes; n->pass++) {
        outer_values(n, n->pass);
        start_reductions(n);
        if (has_work(n))
            reduced_loops(n, 0);
        finish_reductions(n);
    }
    outer_values(n, n->k->passes);
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].level == LEVEL_OUTER && n->k->code[i].kind == INSTR_STORE)
            store(n, &n->k->code[i]);
}

static void outer_loops(Nest *n, int axis)
{
    const Kernel *k = n->k;
    while (axis < k->axis_count && (k->axes[axis].reduced || axis == k->vector_axis))
        axis++;
    if (axis < k->axis_count) {
        open_axis(n, axis);
        outer_loops(n, axis + 1);
        close_axis(n, axis);
        return;
    }
    const bool innermost = k->vector_axis >= 0 && !k->axes[k->vector_axis].reduced;
    if (innermost)
        open_axis(n, k->vector_axis);
    outer_body(n);
    if (innermost)
        close_axis(n, k->vector_axis);
}

// Stores may come before what they store, so this goes on until nothing more is found. What is
// given needs nothing.
static bool *needed_with(Arena *a, const Kernel *k, int given)
{
    bool *needed = arena_array(a, bool, (size_t)k->count + 1);
    for (int i = 0; i < k->count; i++)
        needed[i] = k->code[i].kind == INSTR_STORE;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < k->count; i++)
            for (int x = 0; needed[i] && i != given && x < k->code[i].arg_count; x++) {
                more |= !needed[k->code[i].args[x]];
                needed[k->code[i].args[x]] = true;
            }
    }
    return needed;
}

bool *c_needed(Arena *a, const Kernel *k)
{
    return needed_with(a, k, -1);
}

static void count_uses(Nest *n)
{
    for (int i = 0; i < n->k->count; i++)
        for (int x = 0; n->needed[i] && i != n->given && x < n->k->code[i].arg_count; x++)
            n->uses[n->k->code[i].args[x]]++;
}

static Nest nest_of(CWriter *w, const Kernel *k, int given)
{
    Nest n = {.w = w,
              .k = k,
              .value = arena_array(w->arena, CValue, (size_t)k->count + 1),
              .known = arena_array(w->arena, bool, (size_t)k->count + 1),
              .needed = needed_with(w->arena, k, given),
              .given = given,
              .uses = arena_array(w->arena, int, (size_t)k->count + 1)};
    count_uses(&n);
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_UNIFORM && n.needed[i])
            define(&n, i);
    return n;
}

void c_loops(CWriter *w, const Kernel *k)
{
    Nest n = nest_of(w, k, -1);
    outer_loops(&n, 0);
}

// --- behind a contraction -----------------------------------------------------------------------

CCode *c_code_open(CWriter *w, const Kernel *k)
{
    return c_code_open_behind(w, k, -1);
}

CCode *c_code_open_behind(CWriter *w, const Kernel *k, int instr)
{
    CCode *c = arena_new_of(w->arena, CCode);
    *c = nest_of(w, k, instr);
    return c;
}

const bool *c_code_needed(const CCode *c)
{
    return c->needed;
}

void c_code_at(CCode *c, int axis, const char *index)
{
    if (axis >= 0)
        c->index[axis] = index;
}

void c_code_run(CCode *c, const char *product)
{
    c->product = product;
    outer_body(c);
}
