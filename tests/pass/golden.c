// golden.c -- see golden.h.

#include "pass/golden.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

static const char arrow[] = "\n-->\n";

static char *read_file(Arena *a, const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "cannot open %s", path);
    char *text = arena_alloc(a, 1 << 16);
    const size_t size = fread(text, 1, (1 << 16) - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

static void write_pair(const char *path, const char *before, const char *after)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file, "cannot write %s", path);
    fprintf(file, "%s%s%s", before, arrow, after);
    fclose(file);
}

Graph *graph_from(Arena *a, const char *text)
{
    const char *error = NULL;
    Graph *g = graph_read(a, interner_new(a), text, &error);
    cr_assert(g, "%s in\n%s", error, text);
    return g;
}

const char *graph_text(Arena *a, const Graph *g)
{
    Text text = text_in(a);
    graph_print(&text, g);
    return text_str(&text);
}

static const char *text_after(Arena *a, const char *path, PassRun *run, Graph *g)
{
    Pass p = {.scratch = a};
    run(&p, g);
    const char *wrong = graph_verify(g, a);
    const char *after = graph_text(a, g);
    cr_assert(!wrong, "%s: %s\n%s", path, wrong, after);
    cr_expect(!run(&p, g), "%s: a second run changes\n%s", path, after);
    cr_expect_str_eq(graph_text(a, g), after, "%s: a second run makes another graph", path);
    return after;
}

static void golden_file(const char *path, PassRun *run)
{
    Arena *a = arena_new(NULL);
    char *before = read_file(a, path);
    char *middle = strstr(before, arrow);
    const char *want = middle ? middle + strlen(arrow) : "";
    if (middle)
        *middle = '\0';
    const char *after = text_after(a, path, run, graph_from(a, before));
    if (getenv("NNC_REGENERATE"))
        write_pair(path, before, after);
    else
        cr_expect_str_eq(after, want, "%s: want\n%s\nbut this came out:\n%s", path, want, after);
    arena_free(a);
}

Graph *golden_before(Arena *a, const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/pass/%s", SOURCE_DIR, file);
    char *text = read_file(a, path), *middle = strstr(text, arrow);
    if (middle)
        *middle = '\0';
    return graph_from(a, text);
}

void golden_pass(const char *name, PassRun *run)
{
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/tests/golden/pass/%s.*.graph", SOURCE_DIR, name);
    glob_t found;
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "no case in %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        golden_file(found.gl_pathv[i], run);
    globfree(&found);
}
