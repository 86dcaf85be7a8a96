// chains.c -- kernels that follow each other example by example, values that are read inside of
// their frames by later kernels, and parts that are stored where they belong.

#include <criterion/criterion.h>

#include "jit/engines.h"
#include "kernel/kernel.h"

// A residual block: %4 is read in a frame by a convolution, and by the sum %11 behind it, which is
// taken apart into three, of which %24 puts two behind each other with the third.
static const char block[] =
    "graph test {\n"
    "  param \"w\" f32[3, 3, 20, 20]\n"
    "  param \"v\" f32[20, 7]\n"
    "  %0 = input \"x\" : f32[batch, 12, 9, 20]\n"
    "  %1 = variable \"w\" : f32[3, 3, 20, 20]\n"
    "  %2 = const 0.1 : f32\n"
    "  %3 = broadcast %2 {} : f32[batch, 12, 9, 20]\n"
    "  %4 = max %0, %3 : f32[batch, 12, 9, 20]\n"
    "  %5 = pad %4 {0:0, 1:0, 1:0, 0:0; 0} : f32[batch, 14, 11, 20]\n"
    "  %6 = window %5 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 14, 9, 3, 20]\n"
    "  %7 = window %6 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 12, 3, 9, 3, 20]\n"
    "  %8 = contract %7, %1 {abdceg,degh->abch} : f32[batch, 12, 9, 20]\n"
    "  %9 = reduce %8 {sum 1, 2} : f32[batch, 20]\n"
    "  %10 = broadcast %9 {0, 3} : f32[batch, 12, 9, 20]\n"
    "  %11 = add %10, %4 : f32[batch, 12, 9, 20]\n"
    "  %12 = slice %11 {0:1, 0:1, 0:1, 0:1} : f32[batch, 12, 9, 5]\n"
    "  %13 = slice %11 {0:1, 0:1, 0:1, 5:1} : f32[batch, 12, 9, 1]\n"
    "  %14 = slice %11 {0:1, 0:1, 0:1, 6:1} : f32[batch, 12, 9, 14]\n"
    "  %15 = tanh %12 : f32[batch, 12, 9, 5]\n"
    "  %16 = sigmoid %14 : f32[batch, 12, 9, 14]\n"
    "  %17 = pad %16 {0:0, 0:0, 0:0, 0:0; 0} : f32[batch, 12, 9, 20]\n"
    "  %18 = pad %13 {0:0, 0:0, 0:0, 14:0; 0} : f32[batch, 12, 9, 20]\n"
    "  %19 = pad %15 {0:0, 0:0, 0:0, 15:0; 0} : f32[batch, 12, 9, 20]\n"
    "  %20 = add %17, %19 : f32[batch, 12, 9, 20]\n"
    "  %21 = add %20, %18 : f32[batch, 12, 9, 20]\n"
    "  %22 = variable \"v\" : f32[20, 7]\n"
    "  %23 = contract %21, %22 {abcd,de->abce} : f32[batch, 12, 9, 7]\n"
    "  output \"joined\" = %21\n"
    "  output \"behind\" = %23\n"
    "}\n";

// A convolution and the sums of its results.
static const char sums[] =
    "graph test {\n"
    "  param \"w\" f32[3, 3, 20, 20]\n"
    "  %0 = input \"x\" : f32[batch, 14, 11, 20]\n"
    "  %1 = variable \"w\" : f32[3, 3, 20, 20]\n"
    "  %2 = window %0 {axis 2, size 3, stride 1, dilation 1} : f32[batch, 14, 9, 3, 20]\n"
    "  %3 = window %2 {axis 1, size 3, stride 1, dilation 1} : f32[batch, 12, 3, 9, 3, 20]\n"
    "  %4 = contract %3, %1 {abdceg,degh->abch} : f32[batch, 12, 9, 20]\n"
    "  %5 = reduce %4 {sum 1, 2} : f32[batch, 20]\n"
    "  %6 = reduce %5 {sum 0} : f32[20]\n"
    "  output \"sums\" = %6\n"
    "}\n";

static const Plan *plan_of(Arena *a, const char *text)
{
    const char *error = NULL;
    const Graph *g = graph_read(a, interner_new(a), text, &error);
    cr_assert(g, "%s", error);
    return plan_new(a, g, 16);
}

