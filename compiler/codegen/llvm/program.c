// program.c -- the function that runs all kernels of a graph, one after another.
//
// Of a chain (kernel/chains.c) a few examples go through all kernels, then the next few: a function
// of the chain's calls theirs. Kernels that need the same code share one function: it is given its
// buffers in a table. A kernel with much to do is handed to the pool in pieces whose length the
// shape decides; a contraction calls the BLAS, which does the same.

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "codegen/llvm/gen.h"

// How a kernel is done: by a function of its own or by the BLAS.
typedef enum Method {
    METHOD_LOOPS,
    METHOD_TRANSPOSE,
    METHOD_REPEAT,
    METHOD_NARROW,
    METHOD_TILES,
    METHOD_BLAS,
    METHOD_DOTS,
    METHOD_PLAIN,
    METHOD_SCAN,
} Method;

typedef struct Way {
    Method method;
    Split split;
} Way;

typedef struct Program {
    Gen *g;
    const Plan *plan;
    const Way *ways;  // by kernel
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

// A kernel's context and buffers, from entry `first` of the table on.
static void fill_table(const Program *p, const Kernel *k, int first)
{
    Gen *g = p->g;
    const int64_t bytes = (int64_t)sizeof(void *);
    LLVMBuildStore(g->builder, p->context, gen_offset(g, p->table, bytes * first));
    for (int i = 0; i < k->buffer_count; i++) {
        Val address = buffer_address(p, &p->plan->buffers[k->buffers[i]]);
        LLVMBuildStore(g->builder, address, gen_offset(g, p->table, bytes * (first + i + 1)));
    }
}

static Val axis_length(const Program *p, const KernelAxis *x)
{
    return gen_axis_length(p->g, p->context, x->size, x->factor);
}

// Hands `fn` to the pool, `entry` says how (runtime/pool.h).
static void call_pool(const Program *p, const char *entry, Val fn, Val length, int64_t grain)
{
    Gen *g = p->g;
    Ty params[5] = {g->ptr, g->ptr, g->ptr, g->i64, g->i64};
    Val args[5] = {gen_field(g, p->context, offsetof(RunContext, args.pool), g->ptr), fn, p->table,
                   length, gen_i64(g, grain)};
    Val run = gen_declare(g, entry, g->none, params, 5);
    LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(run), run, args, 5, "");
}

static void call_kernel(const Program *p, Val fn, const Split *s)
{
    Gen *g = p->g;
    Ty kernel_params[3] = {g->ptr, g->i64, g->i64};
    Val length = axis_length(p, &s->axis);
    int64_t most = axis_size(s->axis.size, s->axis.factor, p->plan->max_batch);
    Val direct[3] = {p->table, gen_i64(g, 0), length};
    if (g->alone || s->grain >= most) {
        LLVMBuildCall2(g->builder, LLVMFunctionType(g->none, kernel_params, 3, 0), fn, direct, 3,
                       "");
        return;
    }
    call_pool(p, "nnrt_pool_share", fn, length, s->grain);
}

static Method choose_method(Gen *g, const Plan *p, const Kernel *k, Split *split)
{
    *split = (Split){.axis = {.size = 1, .factor = 1}, .grain = 1};
    if (g->width > 1 && is_repeating_copy(k)) {
        *split = repeat_split(p, k);
        return METHOD_REPEAT;
    }
    if (is_transposing_copy(k)) {
        *split = transpose_split(p, k, g->width);
        return METHOD_TRANSPOSE;
    }
    if (k->kind == KERNEL_LOOPS) {
        *split = loops_split(p, k, g->width);
        return METHOD_LOOPS;
    }
    if (k->kind == KERNEL_SCAN)
        return METHOD_SCAN;
    if (!g->alone && narrow_fit(g, p, k, split))
        return METHOD_NARROW;
    if (tiles_fit(g, p, k, split))
        return METHOD_TILES;
    if (g->alone)
        return METHOD_PLAIN;
    if (blas_fits(k))
        return METHOD_BLAS;
    if (g->width == 1 || !dots_fit(k))
        return METHOD_PLAIN;
    *split = dots_split(g, p, k);
    return METHOD_DOTS;
}

