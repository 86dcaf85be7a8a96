// test_source.c -- places in files.

#include <criterion/criterion.h>
#include <string.h>

#include "base/source.h"

static void expect_place(const Sources *s, uint32_t pos, const Source *source, uint32_t line,
                         uint32_t column)
{
    const Place p = source_place(s, (Span){pos, 1});
    cr_expect_eq(p.source, source, "position %u", pos);
    cr_expect_eq(p.line, line, "position %u is in line %u", pos, p.line);
    cr_expect_eq(p.column, column, "position %u is in column %u", pos, p.column);
}

Test(source, places_of_two_files)
{
    Arena *a = arena_new(NULL);
    Sources *s = sources_new(a);
    const Source *one = sources_add(s, "one", "ab\ncd", 5);
    const Source *two = sources_add(s, "two", "\r\nx", 3);
    expect_place(s, one->base, one, 1, 1);
    expect_place(s, one->base + 2, one, 1, 3);
    expect_place(s, one->base + 3, one, 2, 1);
    expect_place(s, one->base + 5, one, 2, 3);
    expect_place(s, two->base, two, 1, 1);
    expect_place(s, two->base + 2, two, 2, 1);
    cr_expect_null(source_place(s, NO_SPAN).source);
    cr_expect_null(source_place(s, (Span){two->base + 4, 0}).source);
    arena_free(a);
}

Test(source, lines_have_no_line_end)
{
    Arena *a = arena_new(NULL);
    Sources *s = sources_new(a);
    const Source *source = sources_add(s, "one", "ab\r\n\ncd", 7);
    size_t size;
    cr_expect_eq(strncmp(source_line(source, 1, &size), "ab", 2), 0);
    cr_expect_eq(size, 2);
    source_line(source, 2, &size);
    cr_expect_eq(size, 0);
    source_line(source, 3, &size);
    cr_expect_eq(size, 2);
    source_line(source, 4, &size);
    cr_expect_eq(size, 0);
    arena_free(a);
}

Test(source, join)
{
    const Span joined = span_join((Span){10, 5}, (Span){3, 2});
    cr_expect_eq(joined.pos, 3);
    cr_expect_eq(joined.len, 12);
    cr_expect_eq(span_join(NO_SPAN, (Span){3, 2}).len, 2);
    cr_expect_eq(span_join((Span){3, 2}, NO_SPAN).pos, 3);
}
