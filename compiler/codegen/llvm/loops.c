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

#include <math.h>
#include <string.h>

#include "codegen/llvm/gen.h"
#include "graph/ops/ops.h"

#define MAX_UNROLL 4

typedef struct Nest {
    Gen *g;
    const Kernel *k;
    Val context;
    Val seed, step;
    Val *buffers;
    Val index[MAX_RANK];  // where the loops are
    Val lo, hi;           // the part to do of the split axis
    bool vector_outer;    // the vector axis is not reduced
    int strip;            // unroll of full strips
    int unroll;           // of the strip at hand
    Val mask;             // of the strip at hand, or NULL
    int pass;
    Val (*value)[MAX_UNROLL];  // by instruction: a part for each vector of the strip
    bool *known;
} Nest;

// --- widths -------------------------------------------------------------------------------------

static int width_at(const Nest *n, Level level)
{
    if (n->k->vector_axis < 0 || level == LEVEL_UNIFORM)
        return 1;
    return level == LEVEL_FULL || n->vector_outer ? n->g->width : 1;
}

static int parts_at(const Nest *n, Level level)
{
    return width_at(n, level) > 1 ? n->unroll : 1;
}

static Val part_of(Nest *n, int instr, int part, int width)
{
    Level level = n->k->code[instr].level;
    Val v = n->value[instr][width_at(n, level) > 1 ? part : 0];
    return gen_lanes(v) < width ? gen_splat(n->g, v, width) : v;
}

static int64_t vector_stride(const Nest *n, const int64_t *strides)
{
    return n->k->vector_axis < 0 ? 0 : strides[n->k->vector_axis];
}

// The offset and the sum of stride times position over the axes.
static Val position(Nest *n, const int64_t *strides, int64_t offset)
{
    LLVMBuilderRef b = n->g->builder;
    Val sum = gen_i64(n->g, offset);
    for (int i = 0; i < n->k->axis_count; i++) {
        if (!strides[i])
            continue;
        Val term = LLVMBuildNSWMul(b, n->index[i], gen_i64(n->g, strides[i]), "");
        sum = LLVMBuildNSWAdd(b, sum, term, "");
    }
    return sum;
}

// --- instructions -------------------------------------------------------------------------------

static Val address_of(Nest *n, const Instr *c, int slot, int part)
{
    Val base = gen_element(n->g, n->buffers[slot], c->dtype, position(n, c->strides, c->offset));
    int64_t ahead = (int64_t)part * n->g->width * vector_stride(n, c->strides);
    return gen_offset(n->g, base, ahead * (int64_t)dtype_size(c->dtype));
}

// `at` tells where, `c` what.
static Val load_part(Nest *n, const Instr *c, const Instr *at, int slot, int part)
{
    int width = width_at(n, c->level);
    Val mask = width > 1 ? n->mask : NULL;
    return gen_load(n->g, address_of(n, at, slot, part), c->dtype, vector_stride(n, at->strides),
                    width, mask);
}

// --- rows by index ------------------------------------------------------------------------------

// The element at which row `row` (an i32, clamped to the rows there are) begins.
static Val row_start(Nest *n, const Instr *c, Val row)
{
    Gen *g = n->g;
    int w = gen_lanes(row);
    Val zero = gen_i32(g, 0, w), last = gen_i32(g, c->rows - 1, w);
    Val r = gen_apply(g, EMIT_MIN, gen_apply(g, EMIT_MAX, row, zero, NULL), last, NULL);
    r = LLVMBuildSExt(g->builder, r, gen_vector(g->i64, w), "");
    return LLVMBuildNSWMul(g->builder, r, gen_splat_const(gen_i64(g, c->row_stride), w), "");
}

// One row for all lanes: they are neighbours in it, or stand still.
static Val row_address(Nest *n, const Instr *c, int row_arg, int part)
{
    Gen *g = n->g;
    Val row = part_of(n, c->args[row_arg], part, 1);
    if (gen_lanes(row) > 1)
        row = LLVMBuildExtractElement(g->builder, row, gen_i32(g, 0, 1), "");
    return gen_element(g, address_of(n, c, c->slot, part), c->dtype, row_start(n, c, row));
}

static Val gather_part(Nest *n, const Instr *c, int part)
{
    Gen *g = n->g;
    int width = width_at(n, c->level);
    const int64_t stride = vector_stride(n, c->strides);
    if (width == 1 || !instr_moves(n->k, c->args[0], n->k->vector_axis))
        return gen_load(g, row_address(n, c, 0, part), c->dtype, stride, width,
                        width > 1 ? n->mask : NULL);
    Val start = row_start(n, c, part_of(n, c->args[0], part, width));
    Val lane = LLVMBuildAdd(g->builder, start, gen_ramp_i64(g, 0, stride, width), "");
    return gen_load_lanes(g, address_of(n, c, c->slot, part), c->dtype, lane, n->mask);
}