Test(chains, as_interpreted)
{
    const EnginesCase cases[] = {{.text = block, .seed = 5}, {.text = sums, .seed = 5}};
    for (int i = 0; i < 2; i++) {
        expect_as_interpreted(&cases[i], 2e-5);
        expect_same_on_threads(&cases[i]);
    }
}

Test(chains, go_through_the_convolution)
{
    Arena *a = arena_new(NULL);
    const Plan *p = plan_of(a, sums);
    cr_assert_eq(p->kernel_count, 3);
    cr_expect_eq(p->kernels[0]->kind, KERNEL_CONTRACT);
    cr_expect_eq(p->kernels[0]->chain, 2, "the sums of each example are behind it");
    cr_expect_leq(p->kernels[2]->chain, 1, "that over the batch waits for all");
    arena_free(a);
}

// Of the size of %4 there is the convolution's result and the output, but neither %4 itself nor a
// frame of zeros around a part. A chain would keep both, which is too much for a tenth.
Test(chains, store_neither_frames_nor_what_is_in_them)
{
    Arena *a = arena_new(NULL);
    const Plan *p = plan_of(a, block);
    int whole_values = 0, zeros = 0;
    for (int i = 0; i < p->buffer_count; i++)
        whole_values += p->buffers[i].kind == BUFFER_ARENA && p->buffers[i].place == i &&
                        p->buffers[i].type.rank == 4 && p->buffers[i].type.dims[1] == 12;
    for (int i = 0; i < p->kernel_count; i++)
        zeros += p->kernels[i]->count == 2 && p->kernels[i]->code[0].kind == INSTR_CONST;
    cr_expect_leq(whole_values, 2, "the convolution's result, and the joined parts");
    cr_expect_eq(zeros, 2, "two borders of the frame");
    cr_expect_leq((double)p->arena_bytes, 1.1 * (double)p->live_bytes);
    arena_free(a);
}

// Dropout, and then a row less its mean: what is kept for the next pass is what dropout leaves, not
// the random numbers.
static const char dropped[] = "graph test {\n"
                              "  %0 = input \"x\" : f32[batch, 6, 40]\n"
                              "  %1 = random 7 : f32[batch, 6, 40]\n"
                              "  %2 = const 0.2 : f32\n"
                              "  %3 = broadcast %2 {} : f32[batch, 6, 40]\n"
                              "  %4 = ge %1, %3 : bool[batch, 6, 40]\n"
                              "  %5 = const 0 : f32\n"
                              "  %6 = broadcast %5 {} : f32[batch, 6, 40]\n"
                              "  %7 = where %4, %0, %6 : f32[batch, 6, 40]\n"
                              "  %8 = reduce %7 {sum 2} : f32[batch, 6]\n"
                              "  %9 = broadcast %8 {0, 1} : f32[batch, 6, 40]\n"
                              "  %10 = sub %7, %9 : f32[batch, 6, 40]\n"
                              "  %11 = mul %10, %10 : f32[batch, 6, 40]\n"
                              "  %12 = reduce %11 {sum 2} : f32[batch, 6]\n"
                              "  %13 = sqrt %12 : f32[batch, 6]\n"
                              "  %14 = broadcast %13 {0, 1} : f32[batch, 6, 40]\n"
                              "  %15 = mul %10, %14 : f32[batch, 6, 40]\n"
                              "  %16 = exp %7 : f32[batch, 6, 40]\n"
                              "  %17 = reduce %16 {max 0} : f32[6, 40]\n"
                              "  output \"less\" = %15\n"
                              "  output \"largest\" = %17\n"
                              "  output \"mask\" = %4\n"
                              "}\n";

static bool is_used(const Kernel *k, int slot)
{
    for (int i = 0; i < k->count; i++) {
        const InstrKind kind = k->code[i].kind;
        if (k->code[i].slot == slot &&
            (kind == INSTR_LOAD || kind == INSTR_STORE || kind == INSTR_GATHER))
            return true;
    }
    return false;
}

Test(chains, kernels_are_given_what_they_use_alone)
{
    const char *const texts[] = {dropped, block, sums};
    for (int t = 0; t < 3; t++) {
        Arena *a = arena_new(NULL);
        const Plan *p = plan_of(a, texts[t]);
        for (int i = 0; i < p->kernel_count; i++)
            for (int slot = 0;
                 p->kernels[i]->kind == KERNEL_LOOPS && slot < p->kernels[i]->buffer_count; slot++)
                cr_expect(is_used(p->kernels[i], slot), "b%d of kernel %d", slot, i);
        arena_free(a);
    }
}
