// gen.c -- types, constants, loops and memory accesses in LLVM IR.

#include "codegen/llvm/gen.h"

#include <string.h>

Ty gen_vector(Ty element, int w)
{
    return w == 1 ? element : LLVMVectorType(element, (unsigned)w);
}

Ty gen_dtype(Gen *g, DType dtype, int w)
{
    const Ty types[DTYPE_COUNT] = {g->f32, g->i32, g->i1, g->i8};
    return gen_vector(types[dtype], w);
}

Val gen_i64(Gen *g, int64_t x)
{
    return LLVMConstInt(g->i64, (unsigned long long)x, 1);
}

Val gen_splat_const(Val scalar, int w)
{
    Val lanes[64];
    if (w == 1)
        return scalar;
    for (int i = 0; i < w; i++)
        lanes[i] = scalar;
    return LLVMConstVector(lanes, (unsigned)w);
}

Val gen_f32(Gen *g, double x, int w)
{
    return gen_splat_const(LLVMConstReal(g->f32, (double)(float)x), w);
}

Val gen_i32(Gen *g, int64_t x, int w)
{
    return gen_splat_const(LLVMConstInt(g->i32, (unsigned long long)x, 1), w);
}

Val gen_splat(Gen *g, Val scalar, int w)
{
    if (w == 1)
        return scalar;
    if (LLVMIsConstant(scalar))
        return gen_splat_const(scalar, w);
    Ty type = gen_vector(LLVMTypeOf(scalar), w);
    Val one = LLVMBuildInsertElement(g->builder, LLVMGetPoison(type), scalar, gen_i32(g, 0, 1), "");
    Val zeros = LLVMConstNull(gen_vector(g->i32, w));
    return LLVMBuildShuffleVector(g->builder, one, LLVMGetPoison(type), zeros, "");
}

int gen_lanes(Val v)
{
    Ty t = LLVMTypeOf(v);
    return LLVMGetTypeKind(t) == LLVMVectorTypeKind ? (int)LLVMGetVectorSize(t) : 1;
}

bool gen_is_float(Val v)
{
    Ty t = LLVMTypeOf(v);
    t = LLVMGetTypeKind(t) == LLVMVectorTypeKind ? LLVMGetElementType(t) : t;
    return LLVMGetTypeKind(t) == LLVMFloatTypeKind;
}

Val gen_half(Gen *g, Val v, bool upper)
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

Val gen_ramp_i64(Gen *g, int64_t first, int64_t step, int w)
{
    Val lanes[64];
    for (int i = 0; i < w; i++)
        lanes[i] = gen_i64(g, first + step * i);
    return w == 1 ? lanes[0] : LLVMConstVector(lanes, (unsigned)w);
}

Val gen_ramp_i32(Gen *g, int w)
{
    Val lanes[64];
    for (int i = 0; i < w; i++)
        lanes[i] = gen_i32(g, i, 1);
    return w == 1 ? lanes[0] : LLVMConstVector(lanes, (unsigned)w);
}

// --- functions, calls, loops --------------------------------------------------------------------

static void add_attributes(Gen *g, Val fn)
{
    const LLVMAttributeIndex whole = (LLVMAttributeIndex)LLVMAttributeFunctionIndex;
    unsigned kind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(fn, whole, LLVMCreateEnumAttribute(g->context, kind, 0));
    // Without it LLVM halves vectors on machines where wide ones lower the clock.
    LLVMAddAttributeAtIndex(
        fn, whole, LLVMCreateStringAttribute(g->context, "prefer-vector-width", 19, "512", 3));
}

Val gen_declare(Gen *g, const char *name, Ty result, const Ty *params, int count)
{
    Val known = LLVMGetNamedFunction(g->module, name);
    if (known)
        return known;
    Ty type = LLVMFunctionType(result, (Ty *)params, (unsigned)count, 0);
    return LLVMAddFunction(g->module, name, type);
}

