// text.h -- a string that grows, in an arena.

#ifndef NNC_TEXT_H
#define NNC_TEXT_H

#include "base/arena.h"

typedef struct Text {
    Arena *arena;
    char *data;  // NUL-terminated, never NULL after the first write
    size_t size;
    size_t capacity;
} Text;

static inline Text text_in(Arena *a)
{
    return (Text){.arena = a};
}

void text_add(Text *t, const char *s);
void text_add_n(Text *t, const char *s, size_t n);
void text_addf(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *text_str(const Text *t);  // "" when nothing was written

#endif