static void store_part(Nest *n, const Instr *c, int part)
{
    int width = width_at(n, c->level);
    const int64_t stride = vector_stride(n, c->strides);
    Val mask = width > 1 ? n->mask : NULL, v = part_of(n, c->args[0], part, width);
    Val at = c->arg_count == 2 ? row_address(n, c, 1, part) : address_of(n, c, c->slot, part);
    if (c->adds)
        v = LLVMBuildFAdd(n->g->builder, gen_load(n->g, at, c->dtype, stride, width, mask), v, "");
    gen_store(n->g, v, at, c->dtype, stride, mask);
}

// Lane l of part p is position + (p * width + l) * stride of the vector axis.
static Val position_lanes(Nest *n, const Instr *c, int part)
{
    int width = width_at(n, c->level);
    int64_t stride = width > 1 ? vector_stride(n, c->strides) : 0;
    Val ramp = gen_ramp_i64(n->g, (int64_t)part * width * stride, stride, width);
    Val base = gen_splat(n->g, position(n, c->strides, c->offset), width);
    return LLVMBuildAdd(n->g->builder, base, ramp, "");
}

typedef struct LlvmEmit {
    Emit emit;
    Gen *g;
    int width;
} LlvmEmit;

static Val constant(Gen *g, DType dtype, double value, int width)
{
    if (dtype == DTYPE_F32)
        return gen_f32(g, value, width);
    if (dtype == DTYPE_I32)
        return gen_i32(g, (int64_t)value, width);
    return gen_splat_const(LLVMConstInt(g->i1, value != 0, 0), width);
}

static Sv emit_constant(Emit *e, DType dtype, double value)
{
    const LlvmEmit *le = (const LlvmEmit *)e;
    return (Sv){(uintptr_t)constant(le->g, dtype, value, le->width)};
}

static Sv emit_apply(Emit *e, EmitOp op, Sv a, Sv b, Sv c)
{
    return (Sv){(uintptr_t)gen_apply(((LlvmEmit *)e)->g, op, (Val)a.v, (Val)b.v, (Val)c.v)};
}

static Val apply_part(Nest *n, const Instr *c, int part)
{
    int width = width_at(n, c->level);
    LlvmEmit e = {.emit = {emit_constant, emit_apply}, .g = n->g, .width = width};
    Sv args[3];
    Type types[3];
    for (int i = 0; i < c->arg_count; i++) {
        args[i] = (Sv){(uintptr_t)part_of(n, c->args[i], part, width)};
        types[i] = c->node->in[i]->type;
    }
    return (Val)op_table[c->node->op]->scalar(&e.emit, args, types, &c->node->type).v;
}

static Val scalar_of_run(Nest *n, ScalarKind kind)
{
    Gen *g = n->g;
    switch (kind) {
    case SCALAR_BATCH:
        return LLVMBuildSIToFP(g->builder,
                               gen_field(g, n->context, offsetof(RunContext, args.batch), g->i64),
                               g->f32, "");
    case SCALAR_STEP:
        return LLVMBuildSIToFP(g->builder, n->step, g->f32, "");
    case SCALAR_EPOCH:
        return gen_field(g, n->context, offsetof(RunContext, args.epoch), g->f32);
    default:
        return gen_field(g, n->context, offsetof(RunContext, args.validation_loss), g->f32);
    }
}

static Val instr_part(Nest *n, const Instr *c, int part)
{
    Gen *g = n->g;
    switch (c->kind) {
    case INSTR_CONST:
        return constant(g, c->dtype, c->node->attr.value, 1);
    case INSTR_SCALAR:
        return scalar_of_run(n, c->node->attr.scalar);
    case INSTR_LOAD:
        return load_part(n, c, c, c->slot, part);
    case INSTR_GATHER:
        return gather_part(n, c, part);
    case INSTR_IOTA: {
        Val lanes = position_lanes(n, c, part);
        return LLVMBuildTrunc(g->builder, lanes, gen_vector(g->i32, gen_lanes(lanes)), "");
    }
    case INSTR_RANDOM:
        return gen_random(g, n->seed, n->step, c->node->attr.stream, position_lanes(n, c, part));
    default:
        return apply_part(n, c, part);
    }
}

