// loops.c -- LLVM IR of a loop kernel.
//
//   for the outer axes                         the first one is split over threads
//       for strips of the vector axis          when that is an outer axis: a lane is a point
//           for each pass
//               for the reduced axes           with accumulators in registers
//                   (strips of the vector axis, when that is reduced)
//                       full values, reductions, stores
//               outer values that follow
//
// A strip is `unroll` vectors wide; what is left over is done vector by vector under a mask. When
// the vector axis is reduced, outer values are scalars and each reduction ends in a tree over the
// accumulators and then over the lanes, whose form depends on the vector width and shape alone.

#include <string.h>

#include "codegen/llvm/nest.h"
#include "graph/ops/ops.h"

// --- strips -------------------------------------------------------------------------------------

static bool is_empty(Val lo, Val hi)
{
    return LLVMIsAConstantInt(lo) && LLVMIsAConstantInt(hi) &&
           LLVMConstIntGetSExtValue(lo) >= LLVMConstIntGetSExtValue(hi);
}

typedef void StripBody(Nest *n, Val *carried);

static void strip_loop(Nest *n, Val lo, Val hi, bool full, Val *carried, int count, StripBody *body)
{
    if (is_empty(lo, hi))
        return;
    Loop l;
    n->unroll = full ? n->strip : 1;
    gen_loop_begin(n->g, &l, lo, hi, (int64_t)n->unroll * n->g->width, carried, count);
    n->index[n->k->vector_axis] = l.index;
    n->mask = full ? NULL : gen_mask(n->g, LLVMBuildNSWSub(n->g->builder, hi, l.index, ""));
    body(n, carried);
    gen_loop_end(n->g, &l, carried);
    n->mask = NULL;
    n->unroll = n->strip;
}

static bool is_whole_strips(const Nest *n)
{
    const KernelAxis *x = &n->k->axes[n->k->vector_axis];
    int64_t unit = x->size == DIM_BATCH ? x->factor : x->size;
    return unit % ((int64_t)n->strip * n->g->width) == 0;
}

// The vector axis from lo to hi: full strips, then what is left under a mask.
static void strips(Nest *n, Val lo, Val hi, Val *carried, int count, StripBody *body)
{
    LLVMBuilderRef b = n->g->builder;
    if (is_whole_strips(n)) {
        strip_loop(n, lo, hi, true, carried, count, body);
        return;
    }
    int64_t unit = (int64_t)n->strip * n->g->width;
    Val length = LLVMBuildNSWSub(b, hi, lo, "");
    Val middle = LLVMBuildNSWAdd(b, lo, LLVMBuildAnd(b, length, gen_i64(n->g, -unit), ""), "");
    strip_loop(n, lo, middle, true, carried, count, body);
    strip_loop(n, middle, hi, false, carried, count, body);
}

static Val axis_end(Nest *n, int axis)
{
    const KernelAxis *x = &n->k->axes[axis];
    return gen_axis_length(n->g, n->context, x->size, x->factor);
}

// --- passes -------------------------------------------------------------------------------------

static bool is_full_store(const Nest *n, const Instr *c)
{
    return c->kind == INSTR_STORE && c->level == LEVEL_FULL && c->pass == n->pass;
}

// All values before any store: a store may overwrite what another value is read from.
static void full_body(Nest *n, Val *acc)
{
    nest_forget(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++)
        if (nest_ends_in_pass(n, &n->k->code[i]) || is_full_store(n, &n->k->code[i]))
            nest_demand(n, n->k->code[i].args[0]);
    nest_accumulate(n, acc);
    for (int i = 0; i < n->k->count; i++)
        for (int part = 0; is_full_store(n, &n->k->code[i]) && part < nest_parts_at(n, LEVEL_FULL);
             part++)
            nest_store_part(n, &n->k->code[i], part);
}

// The point so many steps behind this one, where the loops around are with this one.
static Nest *point_behind(const Nest *n, int steps)
{
    Nest *point = n->points[steps];
    if (steps == 0)
        return point;
    for (int i = 0; i < MAX_RANK; i++)
        point->index[i] = n->index[i];
    point->unroll = n->unroll;
    point->mask = n->mask;
    Val behind = gen_i64(n->g, steps);
    point->index[n->together] = LLVMBuildNSWAdd(n->g->builder, n->index[n->together], behind, "");
    return point;
}

