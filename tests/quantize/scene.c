// scene.c -- see scene.h.

#include "quantize/scene.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

static const NncOptions no_options = {.passes = {.verify = true}};

static int64_t count_of(const Type *t)
{
    return type_elements(t) * (type_batched(t) ? SCENE_BATCH : 1);
}

// f32 of normal-like size, and classes 0 to 3.
static const void *make_input(Scene *s, const Type *t, uint32_t stream)
{
    const int64_t count = count_of(t);
    float *f = arena_array(s->m.arena, float, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t r = nnrt_random_u32(5, stream, 0, (uint64_t)i);
        f[i] = (float)((double)r / 0x1p31 - 1);
        if (t->dtype == DTYPE_I32)
            ((int32_t *)f)[i] = (int32_t)(r % 4);
    }
    return f;
}

static void prepare(Scene *s, const char *text)
{
    Session *session = s->m.session;
    if (!nnc_compile(&s->m, NNC_PREDICT, &no_options))
        diags_print(session->diags, stderr, false);
    cr_assert_not_null(s->m.graphs[NNC_PREDICT], "%s", text);
    cr_assert(nnc_initialize(&s->m, 1));
    const Graph *g = s->m.graphs[NNC_PREDICT];
    s->inputs = arena_array(s->m.arena, const void *, (size_t)g->input_count);
    for (int i = 0; i < g->input_count; i++)
        s->inputs[i] = make_input(s, &g->inputs[i].type, (uint32_t)i);
}

Scene scene_new(const char *text)
{
    Session *session = session_new();
    Scene s = {.m = {.session = session, .arena = arena_new(&session->guard)}};
    const char *whole = arena_printf(s.m.arena, "model m {\n%s\n}\n", text);
    s.m.program = sema_load_text(session, s.m.arena, "m.nn", whole, strlen(whole), ".");
    cr_assert_not_null(s.m.program);
    s.m.variables = sema_variables(s.m.program);
    prepare(&s, text);
    return s;
}

Scene scene_load(const char *example)
{
    Session *session = session_new();
    Scene s = {.m = {.session = session, .arena = arena_new(&session->guard)}};
    cr_assert(nnc_load(&s.m, arena_printf(s.m.arena, "%s/examples/%s", SOURCE_DIR, example)));
    prepare(&s, example);
    return s;
}

void scene_free(Scene *s)
{
    Session *session = s->m.session;
    nnc_close(&s->m);
    arena_free(s->m.arena);
    session_free(session);
}

float *scene_weights(const Scene *s, const char *path, int64_t *count)
{
    const Variables *vs = s->m.variables;
    for (int i = 0; i < vs->count; i++)
        if (strcmp(vs->items[i].path, path) == 0) {
            *count = type_elements(&vs->items[i].type);
            return (float *)((char *)s->m.block + vs->items[i].offset);
        }
    cr_assert_fail("no variable %s", path);
    return NULL;
}

static int64_t next(void *self, const void *const **inputs)
{
    Scene *s = self;
    *inputs = s->inputs;
    s->fed = !s->fed;
    return s->fed ? SCENE_BATCH : 0;
}

NncCalibration scene_calibration(Scene *s, Calibration method)
{
    return (NncCalibration){.method = method, .batch = SCENE_BATCH, .next = next, .self = s};
}

bool scene_quantize(Scene *s, Calibration method)
{
    const NncCalibration c = scene_calibration(s, method);
    if (!nnc_quantize(&s->m, &c, &no_options))
        return false;
    const Graph *graphs[] = {s->m.graphs[NNC_INT8], s->m.graphs[NNC_WATCH_INT8]};
    for (int i = 0; i < 2; i++) {
        const char *wrong = graph_verify(graphs[i], s->m.arena);
        cr_assert_null(wrong, "%s", wrong);
    }
    return true;
}

int64_t scene_output_count(const Scene *s)
{
    return count_of(&s->m.graphs[NNC_PREDICT]->outputs[0].node->type);
}

static float *run(Scene *s, Executable *x)
{
    const int64_t count = scene_output_count(s);
    float *y = arena_array(s->m.arena, float, (size_t)count);
    executable_run(x, &(RunArgs){.variables = s->m.block,
                                 .inputs = s->inputs,
                                 .outputs = (void *[]){y},
                                 .batch = SCENE_BATCH});
    return y;
}

float *scene_run(Scene *s, NncPurpose purpose)
{
    cr_assert(nnc_build(&s->m, purpose, SCENE_BATCH, &no_options));
    nnc_fold(&s->m, NULL);
    return run(s, s->m.executables[purpose]);
}

float *scene_run_by(Scene *s, const Graph *g, int vector_width)
{
    const char *error = NULL;
    Jit *jit = NULL;
    Executable *x = NULL;
    if (vector_width == 0) {
        x = interpret_new(g, SCENE_BATCH, false);
    } else {
        jit = jit_open(s->m.arena, &(JitOptions){.vector_width = vector_width}, &error);
        x = jit ? jit_compile(jit, s->m.arena, g, SCENE_BATCH, &error) : NULL;
    }
    cr_assert_not_null(x, "%s", error);
    float *y = run(s, x);
    executable_free(x);
    if (jit)
        jit_close(jit);
    return y;
}