Val gen_function(Gen *g, const char *name, Ty result, const Ty *params, int count, bool visible)
{
    Val fn = gen_declare(g, name, result, params, count);
    LLVMSetLinkage(fn, visible ? LLVMExternalLinkage : LLVMInternalLinkage);
    add_attributes(g, fn);
    g->fn = fn;
    LLVMPositionBuilderAtEnd(g->builder, LLVMAppendBasicBlockInContext(g->context, fn, "entry"));
    return fn;
}

Val gen_intrinsic(Gen *g, const char *name, const Ty *overloads, int overload_count, Val *args,
                  int count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    Ty *types = (Ty *)overloads;
    Val fn = LLVMGetIntrinsicDeclaration(g->module, id, types, (size_t)overload_count);
    Ty type = LLVMIntrinsicGetType(g->context, id, types, (size_t)overload_count);
    return LLVMBuildCall2(g->builder, type, fn, args, (unsigned)count, "");
}

Val gen_call_f(Gen *g, const char *intrinsic, Val a)
{
    Ty type = LLVMTypeOf(a);
    return gen_intrinsic(g, intrinsic, &type, 1, &a, 1);
}

static bool turns_at_least_once(Val lo, Val hi)
{
    return LLVMIsAConstantInt(lo) && LLVMIsAConstantInt(hi) &&
           LLVMConstIntGetSExtValue(lo) < LLVMConstIntGetSExtValue(hi);
}

static void enter_loop(Gen *g, const Loop *l)
{
    if (turns_at_least_once(l->lo, l->hi)) {
        LLVMBuildBr(g->builder, l->body);
        return;
    }
    Val any = LLVMBuildICmp(g->builder, LLVMIntSLT, l->lo, l->hi, "");
    LLVMBuildCondBr(g->builder, any, l->body, l->exit);
}

static Val loop_number(Gen *g, Val x)
{
    return g->narrow ? LLVMBuildTrunc(g->builder, x, g->i32, "") : x;
}

void gen_loop_begin(Gen *g, Loop *l, Val lo, Val hi, int64_t step, Val *carried, int count)
{
    l->before = LLVMGetInsertBlock(g->builder);
    l->body = LLVMAppendBasicBlockInContext(g->context, g->fn, "loop");
    l->exit = LLVMAppendBasicBlockInContext(g->context, g->fn, "done");
    l->lo = loop_number(g, lo);
    l->hi = loop_number(g, hi);
    l->step = loop_number(g, gen_i64(g, step));
    l->count = count;
    enter_loop(g, l);
    LLVMPositionBuilderAtEnd(g->builder, l->body);
    l->counter = LLVMBuildPhi(g->builder, LLVMTypeOf(l->lo), "i");
    LLVMAddIncoming(l->counter, &l->lo, &l->before, 1);
    for (int i = 0; i < count; i++) {
        l->init[i] = carried[i];
        l->phi[i] = LLVMBuildPhi(g->builder, LLVMTypeOf(carried[i]), "");
        LLVMAddIncoming(l->phi[i], &carried[i], &l->before, 1);
        carried[i] = l->phi[i];
    }
    l->index = g->narrow ? LLVMBuildSExt(g->builder, l->counter, g->i64, "") : l->counter;
}

void gen_loop_end(Gen *g, Loop *l, Val *carried)
{
    Block last = LLVMGetInsertBlock(g->builder);
    Val next = LLVMBuildNSWAdd(g->builder, l->counter, l->step, "");
    Val more = LLVMBuildICmp(g->builder, LLVMIntSLT, next, l->hi, "");
    LLVMBuildCondBr(g->builder, more, l->body, l->exit);
    LLVMAddIncoming(l->counter, &next, &last, 1);
    LLVMPositionBuilderAtEnd(g->builder, l->exit);
    for (int i = 0; i < l->count; i++) {
        LLVMAddIncoming(l->phi[i], &carried[i], &last, 1);
        Val out = LLVMBuildPhi(g->builder, LLVMTypeOf(carried[i]), "");
        LLVMAddIncoming(out, &carried[i], &last, 1);
        if (!turns_at_least_once(l->lo, l->hi))
            LLVMAddIncoming(out, &l->init[i], &l->before, 1);
        carried[i] = out;
    }
}

