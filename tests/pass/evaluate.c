// evaluate.c -- see evaluate.h.

#include "pass/evaluate.h"

#include <criterion/criterion.h>
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

static const void *make_input(const World *w, const Port *port, uint64_t seed)
{
    const int64_t count = world_count(&port->type);
    int32_t *classes = arena_array(w->arena, int32_t, (size_t)count);
    double *x = arena_array(w->arena, double, (size_t)count);
    const double low = strcmp(port->name, "target") == 0 ? 0 : -2;
    for (int64_t i = 0; i < count; i++) {
        classes[i] = (int32_t)(5 * number(seed, (uint64_t)i));
        x[i] = f32_number(seed, (uint64_t)i, low, 1);
    }
    return port->type.dtype == DTYPE_I32 ? (const void *)classes : x;
}

// Outputs of i32 and bool come in memory of their own kind.
static double *as_doubles(const World *w, const Type *type, void *memory)
{
    const int64_t count = world_count(type);
    double *x = arena_array(w->arena, double, (size_t)count);
    if (type->dtype == DTYPE_F32)
        return memory;
    for (int64_t i = 0; i < count; i++)
        x[i] = type->dtype == DTYPE_I32 ? ((int32_t *)memory)[i] : ((uint8_t *)memory)[i];
    return x;
}

void world_run(World *w, const Graph *g, double **outputs)
{
    const void *inputs[MAX_PORTS];
    void *memory[MAX_PORTS];
    cr_assert(g->input_count <= MAX_PORTS && g->output_count <= MAX_PORTS);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = make_input(w, &g->inputs[i], w->seed + 100 + (uint64_t)i);
    for (int i = 0; i < g->output_count; i++)
        memory[i] = arena_array(w->arena, double, (size_t)world_count(&g->outputs[i].node->type));
    const RunArgs args = {
        .variables = w->block,
        .inputs = inputs,
        .outputs = memory,
        .batch = TEST_BATCH,
        .seed = w->seed,
        .step = 3,
        .epoch = 1.5F,
        .validation_loss = 0.5F,
    };
    Executable *x = interpret_new(g, TEST_BATCH, true);
    cr_assert(x);
    executable_run(x, &args);
    executable_free(x);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = as_doubles(w, &g->outputs[i].node->type, memory[i]);
}
