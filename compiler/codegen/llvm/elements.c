// elements.c -- the values of a loop kernel, a strip at a time: loads and stores, numbers and
// operations.
//
// A value of a strip is as many vectors as the strip is wide, or one scalar where the vector axis
// does not reach its level. Values are written where they are first needed and remembered until the
// strip is over.

#include "codegen/llvm/nest.h"
#include "graph/ops/ops.h"

void nest_load_arguments(Nest *n, Val args)
{
    Gen *g = n->g;
    n->context = gen_field(g, args, 0, g->ptr);
    n->seed = gen_field(g, n->context, offsetof(RunContext, args.seed), g->i64);
    n->step = gen_field(g, n->context, offsetof(RunContext, args.step), g->i64);
    for (int i = 0; i < n->k->buffer_count; i++)
        n->buffers[i] = gen_field(g, args, sizeof(void *) * (size_t)(i + 1), g->ptr);
}

int nest_width_at(const Nest *n, Level level)
{
    if (n->k->vector_axis < 0 || level == LEVEL_UNIFORM)
        return 1;
    return level == LEVEL_FULL || n->vector_outer ? n->g->width : 1;
}

int nest_parts_at(const Nest *n, Level level)
{
    return nest_width_at(n, level) > 1 ? n->unroll : 1;
}

Val nest_part_of(Nest *n, int instr, int part, int width)
{
    Level level = n->k->code[instr].level;
    Val v = n->value[instr][nest_width_at(n, level) > 1 ? part : 0];
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

Val nest_address(Nest *n, const Instr *c)
{
    return address_of(n, c, c->slot, 0);
}

// Sums over windows or rows go through several streams a few lines at a time, which the hardware
// follows late; so far ahead is best (tried: 0.5 to 16 KB). A single stream it follows well.
enum { BYTES_AHEAD = 8192 };

// `at` tells where, `c` what.
static Val load_part(Nest *n, const Instr *c, const Instr *at, int slot, int part)
{
    int width = nest_width_at(n, c->level);
    const int64_t stride = vector_stride(n, at->strides);
    Val mask = width > 1 ? n->mask : NULL, from = address_of(n, at, slot, part);
    if (n->asks_ahead && c->level == LEVEL_FULL && width > 1 && stride == 1 && !mask)
        gen_ask_ahead(n->g, gen_offset(n->g, from, BYTES_AHEAD), false);
    return gen_load(n->g, from, c->dtype, stride, width, mask);
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
    Val row = nest_part_of(n, c->args[row_arg], part, 1);
    if (gen_lanes(row) > 1)
        row = LLVMBuildExtractElement(g->builder, row, gen_i32(g, 0, 1), "");
    return gen_element(g, address_of(n, c, c->slot, part), c->dtype, row_start(n, c, row));
}

static Val gather_part(Nest *n, const Instr *c, int part)
{
    Gen *g = n->g;
    int width = nest_width_at(n, c->level);
    const int64_t stride = vector_stride(n, c->strides);
    if (width == 1 || !instr_moves(n->k, c->args[0], n->k->vector_axis))
        return gen_load(g, row_address(n, c, 0, part), c->dtype, stride, width,
                        width > 1 ? n->mask : NULL);
    Val start = row_start(n, c, nest_part_of(n, c->args[0], part, width));
    Val lane = LLVMBuildAdd(g->builder, start, gen_ramp_i64(g, 0, stride, width), "");
    return gen_load_lanes(g, address_of(n, c, c->slot, part), c->dtype, lane, n->mask);
}

void nest_store_part(Nest *n, const Instr *c, int part)
{
    int width = nest_width_at(n, c->level);
    const int64_t stride = vector_stride(n, c->strides);
    Val mask = width > 1 ? n->mask : NULL, v = nest_part_of(n, c->args[0], part, width);
    Val at = c->arg_count == 2 ? row_address(n, c, 1, part) : address_of(n, c, c->slot, part);
    if (c->adds)
        v = LLVMBuildFAdd(n->g->builder, gen_load(n->g, at, c->dtype, stride, width, mask), v, "");
    gen_store(n->g, v, at, c->dtype, stride, mask);
}

// Lane l of part p is position + (p * width + l) * stride of the vector axis.
Val nest_position_lanes(Nest *n, const Instr *c, int part)
{
    int width = nest_width_at(n, c->level);
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
    if (dtype == DTYPE_I8)
        return gen_splat_const(LLVMConstInt(g->i8, (unsigned long long)(int64_t)value, 1), width);
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
    int width = nest_width_at(n, c->level);
    LlvmEmit e = {.emit = {emit_constant, emit_apply}, .g = n->g, .width = width};
    Sv args[3];
    Type types[3];
    for (int i = 0; i < c->arg_count; i++) {
        args[i] = (Sv){(uintptr_t)nest_part_of(n, c->args[i], part, width)};
        types[i] = c->node->in[i]->type;
    }
    return (Val)op_table[c->node->op]->scalar(&e.emit, args, types, &c->node->type).v;
}

static Val scalar_of_run(Nest *n, ScalarKind kind)
{
    Gen *g = n->g;
    switch (kind) {
    case SCALAR_BATCH:
        return LLVMBuildSIToFP(g->builder, gen_batch(g, n->context), g->f32, "");
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
    case INSTR_PRODUCT:
        return n->product;
    case INSTR_LOAD:
        return load_part(n, c, c, c->slot, part);
    case INSTR_GATHER:
        return gather_part(n, c, part);
    case INSTR_IOTA: {
        Val lanes = nest_position_lanes(n, c, part);
        return LLVMBuildTrunc(g->builder, lanes, gen_vector(g->i32, gen_lanes(lanes)), "");
    }
    case INSTR_RANDOM:
        return gen_random(g, n->seed, n->step, c->node->attr.stream,
                          nest_position_lanes(n, c, part));
    default:
        return apply_part(n, c, part);
    }
}

// Whether a strip is 64 neighbouring random numbers from a multiple of 64 on.
static bool is_random_block(const Nest *n, const Instr *c)
{
    if (c->kind != INSTR_RANDOM || n->g->width != 16 || nest_parts_at(n, c->level) != 4 ||
        vector_stride(n, c->strides) != 1 || c->offset % 64)
        return false;
    for (int i = 0; i < n->k->axis_count; i++)
        if (i != n->k->vector_axis && c->strides[i] % 64)
            return false;
    return true;
}

void nest_define(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    n->known[instr] = true;
    if (is_random_block(n, c)) {
        gen_random_block(n->g, n->seed, n->step, c->node->attr.stream,
                         position(n, c->strides, c->offset), n->value[instr]);
        return;
    }
    for (int part = 0; part < nest_parts_at(n, c->level); part++)
        n->value[instr][part] = instr_part(n, c, part);
}

static void reload(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr], *kept = kernel_store_of(n->k, instr, c->reload);
    for (int part = 0; part < nest_parts_at(n, c->level); part++)
        n->value[instr][part] = load_part(n, c, kept, c->reload, part);
    n->known[instr] = true;
}

