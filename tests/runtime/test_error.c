#include "sample.h"
#include "tensor.h"

Test(error, text_carries_the_place)
{
    NnrtError e;
    char text[256];
    cr_expect_not(nnrt_fail_line(&e, "a.csv", 3, 7, "the value of %s is missing", "age"));
    nnrt_error_text(&e, text, sizeof text);
    cr_expect_str_eq(text, "a.csv:3:7: the value of age is missing");
    nnrt_fail_offset(&e, "w", 9, "bad");
    nnrt_error_text(&e, text, sizeof text);
    cr_expect_str_eq(text, "w: byte 9: bad");
    nnrt_fail(&e, "no file");
    nnrt_error_text(&e, text, sizeof text);
    cr_expect_str_eq(text, "no file");
}

Test(error, terminal_escapes_do_not_pass)
{
    NnrtError e;
    nnrt_fail(&e, "%s",
              "a\x1b[31m\xC2\x9B"
              "b\n\xC3\xA4");
    cr_expect_str_eq(e.message, "a?[31m??b?\xC3\xA4");
}

Test(error, a_character_is_not_cut_in_half)
{
    NnrtError e;
    char text[600];
    memset(text, 'x', 510);
    strcpy(text + 510, "\xE2\x82\xAC");
    nnrt_fail(&e, "%s", text);
    cr_expect_eq(strlen(e.message), 510);
    strcpy(text + 508, "\xE2\x82\xAC");
    nnrt_fail(&e, "%s", text);
    cr_expect_eq(strlen(e.message), 511);
}

Test(tensor, counts_are_checked)
{
    int64_t n;
    cr_expect(nnrt_count((int64_t[]){3, 4}, 2, &n) && n == 12);
    cr_expect(nnrt_count(NULL, 0, &n) && n == 1);
    cr_expect(nnrt_count((int64_t[]){INT64_MAX, 0, INT64_MAX}, 3, &n) && n == 0);
    cr_expect(nnrt_count((int64_t[]){NNRT_MAX_ELEMENTS}, 1, &n));
    cr_expect_not(nnrt_count((int64_t[]){NNRT_MAX_ELEMENTS + 1}, 1, &n));
    cr_expect_not(nnrt_count((int64_t[]){INT64_MAX, INT64_MAX}, 2, &n));
    cr_expect_not(nnrt_count((int64_t[]){0, -1}, 2, &n));
}

Test(alloc, absurd_sizes_are_errors)
{
    NnrtError e;
    cr_expect_null(nnrt_alloc(SIZE_MAX, 8, &e));
    expect_error(&e, "more than memory can address");
    cr_expect_null(nnrt_alloc((size_t)PTRDIFF_MAX + 1, 1, &e));
    expect_error(&e, "more than memory can address");
    void *p = nnrt_alloc(0, 8, &e);
    cr_expect_not_null(p);
    free(p);
}
