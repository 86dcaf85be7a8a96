// pipeline.c -- the stages as straight-line calls: the architecture on one screen.
//
//   nnc_load         text -> tree -> definitions checked by name       syntax/, sema/
//   nnc_compile      model -> graph -> gradients -> updates -> passes  sema/, pass/
//   nnc_build        graph -> executable                               codegen/
//   nnc_initialize   initializers -> the variables' first values

#include "nnc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/interpret/interpret.h"

enum { BLOCK_ALIGN = 64 };  // bytes: a vector register, a cache line

bool nnc_load(NncModel *m, const char *path)
{
    m->program = sema_load(m->session, m->arena, path);
    if (!m->program || diags_errors(m->session->diags) > 0)
        return false;
    m->variables = sema_variables(m->program);
    return true;
}

// --- gradients --------------------------------------------------------------------------------

typedef struct Gradients {
    int *parameters;  // indices of the variables that are trained
    Node **gradients;
    int count;
} Gradients;

static void stabilize(NncModel *m, Graph *g)
{
    Pass p = {.scratch = arena_new(&m->session->guard)};
    pass_stabilize(&p, g);
    arena_free(p.scratch);
}

static Gradients differentiate(NncModel *m, Graph *g)
{
    const Variables *vs = m->variables;
    Gradients d = {
        .parameters = arena_array(m->arena, int, (size_t)vs->count),
        .gradients = arena_array(m->arena, Node *, (size_t)vs->count),
    };
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].kind == VARIABLE_PARAM && !vs->items[i].frozen)
            d.parameters[d.count++] = i;
    autodiff(g, g->outputs[nnc_output(g, "loss")].node, d.parameters, d.count, d.gradients);
    return d;
}

// --- a graph for each purpose -----------------------------------------------------------------

static Graph *make_predict(NncModel *m)
{
    return sema_predict(m->program);
}

static Graph *make_evaluate(NncModel *m)
{
    return sema_evaluate(m->program);
}

static Graph *make_finish(NncModel *m)
{
    return sema_finish(m->program);
}

static Graph *make_train(NncModel *m)
{
    Graph *g = sema_train(m->program);
    if (!g)
        return NULL;
    stabilize(m, g);  // first: the gradients of the stable forms are stable too
    const Gradients d = differentiate(m, g);
    if (!sema_optimize(m->program, g, d.parameters, d.gradients, d.count))
        return NULL;
    return g;
}

static Graph *make_gradient(NncModel *m)
{
    Graph *g = sema_train(m->program);
    if (!g)
        return NULL;
    stabilize(m, g);
    const Gradients d = differentiate(m, g);
    for (int i = 0; i < d.count; i++) {
        const char *path = m->variables->items[d.parameters[i]].path;
        graph_output(g, intern(m->session->names, arena_printf(m->arena, "d.%s", path)),
                     d.gradients[i]);
    }
    g->update_count = 0;
    return g;
}

static const struct {
    const char *name;
    Graph *(*make)(NncModel *m);
} purposes[NNC_PURPOSE_COUNT] = {
    [NNC_PREDICT] = {"predict", make_predict},    [NNC_EVALUATE] = {"evaluate", make_evaluate},
    [NNC_FINISH] = {"finish", make_finish},       [NNC_TRAIN] = {"train", make_train},
    [NNC_GRADIENT] = {"gradient", make_gradient},
};

bool nnc_compile(NncModel *m, NncPurpose purpose, const NncOptions *o)
{
    Graph *g = purposes[purpose].make(m);
    if (diags_errors(m->session->diags) > 0)
        return false;
    if (g)
        passes_run(g, &o->passes);
    m->graphs[purpose] = g;
    return true;
}

// --- executables ------------------------------------------------------------------------------

static Executable *build_interpreter(const Graph *g, int64_t max_batch)
{
    return interpret_new(g, max_batch, false);
}

// The default first.
static const struct {
    const char *name;
    Executable *(*build)(const Graph *g, int64_t max_batch);
} engines[] = {
    {"interpret", build_interpreter},
};

const char *nnc_engine_name(int i)
{
    return i < (int)(sizeof engines / sizeof *engines) ? engines[i].name : NULL;
}

bool nnc_build(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (!o->engine || strcmp(engines[i].name, o->engine) == 0) {
            m->executables[purpose] = engines[i].build(m->graphs[purpose], max_batch);
            return m->executables[purpose] != NULL;
        }
    return false;
}

// --- variables --------------------------------------------------------------------------------

// Linux promises more memory than there is, and kills later: ask first.
static bool fits_memory(size_t bytes)
{
    const size_t pages = (size_t)sysconf(_SC_PHYS_PAGES);
    return bytes / (size_t)sysconf(_SC_PAGESIZE) < pages;
}

bool nnc_initialize(NncModel *m, uint64_t seed)
{
    const Variables *vs = m->variables;
    const size_t bytes = (vs->bytes + BLOCK_ALIGN) / BLOCK_ALIGN * BLOCK_ALIGN;
    m->block = fits_memory(bytes) ? aligned_alloc(BLOCK_ALIGN, bytes) : NULL;
    if (!m->block) {
        diag_report(m->session->diags, DIAG_out_of_memory, NO_SPAN, bytes);
        return false;
    }
    memset(m->block, 0, bytes);
    return interpret_init(vs, seed, m->block, false);
}

static void initialize_metric(const Variable *v, uint8_t *block)
{
    void *value = block + v->offset;
    if (!v->init) {
        memset(value, 0, (size_t)type_elements(&v->type) * dtype_size(v->type.dtype));
        return;
    }
    Executable *x = interpret_new(v->init, 1, false);
    executable_run(x, &(RunArgs){.variables = block, .outputs = &value, .batch = 1});
    executable_free(x);
}

void nnc_reset_metrics(NncModel *m)
{
    const Variables *vs = m->variables;
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].kind == VARIABLE_METRIC)
            initialize_metric(&vs->items[i], m->block);
}

void nnc_close(NncModel *m)
{
    for (int i = 0; i < NNC_PURPOSE_COUNT; i++)
        executable_free(m->executables[i]);
    free(m->block);
    m->block = NULL;
    memset(m->executables, 0, sizeof m->executables);
}

// --- names ------------------------------------------------------------------------------------

int nnc_output(const Graph *g, const char *name)
{
    for (int i = 0; i < g->output_count; i++)
        if (strcmp(g->outputs[i].name, name) == 0)
            return i;
    return -1;
}

const char *nnc_purpose_name(NncPurpose purpose)
{
    return purposes[purpose].name;
}
