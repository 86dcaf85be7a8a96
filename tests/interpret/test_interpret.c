// test_interpret.c -- the reference engine: what its memory is, when things happen, what is random.

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codegen/interpret/interpret.h"
#include "graph/ops/ops.h"
#include "random.h"
#include "support/random_graph.h"
#include "support/run_graph.h"

static int add_variable(Scene *s, const char *path, Type type, Graph *init)
{
    Variable v = {.path = intern(s->names, path), .type = type, .init = init};
    return variables_add(s->builder.graph->variables, v);
}

// a' = b, b' = a + 1: each reads what the other was before the run.
static Graph *swapping_graph(Scene *s)
{
    *s = scene_new();
    Builder *b = &s->builder;
    Type t = type_f32(1, (int64_t[]){2});
    add_variable(s, "a", t, NULL);
    add_variable(s, "b", t, NULL);
    Node *a = build_variable(b, 0);
    graph_update(b->graph, 0, build_variable(b, 1));
    graph_update(b->graph, 1, build_binary(b, OP_add, a, build_filled(b, &t, 1)));
    return b->graph;
}

Test(interpret, updates_take_effect_after_the_run)
{
    Scene s;
    Graph *g = swapping_graph(&s);
    float block[32] = {1, 2};
    cr_assert_eq(interpret_variable_bytes(g->variables, false), sizeof block);
    block[16] = 10;
    block[17] = 20;
    Executable *x = interpret_new(g, 1, false);
    executable_run(x, &(RunArgs){.variables = block, .batch = 1});
    executable_free(x);
    cr_expect(block[0] == 10 && block[1] == 20 && block[16] == 2 && block[17] == 3);
    scene_free(&s);
}

Test(interpret, in_f64_mode_offsets_are_doubled)
{
    Scene s;
    Graph *g = swapping_graph(&s);
    double block[32] = {0.1, 0.2};
    cr_assert_eq(interpret_variable_bytes(g->variables, true), sizeof block);
    block[16] = 0.3;
    Executable *x = interpret_new(g, 1, true);
    executable_run(x, &(RunArgs){.variables = block, .batch = 1});
    executable_free(x);
    cr_expect(block[0] == 0.3 && block[16] == 0.1 + 1);
    scene_free(&s);
}

// One executable, made for 7 examples, runs 3: nothing beyond the third is touched.
Test(interpret, a_batch_may_be_smaller_than_the_largest)
{
    Scene s = scene_new();
    Node *x = scene_input(&s, type_f32(2, (int64_t[]){DIM_BATCH, 2}));
    scene_output(&s, build_unary(&s.builder, OP_neg, x));
    scene_output(&s, build_reduce(&s.builder, REDUCE_SUM, x, 3));
    scene_output(&s, build_scalar(&s.builder, SCALAR_BATCH));
    const float in[] = {1, 2, 3, 4, 5, 6};
    float negated[] = {0, 0, 0, 0, 0, 0, 99}, sum, batch;
    Executable *e = interpret_new(s.builder.graph, 7, false);
    executable_run(e, &(RunArgs){.inputs = (const void *[]){in},
                                 .outputs = (void *[]){negated, &sum, &batch},
                                 .batch = 3});
    executable_free(e);
    cr_expect(negated[5] == -6 && negated[6] == 99);
    cr_expect(sum == 21 && batch == 3);
    scene_free(&s);
}

Test(interpret, numbers_of_the_run)
{
    Scene s = scene_new();
    for (int kind = 0; kind < SCALAR_KIND_COUNT; kind++)
        scene_output(&s, build_scalar(&s.builder, (ScalarKind)kind));
    RunArgs args = {.step = 12, .epoch = 1.5f, .validation_loss = INFINITY};
    double **y = run_graph(s.arena, s.builder.graph, 4, false, NULL, args);
    cr_expect(y[0][0] == 4 && y[1][0] == 12 && y[2][0] == 1.5 && y[3][0] == INFINITY);
    scene_free(&s);
}

