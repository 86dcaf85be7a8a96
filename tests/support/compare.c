// compare.c -- see compare.h.

#include "support/compare.h"

#include <math.h>
#include <string.h>

#include "pool.h"
#include "random.h"

typedef struct Memory {
    void *variables;
    const void **inputs;
    void **outputs;
} Memory;

static int64_t count_of(const Type *t, int64_t batch)
{
    return type_elements(t) * (type_batched(t) ? batch : 1);
}

static double number(uint64_t seed, uint32_t stream, int64_t i)
{
    uint32_t u = nnrt_random_u32(seed, stream, 0, (uint64_t)i);
    return (double)(float)((double)(u >> 8) * 0x1p-24);
}

// f32: between -1 and 1 (0.1 and 1.1 where the name tells of a variance); i32: classes 0 to 4
static double sample(const Type *t, const char *name, uint64_t seed, uint32_t stream, int64_t i)
{
    double x = number(seed, stream, i);
    if (t->dtype == DTYPE_I32)
        return floor(x * 5);
    return (double)(float)(strstr(name, "var") ? x + 0.1 : 2 * x - 1);
}

static void put(void *to, DType dtype, bool f64, int64_t i, double x)
{
    if (dtype == DTYPE_I32)
        ((int32_t *)to)[i] = (int32_t)x;
    else if (dtype == DTYPE_I8)
        ((int8_t *)to)[i] = (int8_t)x;
    else if (dtype == DTYPE_BOOL)
        ((uint8_t *)to)[i] = x != 0;
    else if (f64)
        ((double *)to)[i] = x;
    else
        ((float *)to)[i] = (float)x;
}

static double get(const void *from, DType dtype, bool f64, int64_t i)
{
    if (dtype == DTYPE_I32)
        return ((const int32_t *)from)[i];
    if (dtype == DTYPE_I8)
        return ((const int8_t *)from)[i];
    if (dtype == DTYPE_BOOL)
        return ((const uint8_t *)from)[i];
    return f64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

static void *variable_at(const Memory *m, const Variable *v, bool f64)
{
    return (char *)m->variables + v->offset * (f64 ? 2 : 1);
}

static void *tensor(Arena *a, const Type *t, int64_t batch)
{
    return arena_calloc(a, (size_t)count_of(t, batch) + 1, sizeof(double));
}

static Memory make_memory(Arena *a, const Graph *g, const CompareOptions *o, bool f64)
{
    const Variables *vs = g->variables;
    Memory m = {.variables = arena_calloc(a, vs->bytes + 64, 2),
                .inputs = arena_array(a, const void *, (size_t)g->input_count + 1),
                .outputs = arena_array(a, void *, (size_t)g->output_count + 1)};
    for (int v = 0; v < vs->count; v++)
        for (int64_t i = 0; i < count_of(&vs->items[v].type, 1); i++)
            put(variable_at(&m, &vs->items[v], f64), vs->items[v].type.dtype, f64, i,
                sample(&vs->items[v].type, vs->items[v].path, o->seed, 1000u + (uint32_t)v, i));
    for (int x = 0; x < g->input_count; x++) {
        const Port *p = &g->inputs[x];
        void *to = tensor(a, &p->type, o->batch);
        for (int64_t i = 0; i < count_of(&p->type, o->batch); i++)
            put(to, p->type.dtype, f64, i, sample(&p->type, p->name, o->seed, (uint32_t)x, i));
        m.inputs[x] = to;
    }
    for (int y = 0; y < g->output_count; y++)
        m.outputs[y] = tensor(a, &g->outputs[y].node->type, o->batch);
    return m;
}

static void run(Executable *x, const Memory *m, const CompareOptions *o, NnrtPool *pool)
{
    RunArgs args = {.variables = m->variables,
                    .inputs = m->inputs,
                    .outputs = m->outputs,
                    .batch = o->batch,
                    .seed = o->seed,
                    .step = 3,
                    .epoch = 0.25f,
                    .validation_loss = 2,
                    .pool = pool};
    executable_run(x, &args);
    executable_free(x);
}

static const char *run_in_jit(Arena *a, const Graph *g, const CompareOptions *o, const Memory *m)
{
    const JitOptions options = {
        .vector_width = o->vector_width, .compile_threads = o->compile_threads, .cache = o->cache};
    const char *error = NULL;
    Jit *j = jit_open(a, &options, &error);
    Executable *x = j ? jit_compile(j, a, g, o->max_batch ? o->max_batch : o->batch, &error) : NULL;
    if (x) {
        NnrtError e;
        NnrtPool *pool = o->threads ? nnrt_pool_new(o->threads, &e) : NULL;
        run(x, m, o, pool);
        nnrt_pool_free(pool);
    }
    jit_close(j);
    return error;
}

static double difference(const void *x, const void *y, const Type *t, int64_t batch)
{
    double worst = 0, scale = 1;
    for (int64_t i = 0; i < count_of(t, batch); i++) {
        double p = get(x, t->dtype, false, i), q = get(y, t->dtype, true, i);
        if (isnan(p) && isnan(q))
            continue;
        scale = fmax(scale, fabs(q));
        worst = fmax(worst, isnan(p) || isnan(q) ? INFINITY : p == q ? 0 : fabs(p - q));
    }
    return worst / scale;
}

static void keep_worst(double d, const char *name, double *worst, const char **what)
{
    if (d < *worst)
        return;
    *worst = d;
    *what = name;
}

double compare_engines(Arena *a, const Graph *g, const CompareOptions *o, const char **what)
{
    Memory fast = make_memory(a, g, o, false), slow = make_memory(a, g, o, true);
    double worst = 0;
    *what = "";
    const char *error = run_in_jit(a, g, o, &fast);
    if (error) {
        *what = error;
        return -1;
    }
    run(interpret_new(g, o->batch, true), &slow, o, NULL);
    for (int y = 0; y < g->output_count; y++)
        keep_worst(
            difference(fast.outputs[y], slow.outputs[y], &g->outputs[y].node->type, o->batch),
            g->outputs[y].name, &worst, what);
    for (int v = 0; v < g->variables->count; v++) {
        const Variable *x = &g->variables->items[v];
        keep_worst(
            difference(variable_at(&fast, x, false), variable_at(&slow, x, true), &x->type, 1),
            x->path, &worst, what);
    }
    return worst;
}

const void *run_jit(Arena *a, const Graph *g, const CompareOptions *o, size_t *bytes)
{
    Memory m = make_memory(a, g, o, false);
    size_t size = g->variables->bytes;
    if (run_in_jit(a, g, o, &m))
        return NULL;
    for (int y = 0; y < g->output_count; y++)
        size += (size_t)count_of(&g->outputs[y].node->type, o->batch) * sizeof(double);
    char *all = arena_alloc(a, size + 1);
    memcpy(all, m.variables, g->variables->bytes);
    size_t at = g->variables->bytes;
    for (int y = 0; y < g->output_count; y++) {
        size_t n = (size_t)count_of(&g->outputs[y].node->type, o->batch) * sizeof(double);
        memcpy(all + at, m.outputs[y], n);
        at += n;
    }
    *bytes = size;
    return all;
}
