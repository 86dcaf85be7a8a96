#include "file.h"
#include "safetensors.h"
#include "sample.h"

static char dir[64];
static char path[128];

static void setup(void)
{
    scratch_make(dir);
    snprintf(path, sizeof path, "%s/w.safetensors", dir);
}

static void teardown(void)
{
    scratch_remove(dir);
}

TestSuite(safetensors, .init = setup, .fini = teardown);

static float weights[6] = {1, 2, 3, 4, 5, 6};
static int32_t steps[1] = {42};
static double moments[2] = {0.1, 0.2};

static NnrtTensor tensors[] = {
    {.name = (char[]){"dense.weight"},
     .dtype = NNRT_F32,
     .rank = 2,
     .dims = {2, 3},
     .data = weights},
    {.name = (char[]){"step"}, .dtype = NNRT_I32, .data = steps},
    {.name = (char[]){"moments"}, .dtype = NNRT_F64, .rank = 1, .dims = {2}, .data = moments},
    {.name = (char[]){"empty"}, .dtype = NNRT_F32, .rank = 2, .dims = {0, 5}, .data = weights},
};
static NnrtMeta meta[] = {
    {(char[]){"version"}, (char[]){"0.1"}},
    {(char[]){"classes"}, (char[]){"[\"caf\xC3\xA9\"]"}},
};
static const NnrtTensorFile sample = {tensors, 4, meta, 2};

static NnrtBytes written(void)
{
    NnrtError e;
    NnrtBytes bytes;
    cr_assert(nnrt_safetensors_write(path, &sample, &e), "%s", e.message);
    cr_assert(nnrt_read_file(path, 10000, &bytes, &e));
    return bytes;
}

static bool parse(const void *bytes, size_t size, NnrtTensorFile *f, NnrtError *e)
{
    uint8_t *copy = exact_copy(bytes, size);
    const bool ok = nnrt_safetensors_parse("w", copy, size, f, e);
    free(copy);
    return ok;
}

Test(safetensors, round_trip)
{
    NnrtError e;
    NnrtTensorFile f;
    cr_assert(nnrt_safetensors_write(path, &sample, &e), "%s", e.message);
    cr_assert(nnrt_safetensors_read(path, &f, &e), "%s", e.message);
    cr_expect(f.tensor_count == 4 && f.meta_count == 2);
    for (int i = 0; i < 4; i++) {
        const NnrtTensor *t = nnrt_safetensors_find(&f, tensors[i].name);
        cr_assert_not_null(t);
        cr_expect(t->dtype == tensors[i].dtype && t->rank == tensors[i].rank);
        cr_expect_arr_eq(t->dims, tensors[i].dims, sizeof t->dims);
        cr_expect_eq(memcmp(t->data, tensors[i].data, nnrt_tensor_bytes(t)), 0);
        cr_expect(i == 0 || strcmp(f.tensors[i - 1].name, f.tensors[i].name) < 0);
    }
    cr_expect_str_eq(nnrt_safetensors_meta(&f, "version"), "0.1");
    cr_expect_str_eq(nnrt_safetensors_meta(&f, "classes"), "[\"caf\xC3\xA9\"]");
    cr_expect_null(nnrt_safetensors_meta(&f, NNRT_CHECKSUM_KEY));
    cr_expect_null(nnrt_safetensors_find(&f, "other"));
    nnrt_safetensors_free(&f);
}

Test(safetensors, the_layout_is_aligned_and_repeatable)
{
    NnrtBytes a = written(), b = written();
    cr_expect_eq(a.size, b.size);
    cr_expect_arr_eq(a.data, b.data, a.size);
    uint64_t header = 0;
    memcpy(&header, a.data, 8);
    cr_expect_eq(header % 8, 0);
    cr_expect_eq(a.size, 8 + header + 16 + 24 + 4);
    cr_expect_eq(memcmp(a.data + 8 + header, moments, 16), 0, "the widest elements come first");
    free(a.data);
    free(b.data);
}

Test(safetensors, nothing_at_all)
{
    NnrtError e;
    NnrtTensorFile f;
    cr_assert(nnrt_safetensors_write(path, &(NnrtTensorFile){0}, &e), "%s", e.message);
    cr_assert(nnrt_safetensors_read(path, &f, &e), "%s", e.message);
    cr_expect_eq(f.tensor_count, 0);
    nnrt_safetensors_free(&f);
}

