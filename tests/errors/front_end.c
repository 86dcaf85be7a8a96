// front_end.c -- what the failing programs are put through: the parser; where it finds nothing
// wrong, sema with all that a model and its train block are expanded to.
//
// A first line `# --set NAME=VALUE` is as if the command line had said it.

#include "front_end.h"

#include <string.h>

#include "sema/sema.h"
#include "syntax/parser.h"

#define MARK "# --set "

static void read_setting(Session *s, const Source *source)
{
    if (strncmp(source->text, MARK, strlen(MARK)) != 0)
        return;
    const char *from = source->text + strlen(MARK);
    const char **sets = arena_array(s->arena, const char *, 1);
    sets[0] = arena_strndup(s->arena, from, strcspn(from, "\n"));
    s->sets = sets;
    s->set_count = 1;
}

// The gradients matter to no message: ones stand in for them.
static void optimize(Program *p, Graph *train)
{
    Variables *vs = sema_variables(p);
    Builder b = {.graph = train};
    int count = 0;
    int *params = arena_array(train->arena, int, (size_t)vs->count + 1);
    Node **gradients = arena_array(train->arena, Node *, (size_t)vs->count + 1);
    for (int i = 0; i < vs->count; i++) {
        if (vs->items[i].kind != VARIABLE_PARAM)
            continue;
        params[count] = i;
        gradients[count++] = build_filled(&b, &vs->items[i].type, 1);
    }
    sema_optimize(p, train, params, gradients, count);
}

void front_end(Session *s, const Source *source)
{
    ParseEnv env = {s->arena, s->names, s->diags};
    parse_source(&env, source);
    if (diags_errors(s->diags) > 0)
        return;
    read_setting(s, source);
    Program *p = sema_load_text(s, s->arena, source->name, source->text, source->size,
                                SOURCE_DIR "/tests/errors");
    sema_predict(p);
    if (diags_errors(s->diags) > 0 || !sema_train_spec(p)->given)
        return;
    sema_evaluate(p);
    sema_finish(p);
    Graph *train = sema_train(p);
    if (train)
        optimize(p, train);
}
