// dataset.c -- fields and their conversion.

#include "dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

void nnrt_field_free(NnrtField *f)
{
    for (int64_t i = 0; f->columns && i < f->width; i++)
        free(f->columns[i]);
    for (int64_t i = 0; f->classes && i < f->class_count; i++)
        free(f->classes[i]);
    free(f->name);
    free(f->data);
    free(f->mean);
    free(f->std);
    free(f->centre);
    free(f->inverse);
    free(f->columns);
    free(f->classes);
    *f = (NnrtField){0};
}

void nnrt_dataset_free(NnrtDataset *d)
{
    for (int i = 0; i < d->field_count; i++)
        nnrt_field_free(&d->fields[i]);
    free(d->fields);
    *d = (NnrtDataset){0};
}

// ---- from tensors to the three types that are kept

static bool widen(const NnrtTensor *t, int64_t n, int32_t *out)
{
    const int8_t *i8 = t->data;
    const int16_t *i16 = t->data;
    for (int64_t i = 0; i < n; i++)
        out[i] = t->dtype == NNRT_I8 ? i8[i] : i16[i];
    return true;
}

static bool narrow_integers(const NnrtTensor *t, int64_t n, int64_t width, int32_t *out,
                            NnrtError *e)
{
    const int64_t *in = t->data;
    for (int64_t i = 0; i < n; i++) {
        if (in[i] < INT32_MIN || in[i] > INT32_MAX)
            return nnrt_fail(
                e, "row %" PRId64 ", element %" PRId64 ": %" PRId64 " does not fit into 32 bits",
                i / width, i % width, in[i]);
        out[i] = (int32_t)in[i];
    }
    return true;
}

static bool narrow_floats(const NnrtTensor *t, int64_t n, int64_t width, float *out, NnrtError *e)
{
    const double *in = t->data;
    for (int64_t i = 0; i < n; i++) {
        // Compared before the conversion, which is undefined outside the range of a float.
        if (isfinite(in[i]) && fabs(in[i]) >= 0x1.ffffffp127)
            return nnrt_fail(
                e, "row %" PRId64 ", element %" PRId64 ": %g does not fit into a 32-bit float",
                i / width, i % width, in[i]);
        out[i] = (float)in[i];
    }
    return true;
}

static NnrtDtype kept_dtype(NnrtDtype dtype)
{
    static const NnrtDtype kept[NNRT_DTYPE_COUNT] = {
        [NNRT_U8] = NNRT_U8,   [NNRT_I8] = NNRT_I32,  [NNRT_I16] = NNRT_I32, [NNRT_I32] = NNRT_I32,
        [NNRT_I64] = NNRT_I32, [NNRT_F32] = NNRT_F32, [NNRT_F64] = NNRT_F32,
    };
    return kept[dtype];
}

// Moves the data of `t` into `f`, converted where its type is not kept.
static bool take_data(NnrtField *f, NnrtTensor *t, NnrtError *e)
{
    const int64_t n = f->rows * f->width;
    if (f->dtype == t->dtype) {
        f->data = t->data;
        t->data = NULL;
        return true;
    }
    f->data = nnrt_alloc((size_t)n, nnrt_dtype_size(f->dtype), e);
    if (!f->data)
        return false;
    if (t->dtype == NNRT_I64)
        return narrow_integers(t, n, f->width, f->data, e);
    if (t->dtype == NNRT_F64)
        return narrow_floats(t, n, f->width, f->data, e);
    return widen(t, n, f->data);
}

bool nnrt_field_take(NnrtField *f, const char *name, NnrtTensor *t, NnrtError *e)
{
    char shape[160];
    int64_t elements;
    NnrtField made = {.dtype = kept_dtype(t->dtype), .rank = t->rank - 1, .scale = 1};
    if (t->rank < 1 || t->dims[0] > UINT32_MAX || !nnrt_count(t->dims, t->rank, &elements))
        return nnrt_fail(e, "a shape of %s cannot be the examples of %s",
                         nnrt_shape_text(t->dims, t->rank, shape, sizeof shape), name);
    memcpy(made.dims, t->dims + 1, (size_t)made.rank * sizeof made.dims[0]);
    made.rows = t->dims[0];
    if (!nnrt_count(made.dims, made.rank, &made.width) || made.width == 0)
        return nnrt_fail(e, "%s has examples of shape %s, which hold nothing", name,
                         nnrt_shape_text(made.dims, made.rank, shape, sizeof shape));
    made.name = nnrt_copy_text(name, strlen(name), e);
    if (!made.name || !take_data(&made, t, e)) {
        nnrt_field_free(&made);
        return false;
    }
    nnrt_tensor_free(t);
    *f = made;
    return true;
}

// ---- class codes

static double raw_value(const NnrtField *f, int64_t i)
{
    if (f->dtype == NNRT_U8)
        return ((const uint8_t *)f->data)[i];
    if (f->dtype == NNRT_I32)
        return ((const int32_t *)f->data)[i];
    return (double)((const float *)f->data)[i];
}