// Every truncation is refused, and so is every changed byte of the data.
Test(safetensors, truncations_and_flips)
{
    NnrtError e;
    NnrtTensorFile f;
    NnrtBytes bytes = written();
    uint64_t header = 0;
    memcpy(&header, bytes.data, 8);
    for (size_t n = 0; n < bytes.size; n++) {
        cr_assert_not(parse(bytes.data, n, &f, &e), "%zu bytes", n);
        expect_error(&e, "w:");
    }
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 4;
        const bool ok = parse(bytes.data, bytes.size, &f, &e);
        cr_assert(!ok || i < 8 + header, "a change of byte %zu goes unnoticed", i);
        if (ok)
            nnrt_safetensors_free(&f);
        else if (i >= 8 + header)
            expect_error(&e, "the data is damaged: its checksum is");
        bytes.data[i] ^= 4;
    }
    free(bytes.data);
}

// A file with this header and `data` zero bytes.
static size_t make(uint8_t *out, const char *header, size_t data)
{
    const uint64_t n = strlen(header);
    memcpy(out, &n, 8);
    memcpy(out + 8, header, n);
    memset(out + 8 + n, 0, data);
    return 8 + n + data;
}

Test(safetensors, lying_headers)
{
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"", "does not begin with '{'"},
        {" {}", "does not begin with '{'"},
        {"{", "no proper JSON"},
        {"{}", "the tensors have 0 bytes, and the file has 8 of data"},
        {"{\"a\":1}", "'a' is not described"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}",
         "not described"},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}", "dtype 'BF16'"},
        {"{\"a\":{\"dtype\":3,\"shape\":[4],\"data_offsets\":[0,8]}}", "has no dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
         "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", "no pair"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", "no pair"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "claims bytes 8 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
         "claims bytes 0 to 12"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
         "f32 [3], needs 12 bytes and has 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],\"data_offsets\":[0,8]}}",
         "too large"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]}}",
         "'b' begins at byte 3 of the data, and what is before it ends at 4"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         "'b' begins at byte 4"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[0,7]}}",
         "the tensors have 7 bytes, and the file has 8"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[8,8]}}",
         "duplicate object key"},
        {"{\"__metadata__\":[],\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
         "no map of texts"},
        {"{\"__metadata__\":{\"k\":1},\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}"
         "}",
         "'k' is no text"},
        {"{\"__metadata__\":{\"xxh3_128\":\"00\"},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
         "the data is damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        NnrtError e;
        NnrtTensorFile f;
        uint8_t bytes[600];
        const size_t size = make(bytes, cases[i].header, 8);
        cr_assert_not(parse(bytes, size, &f, &e), "accepted: %s", cases[i].header);
        expect_error(&e, cases[i].part);
    }
}

Test(safetensors, absurd_header_lengths)
{
    static const uint64_t lengths[] = {
        3, (uint64_t)1 << 31, (uint64_t)1 << 32, (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 7};
    for (int i = 0; i < 6; i++) {
        NnrtError e;
        NnrtTensorFile f;
        uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[i], 8);
        cr_assert_not(parse(bytes, 10, &f, &e));
        expect_error(&e, "w: byte 0: a header of");
    }
}

Test(safetensors, what_cannot_be_written)
{
    NnrtError e;
    NnrtTensor two[] = {tensors[0], tensors[0]};
    cr_expect_not(nnrt_safetensors_write(path, &(NnrtTensorFile){two, 2, NULL, 0}, &e));
    expect_error(&e, "its name is taken");
    two[0].name = (char[]){"__metadata__"};
    cr_expect_not(nnrt_safetensors_write(path, &(NnrtTensorFile){two, 1, NULL, 0}, &e));
    two[0].name = (char[]){"\xFF"};
    cr_expect_not(nnrt_safetensors_write(path, &(NnrtTensorFile){two, 1, NULL, 0}, &e));
    expect_error(&e, "or no UTF-8");
    NnrtMeta twice[] = {meta[0], meta[0]};
    cr_expect_not(nnrt_safetensors_write(path, &(NnrtTensorFile){NULL, 0, twice, 2}, &e));
    expect_error(&e, "metadata 'version' cannot be written");
    cr_expect(access(path, F_OK) < 0);
}

Test(safetensors, allocation_failures)
{
    NnrtError e;
    NnrtTensorFile f;
    SWEEP_ALLOCATIONS(nnrt_safetensors_write(path, &sample, &e), &e);
    SWEEP_ALLOCATIONS(nnrt_safetensors_read(path, &f, &e), &e);
    nnrt_safetensors_free(&f);
}