// Whether a strip is 64 neighbouring random numbers from a multiple of 64 on.
static bool is_random_block(const Nest *n, const Instr *c)
{
    if (c->kind != INSTR_RANDOM || n->g->width != 16 || parts_at(n, c->level) != 4 ||
        vector_stride(n, c->strides) != 1 || c->offset % 64)
        return false;
    for (int i = 0; i < n->k->axis_count; i++)
        if (i != n->k->vector_axis && c->strides[i] % 64)
            return false;
    return true;
}

static void define(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    n->known[instr] = true;
    if (is_random_block(n, c)) {
        gen_random_block(n->g, n->seed, n->step, c->node->attr.stream,
                         position(n, c->strides, c->offset), n->value[instr]);
        return;
    }
    for (int part = 0; part < parts_at(n, c->level); part++)
        n->value[instr][part] = instr_part(n, c, part);
}

static const Instr *store_of(const Kernel *k, int instr, int slot)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].slot == slot &&
            k->code[i].args[0] == instr)
            return &k->code[i];
    return NULL;
}

static void reload(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr], *kept = store_of(n->k, instr, c->reload);
    for (int part = 0; part < parts_at(n, c->level); part++)
        n->value[instr][part] = load_part(n, c, kept, c->reload, part);
    n->known[instr] = true;
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
    if (x->size != DIM_BATCH)
        return gen_i64(n->g, x->size);
    Val batch = gen_field(n->g, n->context, offsetof(RunContext, args.batch), n->g->i64);
    return LLVMBuildNSWMul(n->g->builder, batch, gen_i64(n->g, x->factor), "");
}

// --- reductions ---------------------------------------------------------------------------------

static bool is_reduction(const Instr *c)
{
    return c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX;
}

static bool ends_in_pass(const Nest *n, const Instr *c)
{
    return is_reduction(c) && c->pass == n->pass + 1;
}

static double identity(const Instr *c)
{
    if (c->kind == INSTR_ARGMAX)
        return -HUGE_VAL;
    static const double values[REDUCE_KIND_COUNT] = {0, -HUGE_VAL, HUGE_VAL};
    return values[c->node->attr.reduce.kind];
}

static Val combine(Gen *g, const Instr *c, Val a, Val b)
{
    static const EmitOp ops[REDUCE_KIND_COUNT] = {EMIT_ADD, EMIT_MAX, EMIT_MIN};
    return gen_apply(g, ops[c->node->attr.reduce.kind], a, b, NULL);
}

// The accumulators of the pass at hand: `strip` for each reduction, twice as many (values, then
// indices) for an argmax.
static int accumulator_count(const Nest *n)
{
    int count = 0;
    for (int i = 0; i < n->k->count; i++)
        if (ends_in_pass(n, &n->k->code[i]))
            count += n->strip * (n->k->code[i].kind == INSTR_ARGMAX ? 2 : 1);
    return count;
}

static void start_accumulators(Nest *n, Val *acc)
{
    int width = width_at(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!ends_in_pass(n, c))
            continue;
        for (int part = 0; part < n->strip; part++)
            *acc++ = gen_f32(n->g, identity(c), width);
        for (int part = 0; c->kind == INSTR_ARGMAX && part < n->strip; part++)
            *acc++ = gen_i32(n->g, 0, width);
    }
}

static int reduced_axis(const Kernel *k)
{
    for (int i = 0; i < k->axis_count; i++)
        if (k->axes[i].reduced)
            return i;
    return 0;
}

static Val argmax_index(Nest *n, int part)
{
    Instr along = {.level = LEVEL_FULL};
    along.strides[reduced_axis(n->k)] = 1;
    Val lanes = position_lanes(n, &along, part);
    return LLVMBuildTrunc(n->g->builder, lanes, gen_vector(n->g->i32, gen_lanes(lanes)), "");
}

static Val masked(Nest *n, const Instr *c, Val v)
{
    if (n->vector_outer || !n->mask)
        return v;
    Val neutral = gen_f32(n->g, identity(c), gen_lanes(v));
    return LLVMBuildSelect(n->g->builder, n->mask, v, neutral, "");
}

static void accumulate_argmax(Nest *n, Val v, int part, Val *value, Val *index)
{
    LLVMBuilderRef b = n->g->builder;
    Val larger = LLVMBuildFCmp(b, LLVMRealOGT, v, *value, "");
    *value = LLVMBuildSelect(b, larger, v, *value, "");
    *index = LLVMBuildSelect(b, larger, argmax_index(n, part), *index, "");
}

