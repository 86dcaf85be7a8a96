// test_placement.c -- offsets of buffers: what lives together does not overlap, and the search
// finds what the greedy order misses.

#include <criterion/criterion.h>

#include "kernel/lower.h"

enum { MOST = 60 };

static void check_apart(Buffer *const *b, int count, size_t bytes)
{
    for (int i = 0; i < count; i++) {
        cr_assert_leq(b[i]->offset + b[i]->bytes, bytes);
        for (int x = 0; x < i; x++) {
            const bool together = b[i]->first <= b[x]->last && b[x]->first <= b[i]->last;
            const bool overlap = b[i]->offset < b[x]->offset + b[x]->bytes &&
                                 b[x]->offset < b[i]->offset + b[i]->bytes;
            cr_assert(!(together && overlap), "%d and %d", x, i);
        }
    }
}

static size_t place(Arena *a, Buffer *items, int count, bool compact)
{
    Buffer *order[MOST];
    for (int i = 0; i < count; i++)
        order[i] = &items[i];
    const size_t bytes = place_buffers(a, order, count, compact);
    check_apart(order, count, bytes);
    return bytes;
}

Test(placement, buffers_that_live_together_are_apart)
{
    Arena *a = arena_new(NULL);
    uint32_t random = 7;
    for (int round = 0; round < 50; round++) {
        Buffer items[MOST];
        for (int i = 0; i < MOST; i++) {
            random = random * 1664525U + 1013904223U;
            const int first = (int)(random >> 8) % 50;
            items[i] = (Buffer){.bytes = 4 * ((random >> 16) % 1000 + 1),
                                .first = first,
                                .last = first + (int)(random >> 24) % 8};
        }
        const size_t greedy = place(a, items, MOST, false);
        cr_assert_leq(place(a, items, MOST, true), greedy);
    }
    arena_free(a);
}

// Large and small values by turns, as in a depthwise network: any two neighbours live together.
Test(placement, the_search_reaches_the_least)
{
    Arena *a = arena_new(NULL);
    Buffer items[12];
    for (int i = 0; i < 12; i++)
        items[i] = (Buffer){.bytes = i % 3 == 0 ? 48384 : 32000, .first = i, .last = i + 1};
    cr_expect_gt(place(a, items, 12, false), 80384);
    cr_expect_eq(place(a, items, 12, true), 80384);
    arena_free(a);
}
