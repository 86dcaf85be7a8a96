// c_training.c -- learning on the device: the step that nnc trains with, in C.
//
// The variables are a struct of the caller's: parameters, states and what the optimizer keeps. It
// begins with the trained values and is changed by every step. What predict folds of variables is
// part of it and is computed anew when training is over.

#include <string.h>

#include "codegen/c/c_parts.h"

typedef struct Training {
    Header *h;
    const Variables *variables;
    const char *const *fields;  // by variable: its name in the struct; NULL: it is none's
    CPlaces places;             // of train
} Training;

// --- variables ----------------------------------------------------------------------------------

bool c_uses(const Plan *p, int variable)
{
    for (int i = 0; p && i < p->buffer_count; i++)
        if (p->buffers[i].kind == BUFFER_VARIABLE && p->buffers[i].index == variable)
            return true;
    return false;
}

static bool is_field(const CHeader *h, int variable)
{
    return c_uses(h->train, variable) || c_uses(h->fold, variable) || c_uses(h->plan, variable);
}

static const char *const *field_names(const Header *h, const Variables *vs)
{
    Arena *a = h->w.arena;
    const size_t prefix = strlen(h->w.name) + strlen("_data_");
    const char **names = arena_array(a, const char *, (size_t)vs->count + 1);
    for (int i = 0; i < vs->count; i++)
        if (is_field(h->from, i))
            names[i] = c_identifier(a, h->places.variables[i] + prefix);
    return names;
}

// "v->dense_w", by variable.
static const char *const *members(const Training *t)
{
    Arena *a = t->h->w.arena;
    const char **names = arena_array(a, const char *, (size_t)t->variables->count + 1);
    for (int i = 0; i < t->variables->count; i++)
        if (t->fields[i])
            names[i] = arena_printf(a, "v->%s", t->fields[i]);
    return names;
}

static Training training_of(Header *h)
{
    Training t = {.h = h, .variables = h->plan->graph->variables};
    t.fields = field_names(h, t.variables);
    t.places = c_places(h->w.arena, h->w.name, h->from->train->graph);
    t.places.variables = members(&t);
    return t;
}

size_t c_variable_bytes(const Variable *v)
{
    return (size_t)type_elements(&v->type) * dtype_size(v->type.dtype);
}

