// peak.c -- probes of the machine, in the same native code as kernels: the most multiply-adds that
// one core does in a second, how fast it reads and updates memory, how fast its counter counts.
//
// 24 chains of multiply-adds that hang on nothing but themselves: enough for two units of four
// cycles' latency, few enough for 32 registers. Machines of 16 registers get 12.

#include <time.h>

#include "codegen/llvm/gen.h"

#define TURNS 200000
#define ROUNDS 20
#define MOST_CHAINS 24
#define STREAM_VECTORS 8  // a turn of the loops over memory

static int chains(int width)
{
    return width == 16 ? MOST_CHAINS : 12;
}

static Val total(Gen *g, Val *acc, int count)
{
    for (int i = 1; i < count; i++)
        acc[0] = LLVMBuildFAdd(g->builder, acc[0], acc[i], "");
    return LLVMBuildExtractElement(g->builder, acc[0], gen_i32(g, 0, 1), "");
}

// float peak(float x): its result hangs on every chain, so none can be left out.
static void gen_flops(Gen *g, const char *name)
{
    Val acc[MOST_CHAINS];
    Loop l;
    Val fn = gen_function(g, name, g->f32, &g->f32, 1, true);
    Val x = gen_splat(g, LLVMGetParam(fn, 0), g->width);
    for (int i = 0; i < chains(g->width); i++)
        acc[i] = gen_f32(g, i, g->width);
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, TURNS), 1, acc, chains(g->width));
    for (int i = 0; i < chains(g->width); i++)
        acc[i] = gen_mul_add(g, x, x, acc[i]);
    gen_loop_end(g, &l, acc);
    LLVMBuildRet(g->builder, total(g, acc, chains(g->width)));
}

static Val vector_at(Gen *g, Val base, Val index, int vector)
{
    Val at = LLVMBuildNSWAdd(g->builder, index, gen_i64(g, (int64_t)vector * g->width), "");
    return gen_element(g, base, DTYPE_F32, at);
}

// float sum(const float *x, int64_t count): reads.
static void gen_sum(Gen *g, const char *name)
{
    const Ty params[2] = {g->ptr, g->i64};
    Val acc[STREAM_VECTORS];
    Loop l;
    Val fn = gen_function(g, name, g->f32, params, 2, true);
    for (int i = 0; i < STREAM_VECTORS; i++)
        acc[i] = gen_f32(g, 0, g->width);
    gen_loop_begin(g, &l, gen_i64(g, 0), LLVMGetParam(fn, 1), STREAM_VECTORS * g->width, acc,
                   STREAM_VECTORS);
    for (int i = 0; i < STREAM_VECTORS; i++) {
        Val x = vector_at(g, LLVMGetParam(fn, 0), l.index, i);
        acc[i] =
            LLVMBuildFAdd(g->builder, acc[i], gen_load(g, x, DTYPE_F32, 1, g->width, NULL), "");
    }
    gen_loop_end(g, &l, acc);
    LLVMBuildRet(g->builder, total(g, acc, STREAM_VECTORS));
}

// void add(float *to, const float *x, int64_t count): reads both, writes one.
static void gen_add(Gen *g, const char *name)
{
    const Ty params[3] = {g->ptr, g->ptr, g->i64};
    Loop l;
    Val fn = gen_function(g, name, g->none, params, 3, true);
    gen_loop_begin(g, &l, gen_i64(g, 0), LLVMGetParam(fn, 2), STREAM_VECTORS * g->width, NULL, 0);
    for (int i = 0; i < STREAM_VECTORS; i++) {
        Val to = vector_at(g, LLVMGetParam(fn, 0), l.index, i);
        Val x = vector_at(g, LLVMGetParam(fn, 1), l.index, i);
        Val sum = LLVMBuildFAdd(g->builder, gen_load(g, to, DTYPE_F32, 1, g->width, NULL),
                                gen_load(g, x, DTYPE_F32, 1, g->width, NULL), "");
        gen_store(g, sum, to, DTYPE_F32, 1, NULL);
    }
    gen_loop_end(g, &l, NULL);
    LLVMBuildRetVoid(g->builder);
}

Val gen_read_cycles(Gen *g)
{
    return gen_intrinsic(g, "llvm.readcyclecounter", NULL, 0, NULL, 0);
}

// uint64_t ticks(void)
static void gen_ticks(Gen *g, const char *name)
{
    gen_function(g, name, g->i64, NULL, 0, true);
    LLVMBuildRet(g->builder, gen_read_cycles(g));
}

void gen_probes(Gen *g, const char *name)
{
    gen_flops(g, name);
    gen_sum(g, arena_printf(g->arena, "%s_sum", name));
    gen_add(g, arena_printf(g->arena, "%s_add", name));
    gen_ticks(g, arena_printf(g->arena, "%s_ticks", name));
}

double peak_measure(float (*peak)(float), int width)
{
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        volatile float kept = peak(1e-3f);
        clock_gettime(CLOCK_MONOTONIC, &b);
        (void)kept;
        const double seconds =
            (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        const double flops = 2.0 * TURNS * width * chains(width) / seconds;
        best = flops > best ? flops : best;
    }
    return best;
}
