#include <math.h>

#include "dataset.h"
#include "sample.h"

static NnrtTensor tensor(NnrtDtype dtype, int rank, const int64_t *dims, const void *data)
{
    NnrtTensor t = {.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    t.data = exact_copy(data, nnrt_tensor_bytes(&t));
    return t;
}

static NnrtField field(NnrtDtype dtype, int rank, const int64_t *dims, const void *data)
{
    NnrtError e;
    NnrtField f;
    NnrtTensor t = tensor(dtype, rank, dims, data);
    cr_assert(nnrt_field_take(&f, "x", &t, &e), "%s", e.message);
    cr_expect_null(t.data);
    return f;
}

Test(dataset, bytes_stay_bytes_and_are_scaled)
{
    const uint8_t raw[3][2] = {{0, 255}, {51, 102}, {1, 2}};
    NnrtField f = field(NNRT_U8, 2, (int64_t[]){3, 2}, raw);
    cr_expect(f.dtype == NNRT_U8 && f.rank == 1 && f.width == 2 && f.rows == 3);
    f.scale = 1.0f / 255;
    float out[6];
    nnrt_gather(&f, (uint32_t[]){2, 0, 1}, 3, out);
    const float want[6] = {1 * f.scale, 2 * f.scale, 0, 255 * f.scale, 51 * f.scale, 102 * f.scale};
    cr_expect_arr_eq(out, want, sizeof want);

    float parts[6];
    nnrt_gather_range(&f, (uint32_t[]){2, 0, 1}, 1, 3, parts);
    nnrt_gather_range(&f, (uint32_t[]){2, 0, 1}, 0, 1, parts);
    cr_expect_arr_eq(parts, out, sizeof out);
    nnrt_field_free(&f);
}

Test(dataset, other_types_are_converted)
{
    NnrtField f = field(NNRT_I8, 1, (int64_t[]){2}, (int8_t[]){-5, 7});
    cr_expect(f.dtype == NNRT_I32 && ((int32_t *)f.data)[0] == -5);
    nnrt_field_free(&f);
    f = field(NNRT_I16, 1, (int64_t[]){2}, (int16_t[]){-500, 700});
    cr_expect(f.dtype == NNRT_I32 && ((int32_t *)f.data)[1] == 700);
    nnrt_field_free(&f);
    f = field(NNRT_I64, 1, (int64_t[]){2}, (int64_t[]){INT32_MIN, INT32_MAX});
    cr_expect(f.dtype == NNRT_I32 && ((int32_t *)f.data)[0] == INT32_MIN);
    nnrt_field_free(&f);
    f = field(NNRT_F64, 1, (int64_t[]){3}, (double[]){0.1, INFINITY, NAN});
    cr_expect(f.dtype == NNRT_F32 && ((float *)f.data)[0] == 0.1f);
    cr_expect(isinf(((float *)f.data)[1]) && isnan(((float *)f.data)[2]));
    nnrt_field_free(&f);
}

Test(dataset, what_does_not_fit_names_its_row)
{
    NnrtError e;
    NnrtField f;
    NnrtTensor t = tensor(NNRT_I64, 2, (int64_t[]){2, 2}, (int64_t[]){1, 2, 3, (int64_t)1 << 31});
    cr_expect_not(nnrt_field_take(&f, "x", &t, &e));
    expect_error(&e, "row 1, element 1: 2147483648 does not fit into 32 bits");
    nnrt_tensor_free(&t);
    t = tensor(NNRT_F64, 1, (int64_t[]){2}, (double[]){1, 1e39});
    cr_expect_not(nnrt_field_take(&f, "x", &t, &e));
    expect_error(&e, "row 1, element 0: 1e+39 does not fit");
    nnrt_tensor_free(&t);
    t = tensor(NNRT_F32, 0, NULL, (float[]){1});
    cr_expect_not(nnrt_field_take(&f, "x", &t, &e));
    expect_error(&e, "a shape of []");
    nnrt_tensor_free(&t);
    t = tensor(NNRT_F32, 2, (int64_t[]){3, 0}, NULL);
    cr_expect_not(nnrt_field_take(&f, "x", &t, &e));
    expect_error(&e, "hold nothing");
    nnrt_tensor_free(&t);
}

Test(dataset, normalization_repeats_over_features)
{
    NnrtError e;
    const float raw[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    NnrtField f = field(NNRT_F32, 3, (int64_t[]){2, 2, 2}, raw);
    const float mean[2] = {1, 2}, std[2] = {2, 3};
    cr_assert(nnrt_field_normalize(&f, 2, mean, std, &e));
    float out[8];
    nnrt_gather(&f, (uint32_t[]){0, 1}, 2, out);
    for (int i = 0; i < 8; i++)
        cr_expect_eq(out[i], (((const float *)raw)[i] - mean[i % 2]) * (1 / std[i % 2]));
    cr_expect_not(nnrt_field_normalize(&f, 3, mean, std, &e));
    expect_error(&e, "do not divide");
    cr_expect_not(nnrt_field_normalize(&f, 1, mean, (float[]){0}, &e));
    cr_expect_not(nnrt_field_normalize(&f, 1, mean, (float[]){NAN}, &e));
    cr_expect_not(nnrt_field_normalize(&f, 1, (float[]){INFINITY}, std, &e));
    cr_expect_eq(f.features, 2, "a refused normalization changes nothing");
    nnrt_field_free(&f);
}

// Rows of every width below two vectors of bytes, out of order, against the formula element by
// element: the loops that the processor has vectors for round as it is written.
static void expect_rows(NnrtDtype dtype, int64_t width, bool normalized)
{
    enum { ROWS = 43, MOST = 70 };
    NnrtError e;
    uint8_t bytes[ROWS * MOST];
    int32_t whole[ROWS * MOST];
    float real[ROWS * MOST];
    float out[ROWS * MOST], mean[MOST], std[MOST];
    uint32_t rows[ROWS];
    for (int i = 0; i < ROWS * MOST; i++) {
        bytes[i] = (uint8_t)(i * 37);
        whole[i] = i * 123457 - 90000000;
        real[i] = (float)i / 7 - 50;
    }
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = i * 8 % ROWS;  // more than are asked for ahead
    for (int i = 0; i < MOST; i++) {
        mean[i] = (float)i / 3;
        std[i] = 1 + (float)i / 11;
    }
    const void *raw = dtype == NNRT_U8 ? (void *)bytes : dtype == NNRT_I32 ? (void *)whole : real;
    NnrtField f = field(dtype, 2, (int64_t[]){ROWS, width}, raw);
    f.scale = 1.0f / 255;
    cr_assert(!normalized || nnrt_field_normalize(&f, width, mean, std, &e));
    nnrt_gather(&f, rows, ROWS, out);
    for (int64_t i = 0; i < ROWS * width; i++) {
        const int64_t at = rows[i / width] * width + i % width;
        const float value = dtype == NNRT_U8    ? (float)bytes[at]
                            : dtype == NNRT_I32 ? (float)whole[at]
                                                : real[at];
        const float scaled = value * f.scale;
        const float wanted =
            normalized ? (scaled - mean[i % width]) * (1 / std[i % width]) : scaled;
        cr_assert_eq(out[i], wanted, "%s, width %d, element %d", nnrt_dtype_name(dtype), (int)width,
                     (int)i);
    }
    nnrt_field_free(&f);
}

Test(dataset, every_width_converts_alike)
{
    for (int64_t width = 1; width <= 70; width++)
        for (int normalized = 0; normalized < 2; normalized++) {
            expect_rows(NNRT_U8, width, normalized);
            expect_rows(NNRT_I32, width, normalized);
            expect_rows(NNRT_F32, width, normalized);
        }
}

Test(dataset, what_is_not_finite_is_found)
{
    NnrtError e;
    int64_t row, element;
    const float raw[3][2] = {{1, 2}, {3, NAN}, {3e38f, 4}};
    NnrtField f = field(NNRT_F32, 2, (int64_t[]){3, 2}, raw);
    cr_expect_not(nnrt_find_not_finite(&f, (uint32_t[]){0, 2}, 2, &row, &element));
    cr_expect(nnrt_find_not_finite(&f, (uint32_t[]){2, 1}, 2, &row, &element));
    cr_expect(row == 1 && element == 1);
    cr_assert(nnrt_field_normalize(&f, 2, (float[]){0, 0}, (float[]){0.1f, 1}, &e));
    cr_expect(nnrt_find_not_finite(&f, (uint32_t[]){0, 2}, 2, &row, &element));
    cr_expect(row == 2 && element == 0);
    nnrt_field_free(&f);
    f = field(NNRT_U8, 2, (int64_t[]){1, 2}, (uint8_t[]){0, 255});
    cr_expect_not(nnrt_find_not_finite(&f, (uint32_t[]){0}, 1, &row, &element));
    nnrt_field_free(&f);
}

Test(dataset, classes)
{
    NnrtError e;
    NnrtField f = field(NNRT_F32, 2, (int64_t[]){3, 1}, (float[]){2, 0, 1});
    cr_assert(nnrt_field_as_classes(&f, &e));
    cr_expect(f.dtype == NNRT_I32 && f.rank == 0 && f.class_count == 3);
    int32_t codes[2];
    nnrt_gather_i32(&f, (uint32_t[]){0, 2}, 2, codes);
    cr_expect(codes[0] == 2 && codes[1] == 1);
    const char *names[] = {"a", "b", "c", "d"};
    cr_expect_not(nnrt_field_set_classes(&f, names, 2, &e));
    expect_error(&e, "x has classes 0 to 2, and 2 names are given");
    cr_assert(nnrt_field_set_classes(&f, names, 3, &e));
    cr_assert(nnrt_field_set_classes(&f, names, 4, &e));
    cr_expect(f.class_count == 4 && strcmp(f.classes[3], "d") == 0);
    nnrt_field_free(&f);

    const float bad[] = {-1, 0.5f, NAN, 1e6f};
    for (int i = 0; i < 4; i++) {
        f = field(NNRT_F32, 1, (int64_t[]){1}, &bad[i]);
        cr_expect_not(nnrt_field_as_classes(&f, &e));
        expect_error(&e, "row 0 of x is");
        nnrt_field_free(&f);
    }
}

Test(dataset, fields_agree)
{
    NnrtError e;
    NnrtDataset d = {0};
    NnrtField a = field(NNRT_U8, 1, (int64_t[]){2}, "ab");
    NnrtField b = field(NNRT_U8, 1, (int64_t[]){3}, "abc");
    NnrtField c = field(NNRT_U8, 1, (int64_t[]){2}, "ab");
    cr_assert(nnrt_dataset_add(&d, &a, &e));
    free(b.name);
    b.name = strdup("y");
    cr_expect_not(nnrt_dataset_add(&d, &b, &e));
    expect_error(&e, "x has 2 examples and y has 3");
    cr_expect_not(nnrt_dataset_add(&d, &c, &e));
    expect_error(&e, "two fields are called x");
    cr_expect(nnrt_dataset_field(&d, "x") == &d.fields[0] && !nnrt_dataset_field(&d, "z"));
    nnrt_field_free(&b);
    nnrt_field_free(&c);
    nnrt_dataset_free(&d);
}
