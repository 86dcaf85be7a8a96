// c_stream.c -- a recurrent model that is fed step by step: its state is a struct of the caller's.

#include "codegen/c/c_parts.h"

typedef struct Streaming {
    Header *h;
    const Plan *plan;
    CPlaces places;
    int inputs, outputs;  // of the model; those after them are states
} Streaming;

static Streaming streaming_of(Header *h)
{
    Arena *a = h->w.arena;
    const CHeader *from = h->from;
    const Graph *g = from->stream->graph;
    Streaming s = {.h = h,
                   .plan = from->stream,
                   .inputs = g->input_count - from->state_count,
                   .outputs = g->output_count - from->state_count};
    const CPlaces named = c_places(a, h->w.name, g);
    const char **inputs = arena_array(a, const char *, (size_t)g->input_count + 1);
    const char **outputs = arena_array(a, const char *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = i < s.inputs ? named.inputs[i] : arena_printf(a, "s->state_%d", i - s.inputs);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] =
            i < s.outputs ? named.outputs[i] : arena_printf(a, "s->state_%d", i - s.outputs);
    s.places = (CPlaces){named.arena, h->places.variables, inputs, outputs};
    return s;
}

static const char *step_parameters(const Streaming *s)
{
    Graph own = *s->plan->graph;
    own.input_count = s->inputs;
    own.output_count = s->outputs;
    return c_port_parameters(s->h->w.arena, &own, &s->places);
}

// Of one step: what NAME_..._SIZE says is of the whole sequence.
static void print_step_size(Header *h, const char *port, const Type *t)
{
    c_line(&h->w, "#define %s_%s_PER_STEP %lld", h->upper, c_upper(h->w.arena, port),
           (long long)type_elements(t));
}

void c_declare_stream(Header *h)
{
    const Streaming s = streaming_of(h);
    const Graph *g = s.plan->graph;
    CWriter *w = &h->w;
    c_blank(w);
    c_line(w, "// --- step by step: the input is one step of %s's, the output what the model says",
           w->name);
    c_line(w,
           "// after it, as if the steps so far were all. A program that calls nothing else needs");
    c_line(w, "// this arena and the struct, not %s_ARENA_BYTES.", h->upper);
    c_blank(w);
    c_line(w, "#define %s_STREAM_ARENA_BYTES %zu", h->upper, s.plan->arena_bytes);
    c_line(w, "#define %s_STREAM_ARENA_FLOATS %zu", h->upper,
           s.plan->arena_bytes ? s.plan->arena_bytes / sizeof(float) : 1);
    for (int i = 0; i < s.inputs; i++)
        print_step_size(h, h->places.inputs[i], &g->inputs[i].type);
    for (int i = 0; i < s.outputs; i++)
        print_step_size(h, h->places.outputs[i], &g->outputs[i].node->type);
    c_blank(w);
    c_open(w, "typedef struct %s_stream", w->name);
    for (int i = s.inputs; i < g->input_count; i++)
        c_line(w, "%s state_%d[%lld];  // %s", c_types[g->inputs[i].type.dtype].memory,
               i - s.inputs, (long long)type_elements(&g->inputs[i].type),
               c_shape(w->arena, &g->inputs[i].type));
    w->indent--;
    c_line(w, "} %s_stream;", w->name);
    c_blank(w);
    c_line(w, "void %s_stream_start(%s_stream *s);", w->name, w->name);
    c_line(w, "void %s_stream_step(void *arena, %s_stream *s, %s);", w->name, w->name,
           step_parameters(&s));
}

static void print_start(const Streaming *s)
{
    CWriter *w = &s->h->w;
    const Graph *g = s->plan->graph;
    c_line(w, "void %s_stream_start(%s_stream *s)", w->name, w->name);
    c_line(w, "{");
    w->indent++;
    for (int i = s->inputs; i < g->input_count; i++) {
        const Type *t = &g->inputs[i].type;
        const int state = i - s->inputs;
        c_open(w, "for (%s i = 0; i < %lld; ++i)", w->index, (long long)type_elements(t));
        c_line(w, "s->state_%d[i] = %s;", state,
               c_constant(w, t->dtype, s->h->from->states[state].first).text);
        c_close(w);
    }
    c_close(w);
    c_blank(w);
}

void c_print_stream(Header *h)
{
    const Streaming s = streaming_of(h);
    CWriter *w = &h->w;
    Text calls = text_in(w->arena);
    c_blank(w);
    for (int i = 0; i < s.plan->buffer_count; i++)
        if (s.plan->buffers[i].kind == BUFFER_VARIABLE)
            c_print_constant(h, s.plan->buffers[i].index);
    c_program(w, s.plan, &s.places, &calls);
    print_start(&s);
    c_line(w, "void %s_stream_step(void *arena, %s_stream *s, %s)", w->name, w->name,
           step_parameters(&s));
    c_line(w, "{");
    c_line(w, s.plan->arena_bytes ? "    float *const a = (float *)arena;" : "    (void)arena;");
    text_add(w->out, text_str(&calls));
    c_line(w, "}");
}
