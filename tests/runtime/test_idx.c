#include <zlib.h>

#include "idx.h"
#include "sample.h"

#define FASHION "/usr/share/datasets/fashion-mnist/"

static const uint8_t plain[] = {0, 0, 0x0B, 2, 0, 0, 0,    2,    0,    0,    0,    3,
                                0, 1, 0,    2, 0, 3, 0xFF, 0xFF, 0x7F, 0xFF, 0x80, 0};

static bool parse(const void *bytes, size_t size, NnrtTensor *t, NnrtError *e)
{
    uint8_t *copy = exact_copy(bytes, size);
    const bool ok = nnrt_idx_parse("t.idx", copy, size, t, e);
    free(copy);
    return ok;
}

static size_t compress_gzip(const void *in, size_t size, uint8_t *out, size_t room)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void expect_sample(const NnrtTensor *t)
{
    cr_expect(t->dtype == NNRT_I16 && t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3);
    cr_expect_arr_eq(t->data, ((int16_t[]){1, 2, 3, -1, 32767, -32768}), 12);
}

Test(idx, plain_and_compressed)
{
    NnrtError e;
    NnrtTensor t;
    uint8_t zip[200];
    cr_assert(parse(plain, sizeof plain, &t, &e), "%s", e.message);
    expect_sample(&t);
    nnrt_tensor_free(&t);
    const size_t size = compress_gzip(plain, sizeof plain, zip, sizeof zip);
    cr_assert(parse(zip, size, &t, &e), "%s", e.message);
    expect_sample(&t);
    nnrt_tensor_free(&t);
}

Test(idx, element_types)
{
    static const uint8_t codes[] = {0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E};
    static const NnrtDtype dtypes[] = {NNRT_U8, NNRT_I8, NNRT_I16, NNRT_I32, NNRT_F32, NNRT_F64};
    static const uint8_t one_f64[] = {0x3F, 0xF0, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 6; i++) {
        NnrtError e;
        NnrtTensor t;
        uint8_t bytes[16] = {0, 0, codes[i], 1, 0, 0, 0, 1};
        memcpy(bytes + 8, one_f64, 8);
        cr_assert(parse(bytes, 8 + nnrt_dtype_size(dtypes[i]), &t, &e), "%s", e.message);
        cr_expect_eq(t.dtype, dtypes[i]);
        if (t.dtype == NNRT_F64)
            cr_expect_eq(*(double *)t.data, 1.0);
        nnrt_tensor_free(&t);
    }
}

static void expect_refusal(const void *bytes, size_t size, const char *part)
{
    NnrtError e;
    NnrtTensor t;
    cr_assert_not(parse(bytes, size, &t, &e));
    expect_error(&e, part);
}

Test(idx, lying_headers)
{
    uint8_t b[sizeof plain + 1] = {0};
    memcpy(b, plain, sizeof plain);
    expect_refusal(b, sizeof b, "the header promises 24 bytes, and there are more");
    expect_refusal(b, sizeof plain - 1, "promises i16 [2, 3], 24 bytes, and there are 23");
    expect_refusal(b, 10, "the header is cut off: 10 bytes of 12");
    expect_refusal(b, 3, "3 bytes are no header");
    b[0] = 'P';
    expect_refusal(b, sizeof b, "byte 0: not an IDX file");
    b[0] = 0;
    b[2] = 0x0A;
    expect_refusal(b, sizeof b, "byte 2: 0a is no element type");
    b[2] = 0x0B;
    b[3] = 9;
    expect_refusal(b, sizeof b, "byte 3: 9 axes");
    b[3] = 0;
    expect_refusal(b, sizeof b, "byte 3: 0 axes");
    b[3] = 2;
    memset(b + 4, 0xFF, 8);
    expect_refusal(b, sizeof b, "a shape of [4294967295, 4294967295] is more than");
    memset(b + 4, 0, 8);
    b[4] = 0x40;
    b[11] = 1;
    expect_refusal(b, sizeof b, "promises i16 [1073741824, 1]");
}

// A few kilobytes that inflate to 64 MiB: no more is inflated than the header allows.
Test(idx, bombs)
{
    const size_t big = (size_t)64 << 20;
    uint8_t *bytes = calloc(1, big);
    uint8_t *zip = malloc(200000);
    memcpy(bytes, plain, sizeof plain);
    const size_t size = compress_gzip(bytes, big, zip, 200000);
    expect_refusal(zip, size, "the header promises 24 bytes, and there are more");
    free(zip);
    free(bytes);
}

Test(idx, every_truncation_is_refused)
{
    uint8_t zip[200];
    const size_t size = compress_gzip(plain, sizeof plain, zip, sizeof zip);
    for (size_t n = 0; n < sizeof plain; n++)
        expect_refusal(plain, n, "t.idx:");
    for (size_t n = 0; n < size; n++)
        expect_refusal(zip, n, "t.idx:");
    zip[size] = 0;
    expect_refusal(zip, size + 1, "1 bytes follow the gzip stream");
    zip[size - 6] ^= 1;
    expect_refusal(zip, size, "the gzip stream is damaged: incorrect data check");
}

Test(idx, allocation_failures)
{
    NnrtError e;
    NnrtTensor t;
    SWEEP_ALLOCATIONS(parse(plain, sizeof plain, &t, &e), &e);
    nnrt_tensor_free(&t);
}

Test(idx, fashion_mnist)
{
    NnrtError e;
    NnrtTensor t;
    if (access(FASHION "train-images-idx3-ubyte.gz", R_OK) < 0)
        cr_skip_test("dataset-fashion-mnist is not installed");
    cr_assert(nnrt_idx_read(FASHION "train-images-idx3-ubyte.gz", &t, &e), "%s", e.message);
    cr_expect(t.rank == 3 && t.dims[0] == 60000 && t.dims[1] == 28 && t.dims[2] == 28);
    nnrt_tensor_free(&t);
    cr_assert(nnrt_idx_read(FASHION "train-labels-idx1-ubyte.gz", &t, &e), "%s", e.message);
    int counts[256] = {0};
    for (int i = 0; i < 60000; i++)
        counts[((uint8_t *)t.data)[i]]++;
    for (int i = 0; i < 10; i++)
        cr_expect_eq(counts[i], 6000);
    nnrt_tensor_free(&t);
}
