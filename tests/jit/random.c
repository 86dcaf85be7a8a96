// random.c -- random graphs in the JIT against the interpreter, at several widths, batches and
// numbers of threads. A failure prints the seed; NNC_SEED=n runs that one alone.

#include <criterion/criterion.h>
#include <stdlib.h>

#include "codegen/llvm/jit.h"
#include "pass/pass.h"
#include "support/compare.h"
#include "support/random_graph.h"

#define GRAPHS 150

static Graph *graph_of_seed(Arena *a, uint64_t seed, bool optimized)
{
    RandomGraphOptions options = {
        .nodes = 5 + (int)(seed % 40), .batch = seed % 3 != 0, .variables = seed % 2 == 0};
    Graph *g = random_graph(a, interner_new(a), seed, options);
    if (optimized)
        passes_run(g, &(PassOptions){.verify = true});
    return g;
}

static CompareOptions options_of_seed(uint64_t seed)
{
    static const int widths[] = {4, 8, 16, 1};
    static const int64_t batches[] = {1, 2, 5, 16};
    return (CompareOptions){.vector_width = widths[seed % 4],
                            .threads = (int)(seed / 4 % 4),
                            .batch = batches[seed / 5 % 4],
                            .max_batch = RANDOM_GRAPH_MAX_BATCH,
                            .seed = seed};
}

static void check_seed(uint64_t seed)
{
    Arena *a = arena_new(NULL);
    CompareOptions o = options_of_seed(seed);
    const char *what = NULL;
    double d = compare_engines(a, graph_of_seed(a, seed, seed % 4 != 0), &o, &what);
    cr_expect(d >= 0 && d < 2e-5, "seed %d: %s is off by %g (NNC_SEED=%d repeats it)", (int)seed,
              what, d, (int)seed);
    arena_free(a);
}

Test(jit, computes_random_graphs_as_the_interpreter)
{
    const char *only = getenv("NNC_SEED");
    if (only) {
        check_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= GRAPHS; seed++)
        check_seed(seed);
}
