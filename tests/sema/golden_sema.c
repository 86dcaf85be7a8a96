// golden_sema.c -- every program in tests/golden/sema becomes the graphs written beside it, and
// those are correct. NNC_UPDATE=1 writes them anew.

#include <criterion/criterion.h>

#include "files.h"
#include "sema/sema.h"

#define FOLDER SOURCE_DIR "/tests/golden/sema"

static void add_graph(Text *out, Arena *a, const Graph *g)
{
    if (!g)
        return;
    const char *wrong = graph_verify(g, a);
    cr_expect(!wrong, "%s: %s", g->name, wrong);
    graph_print(out, g);
}

static void add_rows(Text *out, const Program *p)
{
    int count;
    const LayerRow *rows = sema_layers(p, &count);
    for (int i = 0; i < count; i++) {
        text_addf(out, "%*s%s: %s -> ", 2 * rows[i].depth, "", rows[i].path, rows[i].call);
        type_print(out, &rows[i].output);
        text_add(out, "\n");
    }
}

// The gradient of each parameter is stood for by ones: what autodiff makes is not sema's.
static Graph *train_and_optimize(Program *p)
{
    Graph *g = sema_train(p);
    Variables *vs = sema_variables(p);
    Builder b = {.graph = g};
    int count = 0, *params = arena_array(vs->arena, int, (size_t)vs->count + 1);
    Node **gradients = arena_array(vs->arena, Node *, (size_t)vs->count + 1);
    for (int i = 0; g && i < vs->count; i++) {
        if (vs->items[i].kind != VARIABLE_PARAM || vs->items[i].frozen)
            continue;
        params[count] = i;
        gradients[count++] = build_filled(&b, &vs->items[i].type, 1);
    }
    if (g && sema_optimize(p, g, params, gradients, count))
        graph_clean(g);
    return g;
}

static void check(const char *path, const char *text, size_t size)
{
    char expected[1024];
    Session *s = session_new();
    Program *p = sema_load_text(s, s->arena, strrchr(path, '/') + 1, text, size, FOLDER);
    Text out = text_in(s->arena);
    add_graph(&out, s->arena, sema_predict(p));
    add_rows(&out, p);
    if (sema_train_spec(p)->given) {
        add_graph(&out, s->arena, sema_evaluate(p));
        add_graph(&out, s->arena, sema_finish(p));
        add_graph(&out, s->arena, train_and_optimize(p));
    }
    cr_expect(diags_errors(s->diags) == 0, "%s has errors", path);
    diags_print(s->diags, stderr, false);
    path_with_ending(expected, sizeof expected, path, ".graph");
    cr_expect(file_matches(expected, text_str(&out)), "%s is not what %s becomes", expected, path);
    session_free(s);
}

Test(golden_sema, graphs_are_as_expected)
{
    cr_assert(each_program(FOLDER, check) > 0);
}
