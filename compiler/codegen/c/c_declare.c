// c_declare.c -- the header of a model whose code and weights are an object file: sizes and
// declarations.

#include "codegen/c/c_parts.h"

static void print_port(CWriter *w, const char *kind, const char *name, const Type *t)
{
    c_line(w, "//   %-7s %s: %s%s", kind, c_comment(w->arena, name),
           t->dtype == DTYPE_F32 ? "" : c_types[t->dtype].memory, c_shape(w->arena, t));
}

static void print_head(CWriter *w, const CHeader *h, const char *target, const CSizes *sizes)
{
    const Graph *g = h->plan->graph;
    c_line(w, "// %s -- a neural network; made by nnc %s from %s", w->name, NNC_VERSION,
           c_comment(w->arena, h->file));
    c_line(w, "//");
    c_line(w, "// Declarations: code and weights are in the object file, for %s.", target);
    c_line(w, "//");
    for (int i = 0; i < g->input_count; i++)
        print_port(w, "input", g->inputs[i].name, &g->inputs[i].type);
    for (int i = 0; i < g->output_count; i++)
        print_port(w, "output", g->outputs[i].name, &g->outputs[i].node->type);
    c_line(w, "//");
    c_line(w,
           "// Flash: %zu bytes of constants. RAM: an arena of %zu bytes, and the stack of a call.",
           sizes->flash, sizes->ram);
    c_blank(w);
}

static void print_sizes(CWriter *w, const CHeader *h, const CPlaces *places, const CSizes *sizes)
{
    const Graph *g = h->plan->graph;
    const char *upper = c_upper(w->arena, w->name);
    c_line(w, "#define %s_ARENA_BYTES %zu", upper, sizes->ram);
    c_line(w, "#define %s_ARENA_FLOATS %zu  // never 0, so that an array can have it", upper,
           sizes->ram ? sizes->ram / sizeof(float) : 1);
    c_line(w, "#define %s_CONSTANT_BYTES %zu", upper, sizes->flash);
    for (int i = 0; i < g->input_count; i++)
        c_line(w, "#define %s_%s_SIZE %lld", upper, c_upper(w->arena, places->inputs[i]),
               (long long)type_elements(&g->inputs[i].type));
    for (int i = 0; i < g->output_count; i++)
        c_line(w, "#define %s_%s_SIZE %lld", upper, c_upper(w->arena, places->outputs[i]),
               (long long)type_elements(&g->outputs[i].node->type));
    if (h->classes)
        c_line(w, "#define %s_CLASSES %d", upper, h->class_count);
    c_blank(w);
}

static void print_functions(CWriter *w, const CHeader *h, const CPlaces *places)
{
    const char *upper = c_upper(w->arena, w->name);
    c_line(w, "#ifdef __cplusplus");
    c_line(w, "extern \"C\" {");
    c_line(w, "#endif");
    c_blank(w);
    if (h->classes)
        c_line(w, "extern const char *const %s_classes[%s_CLASSES];", w->name, upper);
    c_line(w,
           "// Reads its inputs and writes its outputs; the arena, %s_ARENA_BYTES aligned as "
           "floats are,",
           upper);
    c_line(w, "// is scratch: what is in it before and after means nothing.");
    c_line(w, "void %s_predict(void *arena, %s);", w->name,
           c_port_parameters(w->arena, h->plan->graph, places));
    c_blank(w);
    c_line(w, "#ifdef __cplusplus");
    c_line(w, "}");
    c_line(w, "#endif");
}

CSizes c_declarations(Arena *a, Text *out, const CHeader *h, const char *target)
{
    CWriter w = {.arena = a, .out = out, .name = c_identifier(a, h->model)};
    const char *upper = c_upper(a, w.name);
    const CPlaces places = c_places(a, w.name, h->plan->graph);
    const CSizes sizes = c_sizes(h->plan);
    print_head(&w, h, target, &sizes);
    c_line(&w, "#ifndef %s_H", upper);
    c_line(&w, "#define %s_H", upper);
    c_blank(&w);
    c_line(&w, "#include <stdbool.h>");
    c_line(&w, "#include <stdint.h>");
    c_blank(&w);
    print_sizes(&w, h, &places, &sizes);
    print_functions(&w, h, &places);
    c_line(&w, "#endif");
    return sizes;
}