// --- memory -------------------------------------------------------------------------------------

Val gen_offset(Gen *g, Val base, int64_t bytes)
{
    Val offset = gen_i64(g, bytes);
    return bytes ? LLVMBuildGEP2(g->builder, g->i8, base, &offset, 1, "") : base;
}

Val gen_field(Gen *g, Val base, size_t offset, Ty type)
{
    return LLVMBuildLoad2(g->builder, type, gen_offset(g, base, (int64_t)offset), "");
}

Val gen_batch(Gen *g, Val context)
{
    if (g->alone)
        return gen_i64(g, 1);
    return gen_field(g, context, offsetof(RunContext, args.batch), g->i64);
}

Val gen_axis_length(Gen *g, Val context, int64_t size, int64_t factor)
{
    if (size != DIM_BATCH)
        return gen_i64(g, size);
    return LLVMBuildNSWMul(g->builder, gen_batch(g, context), gen_i64(g, factor), "");
}

// A bool is a byte in memory.
static Ty memory_type(Gen *g, DType dtype)
{
    return dtype == DTYPE_BOOL ? g->i8 : gen_dtype(g, dtype, 1);
}

Val gen_element(Gen *g, Val base, DType dtype, Val index)
{
    return LLVMBuildGEP2(g->builder, memory_type(g, dtype), base, &index, 1, "");
}

Val gen_mask(Gen *g, Val count)
{
    Val n = LLVMBuildTrunc(g->builder, count, g->i32, "");
    return LLVMBuildICmp(g->builder, LLVMIntSLT, gen_ramp_i32(g, g->width),
                         gen_splat(g, n, g->width), "");
}

static Val from_memory(Gen *g, Val v, DType dtype)
{
    if (dtype != DTYPE_BOOL)
        return v;
    return LLVMBuildICmp(g->builder, LLVMIntNE, v, LLVMConstNull(LLVMTypeOf(v)), "");
}

static Val lane_addresses(Gen *g, Val address, DType dtype, int64_t stride, int w)
{
    return gen_element(g, address, dtype, gen_ramp_i64(g, 0, stride, w));
}

static Val mask_or_all(Gen *g, Val mask, int w)
{
    return mask ? mask : gen_splat_const(LLVMConstInt(g->i1, 1, 0), w);
}

static Val alignment(Gen *g, DType dtype)
{
    return gen_i32(g, (int64_t)dtype_size(dtype), 1);
}

Val gen_load_lanes(Gen *g, Val base, DType dtype, Val index, Val mask)
{
    const int w = gen_lanes(index);
    Ty type = gen_vector(memory_type(g, dtype), w);
    Ty overloads[2] = {type, gen_vector(g->ptr, w)};
    Val args[4] = {gen_element(g, base, dtype, index), alignment(g, dtype), mask_or_all(g, mask, w),
                   LLVMConstNull(type)};
    return from_memory(g, gen_intrinsic(g, "llvm.masked.gather", overloads, 2, args, 4), dtype);
}

static Val load_masked(Gen *g, Val address, DType dtype, int w, Val mask)
{
    Ty type = gen_vector(memory_type(g, dtype), w);
    Ty overloads[2] = {type, g->ptr};
    Val args[4] = {address, alignment(g, dtype), mask, LLVMConstNull(type)};
    return gen_intrinsic(g, "llvm.masked.load", overloads, 2, args, 4);
}

static Val load_plain(Gen *g, Val address, DType dtype, int w)
{
    Val v = LLVMBuildLoad2(g->builder, gen_vector(memory_type(g, dtype), w), address, "");
    LLVMSetAlignment(v, (unsigned)dtype_size(dtype));
    return v;
}

// --- elements a few apart -----------------------------------------------------------------------
// Vectors of neighbours, of which every second (third, fourth) lane is taken: a gather takes
// longer.

