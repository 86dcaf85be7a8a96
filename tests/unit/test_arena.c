// test_arena.c -- memory by lifetime.

#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"

TestSuite(arena);

Test(arena, memory_is_zero_again_after_a_reset)
{
    Arena *a = arena_new(NULL);
    for (int round = 0; round < 2; round++) {
        unsigned char *bytes = arena_alloc(a, 1000);
        for (int i = 0; i < 1000; i++)
            cr_assert_eq(bytes[i], 0);
        memset(bytes, 0xff, 1000);
        arena_reset(a);
        cr_expect_eq(arena_used(a), 0);
    }
    arena_free(a);
}

Test(arena, memory_is_aligned_for_any_type)
{
    Arena *a = arena_new(NULL);
    for (size_t bytes = 0; bytes < 40; bytes++)
        cr_expect_eq((uintptr_t)arena_alloc(a, bytes) % _Alignof(max_align_t), 0);
    arena_free(a);
}

Test(arena, larger_than_a_chunk)
{
    Arena *a = arena_new(NULL);
    char *first = arena_strdup(a, "kept");
    char *large = arena_alloc(a, 10 << 20);
    large[(10 << 20) - 1] = 1;
    cr_expect_str_eq(first, "kept");
    arena_free(a);
}

Test(arena, push_keeps_what_was_pushed)
{
    Arena *a = arena_new(NULL);
    int *items = NULL, count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++)
        arena_push(a, items, count, capacity, i);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(items[i], i);
    arena_free(a);
}

Test(arena, printf_of_any_length)
{
    Arena *a = arena_new(NULL);
    char *s = arena_printf(a, "%0*d", 5000, 7);
    cr_expect_eq(strlen(s), 5000);
    cr_expect_eq(s[4999], '7');
    arena_free(a);
}

Test(arena, failure_jumps_to_the_guard)
{
    MemoryGuard guard = {.wanted = 0};
    Arena *a = arena_new(&guard);
    arena_fail_after(2);
    if (setjmp(guard.jump) == 0) {
        arena_alloc(a, 8);
        arena_alloc(a, 24);
        cr_assert(false, "the second allocation should have failed");
    }
    cr_expect_eq(guard.wanted, 24);
    arena_fail_after(0);
    cr_expect_not_null(arena_alloc(a, 8), "an arena is of use after a failure");
    arena_free(a);
}

Test(arena, overflow_is_out_of_memory)
{
    MemoryGuard guard = {.wanted = 0};
    Arena *a = arena_new(&guard);
    if (setjmp(guard.jump) == 0) {
        arena_calloc(a, SIZE_MAX / 2, 4);
        cr_assert(false, "the product does not fit");
    }
    cr_expect_eq(guard.wanted, SIZE_MAX);
    arena_free(a);
}
