// peak.c -- the most multiply-adds that one core does in a second, measured with its widest
// vectors.
//
// 24 chains of multiply-adds that hang on nothing but themselves: enough for two units of four
// cycles' latency, few enough for 32 registers. Machines of 16 registers get 12.

#include <time.h>

#include "codegen/llvm/gen.h"

#define TURNS 200000
#define ROUNDS 7
#define MOST_CHAINS 24

static int chains(int width)
{
    return width == 16 ? MOST_CHAINS : 12;
}

// float peak(float x): its result hangs on every chain, so none can be left out.
void gen_peak(Gen *g, const char *name)
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
    for (int i = 1; i < chains(g->width); i++)
        acc[0] = LLVMBuildFAdd(g->builder, acc[0], acc[i], "");
    LLVMBuildRet(g->builder, LLVMBuildExtractElement(g->builder, acc[0], gen_i32(g, 0, 1), ""));
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