static void accumulate(Nest *n, Val *acc)
{
    int width = width_at(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!ends_in_pass(n, c))
            continue;
        for (int part = 0; part < parts_at(n, LEVEL_FULL); part++) {
            Val v = masked(n, c, part_of(n, c->args[0], part, width));
            if (c->kind == INSTR_ARGMAX)
                accumulate_argmax(n, v, part, &acc[part], &acc[n->strip + part]);
            else
                acc[part] = combine(n->g, c, acc[part], v);
        }
        acc += n->strip * (c->kind == INSTR_ARGMAX ? 2 : 1);
    }
}

// The upper half of a vector's lanes.
static Val half(Gen *g, Val v, bool upper)
{
    Val lanes[64];
    int w = gen_lanes(v) / 2;
    for (int i = 0; i < w; i++)
        lanes[i] = gen_i32(g, i + (upper ? w : 0), 1);
    if (w == 1)
        return LLVMBuildExtractElement(g->builder, v, lanes[0], "");
    return LLVMBuildShuffleVector(g->builder, v, LLVMGetPoison(LLVMTypeOf(v)),
                                  LLVMConstVector(lanes, (unsigned)w), "");
}

static void better(Gen *g, Val *value, Val *index, Val value2, Val index2)
{
    LLVMBuilderRef b = g->builder;
    Val larger = LLVMBuildFCmp(b, LLVMRealOGT, value2, *value, "");
    Val equal = LLVMBuildFCmp(b, LLVMRealOEQ, value2, *value, "");
    Val before = LLVMBuildICmp(b, LLVMIntSLT, index2, *index, "");
    Val take = LLVMBuildOr(b, larger, LLVMBuildAnd(b, equal, before, ""), "");
    *value = LLVMBuildSelect(b, take, value2, *value, "");
    *index = LLVMBuildSelect(b, take, index2, *index, "");
}

static Val finish_argmax(Nest *n, const Val *acc)
{
    Gen *g = n->g;
    Val value = acc[0], index = acc[n->strip];
    for (int part = 1; part < n->strip; part++)
        better(g, &value, &index, acc[part], acc[n->strip + part]);
    while (gen_lanes(value) > 1) {
        Val high = half(g, value, true), high_index = half(g, index, true);
        value = half(g, value, false);
        index = half(g, index, false);
        better(g, &value, &index, high, high_index);
    }
    return index;
}

static Val finish_reduce(Nest *n, const Instr *c, const Val *acc)
{
    Val parts[MAX_UNROLL];
    memcpy(parts, acc, sizeof *parts * (size_t)n->strip);
    for (int count = n->strip; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++)
            parts[i] = combine(n->g, c, parts[i], parts[i + count / 2]);
    Val v = parts[0];
    while (gen_lanes(v) > 1)
        v = combine(n->g, c, half(n->g, v, false), half(n->g, v, true));
    return v;
}

static void finish_reductions(Nest *n, const Val *acc)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!ends_in_pass(n, c))
            continue;
        bool arg = c->kind == INSTR_ARGMAX;
        for (int part = 0; n->vector_outer && part < n->strip; part++)
            n->value[i][part] = acc[arg ? n->strip + part : part];
        if (!n->vector_outer)
            n->value[i][0] = arg ? finish_argmax(n, acc) : finish_reduce(n, c, acc);
        n->known[i] = true;
        acc += n->strip * (arg ? 2 : 1);
    }
}

// --- passes -------------------------------------------------------------------------------------

static bool is_full_store(const Nest *n, const Instr *c)
{
    return c->kind == INSTR_STORE && c->level == LEVEL_FULL && c->pass == n->pass;
}

// All values before any store: a store may overwrite what another value is read from.
static void full_body(Nest *n, Val *acc)
{
    forget(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++)
        if (ends_in_pass(n, &n->k->code[i]) || is_full_store(n, &n->k->code[i]))
            demand(n, n->k->code[i].args[0]);
    accumulate(n, acc);
    for (int i = 0; i < n->k->count; i++)
        for (int part = 0; is_full_store(n, &n->k->code[i]) && part < parts_at(n, LEVEL_FULL);
             part++)
            store_part(n, &n->k->code[i], part);
}

static void reduced_loops(Nest *n, int axis, Val *acc, int count)
{
    const Kernel *k = n->k;
    while (axis < k->axis_count && (!k->axes[axis].reduced || axis == k->vector_axis))
        axis++;
    if (axis == k->axis_count) {
        if (n->vector_outer || k->vector_axis < 0)
            full_body(n, acc);
        else
            strips(n, gen_i64(n->g, 0), axis_end(n, k->vector_axis), acc, count, full_body);
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
        if (c->level == LEVEL_OUTER && c->kind != INSTR_STORE && !is_reduction(c) &&
            c->pass <= passes_done && !n->known[i])
            define(n, i);
    }
}

