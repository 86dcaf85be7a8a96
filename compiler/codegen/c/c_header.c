// c_header.c -- the header as a whole: what it is, what it wants, the constants, the functions.

#include "codegen/c/c_header.h"

#include <string.h>

#include "codegen/c/c_kit.h"
#include "codegen/c/c_parts.h"

Plan *c_plan(Arena *a, const Graph *g, int64_t batch)
{
    return plan_new_compact(a, g, batch, true);
}

// --- the head -----------------------------------------------------------------------------------

static const char *signature(Header *h)
{
    return c_port_parameters(h->w.arena, h->plan->graph, &h->places);
}

static void print_head(Header *h)
{
    CWriter *w = &h->w;
    const CHeader *f = h->from;
    c_line(w, "// %s -- a neural network; made by nnc %s from %s", h->w.name, NNC_VERSION,
           c_comment(w->arena, f->file));
    c_line(w, "//");
    for (int i = 0; i < f->summary_count; i++)
        c_line(w, "// %s", c_comment(w->arena, f->summary[i]));
    c_line(w, "//");
    c_describe_ports(h);
    c_line(w, "//");
    c_line(w, "// In one C or C++ file of a program:");
    c_line(w, "//     #define %s_IMPLEMENTATION", h->upper);
    c_line(w, "//     #include \"%s\"", c_comment(w->arena, f->header));
    c_line(w, "// in all others the second line alone. Then:");
    c_line(w, "//     static float arena[%s_ARENA_FLOATS];", h->upper);
    c_line(w, "//     %s_predict(arena, ...);", w->name);
    c_line(w,
           "// or, with %s_STATIC_ARENA defined before the implementation, %s_predict_static(...).",
           h->upper, w->name);
    c_line(w, "// Nothing is allocated, nothing but the arena and the outputs is written.");
    c_blank(w);
}

static void print_declarations(Header *h)
{
    CWriter *w = &h->w;
    c_begin_functions(w);
    c_declare_predict(h);
    c_line(w, "#ifdef %s_STATIC_ARENA", h->upper);
    c_line(w, "void %s_predict_static(%s);", w->name, signature(h));
    c_line(w, "#endif");
    if (h->from->whole)
        c_declare_whole(h);
    if (h->from->stream)
        c_declare_stream(h);
    if (h->from->train)
        c_declare_training(h);
    c_end_functions(w);
    c_line(w, "#endif");
    c_blank(w);
}

// --- constants ----------------------------------------------------------------------------------

static void print_number(Header *h, DType dtype, const void *values, int64_t i)
{
    Text *out = h->w.out;
    if (dtype == DTYPE_F32)
        c_add_float(out, ((const float *)values)[i]);
    else if (dtype == DTYPE_I32)
        text_addf(out, "%d", (int)((const int32_t *)values)[i]);
    else if (dtype == DTYPE_I8)
        text_addf(out, "%d", ((const int8_t *)values)[i]);
    else
        text_addf(out, "%d", ((const uint8_t *)values)[i]);
}

// A block's words are read in twos.
static const char *alignment_of(const Header *h, const CLayout *layout)
{
    return layout && layout->blocks ? arena_printf(h->w.arena, "%s_ALIGNED ", h->w.name) : "";
}

enum { NUMBERS_A_LINE = 8 };

void c_print_constant(Header *h, int variable)
{
    if (h->printed[variable])
        return;
    h->printed[variable] = true;
    CWriter *w = &h->w;
    const Variable *v = &h->plan->graph->variables->items[variable];
    const CLayout *layout = h->from->layout ? &h->from->layout[variable] : NULL;
    const int64_t count = c_place_count(layout, &v->type);
    const void *values = (const char *)h->from->block + v->offset;
    c_line(w, "// %s %s", c_comment(w->arena, v->path), c_shape(w->arena, &v->type));
    c_line(w, "static const %s%s %s[%lld] = {", alignment_of(h, layout),
           c_types[v->type.dtype].memory, h->places.variables[variable], (long long)count);
    for (int64_t i = 0; i < count; i++) {
        text_add(w->out, i % NUMBERS_A_LINE ? " " : "    ");
        const int64_t place = c_place_in(layout, &v->type, i);
        if (place < 0)
            text_add(w->out, "0");
        else
            print_number(h, v->type.dtype, values, place);
        text_add(w->out, i + 1 == count                             ? "\n"
                         : i % NUMBERS_A_LINE == NUMBERS_A_LINE - 1 ? ",\n"
                                                                    : ",");
    }
    c_line(w, "};");
    c_blank(w);
}

