// safetensors.h -- weights and checkpoints.
//
//   u64 little-endian header length | JSON header | data, tiled by the tensors without gap
//
// Reading trusts nothing: lengths, offsets, shapes, types, duplicate names and the sum of all are
// checked before a tensor is made. Writing puts wider elements first and sorts by name among equals
// (so that all data is aligned), pads the header to 8 bytes, adds the data's XXH3-128 as metadata
// "xxh3_128" (32 hexadecimal digits), which loading verifies when it is there, and goes through the
// crash-safe writer. The same tensors and metadata make the same bytes.
// Dtypes: F32 F64 I32 I64 U8 I8 I16.
// Limits: header 100 MB, 100,000 tensors, rank 8, 64 GiB of data.

#ifndef NNRT_SAFETENSORS_H
#define NNRT_SAFETENSORS_H

#include "error.h"
#include "tensor.h"

#define NNRT_CHECKSUM_KEY "xxh3_128"

typedef struct NnrtMeta {
    char *key;    // owned by the file it was read into; the caller's when written
    char *value;  // any UTF-8 text without NUL
} NnrtMeta;

typedef struct NnrtTensorFile {
    NnrtTensor *tensors;  // owned; sorted by name
    int tensor_count;
    NnrtMeta *meta;  // owned; sorted by key; without the checksum
    int meta_count;
} NnrtTensorFile;

// Reads a file, or `size` bytes that messages call `file`.
bool nnrt_safetensors_read(const char *file, NnrtTensorFile *out, NnrtError *e);
bool nnrt_safetensors_parse(const char *file, const uint8_t *bytes, size_t size,
                            NnrtTensorFile *out, NnrtError *e);
void nnrt_safetensors_free(NnrtTensorFile *f);

// By name; NULL when there is none.
const NnrtTensor *nnrt_safetensors_find(const NnrtTensorFile *f, const char *name);
const char *nnrt_safetensors_meta(const NnrtTensorFile *f, const char *key);

// Writes the tensors (in any order; names unique, UTF-8, not "__metadata__") and metadata. Nothing
// of `f` is kept or changed.
bool nnrt_safetensors_write(const char *file, const NnrtTensorFile *f, NnrtError *e);

#endif
