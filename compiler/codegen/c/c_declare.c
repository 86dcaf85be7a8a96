// c_declare.c -- what a header says before any code: the shapes of inputs and outputs, sizes,
// declarations; and the header that says no more, of a model whose code is an object file.

#include "codegen/c/c_parts.h"

// --- parts --------------------------------------------------------------------------------------

static void print_port(CWriter *w, const char *kind, const char *name, const Type *t)
{
    c_line(w, "//   %-7s %s: %s%s", kind, c_comment(w->arena, name),
           t->dtype == DTYPE_F32 ? "" : c_types[t->dtype].memory, c_shape(w->arena, t));
}

void c_describe_ports(Header *h)
{
    const Graph *g = h->plan->graph;
    for (int i = 0; i < g->input_count; i++)
        print_port(&h->w, "input", g->inputs[i].name, &g->inputs[i].type);
    for (int i = 0; i < g->output_count; i++)
        print_port(&h->w, "output", g->outputs[i].name, &g->outputs[i].node->type);
    c_line(&h->w, "//");
    if (h->from->exact)
        c_describe_whole(h);
    c_line(&h->w,
           "// Flash: %zu bytes of constants. RAM: an arena of %zu bytes, and the stack of a call.",
           h->sizes.flash, h->sizes.ram);
    if (h->from->train)
        c_line(&h->w,
               "// Learning: an arena of %zu bytes in its place, and %zu bytes of variables.",
               h->sizes.train_arena, h->sizes.variables);
}

static void print_size(Header *h, const char *port, const Type *t)
{
    c_line(&h->w, "#define %s_%s_SIZE %lld", h->upper, c_upper(h->w.arena, port),
           (long long)type_elements(t));
}

void c_declare_sizes(Header *h)
{
    CWriter *w = &h->w;
    const Graph *g = h->plan->graph;
    c_line(w, "#define %s_ARENA_BYTES %zu", h->upper, h->sizes.ram);
    c_line(w, "#define %s_ARENA_FLOATS %zu  // never 0, so that an array can have it", h->upper,
           h->sizes.ram ? h->sizes.ram / sizeof(float) : 1);
    c_line(w, "#define %s_CONSTANT_BYTES %zu", h->upper, h->sizes.flash);
    for (int i = 0; i < g->input_count; i++)
        print_size(h, h->places.inputs[i], &g->inputs[i].type);
    for (int i = 0; i < g->output_count; i++)
        print_size(h, h->places.outputs[i], &g->outputs[i].node->type);
    if (h->from->classes)
        c_line(w, "#define %s_CLASSES %d", h->upper, h->from->class_count);
    c_blank(w);
}

void c_declare_predict(Header *h)
{
    CWriter *w = &h->w;
    if (h->from->classes)
        c_line(w, "extern const char *const %s_classes[%s_CLASSES];", w->name, h->upper);
    c_line(w,
           "// Reads its inputs and writes its outputs; the arena, %s_ARENA_BYTES aligned as "
           "floats are,",
           h->upper);
    c_line(w, "// is scratch: what is in it before and after means nothing.");
    c_line(w, "void %s_predict(void *arena, %s);", w->name,
           c_port_parameters(w->arena, h->plan->graph, &h->places));
}

void c_begin_functions(CWriter *w)
{
    c_line(w, "#ifdef __cplusplus");
    c_line(w, "extern \"C\" {");
    c_line(w, "#endif");
    c_blank(w);
}

void c_end_functions(CWriter *w)
{
    c_blank(w);
    c_line(w, "#ifdef __cplusplus");
    c_line(w, "}");
    c_line(w, "#endif");
}

// --- of an object -------------------------------------------------------------------------------

static void print_head(Header *h, const char *target)
{
    CWriter *w = &h->w;
    c_line(w, "// %s -- a neural network; made by nnc %s from %s", w->name, NNC_VERSION,
           c_comment(w->arena, h->from->file));
    c_line(w, "//");
    c_line(w, "// " C_OBJECT_HEADER ", for %s.", target);
    c_line(w, "//");
    c_describe_ports(h);
    c_blank(w);
}

CSizes c_declarations(Arena *a, Text *out, const CHeader *from, const char *target)
{
    const char *name = c_identifier(a, from->model);
    Header h = {
        .w = {.arena = a, .out = out, .name = name},
        .from = from,
        .plan = from->plan,
        .upper = c_upper(a, name),
        .places = c_places(a, name, from->plan->graph),
        .sizes = c_sizes(from),
    };
    print_head(&h, target);
    c_line(&h.w, "#ifndef %s_H", h.upper);
    c_line(&h.w, "#define %s_H", h.upper);
    c_blank(&h.w);
    c_line(&h.w, "#include <stdbool.h>");
    c_line(&h.w, "#include <stdint.h>");
    c_blank(&h.w);
    c_declare_sizes(&h);
    c_begin_functions(&h.w);
    c_declare_predict(&h);
    if (from->whole)
        c_declare_whole(&h);
    c_end_functions(&h.w);
    c_line(&h.w, "#endif");
    return h.sizes;
}
