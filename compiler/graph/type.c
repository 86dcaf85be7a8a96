// type.c -- shapes with an element type.

#include <assert.h>

#include "graph/graph.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", 4},
    [DTYPE_I32] = {"i32", 4},
    [DTYPE_BOOL] = {"bool", 1},
    [DTYPE_I8] = {"i8", 1},
};

size_t dtype_size(DType dtype)
{
    return dtypes[dtype].size;
}

const char *dtype_name(DType dtype)
{
    return dtypes[dtype].name;
}

Type type_of(DType dtype, int rank, const int64_t *dims)
{
    assert(rank >= 0 && rank <= MAX_RANK);
    Type t = {.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    return t;
}

Type type_scalar(DType dtype)
{
    return (Type){.dtype = dtype};
}

bool type_same_shape(const Type *a, const Type *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

bool type_equal(const Type *a, const Type *b)
{
    return a->dtype == b->dtype && type_same_shape(a, b);
}

bool type_batched(const Type *t)
{
    return t->rank > 0 && t->dims[0] == DIM_BATCH;
}

int64_t type_elements(const Type *t)
{
    int64_t n = 1;
    for (int i = type_batched(t); i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

bool type_valid(const Type *t)
{
    if ((unsigned)t->dtype >= DTYPE_COUNT || t->rank < 0 || t->rank > MAX_RANK)
        return false;
    int64_t room = MAX_EXAMPLE_BYTES / (int64_t)dtype_size(t->dtype);
    for (int i = type_batched(t); i < t->rank; i++) {
        if (t->dims[i] < 1 || t->dims[i] > room)
            return false;
        room /= t->dims[i];
    }
    return true;
}

void type_print(Text *out, const Type *t)
{
    text_add(out, dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) {
        text_add(out, i ? ", " : "[");
        if (t->dims[i] == DIM_BATCH)
            text_add(out, "batch");
        else
            text_addf(out, "%lld", (long long)t->dims[i]);
    }
    if (t->rank)
        text_add(out, "]");
}

int label_axis(const int8_t *labels, int rank, int label)
{
    for (int i = 0; i < rank; i++)
        if (labels[i] == label)
            return i;
    return -1;
}