#define MOST_APART 4

// Which lanes of the part-th vector are elements of the result, and asked for.
static Val mask_apart(Gen *g, Val mask, int stride, int w, int part)
{
    Val lanes[64], none = LLVMConstNull(gen_vector(g->i1, w));
    Val all = mask ? mask : gen_splat_const(LLVMConstInt(g->i1, 1, 0), w);
    for (int i = 0; i < w; i++) {
        const int element = part * w + i;
        lanes[i] = gen_i32(g, element % stride == 0 ? element / stride : w, 1);
    }
    return LLVMBuildShuffleVector(g->builder, all, none, LLVMConstVector(lanes, (unsigned)w), "");
}

static Val load_apart(Gen *g, Val address, DType dtype, int stride, int w, Val mask)
{
    Val lanes[64], v = NULL;
    for (int part = 0; part < stride; part++) {
        Val at = gen_offset(g, address, (int64_t)part * w * (int64_t)dtype_size(dtype));
        Val next = load_masked(g, at, dtype, w, mask_apart(g, mask, stride, w, part));
        for (int i = 0; i < w; i++)
            lanes[i] = gen_i32(g, i * stride / w == part ? w + i * stride % w : i, 1);
        v = LLVMBuildShuffleVector(g->builder, v ? v : next, next,
                                   LLVMConstVector(lanes, (unsigned)w), "");
    }
    return v;
}

Val gen_load(Gen *g, Val address, DType dtype, int64_t stride, int w, Val mask)
{
    Val v;
    if (w == 1 || stride == 0)
        return gen_splat(g, from_memory(g, load_plain(g, address, dtype, 1), dtype), w);
    if (stride > 1 && stride <= MOST_APART)
        return from_memory(g, load_apart(g, address, dtype, (int)stride, w, mask), dtype);
    if (stride != 1)
        return gen_load_lanes(g, address, dtype, gen_ramp_i64(g, 0, stride, w), mask);
    if (mask)
        v = load_masked(g, address, dtype, w, mask);
    else
        v = load_plain(g, address, dtype, w);
    return from_memory(g, v, dtype);
}

static void store_scatter(Gen *g, Val v, Val address, DType dtype, int64_t stride, Val mask)
{
    int w = gen_lanes(v);
    Ty overloads[2] = {LLVMTypeOf(v), gen_vector(g->ptr, w)};
    Val args[4] = {v, lane_addresses(g, address, dtype, stride, w), alignment(g, dtype),
                   mask_or_all(g, mask, w)};
    gen_intrinsic(g, "llvm.masked.scatter", overloads, 2, args, 4);
}

static void store_masked(Gen *g, Val v, Val address, DType dtype, Val mask)
{
    Ty overloads[2] = {LLVMTypeOf(v), g->ptr};
    Val args[4] = {v, address, alignment(g, dtype), mask};
    gen_intrinsic(g, "llvm.masked.store", overloads, 2, args, 4);
}

void gen_store(Gen *g, Val value, Val address, DType dtype, int64_t stride, Val mask)
{
    int w = gen_lanes(value);
    Val v = value;
    if (dtype == DTYPE_BOOL)
        v = LLVMBuildZExt(g->builder, v, gen_vector(g->i8, w), "");
    if (w > 1 && stride != 1)
        store_scatter(g, v, address, dtype, stride, mask);
    else if (w > 1 && mask)
        store_masked(g, v, address, dtype, mask);
    else
        LLVMSetAlignment(LLVMBuildStore(g->builder, v, address), (unsigned)dtype_size(dtype));
}

void gen_ask_ahead(Gen *g, Val address, bool to_write)
{
    enum { KEPT = 3, OF_DATA = 1 };
    Val args[4] = {address, gen_i32(g, to_write, 1), gen_i32(g, KEPT, 1), gen_i32(g, OF_DATA, 1)};
    gen_intrinsic(g, "llvm.prefetch", &g->ptr, 1, args, 4);
}
