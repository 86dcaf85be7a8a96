// model.c -- a program with the values of its variables.

#include "model.h"

#include <string.h>

#include "pass/pass.h"
#include "support/run_graph.h"

Model model_load_with(const char *text, const char *set)
{
    Model m = {.session = session_new()};
    Session *s = m.session;
    const char **sets = arena_array(s->arena, const char *, 1);
    sets[0] = set;
    s->sets = sets;
    s->set_count = set ? 1 : 0;
    m.program = sema_load_text(s, s->arena, "test.nn", text, strlen(text), ".");
    return m;
}

Model model_load(const char *text)
{
    return model_load_with(text, NULL);
}

void model_free(Model *m)
{
    session_free(m->session);
}

Graph *model_train(Model *m)
{
    Graph *g = sema_train(m->program);
    Variables *vs = sema_variables(m->program);
    if (!g)
        return NULL;
    int count = 0, *params = arena_array(vs->arena, int, (size_t)vs->count + 1);
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].kind == VARIABLE_PARAM && !vs->items[i].frozen)
            params[count++] = i;
    Node **gradients = arena_array(vs->arena, Node *, (size_t)count + 1);
    autodiff(g, g->outputs[0].node, params, count, gradients);
    if (!sema_optimize(m->program, g, params, gradients, count))
        return NULL;
    graph_clean(g);
    return g;
}

static double *value_at(const Model *m, const Variable *v)
{
    return (double *)((char *)m->variables + 2 * v->offset);
}

void model_start(Model *m, uint64_t seed)
{
    const Variables *vs = sema_variables(m->program);
    m->variables = arena_alloc(m->session->arena, interpret_variable_bytes(vs, true) + 8);
    for (int i = 0; i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        double **out = run_graph(m->session->arena, v->init, 1, true, NULL,
                                 (RunArgs){.variables = m->variables, .seed = seed});
        memcpy(value_at(m, v), out[0], (size_t)type_elements(&v->type) * sizeof(double));
    }
}

double *model_variable(const Model *m, const char *path)
{
    const Variables *vs = sema_variables(m->program);
    int i = variables_find(vs, intern(m->session->names, path));
    return i < 0 ? NULL : value_at(m, &vs->items[i]);
}

double **model_run(const Model *m, const Graph *g, int64_t batch, double *const *inputs,
                   RunArgs args)
{
    args.variables = m->variables;
    return run_graph(m->session->arena, g, batch, true, inputs, args);
}