bool nnrt_field_as_classes(NnrtField *f, NnrtError *e)
{
    const int64_t n = f->rows * f->width;
    int32_t *codes = nnrt_alloc((size_t)n, sizeof *codes, e);
    if (!codes)
        return false;
    int64_t count = f->class_count;
    for (int64_t i = 0; i < n; i++) {
        const double value = raw_value(f, i);
        if (!(value >= 0 && value < NNRT_MAX_CLASSES) || value != floor(value)) {
            free(codes);
            return nnrt_fail(e,
                             "row %" PRId64 " of %s is %g; a class is a whole number from 0 to %d",
                             i / f->width, f->name, value, NNRT_MAX_CLASSES - 1);
        }
        codes[i] = (int32_t)value;
        count = codes[i] >= count ? codes[i] + 1 : count;
    }
    free(f->data);
    f->data = codes;
    f->dtype = NNRT_I32;
    f->rank = f->width == 1 ? 0 : f->rank;
    f->scale = 1;
    f->class_count = count;
    return true;
}

static void free_texts(char **texts, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static char **copy_texts(const char *const *texts, int64_t count, NnrtError *e)
{
    char **copies = nnrt_alloc((size_t)count, sizeof *copies, e);
    if (!copies)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        copies[i] = nnrt_copy_text(texts[i], strlen(texts[i]), e);
        if (!copies[i]) {
            free_texts(copies, i);
            return NULL;
        }
    }
    return copies;
}

static bool take_names(NnrtField *f, const char *const *names, int64_t count, NnrtError *e)
{
    char **copies = copy_texts(names, count, e);
    if (!copies)
        return false;
    if (f->classes)
        free_texts(f->classes, f->class_count);
    f->classes = copies;
    f->class_count = count;
    return true;
}

bool nnrt_field_set_classes(NnrtField *f, const char *const *names, int64_t count, NnrtError *e)
{
    if (f->dtype == NNRT_F32 || f->class_count == 0)
        return nnrt_fail(e, "%s does not hold classes that could be named", f->name);
    if (count < f->class_count)
        return nnrt_fail(e, "%s has classes 0 to %" PRId64 ", and %" PRId64 " names are given",
                         f->name, f->class_count - 1, count);
    return take_names(f, names, count, e);
}

// ---- normalization

static bool check_normalization(const NnrtField *f, int64_t features, const float *mean,
                                const float *std, NnrtError *e)
{
    if (features < 1 || f->width % features != 0)
        return nnrt_fail(e, "%" PRId64 " features do not divide the %" PRId64 " elements of %s",
                         features, f->width, f->name);
    for (int64_t i = 0; i < features; i++)
        if (!isfinite(mean[i]) || !isfinite(std[i]) || !(std[i] > 0) || !isfinite(1 / std[i]))
            return nnrt_fail(e, "feature %" PRId64 " of %s cannot be normalized by mean %g, std %g",
                             i, f->name, (double)mean[i], (double)std[i]);
    return true;
}

static void free_normalization(NnrtField *f)
{
    free(f->mean);
    free(f->std);
    free(f->centre);
    free(f->inverse);
    f->mean = f->std = f->centre = f->inverse = NULL;
    f->features = 0;
}

bool nnrt_field_normalize(NnrtField *f, int64_t features, const float *mean, const float *std,
                          NnrtError *e)
{
    if (!check_normalization(f, features, mean, std, e))
        return false;
    free_normalization(f);
    f->mean = nnrt_alloc((size_t)features, sizeof(float), e);
    f->std = f->mean ? nnrt_alloc((size_t)features, sizeof(float), e) : NULL;
    f->centre = f->std ? nnrt_alloc((size_t)f->width, sizeof(float), e) : NULL;
    f->inverse = f->centre ? nnrt_alloc((size_t)f->width, sizeof(float), e) : NULL;
    if (!f->inverse) {
        free_normalization(f);
        return false;
    }
    f->features = features;
    memcpy(f->mean, mean, (size_t)features * sizeof *mean);
    memcpy(f->std, std, (size_t)features * sizeof *std);
    for (int64_t i = 0; i < f->width; i++) {
        f->centre[i] = mean[i % features];
        f->inverse[i] = 1 / std[i % features];
    }
    return true;
}

static bool is_finite(const NnrtField *f, int64_t row, int64_t element)
{
    const float scaled = (float)raw_value(f, row * f->width + element) * f->scale;
    return isfinite(f->features > 0 ? (scaled - f->centre[element]) * f->inverse[element] : scaled);
}

bool nnrt_find_not_finite(const NnrtField *f, const uint32_t *rows, int64_t n, int64_t *row,
                          int64_t *element)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < f->width; k++)
            if (!is_finite(f, rows[i], k)) {
                *row = rows[i];
                *element = k;
                return true;
            }
    return false;
}

// ---- data sets

NnrtField *nnrt_dataset_field(const NnrtDataset *d, const char *name)
{
    for (int i = 0; i < d->field_count; i++)
        if (strcmp(d->fields[i].name, name) == 0)
            return &d->fields[i];
    return NULL;
}

bool nnrt_dataset_add(NnrtDataset *d, NnrtField *f, NnrtError *e)
{
    if (nnrt_dataset_field(d, f->name))
        return nnrt_fail(e, "two fields are called %s", f->name);
    if (d->field_count > 0 && d->rows != f->rows)
        return nnrt_fail(e, "%s has %" PRId64 " examples and %s has %" PRId64, d->fields[0].name,
                         d->rows, f->name, f->rows);
    NnrtField *fields = nnrt_resize(d->fields, (size_t)d->field_count + 1, sizeof *fields, e);
    if (!fields)
        return false;
    d->fields = fields;
    d->fields[d->field_count++] = *f;
    d->rows = f->rows;
    *f = (NnrtField){0};
    return true;
}
