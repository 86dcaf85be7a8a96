// npy.h -- NumPy's .npy files, versions 1 and 2, read and written.
//
// Little-endian f32 f64 i32 i64, and u8; C order only. Anything else is refused by name. The header
// is a Python literal; only the dictionary NumPy itself writes is understood.

#ifndef NNRT_NPY_H
#define NNRT_NPY_H

#include "error.h"
#include "tensor.h"

// Reads a file, or `size` bytes that messages call `file`. Limit: 16 GiB of data.
bool nnrt_npy_read(const char *file, NnrtTensor *out, NnrtError *e);
bool nnrt_npy_parse(const char *file, const uint8_t *bytes, size_t size, NnrtTensor *out,
                    NnrtError *e);

// Writes crash-safely (file.h) in version 1; dtypes as above.
bool nnrt_npy_write(const char *file, const NnrtTensor *t, NnrtError *e);

#endif
