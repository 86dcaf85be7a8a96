// source.c -- the files of a session and places in them.

#include "base/source.h"

#include <string.h>

// What Sources keeps of a file; the public part comes first, so that a Source leads to its lines.
typedef struct Entry {
    Source source;
    uint32_t *starts;  // offset of each line's first byte
    uint32_t lines;
} Entry;

struct Sources {
    Arena *arena;
    Entry **entries;  // by rising base
    size_t count;
    size_t capacity;
    uint32_t next;  // base of the next source
};

Sources *sources_new(Arena *a)
{
    Sources *s = arena_new_of(a, Sources);
    s->arena = a;
    s->next = 1;
    return s;
}

static void find_lines(Arena *a, Entry *e)
{
    const char *text = e->source.text;
    uint32_t lines = 1;
    for (uint32_t i = 0; i < e->source.size; i++)
        lines += text[i] == '\n';
    e->starts = arena_array(a, uint32_t, lines);
    for (uint32_t i = 0; i < e->source.size; i++)
        if (text[i] == '\n')
            e->starts[++e->lines] = i + 1;
    e->lines++;
}

const Source *sources_add(Sources *s, const char *name, const char *text, size_t size)
{
    // One position more than bytes: the end of the file is a place too.
    if (size >= UINT32_MAX - s->next)
        return NULL;
    Entry *e = arena_new_of(s->arena, Entry);
    e->source = (Source){
        .name = arena_strdup(s->arena, name),
        .text = arena_strndup(s->arena, text, size),
        .size = (uint32_t)size,
        .base = s->next,
    };
    find_lines(s->arena, e);
    s->next += (uint32_t)size + 1;
    arena_push(s->arena, s->entries, s->count, s->capacity, e);
    return &e->source;
}

static const Entry *entry_at(const Sources *s, uint32_t pos)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->entries[middle]->source.base <= pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? s->entries[low - 1] : NULL;
}

// Index of the last line that begins at or before `offset`.
static uint32_t line_at(const Entry *e, uint32_t offset)
{
    uint32_t low = 0, high = e->lines;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (e->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

Place source_place(const Sources *s, Span span)
{
    const Entry *e = entry_at(s, span.pos);
    if (!e || span.pos - e->source.base > e->source.size)
        return (Place){0};
    const uint32_t offset = span.pos - e->source.base;
    const uint32_t line = line_at(e, offset);
    return (Place){&e->source, line + 1, offset - e->starts[line] + 1};
}

const char *source_line(const Source *source, uint32_t line, size_t *size)
{
    const Entry *e = (const Entry *)source;
    *size = 0;
    if (line == 0 || line > e->lines)
        return "";
    const char *start = source->text + e->starts[line - 1];
    const char *end = source->text + (line < e->lines ? e->starts[line] - 1 : source->size);
    if (end > start && end[-1] == '\r')
        end--;
    *size = (size_t)(end - start);
    return start;
}

Span span_join(Span a, Span b)
{
    if (!a.pos)
        return b;
    if (!b.pos)
        return a;
    const uint32_t end = b.pos + b.len > a.pos + a.len ? b.pos + b.len : a.pos + a.len;
    const uint32_t start = a.pos < b.pos ? a.pos : b.pos;
    return (Span){start, end - start};
}
