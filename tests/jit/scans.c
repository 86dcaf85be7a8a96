// scans.c -- scans in the JIT against the interpreter, and that the code does not grow with them.

#include <criterion/criterion.h>
#include <string.h>

#include "codegen/llvm/jit.h"
#include "jit/descent.h"
#include "pass/pass.h"
#include "support/compare.h"
#include "support/scan_models.h"

static Graph *model(Arena *a, ScanModel which, int64_t length, bool reverse, bool optimized)
{
    const char *error = NULL;
    Graph *g = graph_read(a, interner_new(a), scan_model(a, which, length, reverse), &error);
    cr_assert(g, "%s", error);
    add_descent(g, 0.01);
    if (optimized)
        passes_run(g, &(PassOptions){.verify = true});
    return g;
}

static void check(ScanModel which, int64_t length, bool reverse, const CompareOptions *o)
{
    for (int optimized = 0; optimized < 2; optimized++) {
        Arena *a = arena_new(NULL);
        const char *what = NULL;
        Graph *g = model(a, which, length, reverse, optimized);
        double d = compare_engines(a, g, o, &what);
        cr_expect(d >= 0 && d < 5e-6, "model %d, %s is off by %g (length %d, batch %d, width %d)",
                  which, what, d, (int)length, (int)o->batch, o->vector_width);
        arena_free(a);
    }
}

Test(scans, run_as_in_the_interpreter)
{
    static const int64_t lengths[] = {1, 2, 7}, batches[] = {1, 3, 16};
    static const int widths[] = {4, 8, 16, 1};
    for (int m = 0; m < SCAN_MODEL_COUNT; m++)
        for (int i = 0; i < 27; i++)
            check((ScanModel)m, lengths[i % 3], i & 1,
                  &(CompareOptions){.vector_width = widths[i / 3 % 4],
                                    .batch = batches[i / 9],
                                    .max_batch = 16,
                                    .seed = 3});
}

// The steps of the inner one stand among those of the other steps of their example.
static const char ROWS[] = "graph predict {\n"
                           "  %0 = input \"x\" : f32[batch, 5, 6, 3]\n"
                           "  %1 = const 0 : f32\n"
                           "  %2 = broadcast %1 {} : f32[batch, 3]\n"
                           "  %3 = scan %0, %2 {5, 1, 1} graph rows {\n"
                           "    %0 = input \"row\" : f32[batch, 6, 3]\n"
                           "    %1 = input \"state\" : f32[batch, 3]\n"
                           "    %2 = scan %0, %1 {6, 1, 1} graph row {\n"
                           "      %0 = input \"step\" : f32[batch, 3]\n"
                           "      %1 = input \"state\" : f32[batch, 3]\n"
                           "      %2 = mul %0, %1 : f32[batch, 3]\n"
                           "      %3 = add %2, %0 : f32[batch, 3]\n"
                           "      output \"next\" = %3\n"
                           "    } : f32\n"
                           "    %3 = scan_result %2 {0} : f32[batch, 3]\n"
                           "    %4 = tanh %3 : f32[batch, 3]\n"
                           "    output \"next\" = %4\n"
                           "    output \"state\" = %4\n"
                           "  } : f32\n"
                           "  %4 = scan_result %3 {1} : f32[batch, 5, 3]\n"
                           "  output \"y\" = %4\n"
                           "}\n";

Test(scans, in_a_scan_go_along_a_step_of_a_batch)
{
    for (int64_t batch = 1; batch <= 16; batch += 5) {
        const char *error = NULL, *what = NULL;
        Arena *a = arena_new(NULL);
        const Graph *g = graph_read(a, interner_new(a), ROWS, &error);
        cr_assert(g, "%s", error);
        const CompareOptions o = {.batch = batch, .max_batch = 16, .seed = 3};
        const double d = compare_engines(a, g, &o, &what);
        cr_expect(d >= 0 && d < 5e-6, "%s is off by %g (batch %d)", what, d, (int)batch);
        arena_free(a);
    }
}

Test(scans, threads_change_no_bit)
{
    Arena *a = arena_new(NULL);
    Graph *g = model(a, SCAN_MODEL_CELL, 5, false, true);
    size_t bytes = 0;
    CompareOptions o = {.batch = 700, .seed = 4};
    const void *one = run_jit(a, g, &o, &bytes);
    o.threads = 2;
    const void *two = run_jit(a, g, &o, &bytes);
    cr_assert(one && two);
    cr_expect_eq(memcmp(one, two, bytes), 0);
    arena_free(a);
}

static size_t code_size(int64_t length)
{
    Arena *a = arena_new(NULL);
    const char *error = NULL;
    Jit *j = jit_open(a, &(JitOptions){0}, &error);
    Graph *g = model(a, SCAN_MODEL_CELL, length, false, true);
    const char *text = jit_text(j, a, g, 16, JIT_TEXT_ASM, &error);
    cr_assert(text, "%s", error);
    const size_t size = strlen(text);
    jit_close(j);
    arena_free(a);
    return size;
}

Test(scans, code_does_not_grow_with_the_length)
{
    const size_t few = code_size(5), many = code_size(500);
    cr_expect(many < few + few / 10, "%zu bytes for 5 steps, %zu for 500", few, many);
}
