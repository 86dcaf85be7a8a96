// values.c -- what passes and autodiff must not change, in numbers: graphs are run before and after
// by the interpreter, in double (in f32 where bits are promised), and gradients meet central
// differences.

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "pass/evaluate.h"
#include "pass/golden.h"
#include "pass/models.h"
#include "pass/random_model.h"

enum { MAX_VARIABLES = 8, MAX_OUTPUTS = 32 };

// Constants that a pass folds are rounded to f32, half an ulp is 6e-8.
#define FOLDED_TOLERANCE 1e-6

static void expect_near(double got, double want, double tolerance, const char *what)
{
    if (isnan(got) && isnan(want))
        return;
    cr_expect(got == want || fabs(got - want) <= tolerance * (1 + fabs(want)),
              "%s: %.12g, not %.12g", what, got, want);
}

static void expect_same_outputs(World *w, const Graph *before, const Graph *after, const char *what)
{
    double *want[MAX_OUTPUTS], *got[MAX_OUTPUTS];
    cr_assert_eq(before->output_count, after->output_count);
    world_run(w, before, want);
    world_run(w, after, got);
    for (int i = 0; i < before->output_count; i++)
        for (int64_t k = 0; k < world_count(&before->outputs[i].node->type); k++)
            expect_near(got[i][k], want[i][k], FOLDED_TOLERANCE, what);
}

// --- values -----------------------------------------------------------------------------------

static const char *const models[] = {model_softmax, model_batchnorm, model_predict, model_read};

enum { MODEL_COUNT = sizeof models / sizeof *models };

static void add_gradients(Graph *g)
{
    int variables[MAX_VARIABLES];
    Node *gradients[MAX_VARIABLES];
    const int count = g->variables->count;
    for (int i = 0; i < count; i++)
        variables[i] = i;
    autodiff(g, g->outputs[0].node, variables, count, gradients);
    for (int i = 0; i < count; i++)
        graph_output(g, g->variables->items[i].path, gradients[i]);
}

static Graph *model_with_gradients(Arena *a, const char *model)
{
    Graph *g = graph_from(a, model);
    if (g->outputs[0].node->type.rank == 0)
        add_gradients(g);
    return g;
}

typedef struct NamedPass {
    const char *name;
    PassRun *run;
} NamedPass;

static const NamedPass passes[] = {
#define PASS(id, doc) {#id, pass_##id},
#include "pass/passes.def"
#undef PASS
};

Test(values, every_pass_alone_keeps_them)
{
    for (int m = 0; m < MODEL_COUNT; m++)
        for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
            Arena *a = arena_new(NULL);
            Graph *before = model_with_gradients(a, models[m]);
            Graph *after = graph_clone(before);
            World w = world_new(a, before->variables, 1);
            passes[i].run(&(Pass){.scratch = a}, after);
            expect_same_outputs(&w, before, after, passes[i].name);
            arena_free(a);
        }
}

Test(values, the_pipeline_keeps_them)
{
    for (int m = 0; m < MODEL_COUNT; m++) {
        Arena *a = arena_new(NULL);
        Graph *before = model_with_gradients(a, models[m]);
        Graph *after = graph_clone(before);
        World w = world_new(a, before->variables, 2);
        passes_run(after, &(PassOptions){.verify = true});
        expect_same_outputs(&w, before, after, "pipeline");
        arena_free(a);
    }
}

// The forward graph is optimized, then differentiated, then optimized again: the same gradients as
// with no pass at all.
Test(values, gradients_of_optimized_graphs)
{
    for (int m = 0; m < 2; m++) {
        Arena *a = arena_new(NULL);
        Graph *before = graph_from(a, models[m]);
        Graph *after = graph_clone(before);
        add_gradients(before);
        World w = world_new(a, before->variables, 3);
        passes_run(after, &(PassOptions){.verify = true});
        add_gradients(after);
        passes_run(after, &(PassOptions){.verify = true});
        expect_same_outputs(&w, before, after, "gradients");
        arena_free(a);
    }
}

Test(values, the_split_keeps_them)
{
    Arena *a = arena_new(NULL);
    Graph *before = graph_from(a, model_predict);
    Graph *after = graph_clone(before);
    passes_run(after, &(PassOptions){.verify = true});
    Graph *fold = graph_split_constants(after);
    World w = world_new(a, before->variables, 4);
    world_run(&w, fold, NULL);
    expect_same_outputs(&w, before, after, "split");
    arena_free(a);
}

// --- random graphs: a failure prints the seed -------------------------------------------------

enum { SEEDS = 300, GRADIENT_SEEDS = 40 };

static void keeps_random_graph(const NamedPass *pass, uint64_t seed)
{
    Arena *a = arena_new(NULL);
    Graph *before = random_model(a, seed, false);
    Graph *after = graph_clone(before);
    const char *what = arena_printf(a, "%s, seed %d", pass->name, (int)seed);
    World w = world_new(a, before->variables, seed);
    pass->run(&(Pass){.scratch = a}, after);
    const char *wrong = graph_verify(after, a);
    cr_assert(!wrong, "%s: %s", what, wrong);
    expect_same_outputs(&w, before, after, what);
    const char *once = graph_text(a, after);
    cr_expect(!pass->run(&(Pass){.scratch = a}, after), "%s: a second run changes\n%s", what, once);
    cr_expect_str_eq(graph_text(a, after), once, "%s: a second run makes another graph", what);
    arena_free(a);
}

Test(values, every_pass_keeps_random_graphs)
{
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            keeps_random_graph(&passes[i], seed);
}

static bool has(const Graph *g, OpId op)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == op)
            return true;
    return false;
}

