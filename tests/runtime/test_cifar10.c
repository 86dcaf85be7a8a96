#include "cifar10.h"
#include "sample.h"

enum { RECORD = 3073 };

// Record i: label i % 10; red is the pixel's column, green its row, blue the record.
static void make_records(uint8_t *out, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t *record = out + i * RECORD;
        record[0] = (uint8_t)(i % 10);
        for (int p = 0; p < 1024; p++) {
            record[1 + p] = (uint8_t)(p % 32);
            record[1 + 1024 + p] = (uint8_t)(p / 32);
            record[1 + 2048 + p] = (uint8_t)i;
        }
    }
}

static bool parse(const void *bytes, size_t size, NnrtDataset *d, NnrtError *e)
{
    uint8_t *copy = exact_copy(bytes, size);
    const bool ok = nnrt_cifar10_parse("t.bin", copy, size, d, e);
    free(copy);
    return ok;
}

static void expect_records(const NnrtDataset *d, int count)
{
    const NnrtField *input = nnrt_dataset_field(d, "input");
    const NnrtField *target = nnrt_dataset_field(d, "target");
    cr_assert(d->rows == count && input->rank == 3 && input->dims[2] == 3);
    cr_expect(input->dtype == NNRT_U8 && input->dims[0] == 32 && input->dims[1] == 32);
    cr_expect(target->class_count == 10 && strcmp(target->classes[9], "truck") == 0);
    const uint8_t *last = (const uint8_t *)input->data + (int64_t)(count - 1) * 3072;
    const uint8_t *pixel = last + (5 * 32 + 7) * 3;
    cr_expect(pixel[0] == 7 && pixel[1] == 5 && pixel[2] == (count - 1) % 2);
}

Test(cifar10, planes_become_pixels)
{
    static uint8_t bytes[2 * RECORD];
    NnrtError e;
    NnrtDataset d;
    make_records(bytes, 2);
    cr_assert(parse(bytes, sizeof bytes, &d, &e), "%s", e.message);
    expect_records(&d, 2);
    nnrt_dataset_free(&d);
}

Test(cifar10, several_files)
{
    static uint8_t bytes[2 * RECORD];
    char folder[64], a[96], b[96];
    NnrtError e;
    NnrtDataset d;
    make_records(bytes, 2);
    scratch_make(folder);
    snprintf(a, sizeof a, "%s/a.bin", folder);
    snprintf(b, sizeof b, "%s/b.bin", folder);
    FILE *f = fopen(a, "wb");
    fwrite(bytes, 1, sizeof bytes, f);
    fclose(f);
    const char *const files[] = {a, a, b};
    cr_assert(nnrt_cifar10_read(files, 2, &d, &e), "%s", e.message);
    expect_records(&d, 4);
    nnrt_dataset_free(&d);
    cr_assert_not(nnrt_cifar10_read(files, 3, &d, &e));
    expect_error(&e, "b.bin: ");
    cr_assert_not(nnrt_cifar10_read(files, 0, &d, &e));
    expect_error(&e, "no file");
    scratch_remove(folder);
}

Test(cifar10, lies_and_truncations)
{
    static uint8_t bytes[2 * RECORD];
    NnrtError e;
    NnrtDataset d;
    make_records(bytes, 2);
    for (size_t n = 0; n < sizeof bytes; n += n < 20 ? 1 : 101) {
        cr_assert_not(n != RECORD && parse(bytes, n, &d, &e));
        expect_error(&e, "t.bin: ");
    }
    bytes[RECORD] = 10;
    cr_assert_not(parse(bytes, sizeof bytes, &d, &e));
    expect_error(&e, "t.bin: byte 3073: label 10");
}

Test(cifar10, allocation_failures)
{
    static uint8_t bytes[RECORD];
    NnrtError e;
    NnrtDataset d;
    make_records(bytes, 1);
    SWEEP_ALLOCATIONS(nnrt_cifar10_parse("t.bin", bytes, sizeof bytes, &d, &e), &e);
    nnrt_dataset_free(&d);
}
