// c_whole.c -- a model of whole numbers from end to end: i8 in, i8 out, no float between but where
// a layer stays f32.

#include "codegen/c/c_parts.h"

static void describe_end(Header *h, const char *name, const CEnd *e)
{
    CWriter *w = &h->w;
    if (e->whole)
        c_line(w, "//   %s = %.9g * (q - %d)%s", c_comment(w->arena, name), e->scale, e->zero,
               e->note ? e->note : "");
}

static void describe_ends(Header *h)
{
    CWriter *w = &h->w;
    const Graph *g = h->from->whole->graph;
    c_line(w, "// %s_predict_i8 takes and gives them%s; q, from -128 to 127, stands for", w->name,
           h->from->mixed ? "" : ", and needs no float at all");
    for (int i = 0; i < g->input_count; i++)
        describe_end(h, g->inputs[i].name, &h->from->inputs[i]);
    for (int i = 0; i < g->output_count; i++)
        describe_end(h, g->outputs[i].name, &h->from->outputs[i]);
}

void c_describe_whole(Header *h)
{
    CWriter *w = &h->w;
    c_line(w, "// It computes in whole numbers%s.",
           h->from->mixed ? ", but for layers that have no such form and stay f32" : "");
    if (h->from->whole)
        describe_ends(h);
    else
        c_line(w, "// There is no %s_predict_i8: the first or the last layer takes or gives f32.",
               w->name);
    c_line(w, "//");
}

static void print_scale(Header *h, const char *name, const CEnd *e)
{
    CWriter *w = &h->w;
    const char *upper = c_upper(w->arena, name);
    if (!e->whole)
        return;
    c_line(w, "#define %s_%s_SCALE %s", h->upper, upper, c_float(w->arena, (float)e->scale));
    c_line(w, "#define %s_%s_ZERO (%d)", h->upper, upper, e->zero);
}

void c_declare_whole(Header *h)
{
    CWriter *w = &h->w;
    const Graph *g = h->from->whole->graph;
    c_blank(w);
    c_line(w, "// --- in whole numbers: real = SCALE * (q - ZERO)");
    c_blank(w);
    for (int i = 0; i < g->input_count; i++)
        print_scale(h, h->places.inputs[i], &h->from->inputs[i]);
    for (int i = 0; i < g->output_count; i++)
        print_scale(h, h->places.outputs[i], &h->from->outputs[i]);
    c_line(w, "#define %s_I8_ARENA_BYTES %zu", h->upper, h->from->whole->arena_bytes);
    c_line(w, "void %s_predict_i8(void *arena, %s);", w->name,
           c_port_parameters(w->arena, g, &h->places));
}

void c_print_whole(Header *h)
{
    CWriter *w = &h->w;
    const Plan *p = h->from->whole;
    Text calls = text_in(w->arena);
    const bool trace = w->trace;
    w->trace = false;
    c_blank(w);
    c_program(w, p, &h->places, &calls);
    w->trace = trace;
    c_line(w, "void %s_predict_i8(void *arena, %s)", w->name,
           c_port_parameters(w->arena, p->graph, &h->places));
    c_line(w, "{");
    c_line(w, p->arena_bytes ? "    float *const a = (float *)arena;" : "    (void)arena;");
    text_add(w->out, text_str(&calls));
    c_line(w, "}");
}