// What simplify.c promises: but for powers and for sums of what repeats itself, where the tolerance
// is a few ulp, an f32 result keeps its bits.
Test(values, simplify_keeps_bits)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        Arena *a = arena_new(NULL);
        Graph *before = random_model(a, seed, false);
        Graph *after = graph_clone(before);
        const World w = world_new(a, before->variables, seed);
        double *want[MAX_OUTPUTS], *got[MAX_OUTPUTS];
        pass_simplify(&(Pass){.scratch = a}, after);
        world_run_f32(&w, before, want);
        world_run_f32(&w, after, got);
        const double tolerance = has(before, OP_reduce) ? 1e-6 : 0;
        for (int i = 0; i < before->output_count && !has(before, OP_pow); i++)
            for (int64_t k = 0; k < world_count(&before->outputs[i].node->type); k++)
                expect_near(got[i][k], want[i][k], tolerance,
                            arena_printf(a, "seed %d", (int)seed));
        arena_free(a);
    }
}

Test(values, the_pipeline_and_the_split_keep_random_graphs)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        Arena *a = arena_new(NULL);
        Graph *before = random_model(a, seed, false);
        Graph *after = graph_clone(before);
        passes_run(after, &(PassOptions){.verify = true});
        Graph *fold = graph_split_constants(after);
        World w = world_new(a, before->variables, seed);
        if (fold)
            world_run(&w, fold, NULL);
        expect_same_outputs(&w, before, after, arena_printf(a, "pipeline, seed %d", (int)seed));
        arena_free(a);
    }
}

// --- gradients --------------------------------------------------------------------------------

static double loss_of(World *w, const Graph *g)
{
    double *outputs[MAX_OUTPUTS];
    world_run(w, g, outputs);
    return outputs[0][0];
}

// In double a central difference with a step of 1e-5 is off by about 1e-10, of which rounding is
// 1e-11.
static void expect_differences(World *w, const Graph *loss, double *const *gradients)
{
    const double step = 1e-5;
    for (int i = 0; i < w->variables->count; i++) {
        int64_t count;
        double *x = world_variable(w, i, &count);
        for (int64_t k = 0; k < count; k++) {
            const double at = x[k];
            x[k] = at + step;
            const double above = loss_of(w, loss);
            x[k] = at - step;
            const double below = loss_of(w, loss);
            x[k] = at;
            expect_near(gradients[i][k], (above - below) / (2 * step), 1e-7,
                        w->variables->items[i].path);
        }
    }
}

static void check_gradients(Arena *a, const Graph *loss, uint64_t seed, bool optimized)
{
    const PassOptions options = {.verify = true};
    Graph *g = graph_clone(loss);
    double *outputs[MAX_OUTPUTS];
    if (optimized)
        passes_run(g, &options);
    add_gradients(g);
    if (optimized)
        passes_run(g, &options);
    World w = world_new(a, g->variables, seed);
    world_run(&w, g, outputs);
    expect_differences(&w, loss, outputs + loss->output_count);
}

Test(values, gradients_meet_differences)
{
    for (int m = 0; m < 2; m++)
        for (uint64_t seed = 10; seed < 13; seed++) {
            Arena *a = arena_new(NULL);
            check_gradients(a, graph_from(a, models[m]), seed, false);
            arena_free(a);
        }
}

Test(values, gradients_of_random_graphs_meet_differences)
{
    for (uint64_t seed = 0; seed < GRADIENT_SEEDS; seed++) {
        Arena *a = arena_new(NULL);
        const Graph *loss = random_model(a, seed, true);
        check_gradients(a, loss, seed, false);
        check_gradients(a, loss, seed, true);
        arena_free(a);
    }
}

// --- the stable forms -------------------------------------------------------------------------

static Graph *stable_gradients(Arena *a, const char *model)
{
    Graph *g = graph_from(a, model);
    passes_run(g, &(PassOptions){.verify = true});
    add_gradients(g);
    return g;
}

static void set_variable(World *w, const char *path, double value)
{
    for (int i = 0; i < w->variables->count; i++) {
        int64_t count;
        double *x = world_variable(w, i, &count);
        for (int64_t k = 0; k < count && strcmp(w->variables->items[i].path, path) == 0; k++)
            x[k] = value * (k % 2 ? 1 : -1);
    }
}

static void expect_finite(World *w, const Graph *g)
{
    double *outputs[MAX_OUTPUTS];
    world_run(w, g, outputs);
    for (int i = 0; i < g->output_count; i++)
        for (int64_t k = 0; k < world_count(&g->outputs[i].node->type); k++)
            cr_expect(isfinite(outputs[i][k]), "output %d, element %d", i, (int)k);
}

Test(values, large_logits_stay_finite)
{
    static const char *const biases[] = {"b2", "v"};
    for (int m = 0; m < 2; m++) {
        Arena *a = arena_new(NULL);
        Graph *g = stable_gradients(a, models[m]);
        World w = world_new(a, g->variables, 20);
        set_variable(&w, biases[m], 1e4);
        expect_finite(&w, g);
        arena_free(a);
    }
}

// A network whose last layer starts at zero gives z = 0, where |z| has a kink that the loss has
// not.
Test(values, the_gradient_at_zero_is_right)
{
    Arena *a = arena_new(NULL);
    Graph *loss = graph_from(a, model_batchnorm);
    Graph *g = stable_gradients(a, model_batchnorm);
    World w = world_new(a, loss->variables, 21);
    double *outputs[MAX_OUTPUTS];
    set_variable(&w, "v", 0);
    world_run(&w, g, outputs);
    expect_differences(&w, loss, outputs + 1);
    arena_free(a);
}
