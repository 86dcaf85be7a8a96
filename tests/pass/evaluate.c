// evaluate.c -- see evaluate.h.

#include "pass/evaluate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "codegen/engine.h"

enum { MAX_PORTS = 32 };

// Uniform in [0, 1), a function of its arguments (splitmix64).
static double number(uint64_t seed, uint64_t i)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + (i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

// A number that f32 holds exactly, so that rounding an input changes nothing.
static double f32_number(uint64_t seed, uint64_t i, double low, double high)
{
    return (double)(float)(low + (high - low) * number(seed, i));
}

int64_t world_count(const Type *t)
{
    return type_elements(t) * (type_batched(t) ? TEST_BATCH : 1);
}

double *world_variable(World *w, int i, int64_t *count)
{
    *count = type_elements(&w->variables->items[i].type);
    return w->block + w->variables->items[i].offset / sizeof(float);
}

World world_new(Arena *a, const Variables *vs, uint64_t seed)
{
    World w = {
        .arena = a,
        .variables = vs,
        .block = arena_alloc(a, interpret_variable_bytes(vs, true) + 1),
        .seed = seed,
    };
    for (int i = 0; i < vs->count; i++) {
        const bool positive = strstr(vs->items[i].path, "var") != NULL;
        int64_t count;
        double *x = world_variable(&w, i, &count);
        for (int64_t k = 0; k < count; k++)
            x[k] = f32_number(seed + (uint64_t)i, (uint64_t)k, positive ? 0.5 : -1, 1);
    }
    return w;
}

// Memory of a value of this type as a run in double or in f32 has it, from or to doubles.
static size_t element_bytes(DType dtype, bool f64)
{
    return f64 && dtype == DTYPE_F32 ? sizeof(double) : dtype_size(dtype);
}

static void put(void *memory, int64_t i, DType dtype, bool f64, double value)
{
    if (dtype == DTYPE_I32)
        ((int32_t *)memory)[i] = (int32_t)value;
    else if (f64)
        ((double *)memory)[i] = value;
    else
        ((float *)memory)[i] = (float)value;
}

static double get(const void *memory, int64_t i, DType dtype, bool f64)
{
    if (dtype == DTYPE_I32)
        return ((const int32_t *)memory)[i];
    if (dtype == DTYPE_BOOL)
        return ((const uint8_t *)memory)[i];
    return f64 ? ((const double *)memory)[i] : (double)((const float *)memory)[i];
}

static void *value_memory(const World *w, const Type *type, bool f64)
{
    return arena_calloc(w->arena, (size_t)world_count(type), element_bytes(type->dtype, f64));
}

static const void *make_input(const World *w, const Port *port, uint64_t seed, bool f64)
{
    const double low = strcmp(port->name, "target") == 0 ? 0 : -2;
    void *memory = value_memory(w, &port->type, f64);
    for (int64_t i = 0; i < world_count(&port->type); i++) {
        const double x = port->type.dtype == DTYPE_I32 ? floor(5 * number(seed, (uint64_t)i))
                                                       : f32_number(seed, (uint64_t)i, low, 1);
        put(memory, i, port->type.dtype, f64, x);
    }
    return memory;
}

static double *widened(const World *w, const Type *type, const void *memory, bool f64)
{
    const int64_t count = world_count(type);
    double *x = arena_array(w->arena, double, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        x[i] = get(memory, i, type->dtype, f64);
    return x;
}

static void run(const World *w, void *block, const Graph *g, double **outputs, bool f64)
{
    const void *inputs[MAX_PORTS];
    void *memory[MAX_PORTS];
    cr_assert(g->input_count <= MAX_PORTS && g->output_count <= MAX_PORTS);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = make_input(w, &g->inputs[i], w->seed + 100 + (uint64_t)i, f64);
    for (int i = 0; i < g->output_count; i++)
        memory[i] = value_memory(w, &g->outputs[i].node->type, f64);
    const RunArgs args = {
        .variables = block,
        .inputs = inputs,
        .outputs = memory,
        .batch = TEST_BATCH,
        .seed = w->seed,
        .step = 3,
        .epoch = 1.5F,
        .validation_loss = 0.5F,
    };
    Executable *x = interpret_new(g, TEST_BATCH, f64);
    cr_assert(x);
    executable_run(x, &args);
    executable_free(x);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = widened(w, &g->outputs[i].node->type, memory[i], f64);
}

void world_run(World *w, const Graph *g, double **outputs)
{
    run(w, w->block, g, outputs, true);
}

// The block in double is laid out as the one in f32, at twice the offsets.
void world_run_f32(const World *w, const Graph *g, double **outputs)
{
    const size_t count = interpret_variable_bytes(w->variables, false) / sizeof(float);
    float *block = arena_array(w->arena, float, count);
    for (size_t i = 0; i < count; i++)
        block[i] = (float)w->block[i];
    run(w, block, g, outputs, false);
}
