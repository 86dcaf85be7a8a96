// session.h -- one object owns all: the REPL and the tests run many side by side.

#ifndef NNC_SESSION_H
#define NNC_SESSION_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/intern.h"
#include "base/source.h"

typedef struct Session {
    MemoryGuard guard;
    Arena *arena;  // sources, names, diagnostics: lives as long as the session
    Interner *names;
    Sources *sources;
    Diags *diags;
    const char *const *include_dirs;  // -I
    int include_count;
    const char *const *sets;  // --set NAME=VALUE, in order
    int set_count;
} Session;

// NULL when there is no memory at all.
Session *session_new(void);
void session_free(Session *s);

#endif