static void full_bodies(Nest *n, Val *acc)
{
    for (int i = 0; i < n->point_count; i++)
        full_body(point_behind(n, i), acc + i * nest_accumulator_count(n));
}

// A rough number of instructions for one vector of a value.
static int weight(const Instr *c)
{
    if (c->kind == INSTR_RANDOM)
        return 80;
    return c->kind == INSTR_APPLY && !op_is(c->node->op, CHEAP) ? 12 : 1;
}

static int kernel_weight(const Kernel *k)
{
    int sum = 0;
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level != LEVEL_UNIFORM)
            sum += weight(&k->code[i]);
    return sum;
}

// An addition waits for the one before it: with few accumulators the innermost of the reduced loops
// takes several elements a turn, each with accumulators of its own, which are joined at its end.
#define WAYS 4

static bool goes_in_ways(const Nest *n, int axis, int count)
{
    const KernelAxis *x = &n->k->axes[axis];
    if (!n->vector_outer || count == 0 || count > 4 || x->size == DIM_BATCH || x->size < 4 * WAYS ||
        x->size % WAYS || kernel_weight(n->k) > 32)
        return false;
    for (int i = axis + 1; i < n->k->axis_count; i++)
        if (n->k->axes[i].reduced)
            return false;
    return !nest_ends_argmax(n);
}

static void reduced_in_ways(Nest *n, int axis, Val *acc, int count)
{
    Gen *g = n->g;
    Val all[GEN_MAX_CARRIED];
    Loop l;
    for (int way = 0; way < WAYS; way++)
        nest_start_accumulators(n, all + way * count);
    for (int i = 0; i < count; i++)
        all[i] = acc[i];
    gen_loop_begin(g, &l, gen_i64(g, 0), axis_end(n, axis), WAYS, all, WAYS * count);
    for (int way = 0; way < WAYS; way++) {
        n->index[axis] = LLVMBuildNSWAdd(g->builder, l.index, gen_i64(g, way), "");
        full_body(n, all + way * count);
    }
    gen_loop_end(g, &l, all);
    nest_join(n, all, count, WAYS, acc);
}

static void reduced_loops(Nest *n, int axis, Val *acc, int count)
{
    const Kernel *k = n->k;
    while (axis < k->axis_count && (!k->axes[axis].reduced || axis == k->vector_axis))
        axis++;
    if (axis == k->axis_count) {
        if (n->vector_outer || k->vector_axis < 0)
            full_bodies(n, acc);
        else
            strips(n, gen_i64(n->g, 0), axis_end(n, k->vector_axis), acc, count, full_bodies);
        return;
    }
    if (goes_in_ways(n, axis, count)) {
        reduced_in_ways(n, axis, acc, count);
        return;
    }
    Loop l;
    gen_loop_begin(n->g, &l, gen_i64(n->g, 0), axis_end(n, axis), 1, acc, count);
    n->index[axis] = l.index;
    reduced_loops(n, axis + 1, acc, count);
    gen_loop_end(n->g, &l, acc);
}

static void outer_values(Nest *n, int passes_done)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (c->level == LEVEL_OUTER && c->kind != INSTR_STORE && !nest_is_reduction(c) &&
            c->pass <= passes_done && !n->known[i])
            nest_define(n, i);
    }
}

static void outer_stores(Nest *n)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        for (int part = 0; c->level == LEVEL_OUTER && c->kind == INSTR_STORE &&
                           part < nest_parts_at(n, LEVEL_OUTER);
             part++)
            nest_store_part(n, c, part);
    }
}

static void one_pass(Nest *n, int pass)
{
    Val acc[GEN_MAX_CARRIED];
    int count = 0;
    for (int i = 0; i < n->point_count; i++) {
        Nest *point = point_behind(n, i);
        point->pass = pass;
        outer_values(point, pass);
        count = nest_accumulator_count(n);
        nest_start_accumulators(point, acc + i * count);
    }
    reduced_loops(n, 0, acc, n->point_count * count);
    for (int i = 0; i < n->point_count; i++)
        nest_finish_reductions(n->points[i], acc + i * count);
}

