// tensor.c -- element types and shapes.

#include "tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[NNRT_DTYPE_COUNT] = {
    [NNRT_U8] = {"u8", 1},   [NNRT_I8] = {"i8", 1},   [NNRT_I16] = {"i16", 2},
    [NNRT_I32] = {"i32", 4}, [NNRT_I64] = {"i64", 8}, [NNRT_F32] = {"f32", 4},
    [NNRT_F64] = {"f64", 8},
};

size_t nnrt_dtype_size(NnrtDtype dtype)
{
    return dtypes[dtype].size;
}

const char *nnrt_dtype_name(NnrtDtype dtype)
{
    return dtypes[dtype].name;
}

bool nnrt_count(const int64_t *dims, int rank, int64_t *elements)
{
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        empty |= dims[i] == 0;
    }
    *elements = !empty;
    for (int i = 0; i < rank && !empty; i++)
        if (__builtin_mul_overflow(*elements, dims[i], elements) || *elements > NNRT_MAX_ELEMENTS)
            return false;
    return true;
}

int64_t nnrt_tensor_elements(const NnrtTensor *t)
{
    int64_t elements = 0;
    const bool ok = nnrt_count(t->dims, t->rank, &elements);
    assert(ok && "a tensor's shape is checked when it is made");
    (void)ok;
    return elements;
}

size_t nnrt_tensor_bytes(const NnrtTensor *t)
{
    return (size_t)nnrt_tensor_elements(t) * nnrt_dtype_size(t->dtype);
}

char *nnrt_shape_text(const int64_t *dims, int rank, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (at < size)
        snprintf(out + at, size - at, "]");
    return out;
}

void nnrt_tensor_free(NnrtTensor *t)
{
    free(t->name);
    free(t->data);
    *t = (NnrtTensor){0};
}
