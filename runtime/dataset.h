// dataset.h -- examples, as they are kept and as a batch is gathered from them.
//
// A data set has named fields (input, target, ...), a field one value per row. Values stay in the
// type they were stored in (an 8-bit image stays 8-bit); gathering a batch converts:
//
//   out[r, i] = (raw[indices[r], i] * scale - mean[i % features]) * (1 / std[i % features])
//
// in f32, multiplication and addition rounded each (no fused multiply-add), 1/std rounded once, so
// that emitted code can repeat it bit for bit. Without normalization the last two steps are absent.

#ifndef NNRT_DATASET_H
#define NNRT_DATASET_H

#include "error.h"
#include "tensor.h"

typedef struct NnrtField {
    char *name;                   // owned
    NnrtDtype dtype;              // NNRT_U8, NNRT_I32 or NNRT_F32
    int rank;                     // of one example; 0: one number a row
    int64_t dims[NNRT_MAX_RANK];  // of one example
    int64_t rows;                 // number of examples, < 2^32
    int64_t width;                // elements of one example, the product of dims
    void *data;                   // owned; dtype[rows, width]
    float scale;                  // 1 unless told
    int64_t features;             // 0: not normalized; divides width, the feature is the fast axis
    float *mean;                  // owned; f32[features], of scaled values
    float *std;                   // owned; f32[features], > 0
    float *centre;                // owned; f32[width], mean repeated, for the gathering loop
    float *inverse;               // owned; f32[width], 1 / std repeated
    char **columns;               // owned; the name of each of `width` elements, or NULL
    char **classes;               // owned; names of class codes, or NULL
    int64_t class_count;          // > 0: values are class codes 0 .. class_count-1
} NnrtField;

typedef struct NnrtDataset {
    NnrtField *fields;  // owned
    int field_count;
    int64_t rows;  // that of every field
} NnrtDataset;

// Makes a field of a tensor [rows, example...], whose data it takes (the tensor is empty after
// success, untouched after failure). i8, i16 widen to i32; i64 narrows to i32, f64 to f32, and a
// value that does not fit is an error that names its row. `name` is copied.
bool nnrt_field_take(NnrtField *f, const char *name, NnrtTensor *t, NnrtError *e);

// Turns a field into class codes, i32[] where a row has one element, else as many as before (a
// class at each position of a sequence): every value must be a whole number >= 0 and <
// NNRT_MAX_CLASSES. class_count becomes the greatest + 1 unless it was greater already.
#define NNRT_MAX_CLASSES 1000000
bool nnrt_field_as_classes(NnrtField *f, NnrtError *e);

// Gives class codes their names (copied); `count` must be enough for the codes in the field.
bool nnrt_field_set_classes(NnrtField *f, const char *const *names, int64_t count, NnrtError *e);

// Sets the normalization; mean, std: f32[features], std finite and > 0, features divides width.
bool nnrt_field_normalize(NnrtField *f, int64_t features, const float *mean, const float *std,
                          NnrtError *e);

// Adds a field, which the data set then owns (*f is empty after success); the row counts must be
// equal and the name new.
bool nnrt_dataset_add(NnrtDataset *d, NnrtField *f, NnrtError *e);
NnrtField *nnrt_dataset_field(const NnrtDataset *d, const char *name);  // NULL: no such field

// indices: u32[n], each < rows (the caller's promise); out: f32[n, width], converted as above.
void nnrt_gather(const NnrtField *f, const uint32_t *indices, int64_t n, float *out);
// Rows lo .. hi-1 of the same batch, for several threads: out is still the start of the whole
// batch.
void nnrt_gather_range(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi,
                       float *out);
// The raw values of an i32 or u8 field (class codes, indices), without scale; out: i32[n, width].
void nnrt_gather_i32(const NnrtField *f, const uint32_t *indices, int64_t n, int32_t *out);
void nnrt_gather_i32_range(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi,
                           int32_t *out);

// Whether something in the rows, u32[n], is no finite number once it is scaled and normalized;
// where the first of it is: a row of the data set and an element of it.
bool nnrt_find_not_finite(const NnrtField *f, const uint32_t *rows, int64_t n, int64_t *row,
                          int64_t *element);

// Free what the struct owns and zero it; the struct itself is the caller's.
void nnrt_field_free(NnrtField *f);
void nnrt_dataset_free(NnrtDataset *d);

#endif
