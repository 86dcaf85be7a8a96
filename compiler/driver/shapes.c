// shapes.c -- random numbers in the shapes of a model's inputs.

#include "driver/shapes.h"

#include <string.h>

#include "alloc.h"
#include "driver/data.h"
#include "random.h"

// Element k of input i of an example.
static float number(const SyntheticOptions *o, int input, uint64_t element)
{
    const uint64_t step = o->part << 8 | (uint64_t)input;
    return nnrt_random_f32(o->seed, NNRT_STREAM_SAMPLE, step, element);
}

static void fill(const SyntheticOptions *o, int input, int64_t below, NnrtTensor *t)
{
    const int64_t n = nnrt_tensor_elements(t);
    float *numbers = t->data;
    int32_t *codes = t->data;
    for (int64_t i = 0; i < n; i++) {
        const float x = number(o, input, (uint64_t)i);
        if (below == 0)
            numbers[i] = x;
        else
            codes[i] = (int32_t)(x * (float)below);
    }
}

// Whole numbers are below this; 0: real numbers.
static int64_t limit_of(const NncModel *m, const Port *port)
{
    if (port->type.dtype == DTYPE_F32)
        return 0;
    const int64_t classes = is_target(port->name) ? port_classes(m, port) : 0;
    return classes > 0 ? classes : 2;
}

static bool add_input(const SyntheticOptions *o, const NncModel *m, const Port *port, int input,
                      NnrtDataset *out, NnrtError *e)
{
    const int64_t below = limit_of(m, port);
    const int skip = type_batched(&port->type);
    NnrtTensor t = {.dtype = below > 0 ? NNRT_I32 : NNRT_F32, .rank = port->type.rank - skip + 1};
    NnrtField field = {0};
    int64_t elements;
    t.dims[0] = o->examples;
    memcpy(t.dims + 1, port->type.dims + skip, (size_t)(t.rank - 1) * sizeof *t.dims);
    if (t.rank > NNRT_MAX_RANK || !nnrt_count(t.dims, t.rank, &elements))
        return nnrt_fail(e, "%lld examples are too many to make up", (long long)o->examples);
    t.data = nnrt_alloc((size_t)elements, sizeof(float), e);
    if (t.data)
        fill(o, input, below, &t);
    const bool ok =
        t.data && nnrt_field_take(&field, port->name, &t, e) && nnrt_dataset_add(out, &field, e);
    nnrt_tensor_free(&t);
    nnrt_field_free(&field);
    return ok;
}

bool shapes_make(const SyntheticOptions *o, const NncModel *m, NnrtDataset *out, NnrtError *e)
{
    const Graph *g = m->graphs[NNC_EVALUATE];
    if (!g)
        return nnrt_fail(e, "made-up examples need a model with a loss");
    for (int i = 0; i < g->input_count; i++)
        if (!add_input(o, m, &g->inputs[i], i, out, e))
            return false;
    return true;
}
