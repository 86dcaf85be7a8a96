// c_places.c -- the names of a model's variables, inputs and outputs in C, and its functions'
// parameters.

#include <strings.h>

#include "codegen/c/c_parts.h"

// Sizes are macros in capitals, so names that differ in case alone are alike.
static bool is_taken(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (names[i] && strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

// `text` as an identifier that is none of `names`.
static const char *fresh(Arena *a, const char *prefix, const char *text, const char *const *names,
                         int count)
{
    const char *id = c_identifier(a, text);
    const char *name = arena_printf(a, "%s%s", prefix, id);
    for (int i = 2; is_taken(names, count, name); i++)
        name = arena_printf(a, "%s%s_%d", prefix, id, i);
    return name;
}

static const char *const *variable_names(Arena *a, const char *model, const Variables *vs)
{
    const char **names = arena_array(a, const char *, (size_t)vs->count + 1);
    const char *prefix = arena_printf(a, "%s_data_", model);
    for (int i = 0; i < vs->count; i++)
        names[i] = fresh(a, prefix, vs->items[i].path, names, i);
    return names;
}

// What the functions that have inputs and outputs as parameters call their own.
static const char *const own_names[] = {"arena", "a", "v", "s", "run"};

enum { OWN_COUNT = sizeof own_names / sizeof *own_names };

static void name_ports(Arena *a, const Graph *g, const char **inputs, const char **outputs)
{
    const char **names =
        arena_array(a, const char *, (size_t)(OWN_COUNT + g->input_count + g->output_count));
    int count = 0;
    while (count < OWN_COUNT) {
        names[count] = own_names[count];
        count++;
    }
    for (int i = 0; i < g->input_count; i++, count++)
        inputs[i] = names[count] = fresh(a, "", g->inputs[i].name, names, count);
    for (int i = 0; i < g->output_count; i++, count++)
        outputs[i] = names[count] = fresh(a, "", g->outputs[i].name, names, count);
}

CPlaces c_places(Arena *a, const char *model, const Graph *g)
{
    const char **inputs = arena_array(a, const char *, (size_t)g->input_count + 1);
    const char **outputs = arena_array(a, const char *, (size_t)g->output_count + 1);
    name_ports(a, g, inputs, outputs);
    return (CPlaces){.arena = "a",
                     .variables = variable_names(a, model, g->variables),
                     .inputs = inputs,
                     .outputs = outputs};
}

const char *c_port_parameters(Arena *a, const Graph *g, const CPlaces *places)
{
    Text t = text_in(a);
    for (int i = 0; i < g->input_count; i++)
        text_addf(&t, "%sconst %s *%s", t.size ? ", " : "", c_types[g->inputs[i].type.dtype].memory,
                  places->inputs[i]);
    for (int i = 0; i < g->output_count; i++)
        text_addf(&t, "%s%s *%s", t.size ? ", " : "",
                  c_types[g->outputs[i].node->type.dtype].memory, places->outputs[i]);
    return text_str(&t);
}

const char *c_port_names(Arena *a, const Graph *g, const CPlaces *places)
{
    Text t = text_in(a);
    for (int i = 0; i < g->input_count; i++)
        text_addf(&t, "%s%s", t.size ? ", " : "", places->inputs[i]);
    for (int i = 0; i < g->output_count; i++)
        text_addf(&t, "%s%s", t.size ? ", " : "", places->outputs[i]);
    return text_str(&t);
}