// Those of predict, which all functions share.
static void mark_constants(Header *h, bool printed)
{
    for (int i = 0; i < h->plan->buffer_count; i++)
        if (h->plan->buffers[i].kind == BUFFER_VARIABLE)
            h->printed[h->plan->buffers[i].index] = printed;
}

static void print_constants(Header *h)
{
    for (int i = 0; i < h->plan->buffer_count; i++)
        if (h->plan->buffers[i].kind == BUFFER_VARIABLE)
            c_print_constant(h, h->plan->buffers[i].index);
}

// With the zeros that fill its blocks.
size_t c_flash_bytes(const CHeader *from, int variable)
{
    const Type *t = &from->plan->graph->variables->items[variable].type;
    const CLayout *layout = from->layout ? &from->layout[variable] : NULL;
    const bool there = c_uses(from->plan, variable) || (from->train && c_starts(from, variable));
    return there ? (size_t)c_place_count(layout, t) * dtype_size(t->dtype) : 0;
}

CSizes c_sizes(const CHeader *from)
{
    const Plan *p = from->plan;
    CSizes s = {.ram = p->arena_bytes};
    for (int i = 0; i < p->graph->variables->count; i++)
        s.flash += c_flash_bytes(from, i);
    if (from->train)
        c_training_sizes(from, &s);
    return s;
}

static void print_classes(Header *h)
{
    CWriter *w = &h->w;
    if (!h->from->classes)
        return;
    c_line(w, "const char *const %s_classes[%s_CLASSES] = {", w->name, h->upper);
    for (int i = 0; i < h->from->class_count; i++)
        c_line(w, "    %s,", c_string(w->arena, h->from->classes[i]));
    c_line(w, "};");
    c_blank(w);
}

// --- functions ----------------------------------------------------------------------------------

static void print_predict(Header *h, const Text *calls)
{
    CWriter *w = &h->w;
    c_line(w, "void %s_predict(void *arena, %s)", w->name, signature(h));
    c_line(w, "{");
    if (h->sizes.ram)
        c_line(w, "    float *const a = (float *)arena;");
    else
        c_line(w, "    (void)arena;");
    text_add(w->out, text_str(calls));
    c_line(w, "}");
    c_blank(w);
    c_line(w, "#ifdef %s_STATIC_ARENA", h->upper);
    c_line(w, "void %s_predict_static(%s)", w->name, signature(h));
    c_line(w, "{");
    c_line(w, "    static float arena[%s_ARENA_FLOATS];", h->upper);
    c_line(w, "    %s_predict(arena, %s);", w->name,
           c_port_names(w->arena, h->plan->graph, &h->places));
    c_line(w, "}");
    c_line(w, "#endif");
}

static void print_macros(Header *h)
{
    CWriter *w = &h->w;
    c_line(w, "#ifdef __cplusplus");
    c_line(w, "#define %s_RESTRICT __restrict", h->upper);
    c_line(w, "#else");
    c_line(w, "#define %s_RESTRICT restrict", h->upper);
    c_line(w, "#endif");
    c_line(w, "// GCC would unroll these loops first, and then find no vectors in what is left.");
    c_line(w, "#if defined __GNUC__ && __GNUC__ >= 8 && !defined __clang__");
    c_line(w, "#define %s_ROLLED _Pragma(\"GCC unroll 1\")", h->upper);
    c_line(w, "#else");
    c_line(w, "#define %s_ROLLED", h->upper);
    c_line(w, "#endif");
    c_line(w, "#ifdef __GNUC__");
    c_line(w, "#define %s_ALWAYS __attribute__((always_inline))", h->w.name);
    c_line(w, "#else");
    c_line(w, "#define %s_ALWAYS", h->w.name);
    c_line(w, "#endif");
    if (c_uses_vectors(w))
        c_vector_macros(w);
    if (h->from->exact)
        c_kit_macros(w);
    c_blank(w);
}

