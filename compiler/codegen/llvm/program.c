// program.c -- the function that runs all kernels of a graph, one after another.
//
// Kernels that need the same code share one function: it is given its buffers in a table. A kernel
// with much to do is handed to the pool in pieces whose length the shape decides; a contraction
// calls the BLAS, which does the same.

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "codegen/llvm/gen.h"

typedef struct Program {
    Gen *g;
    const Plan *plan;
    const char *name;
    Val context;
    bool profile;
    // The body of a scan: its kernel, what it was given, and which step it is. Else NULL.
    const Kernel *scan;
    Val frame;
    Val step;
    Val table;  // void *[]: what a kernel is given
} Program;

// Of a buffer of the body of a scan: it stands in the buffers of the scan itself.
static Val step_address(const Program *p, const Buffer *b)
{
    Gen *g = p->g;
    const int64_t bytes = scan_step_bytes(p->scan, b);
    Val base = gen_field(g, p->frame, sizeof(void *) * (size_t)(scan_slot(p->scan, b) + 1), g->ptr);
    if (b->kind == BUFFER_ARENA)
        return gen_offset(g, base, (int64_t)b->offset);
    if (bytes == 0)
        return base;
    Val offset = LLVMBuildNSWMul(g->builder, p->step, gen_i64(g, bytes), "");
    return LLVMBuildInBoundsGEP2(g->builder, g->i8, base, &offset, 1, "");
}

static Val buffer_address(const Program *p, const Buffer *b)
{
    Gen *g = p->g;
    Val base;
    if (p->scan)
        return step_address(p, b);
    switch (b->kind) {
    case BUFFER_ARENA:
        base = gen_field(g, p->context, offsetof(RunContext, arena), g->ptr);
        return gen_offset(g, base, (int64_t)b->offset);
    case BUFFER_VARIABLE:
        if (g->constants)
            return g->constants[b->index];
        base = gen_field(g, p->context, offsetof(RunContext, args.variables), g->ptr);
        return gen_offset(g, base, (int64_t)p->plan->graph->variables->items[b->index].offset);
    case BUFFER_INPUT:
        base = gen_field(g, p->context, offsetof(RunContext, args.inputs), g->ptr);
        break;
    default:
        base = gen_field(g, p->context, offsetof(RunContext, args.outputs), g->ptr);
        break;
    }
    return gen_field(g, base, sizeof(void *) * (size_t)b->index, g->ptr);
}

static void fill_table(const Program *p, const Kernel *k)
{
    Gen *g = p->g;
    LLVMBuildStore(g->builder, p->context, p->table);
    for (int i = 0; i < k->buffer_count; i++) {
        Val address = buffer_address(p, &p->plan->buffers[k->buffers[i]]);
        LLVMBuildStore(g->builder, address,
                       gen_offset(g, p->table, (int64_t)sizeof(void *) * (i + 1)));
    }
}

static Val axis_length(const Program *p, const KernelAxis *x)
{
    return gen_axis_length(p->g, p->context, x->size, x->factor);
}

static void call_kernel(const Program *p, Val fn, const Split *s)
{
    Gen *g = p->g;
    Ty kernel_params[3] = {g->ptr, g->i64, g->i64};
    Ty params[5] = {g->ptr, g->ptr, g->ptr, g->i64, g->i64};
    Val length = axis_length(p, &s->axis);
    int64_t most = axis_size(s->axis.size, s->axis.factor, p->plan->max_batch);
    Val direct[3] = {p->table, gen_i64(g, 0), length};
    if (g->alone || s->grain >= most) {
        LLVMBuildCall2(g->builder, LLVMFunctionType(g->none, kernel_params, 3, 0), fn, direct, 3,
                       "");
        return;
    }
    Val args[5] = {gen_field(g, p->context, offsetof(RunContext, args.pool), g->ptr), fn, p->table,
                   length, gen_i64(g, s->grain)};
    Val run = gen_declare(g, "nnrt_pool_share", g->none, params, 5);
    LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(run), run, args, 5, "");
}

// How a kernel is done: by a function of its own or by the BLAS.
typedef enum Method {
    METHOD_LOOPS,
    METHOD_TRANSPOSE,
    METHOD_REPEAT,
    METHOD_TILES,
    METHOD_BLAS,
    METHOD_DOTS,
    METHOD_PLAIN,
    METHOD_SCAN,
} Method;

static Method choose_method(const Program *p, const Kernel *k, Split *split)
{
    *split = (Split){.axis = {.size = 1, .factor = 1}, .grain = 1};
    if (p->g->width > 1 && is_repeating_copy(k)) {
        *split = repeat_split(p->plan, k);
        return METHOD_REPEAT;
    }
    if (is_transposing_copy(k)) {
        *split = transpose_split(p->plan, k, p->g->width);
        return METHOD_TRANSPOSE;
    }
    if (k->kind == KERNEL_LOOPS) {
        *split = loops_split(p->plan, k, p->g->width);
        return METHOD_LOOPS;
    }
    if (k->kind == KERNEL_SCAN)
        return METHOD_SCAN;
    if (tiles_fit(p->g, p->plan, k, split))
        return METHOD_TILES;
    if (p->g->alone)
        return METHOD_PLAIN;
    if (blas_fits(k))
        return METHOD_BLAS;
    if (p->g->width == 1 || !dots_fit(k))
        return METHOD_PLAIN;
    *split = dots_split(p->g, p->plan, k);
    return METHOD_DOTS;
}

static Val gen_scan_kernel(Gen *g, const Kernel *k, const char *name);