static const Way *choose_ways(Gen *g, const Plan *p)
{
    Way *ways = arena_array(g->arena, Way, (size_t)p->kernel_count + 1);
    for (int i = 0; i < p->kernel_count; i++)
        ways[i].method = choose_method(g, p, p->kernels[i], &ways[i].split);
    return ways;
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
    case METHOD_NARROW:
        return gen_narrow_kernel(g, plan, k, name);
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

static Val function_of(const Program *p, Val run, int kernel)
{
    Gen *g = p->g;
    const Ty params[3] = {g->ptr, g->i64, g->i64};
    Block at = LLVMGetInsertBlock(g->builder);
    const char *name = kernel_function(p, p->plan->kernels[kernel], p->ways[kernel].method);
    g->fn = run;
    LLVMPositionBuilderAtEnd(g->builder, at);
    return gen_declare(g, name, g->none, params, 3);
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
    const Kernel *k = p->plan->kernels[index];
    if (p->ways[index].method == METHOD_BLAS) {
        call_blas(p, k);
        return;
    }
    Val fn = function_of(p, run, index);
    fill_table(p, k, 0);
    call_kernel(p, fn, &p->ways[index].split);
}

// Entries that so many kernels take in the table.
static int entries_of(const Plan *p, int first, int count)
{
    int entries = 0;
    for (int i = first; i < first + count; i++)
        entries += p->kernels[i]->buffer_count + 1;
    return entries;
}

static int most_entries(const Plan *p)
{
    int most = 0;
    for (int i = 0; i < p->kernel_count; i++) {
        const int chain = p->kernels[i]->chain, entries = entries_of(p, i, chain ? chain : 1);
        most = entries > most ? entries : most;
    }
    return most;
}

// The body of a function that runs all kernels of a plan begins here.
static Program program_new(Gen *g, const Plan *plan, const char *name, Val context)
{
    return (Program){
        .g = g,
        .plan = plan,
        .ways = choose_ways(g, plan),
        .name = name,
        .context = context,
        // as far apart as pointers are here, whatever the target's are
        .table = LLVMBuildArrayAlloca(g->builder, g->i64, gen_i64(g, most_entries(plan)), ""),
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

// --- chains -------------------------------------------------------------------------------------

// Examples that go through a chain at a time: what belongs to them stays in a near cache, and there
// are pieces enough for the threads.
#define NEAR_BYTES (512 << 10)
#define LEAST_PIECES 16

static int64_t chain_grain(const Plan *p, int first, int count)
{
    const int64_t near = NEAR_BYTES / (chain_example_bytes(p, first, count) + 1);
    const int64_t most = p->max_batch / LEAST_PIECES, grain = near < most ? near : most;
    return grain < 1 ? 1 : grain;
}

// Whether a kernel's code can be called for any examples as well as for all.
static bool can_chain(const Split *s)
{
    return s->axis.size == DIM_BATCH && s->unit > 0 && s->axis.factor % s->unit == 0;
}

// How many of the kernels from `first` to the end of its chain this engine can run so.
static int chain_length(const Program *p, int first, int end)
{
    int last = first;
    while (last < end && can_chain(&p->ways[last].split))
        last++;
    return last - first;
}

// The part of the chain's function that calls one kernel: `fn` for the examples lo to hi.
static void call_in_chain(const Program *p, Val fn, int kernel, int entry)
{
    Gen *g = p->g;
    Val factor = gen_i64(g, p->ways[kernel].split.axis.factor);
    Ty params[3] = {g->ptr, g->i64, g->i64};
    Val start = p->profile ? gen_read_cycles(g) : NULL, args[3];
    args[0] = gen_offset(g, LLVMGetParam(g->fn, 0), (int64_t)sizeof(void *) * entry);
    for (int i = 1; i < 3; i++)
        args[i] = LLVMBuildNSWMul(g->builder, LLVMGetParam(g->fn, (unsigned)i), factor, "");
    LLVMBuildCall2(g->builder, LLVMFunctionType(g->none, params, 3, 0), fn, args, 3, "");
    if (p->profile)
        count_cycles(p, kernel, start);
}

static Val chain_function(const Program *p, Val run, int first, int count)
{
    Gen *g = p->g;
    const Ty params[3] = {g->ptr, g->i64, g->i64};
    Val *fns = arena_array(g->arena, Val, (size_t)count);
    for (int i = 0; i < count; i++)
        fns[i] = function_of(p, run, first + i);
    Block at = LLVMGetInsertBlock(g->builder);
    Val fn = gen_function(g, arena_printf(g->arena, "%s.chain_%d", p->name, first), g->none, params,
                          3, false);
    Program inside = *p;
    inside.context = gen_field(g, LLVMGetParam(fn, 0), 0, g->ptr);
    for (int i = 0; i < count; i++)
        call_in_chain(&inside, fns[i], first + i, entries_of(p->plan, first, i));
    LLVMBuildRetVoid(g->builder);
    g->fn = run;
    LLVMPositionBuilderAtEnd(g->builder, at);
    return fn;
}

static void run_chain(const Program *p, Val run, int first, int count)
{
    Val fn = chain_function(p, run, first, count);
    for (int i = 0; i < count; i++)
        fill_table(p, p->plan->kernels[first + i], entries_of(p->plan, first, i));
    call_pool(p, "nnrt_pool_run", fn, gen_batch(p->g, p->context),
              chain_grain(p->plan, first, count));
}

// --- all kernels --------------------------------------------------------------------------------

static void run_alone(Program *p, Val run, int kernel)
{
    Val start = p->profile ? gen_read_cycles(p->g) : NULL;
    run_kernel(p, run, kernel);
    if (p->profile)
        count_cycles(p, kernel, start);
}

static void run_kernels(Program *p, Val run)
{
    for (int i = 0, end = 0; i < p->plan->kernel_count;) {
        if (p->plan->kernels[i]->chain)
            end = i + p->plan->kernels[i]->chain;
        const int count = p->g->alone ? 0 : chain_length(p, i, end);
        if (count > 1)
            run_chain(p, run, i, count);
        else
            run_alone(p, run, i);
        i += count > 1 ? count : 1;
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