static bool is_zero(const CHeader *h, const Variable *v)
{
    const unsigned char *bytes = (const unsigned char *)h->block + v->offset;
    const size_t n = c_variable_bytes(v);
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

bool c_starts(const CHeader *h, int variable)
{
    return is_field(h, variable) && !is_zero(h, &h->plan->graph->variables->items[variable]);
}

// --- sizes --------------------------------------------------------------------------------------

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t aligned(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

// As C lays out a struct of these arrays.
static size_t struct_bytes(const CHeader *h)
{
    const Variables *vs = h->plan->graph->variables;
    size_t bytes = 0, widest = 1;
    for (int i = 0; i < vs->count; i++)
        if (is_field(h, i)) {
            const size_t width = dtype_size(vs->items[i].type.dtype);
            bytes = aligned(bytes, width) + c_variable_bytes(&vs->items[i]);
            widest = larger(widest, width);
        }
    return larger(aligned(bytes, widest), 1);
}

void c_training_sizes(const CHeader *h, CSizes *s)
{
    const size_t fold = h->fold ? h->fold->arena_bytes : 0;
    s->train_arena = larger(larger(h->train->arena_bytes, fold), s->ram);
    s->variables = struct_bytes(h);
}

// --- declarations -------------------------------------------------------------------------------

static void declare_variables(const Training *t)
{
    CWriter *w = &t->h->w;
    bool any = false;
    c_line(w, "// What is learned and what learning keeps.");
    c_open(w, "typedef struct %s_variables", w->name);
    for (int i = 0; i < t->variables->count; i++) {
        const Variable *v = &t->variables->items[i];
        any |= t->fields[i] != NULL;
        if (t->fields[i])
            c_line(w, "%s %s[%lld];  // %s %s", c_types[v->type.dtype].memory, t->fields[i],
                   (long long)type_elements(&v->type), c_comment(w->arena, v->path),
                   c_shape(w->arena, &v->type));
    }
    if (!any)
        c_line(w, "char none;  // the model has no variables, and a struct needs a member");
    w->indent--;
    c_line(w, "} %s_variables;", w->name);
    c_blank(w);
}

static void declare_run(const Training *t)
{
    CWriter *w = &t->h->w;
    c_line(w, "// What a step goes by.");
    c_open(w, "typedef struct %s_run", w->name);
    c_line(w, "uint64_t seed;          // of random numbers");
    c_line(w, "uint32_t step;          // 1, 2, ...");
    c_line(w, "float epoch;            // epochs done, a real number");
    c_line(w, "float validation_loss;  // of the last epoch; INFINITY before there is one");
    w->indent--;
    c_line(w, "} %s_run;", w->name);
    c_blank(w);
}

static const char *step_parameters(const Training *t)
{
    return c_port_parameters(t->h->w.arena, t->h->from->train->graph, &t->places);
}

static const char *predict_parameters(const Training *t)
{
    return c_port_parameters(t->h->w.arena, t->h->plan->graph, &t->h->places);
}

void c_declare_training(Header *h)
{
    const Training t = training_of(h);
    CWriter *w = &h->w;
    c_blank(w);
    c_line(
        w,
        "// --- learning on the device: batches of %s_BATCH examples, one after another in memory",
        h->upper);
    c_blank(w);
    c_line(w, "#define %s_BATCH %lld", h->upper, (long long)h->from->batch);
    c_line(w, "#define %s_TRAIN_ARENA_BYTES %zu  // for all that is below", h->upper,
           h->sizes.train_arena);
    c_line(w, "#define %s_TRAIN_ARENA_FLOATS %zu", h->upper,
           larger(h->sizes.train_arena / sizeof(float), 1));
    c_blank(w);
    declare_variables(&t);
    declare_run(&t);
    c_line(w, "// The values that nnc has trained, to go on from.");
    c_line(w, "void %s_start(%s_variables *v);", w->name, w->name);
    c_line(w,
           "// Forward, backward, update. Whole numbers among the inputs are classes or indices.");
    c_line(w, "void %s_train_step(void *arena, %s_variables *v, const %s_run *run, %s);", w->name,
           w->name, w->name, step_parameters(&t));
    c_line(w, "// Makes of the variables what %s_predict_learned wants: once after training.",
           w->name);
    c_line(w, "void %s_fold(void *arena, %s_variables *v);", w->name, w->name);
    c_line(w, "// %s_predict with these variables.", w->name);
    c_line(w, "void %s_predict_learned(void *arena, const %s_variables *v, %s);", w->name, w->name,
           predict_parameters(&t));
}

// --- functions ----------------------------------------------------------------------------------

static void print_start(const Training *t)
{
    Header *h = t->h;
    CWriter *w = &h->w;
    for (int i = 0; i < t->variables->count; i++)
        if (c_starts(h->from, i))
            c_print_constant(h, i);
    c_line(w, "void %s_start(%s_variables *v)", w->name, w->name);
    c_line(w, "{");
    c_line(w, "    memset(v, 0, sizeof *v);");
    for (int i = 0; i < t->variables->count; i++)
        if (t->fields[i] && h->printed[i])
            c_line(w, "    memcpy(v->%s, %s, sizeof v->%s);", t->fields[i], h->places.variables[i],
                   t->fields[i]);
    c_line(w, "}");
    c_blank(w);
}

// A function that runs all kernels of a plan, after their own.
static void print_plan(const Training *t, const Plan *p, const CPlaces *places, const char *head)
{
    CWriter *w = &t->h->w;
    Text calls = text_in(w->arena);
    if (p)
        c_program(w, p, places, &calls);
    c_line(w, "%s", head);
    c_line(w, "{");
    if (w->run.given)
        c_line(w, "    (void)run;");
    if (p && p->arena_bytes)
        c_line(w, "    float *const a = (float *)arena;");
    else
        c_line(w, "    (void)arena;");
    if (!strstr(text_str(&calls), "v->"))
        c_line(w, "    (void)v;");
    text_add(w->out, text_str(&calls));
    c_line(w, "}");
    c_blank(w);
}

static void print_step(const Training *t)
{
    CWriter *w = &t->h->w;
    const CWriter before = *w;
    w->batch = t->h->from->batch;
    w->run.given = true;
    print_plan(
        t, t->h->from->train, &t->places,
        arena_printf(w->arena,
                     "void %s_train_step(void *arena, %s_variables *v, const %s_run *run, %s)",
                     w->name, w->name, w->name, step_parameters(t)));
    w->batch = before.batch;
    w->run = before.run;
}

void c_print_training(Header *h)
{
    const Training t = training_of(h);
    CWriter *w = &h->w;
    CPlaces learned = h->places;
    learned.variables = t.places.variables;
    c_blank(w);
    print_start(&t);
    print_step(&t);
    print_plan(
        &t, h->from->fold, &learned,
        arena_printf(w->arena, "void %s_fold(void *arena, %s_variables *v)", w->name, w->name));
    print_plan(&t, h->plan, &learned,
               arena_printf(w->arena,
                            "void %s_predict_learned(void *arena, const %s_variables *v, %s)",
                            w->name, w->name, predict_parameters(&t)));
}