static Val write_function(Gen *g, const Plan *plan, const Kernel *k, Method method,
                          const char *name)
{
    switch (method) {
    case METHOD_SCAN:
        return gen_scan_kernel(g, k, name);
    case METHOD_LOOPS:
        return gen_loops_kernel(g, plan, k, name);
    case METHOD_TRANSPOSE:
        return gen_transpose_kernel(g, plan, k, name);
    case METHOD_REPEAT:
        return gen_repeat_kernel(g, k, name);
    case METHOD_TILES:
        return gen_tiles_kernel(g, plan, k, name);
    case METHOD_DOTS:
        return gen_dots_kernel(g, plan, k, name);
    default:
        return gen_contract_kernel(g, k, name);
    }
}

// What the code depends on, as a name: kernels of one name share one function, be they of one
// graph or of several. A scan is shared within its program alone, where buffers of one name are
// one.
static const char *function_name(const Program *p, const Kernel *k, Method method)
{
    Arena *a = p->g->arena;
    const char *key = kernel_key(a, k);
    const char *all = arena_printf(a, "%s %d %" PRId64 " %s", method == METHOD_SCAN ? p->name : "",
                                   (int)method, p->plan->max_batch, key);
    const XXH128_hash_t h = XXH3_128bits(all, strlen(all));
    return arena_printf(a, "kernel_%016" PRIx64 "%016" PRIx64, h.high64, h.low64);
}

// Other modules call the function, so that it is visible.
static const char *kernel_function(const Program *p, const Kernel *k, Method method)
{
    Home *home = p->g->home;
    const char *name = function_name(p, k, method);
    if (!home->has(home, name)) {
        Val fn = write_function(home->module(home), p->plan, k, method, name);
        LLVMSetLinkage(fn, LLVMExternalLinkage);
    }
    return name;
}

static void call_blas(const Program *p, const Kernel *k)
{
    Val buffers[3];
    for (int i = 0; i < 3; i++)
        buffers[i] = buffer_address(p, &p->plan->buffers[k->buffers[i]]);
    gen_blas(p->g, k, p->context, buffers);
}

static void run_kernel(Program *p, Val run, int index)
{
    Gen *g = p->g;
    Split split;
    const Kernel *k = p->plan->kernels[index];
    const Method method = choose_method(p, k, &split);
    if (method == METHOD_BLAS) {
        call_blas(p, k);
        return;
    }
    Block at = LLVMGetInsertBlock(g->builder);
    const Ty params[3] = {g->ptr, g->i64, g->i64};
    const char *name = kernel_function(p, k, method);
    g->fn = run;
    LLVMPositionBuilderAtEnd(g->builder, at);
    Val fn = gen_declare(g, name, g->none, params, 3);
    fill_table(p, k);
    call_kernel(p, fn, &split);
}

static int most_buffers(const Plan *p)
{
    int most = 0;
    for (int i = 0; i < p->kernel_count; i++)
        if (p->kernels[i]->buffer_count > most)
            most = p->kernels[i]->buffer_count;
    return most;
}

// The body of a function that runs all kernels of a plan begins here.
static Program program_new(Gen *g, const Plan *plan, const char *name, Val context)
{
    return (Program){
        .g = g,
        .plan = plan,
        .name = name,
        .context = context,
        // as far apart as pointers are here, whatever the target's are
        .table = LLVMBuildArrayAlloca(g->builder, g->i64, gen_i64(g, most_buffers(plan) + 1), ""),
    };
}

static void count_cycles(const Program *p, int kernel, Val start)
{
    Gen *g = p->g;
    Val all = gen_field(g, p->context, offsetof(RunContext, cycles), g->ptr);
    Val at = gen_offset(g, all, (int64_t)sizeof(uint64_t) * kernel);
    Val taken = LLVMBuildSub(g->builder, gen_read_cycles(g), start, "");
    Val before = LLVMBuildLoad2(g->builder, g->i64, at, "");
    LLVMBuildStore(g->builder, LLVMBuildAdd(g->builder, before, taken, ""), at);
}

static void run_kernels(Program *p, Val run)
{
    for (int i = 0; i < p->plan->kernel_count; i++) {
        Val start = p->profile ? gen_read_cycles(p->g) : NULL;
        run_kernel(p, run, i);
        if (p->profile)
            count_cycles(p, i, start);
    }
}

// Those of the body of a scan that run in each step, or before the first.
static void run_step_kernels(Program *p, Val run, bool invariant)
{
    for (int i = 0; i < p->plan->kernel_count; i++)
        if (p->plan->kernels[i]->invariant == invariant)
            run_kernel(p, run, i);
}

// One thread runs the steps, and shares the kernels of each with the others: lo and hi say nothing.
static Val gen_scan_kernel(Gen *g, const Kernel *k, const char *name)
{
    const ScanBody *s = k->node->attr.scan;
    const Ty params[3] = {g->ptr, g->i64, g->i64};
    Val fn = gen_function(g, name, g->none, params, 3, false);
    Val frame = LLVMGetParam(fn, 0);
    Program p = program_new(g, k->body, name, gen_field(g, frame, 0, g->ptr));
    Loop l;
    p.scan = k;
    p.frame = frame;
    run_step_kernels(&p, fn, true);
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, s->length), 1, NULL, 0);
    p.step =
        s->reverse ? LLVMBuildNSWSub(g->builder, gen_i64(g, s->length - 1), l.index, "") : l.index;
    run_step_kernels(&p, fn, false);
    gen_loop_end(g, &l, NULL);
    LLVMBuildRetVoid(g->builder);
    return fn;
}

void gen_program(Gen *g, const Plan *plan, const char *name, bool profile)
{
    const Ty params[1] = {g->ptr};
    Val run = gen_function(g, name, g->none, params, 1, true);
    Program p = program_new(g, plan, name, LLVMGetParam(run, 0));
    p.profile = profile;
    run_kernels(&p, run);
    LLVMBuildRetVoid(g->builder);
}