// Defines a full value and what it needs in the pass at hand.
void nest_demand(Nest *n, int instr)
{
    const Instr *c = &n->k->code[instr];
    if (n->known[instr])
        return;
    if (c->reload >= 0 && c->pass < n->pass) {
        reload(n, instr);
        return;
    }
    for (int i = 0; i < c->arg_count; i++)
        nest_demand(n, c->args[i]);
    nest_define(n, instr);
}

void nest_forget(Nest *n, Level level)
{
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].level == level)
            n->known[i] = false;
}

// --- the code behind a contraction --------------------------------------------------------------

void nest_open(Nest *n, Gen *g, const Kernel *k, Val args)
{
    *n = (Nest){.g = g, .k = k, .vector_outer = true, .strip = 1, .unroll = 1};
    n->value = arena_calloc(g->arena, (size_t)k->count + 1, sizeof *n->value);
    n->known = arena_array(g->arena, bool, (size_t)k->count + 1);
    n->buffers = arena_array(g->arena, Val, (size_t)k->buffer_count + 1);
    nest_load_arguments(n, args);
    for (int i = 0; i < MAX_RANK; i++)
        n->index[i] = gen_i64(g, 0);
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_UNIFORM)
            nest_define(n, i);
}

void nest_run_code(Nest *n)
{
    nest_forget(n, LEVEL_OUTER);
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].level == LEVEL_OUTER && n->k->code[i].kind != INSTR_STORE)
            nest_define(n, i);
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].kind == INSTR_STORE)
            nest_store_part(n, &n->k->code[i], 0);
}
