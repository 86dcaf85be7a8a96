// front.h -- a session and the text parsed in it, for tests.

#ifndef NNC_TEST_FRONT_H
#define NNC_TEST_FRONT_H

#include <stdlib.h>
#include <string.h>

#include "base/session.h"
#include "syntax/parser.h"

typedef struct Front {
    Session *session;
    const Source *source;
    Tree *tree;
} Front;

static inline Front front_parse(const char *text, size_t size)
{
    Front f = {.session = session_new()};
    Session *s = f.session;
    f.source = sources_add(s->sources, "test.nn", text, size);
    ParseEnv env = {s->arena, s->names, s->diags};
    f.tree = parse_source(&env, f.source);
    return f;
}

// The tree in normal form.
static inline const char *front_text(const Front *f)
{
    Text out = text_in(f->session->arena);
    tree_print(&out, f->tree);
    return text_str(&out);
}

// What is printed about the text; the caller frees it.
static inline char *front_report(const Front *f)
{
    char *report = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&report, &size);
    diags_print(f->session->diags, out, false);
    fclose(out);
    return report;
}

static inline void front_free(Front *f)
{
    session_free(f->session);
}

#endif
