// fuzz_parser.c -- any bytes are a program, or make messages with a place.
//
// What is accepted prints as a program that is accepted too and prints the same. Whether more is
// to be typed can be asked of any text.

#include <stdlib.h>
#include <string.h>

#include "base/session.h"
#include "syntax/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *normal_form(Session *s, const char *text, size_t size, bool *failed)
{
    ParseEnv env = {s->arena, s->names, s->diags};
    Text out = text_in(s->arena);
    const Tree *tree = parse_source(&env, sources_add(s->sources, "fuzz.nn", text, size));
    tree_print(&out, tree);
    *failed = tree->failed;
    return text_str(&out);
}

static void check_messages(const Session *s, bool failed)
{
    if (failed != (diags_errors(s->diags) > 0))
        abort();
    char *report = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&report, &size);
    diags_print(s->diags, out, true);
    fclose(out);
    if (failed && !strstr(report, "fuzz.nn"))
        abort();
    free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Session *s = session_new();
    bool failed;
    const char *first = normal_form(s, (const char *)data, size, &failed);
    check_messages(s, failed);
    if (!failed) {
        const char *second = normal_form(s, first, strlen(first), &failed);
        if (failed || strcmp(first, second) != 0)
            abort();
    }
    const char *text = arena_strndup(s->arena, (const char *)data, size);
    parse_is_incomplete(text, size);
    session_free(s);
    return 0;
}
