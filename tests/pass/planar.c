// planar.c -- tests of pass_planar: golden pairs, and that graphs keep their values.

#include <criterion/criterion.h>
#include <math.h>

#include "pass/evaluate.h"
#include "pass/golden.h"

Test(planar, golden)
{
    golden_pass("planar", pass_planar);
}

static void keeps_values(const char *path)
{
    Arena *a = arena_new(NULL);
    Graph *before = golden_before(a, path);
    Graph *after = graph_clone(before);
    double **want = arena_array(a, double *, (size_t)before->output_count);
    double **got = arena_array(a, double *, (size_t)before->output_count);
    World w = world_new(a, before->variables, 1);
    passes_run(after, &(PassOptions){.verify = true});
    world_run(&w, before, want);
    world_run(&w, after, got);
    for (int i = 0; i < before->output_count; i++)
        for (int64_t k = 0; k < world_count(&before->outputs[i].node->type); k++)
            cr_assert(fabs(got[i][k] - want[i][k]) <= 1e-10 * (1 + fabs(want[i][k])),
                      "%s: output %d at %d: %g, not %g", path, i, (int)k, got[i][k], want[i][k]);
    arena_free(a);
}

Test(planar, values)
{
    keeps_values("planar.forward.graph");
    keeps_values("planar.gradients.graph");
    keeps_values("planar.others.graph");
}

// What is yet to be differentiated is left alone.
Test(planar, waits_for_gradients)
{
    Arena *a = arena_new(NULL);
    Graph *g = golden_before(a, "planar.forward.graph");
    const char *before = graph_text(a, g);
    cr_expect_not(pass_planar(&(Pass){.scratch = a, .differentiable = true}, g));
    cr_expect_str_eq(graph_text(a, g), before);
    arena_free(a);
}