// All functions. They come first, to know what stands before them in the header.
static Text functions_of(Header *h)
{
    CWriter *w = &h->w;
    Text functions = text_in(w->arena), calls = text_in(w->arena), *out = w->out;
    w->out = &functions;
    mark_constants(h, true);
    c_program(w, h->plan, &h->places, &calls);
    print_predict(h, &calls);
    if (h->from->whole)
        c_print_whole(h);
    if (h->from->stream)
        c_print_stream(h);
    if (h->from->train)
        c_print_training(h);
    mark_constants(h, false);
    w->out = out;
    return functions;
}

static void print_implementation(Header *h)
{
    CWriter *w = &h->w;
    c_line(w, "#if defined %s_IMPLEMENTATION && !defined %s_IMPLEMENTED", h->upper, h->upper);
    c_line(w, "#define %s_IMPLEMENTED", h->upper);
    c_line(w, "#include <math.h>");
    c_line(w, "#include <stdbool.h>");
    if (h->from->train)
        c_line(w, "#include <string.h>");
    c_blank(w);
    const Text functions = functions_of(h);
    print_macros(h);
    c_begin_functions(w);
    print_classes(h);
    print_constants(h);
    c_print_helpers(w);
    c_vector_kit(w);
    text_add(w->out, text_str(&functions));
    c_end_functions(w);
    c_line(w, "#undef %s_RESTRICT", h->upper);
    c_line(w, "#undef %s_ROLLED", h->upper);
    c_line(w, "#undef %s_ALWAYS", w->name);
    if (c_uses_vectors(w))
        c_vector_forget(w);
    if (h->from->exact)
        c_kit_forget(w);
    c_line(w, "#endif");
}

// --- the whole ----------------------------------------------------------------------------------

static int64_t most_elements(const Plan *p)
{
    int64_t most = 0;
    for (int i = 0; p && i < p->buffer_count; i++) {
        const int64_t n = type_elements(&p->buffers[i].type) * p->max_batch;
        most = n > most ? n : most;
    }
    return most;
}

// The smallest type that counts the elements of every buffer, to spare narrow machines.
static const char *index_type(const CHeader *from)
{
    const int64_t predict = most_elements(from->plan), train = most_elements(from->train);
    const int64_t most = predict > train ? predict : train;
    return most <= INT16_MAX ? "int" : most <= INT32_MAX ? "int32_t" : "int64_t";
}

CSizes c_header(Arena *a, Text *out, const CHeader *from)
{
    const Plan *p = from->plan;
    const char *name = c_identifier(a, from->model);
    Header h = {
        .w = {.arena = a,
              .out = out,
              .name = name,
              .index = index_type(from),
              .batch = 1,
              .run = {.seed = from->seed},
              .exact = from->exact,
              .trace = from->trace},
        .from = from,
        .plan = p,
        .upper = c_upper(a, name),
        .places = c_places(a, name, p->graph),
        .sizes = c_sizes(from),
        .printed = arena_array(a, bool, (size_t)p->graph->variables->count + 1),
    };
    print_head(&h);
    c_line(&h.w, "#ifndef %s_H", h.upper);
    c_line(&h.w, "#define %s_H", h.upper);
    c_blank(&h.w);
    c_line(&h.w, "#include <stdint.h>");
    c_blank(&h.w);
    c_declare_sizes(&h);
    print_declarations(&h);
    print_implementation(&h);
    return h.sizes;
}
