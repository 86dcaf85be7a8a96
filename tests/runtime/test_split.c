#include <math.h>

#include "random.h"
#include "sample.h"
#include "split.h"

enum { ROWS = 1000 };

static NnrtField classes_field(const int32_t *codes, int64_t rows, int64_t classes)
{
    return (NnrtField){.name = (char[]){"y"},
                       .dtype = NNRT_I32,
                       .rows = rows,
                       .width = 1,
                       .data = (void *)(uintptr_t)codes,
                       .scale = 1,
                       .class_count = classes};
}

static NnrtSplit split(const uint32_t *rows, int64_t n, const NnrtField *target, double share,
                       uint64_t seed)
{
    NnrtError e;
    NnrtSplit s;
    cr_assert(nnrt_holdout(rows, n, target, share, seed, NNRT_STREAM_TEST, &s, &e), "%s",
              e.message);
    return s;
}

Test(split, each_row_is_in_one_part)
{
    NnrtSplit s = split(NULL, ROWS, NULL, 0.25, 1);
    bool seen[ROWS] = {false};
    cr_expect(s.held_count == 250 && s.kept_count == 750);
    for (int64_t i = 0; i < s.held_count; i++)
        seen[s.held[i]] = true;
    for (int64_t i = 0; i < s.kept_count; i++) {
        cr_expect_not(seen[s.kept[i]]);
        seen[s.kept[i]] = true;
        cr_expect(i == 0 || s.kept[i - 1] < s.kept[i]);
    }
    for (int i = 0; i < ROWS; i++)
        cr_expect(seen[i]);

    NnrtSplit again = split(NULL, ROWS, NULL, 0.25, 1), other = split(NULL, ROWS, NULL, 0.25, 2);
    cr_expect_arr_eq(s.held, again.held, 250 * sizeof(uint32_t));
    cr_expect(memcmp(s.held, other.held, 250 * sizeof(uint32_t)) != 0);
    nnrt_split_free(&s);
    nnrt_split_free(&again);
    nnrt_split_free(&other);
}

