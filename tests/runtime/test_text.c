#include "sample.h"
#include "text.h"

static bool parse(const char *text, NnrtTextOptions o, NnrtDataset *d, NnrtAlphabet *a,
                  NnrtError *e)
{
    char *copy = exact_copy(text, strlen(text));
    const bool ok = nnrt_text_parse("t.txt", copy, strlen(text), &o, d, a, e);
    free(copy);
    return ok;
}

static void expect_codes(const NnrtDataset *d, const char *field, const char *digits)
{
    const NnrtField *f = nnrt_dataset_field(d, field);
    cr_assert_eq((size_t)(f->rows * f->width), strlen(digits));
    cr_assert_eq(f->dtype, NNRT_U8);
    for (size_t i = 0; digits[i]; i++)
        cr_expect_eq(((const uint8_t *)f->data)[i], digits[i] - '0', "%s[%zu]", field, i);
}

Test(text, windows)
{
    NnrtError e;
    NnrtDataset d;
    cr_assert(parse("abcabca", (NnrtTextOptions){3, 2, NULL}, &d, NULL, &e), "%s", e.message);
    expect_codes(&d, "input", "012201");
    expect_codes(&d, "target", "120012");
    nnrt_dataset_free(&d);
    cr_assert(parse("abcabca", (NnrtTextOptions){3, 0, NULL}, &d, NULL, &e), "%s", e.message);
    expect_codes(&d, "input", "012012");
    nnrt_dataset_free(&d);
}

Test(text, alphabet_of_code_points)
{
    NnrtError e;
    NnrtDataset d;
    NnrtAlphabet a;
    cr_assert(parse("é€😀 a\n\\\x01", (NnrtTextOptions){2, 1, NULL}, &d, &a, &e), "%s", e.message);
    static const uint32_t expected[] = {1, '\n', ' ', '\\', 'a', 0xE9, 0x20AC, 0x1F600};
    static const char *const names[] = {"\\x01", "\\n", "\\s", "\\\\", "a", "é", "€", "😀"};
    const NnrtField *target = nnrt_dataset_field(&d, "target");
    cr_assert(a.count == 8 && target->class_count == 8);
    cr_expect_arr_eq(a.characters, expected, sizeof expected);
    for (int i = 0; i < 8; i++)
        cr_expect_str_eq(target->classes[i], names[i]);
    nnrt_dataset_free(&d);
    nnrt_alphabet_free(&a);
}

Test(text, another_text_has_the_same_codes)
{
    NnrtError e;
    NnrtDataset d;
    NnrtAlphabet a;
    cr_assert(parse("abcd", (NnrtTextOptions){1, 1, NULL}, &d, &a, &e));
    nnrt_dataset_free(&d);
    cr_assert(parse("dcd", (NnrtTextOptions){2, 1, &a}, &d, NULL, &e), "%s", e.message);
    expect_codes(&d, "input", "32");
    cr_expect_eq(nnrt_dataset_field(&d, "target")->class_count, 4);
    nnrt_dataset_free(&d);
    cr_assert_not(parse("ab\ncx", (NnrtTextOptions){2, 1, &a}, &d, NULL, &e));
    expect_error(&e, "t.txt:1:3: character U+000A is not in the training text");
    nnrt_alphabet_free(&a);
}

Test(text, more_than_256_characters)
{
    NnrtError e;
    NnrtDataset d;
    char text[601];
    for (int i = 0; i < 300; i++) {
        text[2 * i] = (char)(0xC4 + i / 64);
        text[2 * i + 1] = (char)(0x80 + i % 64);
    }
    text[600] = '\0';
    cr_assert(parse(text, (NnrtTextOptions){299, 0, NULL}, &d, NULL, &e), "%s", e.message);
    const NnrtField *target = nnrt_dataset_field(&d, "target");
    cr_assert(target->dtype == NNRT_I32 && target->class_count == 300);
    cr_expect_eq(((const int32_t *)target->data)[298], 299);
    nnrt_dataset_free(&d);
}

Test(text, bad_texts)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "0 characters; a window of 2 needs 3"},
        {"ab", "2 characters"},
        {"ab\ncd\xFF", "t.txt:2:3: a byte that is not UTF-8"},
        {"abc\xC3", "t.txt:1:4:"},
        {"abc\xC0\x80", "t.txt:1:4:"},
        {"abc\xED\xA0\x80", "t.txt:1:4:"},
        {"abc\xF4\x90\x80\x80", "t.txt:1:4:"},
        {"abc\xE2\x82", "t.txt:1:4:"},
    };
    NnrtError e;
    NnrtDataset d;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_not(parse(cases[i].text, (NnrtTextOptions){2, 1, NULL}, &d, NULL, &e));
        expect_error(&e, cases[i].part);
    }
    cr_assert_not(parse("abc", (NnrtTextOptions){0, 1, NULL}, &d, NULL, &e));
    expect_error(&e, "at least one character");
}

// Windows before a gap predict no character that those after it predict.
Test(text, gap)
{
    for (int64_t length = 1; length < 9; length++)
        for (int64_t stride = 1; stride < 9; stride++) {
            const int64_t gap = nnrt_text_gap(length, stride);
            const int64_t last_target = length;  // of window 0
            cr_expect(last_target < (gap + 1) * stride + 1);
            cr_expect(gap == 0 || last_target >= gap * stride + 1);
        }
}

Test(text, allocation_failures)
{
    NnrtError e;
    NnrtDataset d;
    NnrtAlphabet a;
    SWEEP_ALLOCATIONS(parse("abcab", (NnrtTextOptions){2, 1, NULL}, &d, &a, &e), &e);
    nnrt_dataset_free(&d);
    nnrt_alphabet_free(&a);
}

Test(text, an_alphabet_from_the_names_of_its_classes)
{
    static const char *const names[] = {"\\x01", "\\n", "\\s", "\\\\", "a", "é", "€", "😀"};
    static const uint32_t expected[] = {1, '\n', ' ', '\\', 'a', 0xE9, 0x20AC, 0x1F600};
    static const char *const wrong[][2] = {{"b", "a"},  {"a", "a"},   {"a", "bc"}, {"a", ""},
                                           {"a", "\\"}, {"a", "\\q"}, {"a", "\\x"}};
    NnrtError e;
    NnrtAlphabet a;
    cr_assert(nnrt_alphabet_named(names, 8, &a, &e), "%s", e.message);
    cr_expect_arr_eq(a.characters, expected, sizeof expected);
    nnrt_alphabet_free(&a);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(nnrt_alphabet_named(wrong[i], 2, &a, &e), "%zu", i);
}
