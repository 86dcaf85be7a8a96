// tensor.h -- numbers in memory: element type, shape, contiguous bytes in C order.
//
// What the readers of idx, npy and safetensors give and their writers take.

#ifndef NNRT_TENSOR_H
#define NNRT_TENSOR_H

#include "error.h"

#define NNRT_MAX_RANK 8
#define NNRT_MAX_ELEMENTS ((int64_t)1 << 40)

typedef enum NnrtDtype {
    NNRT_U8,
    NNRT_I8,
    NNRT_I16,
    NNRT_I32,
    NNRT_I64,
    NNRT_F32,
    NNRT_F64,
    NNRT_DTYPE_COUNT
} NnrtDtype;

typedef struct NnrtTensor {
    char *name;                   // owned; NULL in a file that holds but one
    NnrtDtype dtype;              // of the elements
    int rank;                     // 0 to NNRT_MAX_RANK; 0 is one number
    int64_t dims[NNRT_MAX_RANK];  // each >= 0
    void *data;                   // owned; nnrt_tensor_bytes() bytes in the machine's byte order
} NnrtTensor;

size_t nnrt_dtype_size(NnrtDtype dtype);       // bytes of one element
const char *nnrt_dtype_name(NnrtDtype dtype);  // "u8", "f32", ...

// The product of `rank` dims in *elements; false when one is negative or the product passes
// NNRT_MAX_ELEMENTS. (A dim of 0 makes 0, whatever the others are.)
bool nnrt_count(const int64_t *dims, int rank, int64_t *elements);

int64_t nnrt_tensor_elements(const NnrtTensor *t);
size_t nnrt_tensor_bytes(const NnrtTensor *t);

// "[60000, 28, 28]", cut to `size`; returns `out`.
char *nnrt_shape_text(const int64_t *dims, int rank, char *out, size_t size);

// Frees name and data and zeroes the struct; the struct itself is the caller's.
void nnrt_tensor_free(NnrtTensor *t);

#endif