Test(interpret, memory_of_each_element_type)
{
    Scene s = scene_new();
    Node *x = scene_input(&s, type_of(DTYPE_I32, 1, (int64_t[]){3}));
    Node *y = scene_input(&s, type_of(DTYPE_BOOL, 1, (int64_t[]){3}));
    scene_output(&s, build_cast(&s.builder, x, DTYPE_BOOL));
    scene_output(&s, build_cast(&s.builder, y, DTYPE_I32));
    const int32_t in[] = {0, 5, INT32_MIN};
    const uint8_t mask[] = {1, 0, 1};
    for (int f64 = 0; f64 < 2; f64++) {
        uint8_t bools[3];
        int32_t ints[3];
        Executable *e = interpret_new(s.builder.graph, 1, f64);
        executable_run(e, &(RunArgs){.inputs = (const void *[]){in, mask},
                                     .outputs = (void *[]){bools, ints},
                                     .batch = 1});
        executable_free(e);
        cr_expect(bools[0] == 0 && bools[1] == 1 && bools[2] == 1);
        cr_expect(ints[0] == 1 && ints[1] == 0 && ints[2] == 1);
    }
    scene_free(&s);
}

// The element's number counts the batch too, and step, stream and seed all matter.
Test(interpret, random_numbers_are_those_of_the_runtime)
{
    Scene s = scene_new();
    scene_output(&s, build_random(&s.builder, type_f32(2, (int64_t[]){DIM_BATCH, 5}), 77));
    RunArgs args = {.seed = UINT64_C(0x123456789abcdef0), .step = 9};
    double *y = run_graph(s.arena, s.builder.graph, 3, false, NULL, args)[0];
    for (uint64_t i = 0; i < 15; i++) {
        uint32_t u = nnrt_random_u32(args.seed, 77, 9, i);
        cr_expect_eq(y[i], (u >> 8) * 0x1p-24);
    }
    scene_free(&s);
}

// A graph whose only output is `value`.
static Graph *init_graph(Scene *s, Builder *b)
{
    *b = (Builder){.graph = graph_new(s->arena, s->names, s->builder.graph->variables, "init")};
    return b->graph;
}

// Box and Muller 1958.
static Graph *normal_init(Scene *s, Type t)
{
    Builder b;
    Graph *g = init_graph(s, &b);
    Node *one = build_filled(&b, &t, 1), *u = build_binary(&b, OP_sub, one, build_random(&b, t, 0));
    Node *two = build_filled(&b, &t, -2), *turn = build_filled(&b, &t, 6.283185307179586);
    Node *log_u = build_unary(&b, OP_log, u);
    Node *radius = build_unary(&b, OP_sqrt, build_binary(&b, OP_mul, two, log_u));
    Node *angle = build_binary(&b, OP_mul, turn, build_random(&b, t, 1));
    Node *value = build_binary(&b, OP_mul, radius, build_unary(&b, OP_cos, angle));
    graph_output(g, intern(s->names, "value"), value);
    return g;
}

Test(interpret, initial_values)
{
    Scene s = scene_new();
    Type t = type_f32(2, (int64_t[]){1000, 1000}), number = type_scalar(DTYPE_F32);
    Builder b;
    Graph *seven = init_graph(&s, &b);
    graph_output(seven, intern(s.names, "value"), build_filled(&b, &number, 7));
    add_variable(&s, "seven", number, seven);
    add_variable(&s, "normal", t, normal_init(&s, t));
    add_variable(&s, "zero", number, NULL);
    const Variables *vs = s.builder.graph->variables;
    float *block = malloc(interpret_variable_bytes(vs, false));
    memset(block, 0xff, interpret_variable_bytes(vs, false));
    clock_t start = clock();
    cr_assert(interpret_init(vs, 3, block, false));
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    double sum = 0, squares = 0;
    for (int i = 0; i < 1000000; i++) {
        sum += (double)block[16 + i];
        squares += (double)block[16 + i] * (double)block[16 + i];
    }
    cr_expect_eq(block[0], 7);
    cr_expect_eq(block[16 + 1000000], 0);
    cr_expect(fabs(sum / 1e6) < 0.005, "mean %g", sum / 1e6);
    cr_expect(fabs(squares / 1e6 - 1) < 0.01, "variance %g", squares / 1e6);
    cr_expect(seconds < 5, "a million normal numbers took %g s", seconds);
    free(block);
    scene_free(&s);
}

