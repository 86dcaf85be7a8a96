// test_text.c -- a string that grows.

#include <criterion/criterion.h>

#include "base/text.h"

Test(text, empty_is_the_empty_string)
{
    Arena *a = arena_new(NULL);
    const Text t = text_in(a);
    cr_expect_str_eq(text_str(&t), "");
    arena_free(a);
}

Test(text, grows)
{
    Arena *a = arena_new(NULL);
    Text t = text_in(a);
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "%d,", i % 10);
    text_add_n(&t, "end and more", 3);
    cr_expect_eq(t.size, 2003);
    cr_expect_str_eq(text_str(&t) + 1996, "8,9,end");
    arena_free(a);
}
