// step.c -- times training steps of a model on made-up data, for bench/compare.py.
//
//   step MODEL.nn THREADS
//
// compiles the model's training step, says "ready" and its batch size, then for every line "N" on
// standard input runs N steps and prints the seconds they took. The data stand still in memory, as
// they do for the peers it is compared with.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nnc.h"
#include "pool.h"
#include "random.h"

typedef struct Stage {
    NncModel model;
    RunArgs args;
    NnrtPool *pool;
} Stage;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// f32 in [0, 1), classes 0 to 9.
static void *made_up(Arena *a, const Type *t, int64_t batch, uint32_t stream)
{
    size_t count = (size_t)(type_elements(t) * batch);
    float *x = arena_array(a, float, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t u = nnrt_random_u32(1, stream, 0, i);
        if (t->dtype == DTYPE_I32)
            ((int32_t *)x)[i] = (int32_t)(u % 10);
        else
            x[i] = (float)(u >> 8) * 0x1p-24f;
    }
    return x;
}

static bool compile(Stage *s, const char *path)
{
    const NncOptions options = {0};
    int64_t batch;
    s->model.session = session_new();
    s->model.arena = arena_new(&s->model.session->guard);
    if (!nnc_load(&s->model, path))
        return false;
    batch = sema_train_spec(s->model.program)->batch_size;
    s->args.batch = batch;
    return nnc_compile(&s->model, NNC_TRAIN, &options) &&
           nnc_build(&s->model, NNC_TRAIN, batch, &options) && nnc_initialize(&s->model, 1);
}

static void prepare(Stage *s)
{
    const Graph *g = s->model.graphs[NNC_TRAIN];
    Arena *a = s->model.arena;
    const void **inputs = arena_array(a, const void *, (size_t)g->input_count + 1);
    void **outputs = arena_array(a, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = made_up(a, &g->inputs[i].type, s->args.batch, (uint32_t)i);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = made_up(a, &g->outputs[i].node->type, s->args.batch, 0);
    s->args.inputs = inputs;
    s->args.outputs = outputs;
    s->args.variables = s->model.block;
    s->args.seed = 1;
    s->args.pool = s->pool;
}

static double run_steps(Stage *s, long steps)
{
    double start = seconds();
    for (long i = 0; i < steps; i++) {
        s->args.step++;
        executable_run(s->model.executables[NNC_TRAIN], &s->args);
    }
    return seconds() - start;
}

int main(int argc, char **argv)
{
    Stage s = {0};
    NnrtError e;
    long steps;
    if (argc != 3) {
        fprintf(stderr, "usage: step MODEL.nn THREADS\n");
        return 2;
    }
    s.pool = nnrt_pool_new(atoi(argv[2]), &e);
    if (!s.pool || !compile(&s, argv[1])) {
        diags_print(s.model.session->diags, stderr, false);
        return 1;
    }
    prepare(&s);
    printf("ready %lld\n", (long long)s.args.batch);
    fflush(stdout);
    while (scanf("%ld", &steps) == 1) {
        printf("%.9f\n", run_steps(&s, steps));
        fflush(stdout);
    }
    return 0;
}
