// engines.c -- see engines.h.

#include "jit/engines.h"

#include <criterion/criterion.h>
#include <string.h>

#include "pass/pass.h"

static Graph *graph_of(Arena *a, const EnginesCase *c)
{
    const char *error = NULL;
    Graph *g = graph_read(a, interner_new(a), c->text, &error);
    cr_assert(g, "%s", error);
    if (c->passes)
        passes_run(g, &(PassOptions){.verify = true});
    return g;
}

void expect_as_interpreted(const EnginesCase *c, double bound)
{
    static const int widths[] = {4, 8, 16};
    for (int i = 0; i < 6; i++) {
        Arena *a = arena_new(NULL);
        const char *what = NULL;
        const CompareOptions o = {.vector_width = widths[i % 3],
                                  .batch = i < 3 ? 16 : 13,
                                  .max_batch = 16,
                                  .threads = 1 + i % 4,
                                  .seed = c->seed};
        const double d = compare_engines(a, graph_of(a, c), &o, &what);
        cr_expect(d >= 0 && d < bound, "%s is off by %g (batch %d, width %d, %d threads)", what, d,
                  (int)o.batch, o.vector_width, o.threads);
        arena_free(a);
    }
}

void expect_same_on_threads(const EnginesCase *c)
{
    Arena *a = arena_new(NULL);
    size_t bytes = 0;
    CompareOptions o = {.batch = 16, .seed = 4};
    const void *one = run_jit(a, graph_of(a, c), &o, &bytes);
    for (o.threads = 2; o.threads <= 4; o.threads++) {
        const void *more = run_jit(a, graph_of(a, c), &o, &bytes);
        cr_assert(one && more);
        cr_expect_eq(memcmp(one, more, bytes), 0, "%d threads", o.threads);
    }
    arena_free(a);
}
