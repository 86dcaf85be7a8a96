// text.c -- a string that grows, in an arena.

#include "base/text.h"

#include <stdio.h>
#include <string.h>

// Room for `n` more bytes and the NUL.
static void text_reserve(Text *t, size_t n)
{
    const size_t wanted = t->size + n + 1;
    if (wanted <= t->capacity)
        return;
    size_t capacity = t->capacity ? 2 * t->capacity : 64;
    if (capacity < wanted)
        capacity = wanted;
    t->data = arena_grow(t->arena, t->data, t->size, capacity, 1);
    t->capacity = capacity;
}

void text_add_n(Text *t, const char *s, size_t n)
{
    text_reserve(t, n);
    if (n)
        memcpy(t->data + t->size, s, n);
    t->size += n;
    t->data[t->size] = '\0';
}

void text_add(Text *t, const char *s)
{
    text_add_n(t, s, strlen(s));
}

void text_addf(Text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_add(t, arena_vprintf(t->arena, format, args));
    va_end(args);
}

const char *text_str(const Text *t)
{
    return t->data ? t->data : "";
}
