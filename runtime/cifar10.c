// cifar10.c -- reads CIFAR-10's binary batches.

#include "cifar10.h"

#include <stdlib.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT ((size_t)1 << 30)

enum { SIDE = 32, PLANE = SIDE * SIDE, CHANNELS = 3, RECORD = 1 + CHANNELS * PLANE, CLASSES = 10 };

static const char *const class_names[CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

// What has been read so far.
typedef struct Records {
    uint8_t *images;  // owned; [count, 32, 32, 3]
    uint8_t *labels;  // owned; [count]
    size_t count;
} Records;

static bool make_room(Records *r, size_t more, NnrtError *e)
{
    uint8_t *images = nnrt_resize(r->images, r->count + more, CHANNELS * PLANE, e);
    if (!images)
        return false;
    r->images = images;
    uint8_t *labels = nnrt_resize(r->labels, r->count + more, 1, e);
    if (!labels)
        return false;
    r->labels = labels;
    return true;
}

static void interleave(const uint8_t *planes, uint8_t *pixels)
{
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < CHANNELS; c++)
            pixels[i * CHANNELS + c] = planes[c * PLANE + i];
}

static bool add_batch(Records *r, const char *file, const uint8_t *bytes, size_t size, NnrtError *e)
{
    const size_t count = size / RECORD;
    if (count == 0 || size % RECORD != 0)
        return nnrt_fail_file(e, file, "%zu bytes are not records of %d bytes", size, RECORD);
    if (!make_room(r, count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = bytes + i * RECORD;
        if (record[0] >= CLASSES)
            return nnrt_fail_offset(e, file, (int64_t)(i * RECORD), "label %d; labels are 0 to %d",
                                    record[0], CLASSES - 1);
        r->labels[r->count + i] = record[0];
        interleave(record + 1, r->images + (r->count + i) * CHANNELS * PLANE);
    }
    r->count += count;
    return true;
}

static bool add_file(Records *r, const char *file, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok = add_batch(r, file, bytes.data, bytes.size, e);
    free(bytes.data);
    return ok;
}

static bool add_images(Records *r, NnrtDataset *out, NnrtError *e)
{
    NnrtField field = {0};
    NnrtTensor t = {.dtype = NNRT_U8,
                    .rank = 4,
                    .dims = {(int64_t)r->count, SIDE, SIDE, CHANNELS},
                    .data = r->images};
    r->images = NULL;
    const bool ok = nnrt_field_take(&field, "input", &t, e) && nnrt_dataset_add(out, &field, e);
    nnrt_tensor_free(&t);
    nnrt_field_free(&field);
    return ok;
}

static bool add_labels(Records *r, NnrtDataset *out, NnrtError *e)
{
    NnrtField field = {0};
    NnrtTensor t = {.dtype = NNRT_U8, .rank = 1, .dims = {(int64_t)r->count}, .data = r->labels};
    r->labels = NULL;
    const bool ok = nnrt_field_take(&field, "target", &t, e) && nnrt_field_as_classes(&field, e) &&
                    nnrt_field_set_classes(&field, class_names, CLASSES, e) &&
                    nnrt_dataset_add(out, &field, e);
    nnrt_tensor_free(&t);
    nnrt_field_free(&field);
    return ok;
}

// Makes the data set of what was read, if it was; frees the records.
static bool finish(Records *r, bool ok, NnrtDataset *out, NnrtError *e)
{
    *out = (NnrtDataset){0};
    ok = ok && add_images(r, out, e) && add_labels(r, out, e);
    free(r->images);
    free(r->labels);
    if (!ok)
        nnrt_dataset_free(out);
    return ok;
}

bool nnrt_cifar10_read(const char *const *files, int count, NnrtDataset *out, NnrtError *e)
{
    Records r = {0};
    bool ok = count > 0 || nnrt_fail(e, "no file of CIFAR-10 is named");
    for (int i = 0; ok && i < count; i++)
        ok = add_file(&r, files[i], e);
    return finish(&r, ok, out, e);
}

bool nnrt_cifar10_parse(const char *file, const uint8_t *bytes, size_t size, NnrtDataset *out,
                        NnrtError *e)
{
    Records r = {0};
    return finish(&r, add_batch(&r, file, bytes, size, e), out, e);
}