// One point of the outer axes or a few together, or a strip of them.
static void outer_body(Nest *n, Val *carried)
{
    (void)carried;
    int strip = n->strip;
    n->strip = n->vector_outer ? n->unroll : strip;
    for (int i = 0; i < n->point_count; i++)
        nest_forget(n->points[i], LEVEL_OUTER);
    for (int pass = 0; pass < n->k->passes; pass++)
        one_pass(n, pass);
    for (int i = 0; i < n->point_count; i++) {
        Nest *point = point_behind(n, i);
        outer_values(point, n->k->passes);
        outer_stores(point);
    }
    n->strip = strip;
}

static int next_outer(const Kernel *k, int axis)
{
    while (axis < k->axis_count && (k->axes[axis].reduced || axis == k->vector_axis))
        axis++;
    return axis;
}

// --- several rows at a time ---------------------------------------------------------------------
// What a row comes to (its largest, its sum) takes a chain of a hundred cycles or more from lane to
// lane, and the next pass waits for it. Rows do not wait for each other.

// Of a kernel that is done so; larger ones take long to compile, and fill the processor.
#define MOST_WEIGHT 160

// An axis of rows along which a few are done together, or -1.
static int axis_together(const Nest *n)
{
    const Kernel *k = n->k;
    int last = -1;
    if (n->vector_outer || k->vector_axis < 0 || n->g->width == 1)
        return -1;
    for (int i = 0; i < k->axis_count; i++)
        if (!k->axes[i].reduced)
            last = i;
    return last;
}

static Nest *another_point(const Nest *n)
{
    Arena *a = n->g->arena;
    const size_t count = (size_t)n->k->count + 1;
    Nest *point = arena_new_of(a, Nest);
    *point = *n;
    point->value = arena_calloc(a, count, sizeof *point->value);
    point->known = arena_array(a, bool, count);
    memcpy(point->value, n->value, count * sizeof *n->value);
    memcpy(point->known, n->known, count * sizeof *n->known);
    return point;
}

static void take_together(Nest *n)
{
    n->together = axis_together(n);
    const int most = n->together < 0 || kernel_weight(n->k) > MOST_WEIGHT ? 1 : MAX_TOGETHER;
    for (int i = 1; i < most; i++)
        n->points[i] = another_point(n);
    n->point_count = most;
}

static void outer_loops(Nest *n, int axis, bool split);

static void axis_loop(Nest *n, int axis, Val lo, Val hi)
{
    Loop l;
    if (is_empty(lo, hi))
        return;
    gen_loop_begin(n->g, &l, lo, hi, axis == n->together ? n->point_count : 1, NULL, 0);
    n->index[axis] = l.index;
    outer_loops(n, axis + 1, false);
    gen_loop_end(n->g, &l, NULL);
}

static void outer_loops(Nest *n, int axis, bool split)
{
    LLVMBuilderRef b = n->g->builder;
    const Kernel *k = n->k;
    axis = next_outer(k, axis);
    if (axis == k->axis_count) {
        if (!n->vector_outer)
            outer_body(n, NULL);
        else
            strips(n, split ? n->lo : gen_i64(n->g, 0), split ? n->hi : axis_end(n, k->vector_axis),
                   NULL, 0, outer_body);
        return;
    }
    Val lo = split ? n->lo : gen_i64(n->g, 0), hi = split ? n->hi : axis_end(n, axis);
    const int most = n->point_count;
    if (axis != n->together || most == 1) {
        axis_loop(n, axis, lo, hi);
        return;
    }
    Val length = LLVMBuildNSWSub(b, hi, lo, "");
    Val middle = LLVMBuildNSWAdd(b, lo, LLVMBuildAnd(b, length, gen_i64(n->g, -most), ""), "");
    axis_loop(n, axis, lo, middle);
    n->point_count = 1;
    axis_loop(n, axis, middle, hi);
    n->point_count = most;
}

// --- the kernel ---------------------------------------------------------------------------------

static bool has_random(const Kernel *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_RANDOM)
            return true;
    return false;
}

// Sums along columns of a strip's width: what is done once a column weighs nothing.
static bool sums_columns(const Kernel *k)
{
    return k->passes > 1 && next_outer(k, 0) == k->axis_count && !k->axes[k->vector_axis].reduced;
}

static int strip_weight(const Kernel *k)
{
    int sum = 0;
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_FULL)
            sum += weight(&k->code[i]);
    return sums_columns(k) ? sum : kernel_weight(k);
}

