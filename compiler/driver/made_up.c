// made_up.c -- inputs by seed, input and element.

#include "driver/made_up.h"

#include "random.h"

#define MOST_INDEX 32

static void *make_input(const Job *j, NncPurpose purpose, int64_t examples, int input)
{
    const Type *type = &j->model.graphs[purpose]->inputs[input].type;
    const size_t n = (size_t)examples * (size_t)type_elements(type);
    float *values = arena_array(j->model.arena, float, n);
    const float spread = 2 / (float)j->model.raw[input].scale;
    for (size_t i = 0; i < n; i++) {
        const float u = nnrt_random_f32(j->train.seed, NNRT_STREAM_SAMPLE, (uint64_t)input, i);
        if (type->dtype == DTYPE_F32)
            values[i] = spread * (u - 0.5F);
        else
            ((int32_t *)values)[i] = (int32_t)(u * MOST_INDEX);
    }
    return values;
}

void **made_up_inputs(const Job *j, NncPurpose purpose, int64_t examples)
{
    const int count = j->model.graphs[purpose]->input_count;
    void **inputs = arena_array(j->model.arena, void *, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        inputs[i] = make_input(j, purpose, examples, i);
    return inputs;
}