// Each class gives its share to within one row, and the total is exact; the rows' order is no
// matter.
Test(split, stratified)
{
    int32_t codes[ROWS];
    int count[4] = {0}, held[4] = {0};
    for (int i = 0; i < ROWS; i++) {
        codes[i] = i < 3 ? 3 : i % 7 == 0 ? 2 : i % 3 == 0 ? 1 : 0;
        count[codes[i]]++;
    }
    const NnrtField target = classes_field(codes, ROWS, 4);
    NnrtSplit s = split(NULL, ROWS, &target, 0.1, 3);
    cr_expect_eq(s.held_count, 100);
    for (int64_t i = 0; i < s.held_count; i++)
        held[codes[s.held[i]]]++;
    for (int c = 0; c < 4; c++)
        cr_expect(fabs(held[c] - 0.1 * count[c]) <= 1, "class %d: %d of %d", c, held[c], count[c]);

    uint32_t backwards[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        backwards[i] = ROWS - 1 - i;
    NnrtSplit same = split(backwards, ROWS, &target, 0.1, 3);
    cr_expect_arr_eq(s.held, same.held, 100 * sizeof(uint32_t));

    NnrtSplit second = split(s.kept, s.kept_count, &target, 0.5, 3);
    cr_expect_eq(second.held_count, 450);
    nnrt_split_free(&s);
    nnrt_split_free(&same);
    nnrt_split_free(&second);
}

Test(split, refusals)
{
    NnrtError e;
    NnrtSplit s;
    const double shares[] = {-0.1, 1, NAN, 0.0001, 0.9999};
    for (int i = 0; i < 5; i++) {
        cr_expect_not(nnrt_holdout(NULL, 100, NULL, shares[i], 1, 1, &s, &e));
        expect_error(&e, "a share of");
    }
    cr_expect_not(nnrt_holdout(NULL, 0, NULL, 0.5, 1, 1, &s, &e));
    SWEEP_ALLOCATIONS(nnrt_holdout(NULL, 10, NULL, 0, 1, 1, &s, &e), &e);
    cr_expect(s.held_count == 0 && s.kept_count == 10);
    nnrt_split_free(&s);
}

static NnrtField floats_field(const float *data, int64_t rows, int64_t width)
{
    NnrtError e;
    NnrtField f;
    NnrtTensor t = {.dtype = NNRT_F32, .rank = 2, .dims = {rows, width}};
    t.data = exact_copy(data, (size_t)(rows * width) * sizeof(float));
    cr_assert(nnrt_field_take(&f, "x", &t, &e));
    return f;
}

Test(split, standardized_over_the_given_rows_only)
{
    NnrtError e;
    const float data[] = {1, 5, 7, 1000, 5, 7, 3, 5, 8};
    NnrtField f = floats_field(data, 3, 3);
    f.scale = 2;
    cr_assert(nnrt_standardize(&f, (uint32_t[]){0, 2}, 2, 3, &e));
    cr_expect_arr_eq(f.mean, ((float[]){4, 10, 15}), 12);
    cr_expect_arr_eq(f.std, ((float[]){2, 1, 1}), 12, "a constant has std 1");
    float out[3];
    nnrt_gather(&f, (uint32_t[]){2}, 1, out);
    cr_expect_arr_eq(out, ((float[]){1, 0, 1}), 12);
    cr_assert(nnrt_standardize(&f, (uint32_t[]){0}, 1, 1, &e));
    cr_expect_float_eq(f.std[0], 4.98888f, 1e-4f, "std of 2, 10, 14: %g", (double)f.std[0]);
    cr_expect_not(nnrt_standardize(&f, NULL, 0, 3, &e));
    cr_expect_not(nnrt_standardize(&f, (uint32_t[]){0}, 1, 2, &e));
    nnrt_field_free(&f);
}

Test(split, a_constant_whose_sum_rounds)
{
    NnrtError e;
    float data[10];
    for (int i = 0; i < 10; i++)
        data[i] = 0.1f;
    NnrtField f = floats_field(data, 10, 1);
    const uint32_t rows[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    SWEEP_ALLOCATIONS(nnrt_standardize(&f, rows, 10, 1, &e), &e);
    cr_expect(f.std[0] == 1 && f.mean[0] == 0.1f);
    nnrt_field_free(&f);
}

Test(split, not_a_number_is_named)
{
    NnrtError e;
    NnrtField f = floats_field((float[]){1, 2, 3, NAN}, 2, 2);
    cr_expect_not(nnrt_standardize(&f, (uint32_t[]){0, 1}, 2, 2, &e));
    expect_error(&e, "row 1, element 1 of x is nan");
    nnrt_field_free(&f);
}

Test(split, tail)
{
    NnrtError e;
    NnrtSplit s;
    cr_assert(nnrt_hold_tail(NULL, 10, 0.25, 2, &s, &e), "%s", e.message);
    cr_assert(s.kept_count == 5 && s.held_count == 3);
    cr_expect(s.kept[0] == 0 && s.kept[4] == 4 && s.held[0] == 7 && s.held[2] == 9);
    nnrt_split_free(&s);
    static const uint32_t rows[] = {4, 5, 9};
    cr_assert(nnrt_hold_tail(rows, 3, 0.3, 0, &s, &e), "%s", e.message);
    cr_expect(s.kept_count == 2 && s.held_count == 1 && s.kept[1] == 5 && s.held[0] == 9);
    nnrt_split_free(&s);
    SWEEP_ALLOCATIONS(nnrt_hold_tail(rows, 3, 0.3, 0, &s, &e), &e);
    nnrt_split_free(&s);
    cr_expect_not(nnrt_hold_tail(NULL, 10, 0.5, 5, &s, &e));
    expect_error(&e, "leaves too few");
    cr_expect_not(nnrt_hold_tail(NULL, 10, 0.01, 0, &s, &e));
    cr_expect_not(nnrt_hold_tail(NULL, 10, 1, 0, &s, &e));
}
