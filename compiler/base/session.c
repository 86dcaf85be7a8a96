// session.c -- one object owns all.

#include "base/session.h"

#include <stdlib.h>

// False when memory ran out. Apart, so that no variable has to outlive the jump.
static bool make_parts(Session *s)
{
    s->arena = arena_new(&s->guard);
    if (!s->arena || setjmp(s->guard.jump))
        return false;
    s->names = interner_new(s->arena);
    s->sources = sources_new(s->arena);
    s->diags = diags_new(s->arena, s->sources);
    return true;
}

Session *session_new(void)
{
    Session *s = calloc(1, sizeof *s);
    if (s && make_parts(s))
        return s;
    session_free(s);
    return NULL;
}

void session_free(Session *s)
{
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}
