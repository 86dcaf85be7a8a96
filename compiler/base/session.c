// session.c -- one object owns all.

#include "base/session.h"

#include <stdlib.h>

Session *session_new(void)
{
    Session *s = calloc(1, sizeof *s);
    Arena *arena = s ? arena_new(&s->guard) : NULL;
    if (!arena || setjmp(s->guard.jump)) {
        arena_free(s ? s->arena : NULL);
        free(s);
        return NULL;
    }
    s->arena = arena;
    s->names = interner_new(s->arena);
    s->sources = sources_new(s->arena);
    s->diags = diags_new(s->arena, s->sources);
    return s;
}

void session_free(Session *s)
{
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}
