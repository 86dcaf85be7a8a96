// run_graph.c -- running a graph on the interpreter with all data as double.

#include "support/run_graph.h"

Scene scene_new(void)
{
    Scene s = {.arena = arena_new(NULL)};
    s.names = interner_new(s.arena);
    s.builder.graph = graph_new(s.arena, s.names, variables_new(s.arena), "test");
    return s;
}

void scene_free(Scene *s)
{
    arena_free(s->arena);
}

static Name numbered(Scene *s, const char *what, int number)
{
    return intern(s->names, arena_printf(s->arena, "%s%d", what, number));
}

Node *scene_input(Scene *s, Type type)
{
    return build_input(&s->builder, numbered(s, "x", s->builder.graph->input_count), type);
}

void scene_output(Scene *s, Node *value)
{
    graph_output(s->builder.graph, numbered(s, "y", s->builder.graph->output_count), value);
}

Type type_f32(int rank, const int64_t *dims)
{
    return type_of(DTYPE_F32, rank, dims);
}

int64_t count_of(const Type *t, int64_t batch)
{
    return type_elements(t) * (type_batched(t) ? batch : 1);
}

static void put(void *to, DType dtype, bool f64, int64_t i, double x)
{
    if (dtype == DTYPE_I32)
        ((int32_t *)to)[i] = (int32_t)x;
    else if (dtype == DTYPE_I8)
        ((int8_t *)to)[i] = (int8_t)x;
    else if (dtype == DTYPE_BOOL)
        ((uint8_t *)to)[i] = (uint8_t)x;
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

static const void *encode(Arena *a, const Type *t, int64_t count, bool f64, const double *data)
{
    void *memory = arena_calloc(a, (size_t)count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        put(memory, t->dtype, f64, i, data[i]);
    return memory;
}

static double *decode(Arena *a, const Type *t, int64_t count, bool f64, const void *memory)
{
    double *data = arena_array(a, double, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        data[i] = get(memory, t->dtype, f64, i);
    return data;
}

double **run_graph(Arena *a, const Graph *g, int64_t batch, bool f64, double *const *inputs,
                   RunArgs args)
{
    const void **in = arena_array(a, const void *, (size_t)g->input_count);
    void **out = arena_array(a, void *, (size_t)g->output_count);
    double **results = arena_array(a, double *, (size_t)g->output_count);
    for (int i = 0; i < g->input_count; i++) {
        const Type *t = &g->inputs[i].type;
        in[i] = encode(a, t, count_of(t, batch), f64, inputs[i]);
    }
    for (int i = 0; i < g->output_count; i++)
        out[i] = arena_calloc(a, (size_t)count_of(&g->outputs[i].type, batch), sizeof(double));
    args.inputs = in;
    args.outputs = out;
    args.batch = batch;
    Executable *x = interpret_new(g, batch, f64);
    executable_run(x, &args);
    executable_free(x);
    for (int i = 0; i < g->output_count; i++) {
        const Type *t = &g->outputs[i].type;
        results[i] = decode(a, t, count_of(t, batch), f64, out[i]);
    }
    return results;
}
