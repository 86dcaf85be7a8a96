#include "npy.h"
#include "sample.h"

static bool parse(const void *bytes, size_t size, NnrtTensor *t, NnrtError *e)
{
    uint8_t *copy = exact_copy(bytes, size);
    const bool ok = nnrt_npy_parse("t.npy", copy, size, t, e);
    free(copy);
    return ok;
}

// A version-1 file with this literal and `data` zero bytes; returns its size.
static size_t make(uint8_t *out, const char *literal, size_t data)
{
    const size_t n = strlen(literal);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (uint8_t)n;
    out[9] = (uint8_t)(n >> 8);
    memcpy(out + 10, literal, n);
    memset(out + 10 + n, 0, data);
    return 10 + n + data;
}

Test(npy, round_trips)
{
    static const NnrtDtype dtypes[] = {NNRT_F32, NNRT_F64, NNRT_U8, NNRT_I32, NNRT_I64};
    char dir[64], path[100];
    scratch_make(dir);
    snprintf(path, sizeof path, "%s/a.npy", dir);
    double numbers[6] = {1, -2, 3.5, 4, 5, 1e300};
    for (int i = 0; i < 5; i++)
        for (int rank = 0; rank <= NNRT_MAX_RANK; rank++) {
            NnrtError e;
            NnrtTensor back;
            NnrtTensor t = {.dtype = dtypes[i],
                            .rank = rank,
                            .data = numbers,
                            .dims = {1, 1, 1, 1, 1, 1, 1, 1}};
            if (rank > 1)
                t.dims[1] = 6;
            cr_assert(nnrt_npy_write(path, &t, &e), "%s", e.message);
            cr_assert(nnrt_npy_read(path, &back, &e), "%s", e.message);
            cr_expect(back.dtype == t.dtype && back.rank == rank);
            cr_expect_arr_eq(back.dims, t.dims, (size_t)rank * sizeof t.dims[0]);
            cr_expect_arr_eq(back.data, numbers, nnrt_tensor_bytes(&t));
            nnrt_tensor_free(&back);
        }
    NnrtError e;
    NnrtTensor t = {.dtype = NNRT_I16, .data = numbers};
    cr_expect_not(nnrt_npy_write(path, &t, &e));
    expect_error(&e, "type i16 are not written");
    scratch_remove(dir);
}

Test(npy, spellings_that_numpy_reads)
{
    static const char *const good[] = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{\"shape\":(2,3,),\"descr\":\"<i4\",\"fortran_order\":False}",
        " { 'shape' : ( 2 , 3 ) , 'fortran_order' : False , 'descr' : '<i4' } ",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        NnrtError e;
        NnrtTensor t;
        uint8_t bytes[300];
        cr_assert(parse(bytes, make(bytes, good[i], 24), &t, &e), "%zu: %s", i, e.message);
        cr_expect(t.rank == 2 && t.dims[1] == 3 && t.dtype == NNRT_I32);
        nnrt_tensor_free(&t);
    }
}

Test(npy, refusals)
{
    static const struct {
        const char *literal, *part;
    } cases[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}", "type '>f4' are not read"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", "type '|O' are not read"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", "not of a plain type"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", "in Fortran order"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (6,)}", "no True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "no ','"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "no length of an axis"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}",
         "f32 [7] is 28 bytes of data, and there are 24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "63 bits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296)}",
         "a shape of [4294967296, 4294967296] is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6)}", "more than 8"},
        {"{'descr': '<f4', 'shape': (6,)}", "lacks one of"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}", "'descr' is there twice"},
        {"{'descr': '<f4', 'other': 1}", "'other' is unknown"},
        {"{'descr': '<f4' 'fortran_order'", "no ',' or '}'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "no end"},
        {"[]", "no '{'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        NnrtError e;
        NnrtTensor t;
        uint8_t bytes[300];
        cr_assert_not(parse(bytes, make(bytes, cases[i].literal, 24), &t, &e), "case %zu", i);
        expect_error(&e, cases[i].part);
    }
}

Test(npy, every_truncation_is_refused)
{
    NnrtError e;
    NnrtTensor t;
    uint8_t bytes[300];
    const size_t size =
        make(bytes, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
    for (size_t n = 0; n < size; n++) {
        cr_assert_not(parse(bytes, n, &t, &e));
        expect_error(&e, "t.npy:");
    }
    bytes[6] = 3;
    cr_assert_not(parse(bytes, size, &t, &e));
    expect_error(&e, "version 3.0 of .npy");
    bytes[6] = 2;
    cr_assert_not(parse(bytes, size, &t, &e));
    expect_error(&e, "a header of");
    bytes[6] = 1;
    SWEEP_ALLOCATIONS(parse(bytes, size, &t, &e), &e);
    nnrt_tensor_free(&t);
}
