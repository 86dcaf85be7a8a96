// idx.h -- the IDX format of the MNIST family, gzip-compressed or not.
//
//   00 00 type rank | rank big-endian u32 dims | elements, big-endian, C order
//
// Types u8 (08), i8 (09), i16 (0B), i32 (0C), f32 (0D), f64 (0E). The header says how many bytes
// there must be, so exactly these are inflated: more or fewer is an error with both numbers, and a
// small file that claims to be huge cannot fill the memory. Limit: 16 GiB of data.

#ifndef NNRT_IDX_H
#define NNRT_IDX_H

#include "error.h"
#include "tensor.h"

// Reads a file, or `size` bytes that messages call `file`. Elements come in the machine's byte
// order.
bool nnrt_idx_read(const char *file, NnrtTensor *out, NnrtError *e);
bool nnrt_idx_parse(const char *file, const uint8_t *bytes, size_t size, NnrtTensor *out,
                    NnrtError *e);

#endif