// Variables are filled a chunk at a time; their values are those of the graph as a whole.
static void check_chunks(Type t, bool f64)
{
    Scene s = scene_new();
    const size_t bytes = (size_t)type_elements(&t) * (f64 ? sizeof(double) : sizeof(float));
    Graph *g = normal_init(&s, t);
    add_variable(&s, "normal", t, g);
    void *block = calloc(1, interpret_variable_bytes(s.builder.graph->variables, f64));
    void *whole = malloc(bytes);
    cr_assert(interpret_init(s.builder.graph->variables, 5, block, f64));
    Executable *x = interpret_new(g, 1, f64);
    executable_run(x, &(RunArgs){.outputs = &whole, .batch = 1, .seed = 5});
    executable_free(x);
    cr_expect_eq(memcmp(block, whole, bytes), 0, "%d elements", (int)type_elements(&t));
    free(block);
    free(whole);
    scene_free(&s);
}

Test(interpret, initial_values_are_those_of_the_graph)
{
    static const int64_t sizes[] = {1, 255, 256, 257, 1000, 70001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_chunks(type_f32(1, &sizes[i]), false);
        check_chunks(type_f32(1, &sizes[i]), true);
    }
    check_chunks(type_f32(3, (int64_t[]){3, 50, 7}), false);
}

Test(interpret, memory_that_runs_out_is_told)
{
    Scene s = scene_new();
    Node *x = scene_input(&s, type_f32(2, (int64_t[]){DIM_BATCH, MAX_EXAMPLE_BYTES / 4}));
    scene_output(&s, x);
    cr_expect_null(interpret_new(s.builder.graph, INT64_MAX, false));
    for (long n = 1; n <= 3; n++) {
        Scene small = scene_new();
        scene_output(&small, scene_input(&small, type_scalar(DTYPE_F32)));
        arena_fail_after(n);
        cr_expect_null(interpret_new(small.builder.graph, 1, false));
        arena_fail_after(0);
        scene_free(&small);
    }
    scene_free(&s);
}

// --- random graphs ----------------------------------------------------------------------------

static double **random_inputs(Scene *s, const Graph *g, int64_t batch, uint64_t seed)
{
    double **in = arena_array(s->arena, double *, (size_t)g->input_count);
    for (int i = 0; i < g->input_count; i++) {
        const Type *t = &g->inputs[i].type;
        in[i] = arena_array(s->arena, double, (size_t)count_of(t, batch));
        Rng r = {seed + (uint64_t)i};
        for (int64_t k = 0; k < count_of(t, batch); k++)
            in[i][k] = t->dtype == DTYPE_F32 ? rng_between(&r, -1, 1) : rng_below(&r, 2);
    }
    return in;
}

// Smooth graphs have no element where rounding could decide between far values.
Test(interpret, modes_agree_on_random_graphs)
{
    for (int seed = 0; seed < 200; seed++) {
        Scene s = scene_new();
        Graph *g = random_graph(s.arena, s.names, (uint64_t)seed,
                                (RandomGraphOptions){.nodes = 15, .batch = true, .smooth = true});
        double **in = random_inputs(&s, g, 5, (uint64_t)seed);
        double **f32 = run_graph(s.arena, g, 5, false, in, (RunArgs){.seed = 1});
        double **f64 = run_graph(s.arena, g, 5, true, in, (RunArgs){.seed = 1});
        for (int i = 0; i < g->output_count; i++)
            for (int64_t k = 0; k < count_of(&g->outputs[i].type, 5); k++)
                cr_expect(fabs(f32[i][k] - f64[i][k]) <= 1e-3 * (1 + fabs(f64[i][k])),
                          "seed %d, %s[%d]: %g, exact %g", seed, g->outputs[i].name, (int)k,
                          f32[i][k], f64[i][k]);
        scene_free(&s);
    }
}

Test(interpret, random_graphs_stay_finite)
{
    for (int seed = 0; seed < 300; seed++) {
        Scene s = scene_new();
        Graph *g = random_graph(
            s.arena, s.names, (uint64_t)seed,
            (RandomGraphOptions){.nodes = 30, .batch = true, .variables = true, .loss = true});
        double **in = random_inputs(&s, g, 3, (uint64_t)seed);
        void *block = arena_alloc(s.arena, interpret_variable_bytes(g->variables, false) + 1);
        RunArgs args = {.variables = block, .seed = 1, .step = 1};
        double **y = run_graph(s.arena, g, 3, false, in, args);
        for (int i = 0; i < g->output_count; i++)
            for (int64_t k = 0; k < count_of(&g->outputs[i].type, 3); k++)
                cr_expect(isfinite(y[i][k]), "seed %d, %s[%d]", seed, g->outputs[i].name, (int)k);
        scene_free(&s);
    }
}
