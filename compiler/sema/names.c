// names.c -- maps from names, scopes of names, and the nearest known name to a wrong one.
//
// Maps keep the order of insertion, so that what is said about them does not depend on addresses.

#include <string.h>

#include "sema/expander.h"

static uint32_t name_hash(Name name)
{
    uint32_t h = 2166136261u;
    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

// The slot where `name` is, or the free one where it belongs.
static int32_t *find_slot(const NameMap *m, Name name)
{
    uint32_t mask = m->slot_count - 1;
    for (uint32_t i = name_hash(name) & mask;; i = (i + 1) & mask) {
        int32_t entry = m->slots[i];
        if (entry == 0 || m->entries[entry - 1].name == name)
            return &m->slots[i];
    }
}

static void grow_slots(Arena *a, NameMap *m)
{
    m->slot_count = m->slot_count ? 2 * m->slot_count : 16;
    m->slots = arena_array(a, int32_t, m->slot_count);
    for (int i = 0; i < m->count; i++)
        *find_slot(m, m->entries[i].name) = i + 1;
}

void *names_get(const NameMap *m, Name name)
{
    if (m->slot_count == 0)
        return NULL;
    int32_t entry = *find_slot(m, name);
    return entry ? m->entries[entry - 1].value : NULL;
}

bool names_has(const NameMap *m, Name name)
{
    return m->slot_count != 0 && *find_slot(m, name) != 0;
}

void names_put(Arena *a, NameMap *m, Name name, void *value)
{
    if (2 * (uint32_t)(m->count + 1) > m->slot_count)
        grow_slots(a, m);
    int32_t *slot = find_slot(m, name);
    if (*slot) {
        m->entries[*slot - 1].value = value;
        return;
    }
    struct NameEntry entry = {name, value};
    arena_push(a, m->entries, m->count, m->capacity, entry);
    *slot = m->count;
}

void candidates_add(Candidates *c, Name name)
{
    arena_push(c->arena, c->names, c->count, c->capacity, name);
}

void candidates_add_map(Candidates *c, const NameMap *m)
{
    for (int i = 0; i < m->count; i++)
        candidates_add(c, m->entries[i].name);
}

void help_nearest(Diag *d, Name wrong, const Candidates *c)
{
    Name near = c ? nearest_name(wrong, c->names, c->count) : NULL;
    if (near)
        diag_help(d, "did you mean `%s`?", near);
}

Binding *scope_find(const Scope *s, Name name)
{
    for (; s; s = s->parent)
        for (Binding *b = s->bindings; b; b = b->next)
            if (b->name == name)
                return b;
    return NULL;
}

Binding *scope_find_open(const Scope *s, Name name)
{
    for (; s; s = s->closed ? NULL : s->parent)
        for (Binding *b = s->bindings; b; b = b->next)
            if (b->name == name)
                return b;
    return NULL;
}

Binding *scope_define(Arena *a, Scope *s, Name name, Value *value, Span span)
{
    Binding *b = arena_new_of(a, Binding);
    *b = (Binding){.name = name, .value = value, .span = span, .variable = -1, .next = s->bindings};
    s->bindings = b;
    return b;
}

void candidates_add_scope(Candidates *c, const Scope *s)
{
    for (; s; s = s->parent)
        for (const Binding *b = s->bindings; b; b = b->next)
            candidates_add(c, b->name);
}
