// step.c -- runs steps of a model on made-up data, as many as it is asked for: nnc's worker in
// bench/compare.py.
//
//   bench_step train|predict MODEL.nn THREADS [BATCH [CLASSES]]
//
// compiles the model's training step, or its prediction with what it may fold folded, says batch
// and trained parameters, then for every line "N" on standard input runs N steps and prints the
// seconds they took and the loss (of a prediction: its first number). The data stand still in
// memory, as they do for the peers. BATCH 0 is the file's own.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nnc.h"
#include "pool.h"
#include "random.h"

typedef struct Stage {
    NncModel model;
    NncPurpose purpose;
    int64_t classes;  // whole numbers are below it
    RunArgs args;
    NnrtPool *pool;
} Stage;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// f32 in [0, 1), classes from 0.
static void *made_up(const Stage *s, const Type *t, uint32_t stream)
{
    size_t count = (size_t)(type_elements(t) * s->args.batch);
    float *x = arena_array(s->model.arena, float, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t u = nnrt_random_u32(1, stream, 0, i);
        if (t->dtype == DTYPE_I32)
            ((int32_t *)x)[i] = (int32_t)(u % (uint32_t)s->classes);
        else
            x[i] = (float)(u >> 8) * 0x1p-24f;
    }
    return x;
}

static bool compile(Stage *s, const char *path)
{
    const NncOptions options = {0};
    s->model.session = session_new();
    s->model.arena = arena_new(&s->model.session->guard);
    if (!nnc_load(&s->model, path))
        return false;
    if (s->args.batch <= 0)
        s->args.batch = sema_train_spec(s->model.program)->batch_size;
    return nnc_compile(&s->model, s->purpose, &options) &&
           nnc_build(&s->model, s->purpose, s->args.batch, &options) &&
           nnc_initialize(&s->model, 1);
}

static void prepare(Stage *s)
{
    const Graph *g = s->model.graphs[s->purpose];
    Arena *a = s->model.arena;
    const void **inputs = arena_array(a, const void *, (size_t)g->input_count + 1);
    void **outputs = arena_array(a, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = made_up(s, &g->inputs[i].type, (uint32_t)i);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = made_up(s, &g->outputs[i].node->type, 0);
    s->args.inputs = inputs;
    s->args.outputs = outputs;
    s->args.variables = s->model.block;
    s->args.seed = 1;
    s->args.pool = s->pool;
    if (s->purpose == NNC_PREDICT)
        nnc_fold(&s->model, s->pool);
}

static int64_t trained_parameters(const Variables *vs)
{
    int64_t count = 0;
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].kind == VARIABLE_PARAM && !vs->items[i].frozen)
            count += type_elements(&vs->items[i].type);
    return count;
}

static double run_steps(Stage *s, long steps)
{
    double start = seconds();
    for (long i = 0; i < steps; i++) {
        s->args.step++;
        executable_run(s->model.executables[s->purpose], &s->args);
    }
    return seconds() - start;
}

static double result(const Stage *s)
{
    const int loss = nnc_output(s->model.graphs[s->purpose], "loss");
    return (double)*(const float *)s->args.outputs[loss < 0 ? 0 : loss];
}

static bool set_up(Stage *s, int argc, char **argv)
{
    NnrtError e;
    s->purpose = strcmp(argv[1], "predict") == 0 ? NNC_PREDICT : NNC_TRAIN;
    s->args.batch = argc > 4 ? atoll(argv[4]) : 0;
    s->classes = argc > 5 ? atoll(argv[5]) : 10;
    s->pool = nnrt_pool_new(atoi(argv[3]), &e);
    if (!s->pool || !compile(s, argv[2]))
        return false;
    prepare(s);
    return true;
}

static void close_stage(Stage *s)
{
    nnc_close(&s->model);
    nnrt_pool_free(s->pool);
    if (s->model.session) {
        arena_free(s->model.arena);
        session_free(s->model.session);
    }
}

static void answer(Stage *s)
{
    long steps;
    const Plan *p = jit_plan(s->model.executables[s->purpose]);
    printf("{\"batch\": %lld, \"parameters\": %lld, \"arena\": %zu, \"arena_in_use\": %zu}\n",
           (long long)s->args.batch, (long long)trained_parameters(s->model.variables),
           p->arena_bytes, p->live_bytes);
    fflush(stdout);
    while (scanf("%ld", &steps) == 1) {
        const double took = run_steps(s, steps);
        printf("%.9f %.6g\n", took, result(s));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    Stage s = {0};
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: bench_step train|predict MODEL.nn THREADS [BATCH [CLASSES]]\n");
        return 2;
    }
    const bool ok = set_up(&s, argc, argv);
    if (ok)
        answer(&s);
    else if (s.model.session)
        diags_print(s.model.session->diags, stderr, false);
    close_stage(&s);
    return ok ? 0 : 1;
}