// Strips of columns that threads share.
#define FEW_STRIPS 4

// How many vectors a strip has: as many as registers and code size allow; without a rest if it can.
static int choose_strip(const Kernel *k, int width)
{
    if (k->vector_axis < 0 || width == 1)
        return 1;
    const KernelAxis *x = &k->axes[k->vector_axis];
    int w = strip_weight(k), most = w <= 24 ? 4 : w <= 48 ? 2 : 1;
    if (has_random(k))
        most = 4;  // as many vectors as a round of the generator gives
    int64_t unit = x->size == DIM_BATCH ? x->factor : x->size;
    while (sums_columns(k) && most > 1 && !has_random(k) && unit < FEW_STRIPS * most * width)
        most /= 2;
    for (int u = most; u > 1; u /= 2)
        if (unit % (u * width) == 0)
            return u;
    return unit % width == 0 || (x->size != DIM_BATCH && x->size < 2 * most * width) ? 1 : most;
}

static double points(const Plan *p, const Kernel *k)
{
    double n = 1;
    for (int i = 0; i < k->axis_count; i++)
        n *= (double)axis_size(k->axes[i].size, k->axes[i].factor, p->max_batch);
    return n;
}

// Elements of a kernel above which what it reads lies in no near cache.
#define NEAR 65536.0

Val gen_loops_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Nest n = {.g = g, .k = k};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    Val fn = gen_function(g, name, g->none, params, 3, false);
    n.buffers = arena_array(g->arena, Val, (size_t)k->buffer_count + 1);
    n.value = arena_calloc(g->arena, (size_t)k->count + 1, sizeof *n.value);
    n.known = arena_array(g->arena, bool, (size_t)k->count + 1);
    n.lo = LLVMGetParam(fn, 1);
    n.hi = LLVMGetParam(fn, 2);
    n.vector_outer = k->vector_axis >= 0 && !k->axes[k->vector_axis].reduced;
    n.strip = n.unroll = choose_strip(k, g->width);
    n.asks_ahead = points(p, k) > NEAR;
    nest_load_arguments(&n, LLVMGetParam(fn, 0));
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_UNIFORM)
            nest_define(&n, i);
    n.points[0] = &n;
    take_together(&n);
    outer_loops(&n, 0, true);
    LLVMBuildRetVoid(g->builder);
    return fn;
}

// --- threads ------------------------------------------------------------------------------------

// Cycles below which handing out a piece costs more than it gains, and those of a good piece.
#define SPLIT_MIN_CYCLES 60000.0
#define PIECE_CYCLES 20000.0
// What one core moves to and from where large values are.
#define BYTES_A_CYCLE 8.0

// Additions to the same elements must come one after another: only examples are apart, as long as
// no row is chosen by an index.
static bool may_split(const Kernel *k, int axis)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].adds &&
            (k->code[i].arg_count == 2 || k->axes[axis].size != DIM_BATCH ||
             axis == k->vector_axis))
            return false;
    return true;
}

Split loops_split(const Plan *p, const Kernel *k, int width)
{
    int axis = next_outer(k, 0);
    if (axis == k->axis_count)
        axis = k->vector_axis >= 0 && !k->axes[k->vector_axis].reduced ? k->vector_axis : -1;
    if (axis < 0)
        return (Split){.axis = {.size = 1, .factor = 1}, .grain = 1};
    if (!may_split(k, axis))
        return (Split){.axis = k->axes[axis], .grain = INT64_MAX};
    const double computing = points(p, k) * kernel_weight(k) / width;
    const double moving = kernel_bytes(p, k, p->max_batch).moved / BYTES_A_CYCLE;
    const double cycles = computing > moving ? computing : moving;
    int64_t size = axis_size(k->axes[axis].size, k->axes[axis].factor, p->max_batch);
    double pieces = cycles < SPLIT_MIN_CYCLES ? 1 : cycles / PIECE_CYCLES;
    int64_t unit = axis == k->vector_axis ? (int64_t)choose_strip(k, width) * width : 1;
    int64_t grain = (int64_t)((double)size / pieces);
    grain = (grain + unit - 1) / unit * unit;
    return (Split){.axis = k->axes[axis], .grain = grain < unit ? unit : grain, .unit = unit};
}
