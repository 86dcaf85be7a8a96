// source.h -- the files of a session and places in them.
//
// All sources stand one after another in one space of positions, so that a place is two 32-bit
// numbers, whatever file it is in. Position 0 is no place.

#ifndef NNC_SOURCE_H
#define NNC_SOURCE_H

#include "base/arena.h"

typedef struct Span {
    uint32_t pos;  // position of the first byte; 0: no place
    uint32_t len;  // in bytes
} Span;

#define NO_SPAN ((Span){0, 0})

typedef struct Source {
    const char *name;  // as shown to the user: a path, "<stdlib>/layers.nn", "<repl>"
    const char *text;  // NUL-terminated (a NUL inside is an error of the lexer)
    uint32_t size;
    uint32_t base;  // position of text[0]
} Source;

typedef struct Sources Sources;

typedef struct Place {
    const Source *source;
    uint32_t line;    // from 1
    uint32_t column;  // from 1, in bytes
} Place;

Sources *sources_new(Arena *a);

// Adds a file's text, which is copied. NULL when the positions (2^32) are used up.
const Source *sources_add(Sources *s, const char *name, const char *text, size_t size);

// Where a span begins; .source is NULL for NO_SPAN.
Place source_place(const Sources *s, Span span);

// Line `line` (from 1) without its newline; its length in *size.
const char *source_line(const Source *source, uint32_t line, size_t *size);

// From the start of `a` to the end of `b`; either may be NO_SPAN.
Span span_join(Span a, Span b);

#endif