static void outer_stores(Nest *n)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        for (int part = 0;
             c->level == LEVEL_OUTER && c->kind == INSTR_STORE && part < parts_at(n, LEVEL_OUTER);
             part++)
            store_part(n, c, part);
    }
}

// One point of the outer axes, or a strip of them.
static void outer_body(Nest *n, Val *carried)
{
    Val acc[GEN_MAX_CARRIED];
    (void)carried;
    int strip = n->strip;
    n->strip = n->vector_outer ? n->unroll : strip;
    forget(n, LEVEL_OUTER);
    for (n->pass = 0; n->pass < n->k->passes; n->pass++) {
        outer_values(n, n->pass);
        start_accumulators(n, acc);
        reduced_loops(n, 0, acc, accumulator_count(n));
        finish_reductions(n, acc);
    }
    outer_values(n, n->k->passes);
    outer_stores(n);
    n->strip = strip;
}

static int next_outer(const Kernel *k, int axis)
{
    while (axis < k->axis_count && (k->axes[axis].reduced || axis == k->vector_axis))
        axis++;
    return axis;
}

static void outer_loops(Nest *n, int axis, bool split)
{
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
    Loop l;
    gen_loop_begin(n->g, &l, split ? n->lo : gen_i64(n->g, 0), split ? n->hi : axis_end(n, axis), 1,
                   NULL, 0);
    n->index[axis] = l.index;
    outer_loops(n, axis + 1, false);
    gen_loop_end(n->g, &l, NULL);
}

// --- the kernel ---------------------------------------------------------------------------------

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

static bool has_random(const Kernel *k)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_RANDOM)
            return true;
    return false;
}

// How many vectors a strip has: as many as registers and code size allow; without a rest if it can.
static int choose_strip(const Kernel *k, int width)
{
    if (k->vector_axis < 0)
        return 1;
    const KernelAxis *x = &k->axes[k->vector_axis];
    int w = kernel_weight(k), most = w <= 24 ? 4 : w <= 48 ? 2 : 1;
    if (has_random(k))
        most = 4;  // as many vectors as a round of the generator gives
    int64_t unit = x->size == DIM_BATCH ? x->factor : x->size;
    for (int u = most; u > 1; u /= 2)
        if (unit % (u * width) == 0)
            return u;
    return unit % width == 0 || (x->size != DIM_BATCH && x->size < 2 * most * width) ? 1 : most;
}

static void load_arguments(Nest *n, Val args)
{
    Gen *g = n->g;
    n->context = gen_field(g, args, 0, g->ptr);
    n->seed = gen_field(g, n->context, offsetof(RunContext, args.seed), g->i64);
    n->step = gen_field(g, n->context, offsetof(RunContext, args.step), g->i64);
    for (int i = 0; i < n->k->buffer_count; i++)
        n->buffers[i] = gen_field(g, args, sizeof(void *) * (size_t)(i + 1), g->ptr);
}

Val gen_loops_kernel(Gen *g, const Kernel *k, const char *name)
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
    load_arguments(&n, LLVMGetParam(fn, 0));
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_UNIFORM)
            define(&n, i);
    outer_loops(&n, 0, true);
    LLVMBuildRetVoid(g->builder);
    return fn;
}

// --- threads ------------------------------------------------------------------------------------

// Cycles below which handing out a piece costs more than it gains, and those of a good piece.
#define SPLIT_MIN_CYCLES 60000.0
#define PIECE_CYCLES 20000.0

static double points(const Plan *p, const Kernel *k)
{
    double n = 1;
    for (int i = 0; i < k->axis_count; i++)
        n *= (double)axis_size(k->axes[i].size, k->axes[i].factor, p->max_batch);
    return n;
}

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
    double cycles = points(p, k) * kernel_weight(k) / width;
    int64_t size = axis_size(k->axes[axis].size, k->axes[axis].factor, p->max_batch);
    double pieces = cycles < SPLIT_MIN_CYCLES ? 1 : cycles / PIECE_CYCLES;
    int64_t unit = axis == k->vector_axis ? (int64_t)choose_strip(k, width) * width : 1;
    int64_t grain = (int64_t)((double)size / pieces);
    grain = (grain + unit - 1) / unit * unit;
    return (Split){.axis = k->axes[axis], .grain = grain < unit ? unit : grain};
}
