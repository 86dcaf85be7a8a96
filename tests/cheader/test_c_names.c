// test_c_names.c -- identifiers, strings, comments and numbers of the C printer.

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/c/c_writer.h"

static void check_identifier(Arena *a, const char *text, const char *wanted)
{
    cr_expect_str_eq(c_identifier(a, text), wanted, "%s", text);
}

Test(c_names, identifiers)
{
    Arena *a = arena_new(NULL);
    check_identifier(a, "dense_1.w", "dense_1_w");
    check_identifier(a, "int", "int_");
    check_identifier(a, "class", "class_");
    check_identifier(a, "3d", "n3d");
    check_identifier(a, "__x__", "n_x_");
    check_identifier(a, "größe", "gr_e");
    check_identifier(a, "\xc3\xbc", "n_");
    check_identifier(a, "", "n");
    check_identifier(a, "INT8_MAX", "INT8_MAX_");
    check_identifier(a, "INTENSITY", "INTENSITY");
    check_identifier(a, "M_nist", "M_nist");
    arena_free(a);
}

Test(c_names, strings_hold_any_bytes)
{
    Arena *a = arena_new(NULL);
    cr_expect_str_eq(c_string(a, "a\"b\\c?\n1"), "\"a\\042b\\134c\\077\\0121\"");
    arena_free(a);
}

Test(c_names, comments_do_not_end)
{
    Arena *a = arena_new(NULL);
    cr_expect_null(strstr(c_comment(a, "a */ b /* c"), "*/"));
    cr_expect_null(strpbrk(c_comment(a, "a \\\n b ?\?/"), "\\\n?"));
    arena_free(a);
}

static void check_float(Arena *a, float value)
{
    const char *text = c_float(a, value);
    cr_expect(strpbrk(text, ".e") && text[strlen(text) - 1] == 'f', "%s", text);
    const float again = strtof(text, NULL);
    cr_expect(memcmp(&again, &value, sizeof value) == 0, "%s", text);
}

Test(c_names, floats_read_back_to_the_bit)
{
    static const float some[] = {0.0F,        -0.0F, 1.0F,   0.1F,
                                 16777216.0F, 3e38F, 1e-45F, -1.17549435e-38F};
    Arena *a = arena_new(NULL);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        check_float(a, some[i]);
    uint32_t bits = 1;
    for (int i = 0; i < 10000; i++) {
        float value;
        bits = bits * 1664525U + 1013904223U;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check_float(a, value);
    }
    cr_expect_str_eq(c_float(a, INFINITY), "INFINITY");
    cr_expect_str_eq(c_float(a, -INFINITY), "-INFINITY");
    arena_free(a);
}
