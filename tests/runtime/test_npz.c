#include <zip.h>

#include "file.h"
#include "npy.h"
#include "npz.h"
#include "sample.h"

static const float values[] = {1, 2, 3, 4, 5, 6};

// A scratch folder with an archive in it.
typedef struct Archive {
    char folder[64];
    char path[96];
    zip_t *zip;
} Archive;

static void archive_new(Archive *a)
{
    int code;
    scratch_make(a->folder);
    snprintf(a->path, sizeof a->path, "%s/t.npz", a->folder);
    a->zip = zip_open(a->path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    cr_assert_not_null(a->zip);
}

static void add_bytes(Archive *a, const char *name, const void *bytes, size_t size, bool deflate)
{
    zip_source_t *s = zip_source_buffer(a->zip, exact_copy(bytes, size), size, 1);
    const int64_t index = zip_file_add(a->zip, name, s, 0);
    cr_assert(index >= 0);
    zip_set_file_compression(a->zip, (zip_uint64_t)index, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                             0);
}

static void add_array(Archive *a, const char *name, bool deflate)
{
    char file[96];
    NnrtError e;
    NnrtBytes bytes;
    NnrtTensor t = {.dtype = NNRT_F32, .rank = 2, .dims = {2, 3}};
    t.data = exact_copy(values, sizeof values);
    snprintf(file, sizeof file, "%s/t.npy", a->folder);
    cr_assert(nnrt_npy_write(file, &t, &e) && nnrt_read_file(file, 1 << 20, &bytes, &e));
    add_bytes(a, name, bytes.data, bytes.size, deflate);
    free(bytes.data);
    nnrt_tensor_free(&t);
}

static void archive_write(Archive *a)
{
    cr_assert_eq(zip_close(a->zip), 0);
}

static void expect_values(NnrtTensor *t)
{
    cr_expect(t->dtype == NNRT_F32 && t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3);
    cr_expect_arr_eq(t->data, values, sizeof values);
    nnrt_tensor_free(t);
}

static void expect_refusal(const Archive *a, const char *member, const char *part)
{
    NnrtError e;
    NnrtTensor t;
    cr_assert_not(nnrt_npz_read(a->path, member, &t, &e));
    expect_error(&e, part);
}

Test(npz, stored_and_deflated)
{
    Archive a;
    NnrtError e;
    NnrtTensor t;
    archive_new(&a);
    add_array(&a, "x.npy", false);
    add_array(&a, "y.npy", true);
    add_bytes(&a, "notes.txt", "hello", 5, true);
    archive_write(&a);
    cr_assert(nnrt_npz_read(a.path, "x", &t, &e), "%s", e.message);
    expect_values(&t);
    cr_assert(nnrt_npz_read(a.path, "y.npy", &t, &e), "%s", e.message);
    expect_values(&t);
    expect_refusal(&a, "z", "there is no array z in it");
    expect_refusal(&a, NULL, "several arrays");
    cr_assert_not(nnrt_npz_read(a.path, "z", &t, &e));
    cr_expect_str_eq(e.help, "there are x, y");
    scratch_remove(a.folder);
}

Test(npz, the_only_one_and_none)
{
    Archive a;
    NnrtError e;
    NnrtTensor t;
    archive_new(&a);
    add_array(&a, "only.npy", true);
    archive_write(&a);
    cr_assert(nnrt_npz_read(a.path, NULL, &t, &e), "%s", e.message);
    expect_values(&t);
    scratch_remove(a.folder);
    archive_new(&a);
    add_bytes(&a, "notes.txt", "hello", 5, false);
    archive_write(&a);
    expect_refusal(&a, NULL, "there are no arrays in it");
    scratch_remove(a.folder);
}

Test(npz, bad_members)
{
    Archive a;
    archive_new(&a);
    add_bytes(&a, "x.npy", "no array", 8, false);
    archive_write(&a);
    expect_refusal(&a, "x", "t.npz: x.npy: byte 0: not a .npy file");
    scratch_remove(a.folder);
}

// What is cut or changed is refused, or (in a field that nobody reads) loads what was there.
Test(npz, truncations_and_lies)
{
    Archive a;
    NnrtError e;
    NnrtTensor t;
    NnrtBytes bytes;
    archive_new(&a);
    add_array(&a, "x.npy", true);
    archive_write(&a);
    cr_assert(nnrt_read_file(a.path, 1 << 20, &bytes, &e));
    for (size_t n = 0; n < bytes.size; n++) {
        uint8_t *copy = exact_copy(bytes.data, n);
        cr_assert_not(nnrt_npz_parse("t.npz", copy, n, "x", &t, &e), "cut to %zu", n);
        expect_error(&e, "t.npz: ");
        free(copy);
    }
    for (size_t i = 0; i < bytes.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= (uint8_t)(1 << bit);
            if (nnrt_npz_parse("t.npz", bytes.data, bytes.size, "x", &t, &e))
                expect_values(&t);
            else
                expect_error(&e, "t.npz: ");
            bytes.data[i] ^= (uint8_t)(1 << bit);
        }
    free(bytes.data);
    scratch_remove(a.folder);
}

Test(npz, allocation_failures)
{
    Archive a;
    NnrtError e;
    NnrtTensor t;
    archive_new(&a);
    add_array(&a, "x.npy", true);
    archive_write(&a);
    SWEEP_ALLOCATIONS(nnrt_npz_read(a.path, "x", &t, &e), &e);
    expect_values(&t);
    scratch_remove(a.folder);
}
