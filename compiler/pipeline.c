// pipeline.c -- the stages as straight-line calls: the architecture on one screen.
//
//   nnc_load         text -> tree -> definitions checked by name       syntax/, sema/
//   nnc_compile      model -> graph -> gradients -> updates -> passes  sema/, pass/
//   nnc_build        graph -> kernels -> executable                    kernel/, codegen/
//   nnc_initialize   initializers -> the variables' first values

#include "nnc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "codegen/interpret/interpret.h"
#include "measure.h"
#include "odd_ranges.h"
#include "real_layers.h"

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

static RawInput *take_raw_inputs(NncModel *m, Graph *g)
{
    RawInput *raw = arena_array(m->arena, RawInput, (size_t)g->input_count + 1);
    for (int i = 0; m->raw_input && i < g->input_count; i++) {
        raw[i] = (RawInput){.scale = 1};
        if (m->raw_input(m->raw_self, &g->inputs[i], &raw[i]))
            graph_take_raw_input(g, i, &raw[i]);
    }
    return raw;
}

static Graph *make_predict(NncModel *m, const PassOptions *passes)
{
    Graph *g = sema_predict(m->program);
    if (!g)
        return NULL;
    m->raw = take_raw_inputs(m, g);
    if (sema_train_spec(m->program)->quantize)
        quantize_aware_declare(g);
    passes_run(g, passes);
    m->graphs[NNC_FOLD] = graph_split_constants(g);
    return g;
}

static Graph *make_evaluate(NncModel *m, const PassOptions *passes)
{
    (void)passes;
    return sema_evaluate(m->program);
}

static Graph *make_finish(NncModel *m, const PassOptions *passes)
{
    (void)passes;
    return sema_finish(m->program);
}

// The passes come before the gradients too: those of stable forms are stable.
static Graph *differentiable_loss(NncModel *m, const PassOptions *passes, bool quantize)
{
    PassOptions before = *passes;
    before.differentiable = true;
    Graph *g = sema_train(m->program);
    if (!g)
        return NULL;
    take_raw_inputs(m, g);
    if (quantize)
        quantize_aware(g);
    passes_run(g, &before);
    return g;
}

static Graph *make_train(NncModel *m, const PassOptions *passes)
{
    Graph *g = differentiable_loss(m, passes, sema_train_spec(m->program)->quantize);
    if (!g)
        return NULL;
    const Gradients d = differentiate(m, g);
    if (!sema_optimize(m->program, g, d.parameters, d.gradients, d.count))
        return NULL;
    return g;
}

static Graph *make_gradient(NncModel *m, const PassOptions *passes)
{
    // straight-through gradients are none that differences could meet
    Graph *g = differentiable_loss(m, passes, false);
    if (!g)
        return NULL;
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
    Graph *(*make)(NncModel *m, const PassOptions *passes);
} purposes[NNC_PURPOSE_COUNT] = {
    [NNC_FOLD] = {"fold", NULL},  // made by predict's
    [NNC_PREDICT] = {"predict", make_predict},
    [NNC_EVALUATE] = {"evaluate", make_evaluate},
    [NNC_FINISH] = {"finish", make_finish},
    [NNC_TRAIN] = {"train", make_train},
    [NNC_INT8] = {"int8", NULL},  // made by nnc_quantize, as are those that watch
    [NNC_WATCH] = {"watch", NULL},
    [NNC_WATCH_INT8] = {"watch_int8", NULL},
    [NNC_GRADIENT] = {"gradient", make_gradient},
};

bool nnc_compile(NncModel *m, NncPurpose purpose, const NncOptions *o)
{
    Graph *g = purposes[purpose].make(m, &o->passes);
    if (diags_errors(m->session->diags) > 0)
        return false;
    if (g)
        passes_run(g, &o->passes);
    m->graphs[purpose] = g;
    return true;
}

// --- executables ------------------------------------------------------------------------------

static Jit *open_jit(NncModel *m, const NncOptions *o, const char **error)
{
    const JitOptions options = {.cache = o->cache, .compile_threads = o->compile_threads};
    if (!m->jit)
        m->jit = jit_open(m->arena, &options, error);
    return m->jit;
}

static Executable *start_jit(NncModel *m, const Graph *g, int64_t max_batch, const NncOptions *o,
                             const char **error)
{
    Jit *jit = open_jit(m, o, error);
    return jit ? jit_start(jit, m->arena, g, max_batch, error) : NULL;
}

static bool finish_jit(NncModel *m, Executable *x, const char **error)
{
    return jit_finish(m->jit, m->arena, x, error);
}

static Executable *start_interpreter(NncModel *m, const Graph *g, int64_t max_batch,
                                     const NncOptions *o, const char **error)
{
    (void)m, (void)o;
    Executable *x = interpret_new(g, max_batch, false);
    *error = x ? NULL : "out of memory";
    return x;
}

// The default first.
static const struct {
    const char *name;
    Executable *(*start)(NncModel *m, const Graph *g, int64_t max_batch, const NncOptions *o,
                         const char **error);
    bool (*finish)(NncModel *m, Executable *x, const char **error);  // NULL: it is finished
} engines[] = {
    {"jit", start_jit, finish_jit},
    {"interpret", start_interpreter, NULL},
};

enum { ENGINE_COUNT = sizeof engines / sizeof *engines };

const char *nnc_engine_name(int i)
{
    return i < ENGINE_COUNT ? engines[i].name : NULL;
}

static bool report_engine(NncModel *m, NncPurpose purpose, const char *error)
{
    diag_report(m->session->diags, DIAG_engine, NO_SPAN, purposes[purpose].name, error);
    return false;
}

static int engine_of(const NncOptions *o)
{
    int engine = 0;
    while (o->engine && strcmp(engines[engine].name, o->engine) != 0)
        engine++;
    return engine;
}

static void drop(NncModel *m, NncPurpose purpose)
{
    executable_free(m->executables[purpose]);
    m->executables[purpose] = NULL;
    m->started[purpose] = false;
}

static bool start(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o,
                  const char **error)
{
    drop(m, purpose);
    m->max_batch[purpose] = max_batch;
    m->executables[purpose] =
        engines[engine_of(o)].start(m, m->graphs[purpose], max_batch, o, error);
    m->started[purpose] = m->executables[purpose] != NULL;
    return m->started[purpose];
}

static bool finish(NncModel *m, NncPurpose purpose, const NncOptions *o, const char **error)
{
    const int engine = engine_of(o);
    m->started[purpose] = false;
    if (!engines[engine].finish || engines[engine].finish(m, m->executables[purpose], error))
        return true;
    drop(m, purpose);
    return false;
}

void nnc_start(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o)
{
    const char *error;  // nnc_build meets it again
    start(m, purpose, max_batch, o, &error);
}

// What was started for another batch is made anew: code differs by it.
static bool build(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o)
{
    const char *error = NULL;
    if (!m->started[purpose] && m->executables[purpose] && m->max_batch[purpose] >= max_batch)
        return true;
    const bool started = (m->started[purpose] && m->max_batch[purpose] == max_batch) ||
                         start(m, purpose, max_batch, o, &error);
    return (started && finish(m, purpose, o, &error)) || report_engine(m, purpose, error);
}

bool nnc_build(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o)
{
    const bool folded = (purpose == NNC_PREDICT || purpose == NNC_WATCH) && m->graphs[NNC_FOLD];
    return (!folded || build(m, NNC_FOLD, 1, o)) && build(m, purpose, max_batch, o);
}

void nnc_fold(NncModel *m, struct NnrtPool *pool)
{
    if (m->executables[NNC_FOLD])
        executable_run(m->executables[NNC_FOLD],
                       &(RunArgs){.variables = m->block, .batch = 1, .pool = pool});
}

// --- what was made, as text -------------------------------------------------------------------

static bool emit_ir(NncModel *m, const Graph *g, int64_t max_batch, Text *out, const char **error)
{
    (void)m, (void)max_batch, (void)error;
    graph_print(out, g);
    return true;
}

static bool emit_kernels(NncModel *m, const Graph *g, int64_t max_batch, Text *out,
                         const char **error)
{
    return measure_print(m, g, max_batch, out, error);
}

static bool emit_native(NncModel *m, const Graph *g, int64_t max_batch, JitText what, Text *out,
                        const char **error)
{
    Jit *jit = open_jit(m, &(NncOptions){0}, error);
    const char *text = jit ? jit_text(jit, m->arena, g, max_batch, what, error) : NULL;
    if (text)
        text_add(out, text);
    return text != NULL;
}

static bool emit_llvm(NncModel *m, const Graph *g, int64_t max_batch, Text *out, const char **error)
{
    return emit_native(m, g, max_batch, JIT_TEXT_LLVM, out, error);
}

static bool emit_asm(NncModel *m, const Graph *g, int64_t max_batch, Text *out, const char **error)
{
    return emit_native(m, g, max_batch, JIT_TEXT_ASM, out, error);
}

static const struct {
    const char *name;
    bool (*emit)(NncModel *m, const Graph *g, int64_t max_batch, Text *out, const char **error);
} stages[] = {
    {"ir", emit_ir},
    {"kernels", emit_kernels},
    {"llvm", emit_llvm},
    {"asm", emit_asm},
};

enum { STAGE_COUNT = sizeof stages / sizeof *stages };

const char *nnc_stage_name(int i)
{
    return i < STAGE_COUNT ? stages[i].name : NULL;
}

bool nnc_emit(NncModel *m, NncPurpose purpose, int stage, int64_t max_batch, Text *out)
{
    const char *error = NULL;
    return stages[stage].emit(m, m->graphs[purpose], max_batch, out, &error) ||
           report_engine(m, purpose, error);
}

// --- variables --------------------------------------------------------------------------------

// Linux promises more memory than there is, and kills later: ask first.
static bool fits_memory(size_t bytes)
{
    const size_t pages = (size_t)sysconf(_SC_PHYS_PAGES);
    return bytes / (size_t)sysconf(_SC_PAGESIZE) < pages;
}

// Of all the variables that there are by now, all bytes 0.
static void *new_block(NncModel *m)
{
    const size_t bytes = m->variables->bytes;
    void *block = fits_memory(bytes) ? nnrt_alloc_operands(bytes) : NULL;
    if (block)
        memset(block, 0, bytes);
    else
        diag_report(m->session->diags, DIAG_out_of_memory, NO_SPAN, bytes);
    return block;
}

bool nnc_initialize(NncModel *m, uint64_t seed)
{
    m->block = new_block(m);
    return m->block && interpret_init(m->variables, seed, m->block, false);
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
    if (m->jit)
        jit_close(m->jit);  // after the executables, whose code it owns
    free(m->block);
    m->jit = NULL;
    m->block = NULL;
    memset(m->executables, 0, sizeof m->executables);
}

// --- whole numbers ----------------------------------------------------------------------------

// Runs the watch graph over all calibration examples; `note` is shown each value.
static void watch_all(NncModel *m, const NncCalibration *c, void **values, Watched *watched,
                      void (*note)(Watched *, const float *, int64_t))
{
    const void *const *inputs;
    const Graph *g = m->graphs[NNC_WATCH];
    for (int64_t n; (n = c->next(c->self, &inputs)) > 0;) {
        executable_run(m->executables[NNC_WATCH], &(RunArgs){.variables = m->block,
                                                             .inputs = inputs,
                                                             .outputs = values,
                                                             .batch = n,
                                                             .pool = c->pool});
        for (int i = 0; i < g->output_count; i++) {
            const Type *t = &g->outputs[i].node->type;
            note(&watched[i], values[i], type_elements(t) * (type_batched(t) ? n : 1));
        }
    }
}

// The range that a training for whole numbers has left, if it was one.
static bool learned_range(const NncModel *m, QuantizedValue *v)
{
    if (v->low < 0)
        return false;
    const Variable *vs = m->variables->items;
    const char *block = m->block;
    const Range r = {(double)*(const float *)(block + vs[v->low].offset),
                     (double)*(const float *)(block + vs[v->high].offset)};
    v->range = r;
    return r.low < r.high;  // else nothing has been trained
}

// What the user gives is taken as it is, to its ends; those of a type, where it has some.
static bool known_range(const NncCalibration *c, QuantizedValue *v)
{
    const int input = quantized_input(v);
    if (input < 0 || !c->inputs)
        return false;
    v->range = c->inputs[input];
    return v->range.low < v->range.high;
}

static void count(Watched *w, const float *values, int64_t n)
{
    histogram_count(&w->histogram, values, n);
}

static Range found_range(const QuantizedValue *v, const Histogram *h, Calibration method)
{
    return histogram_range(h, quantized_input(v) >= 0 ? CALIBRATE_MIN_MAX : method);
}

static void find_ranges(NncModel *m, const NncCalibration *c)
{
    const Graph *g = m->graphs[NNC_WATCH];
    QuantizePlan *p = m->plan;
    Watched *w = arena_array(m->arena, Watched, (size_t)p->value_count + 1);
    void **values = arena_array(m->arena, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->output_count; i++) {
        const Type *t = &g->outputs[i].node->type;
        const size_t rows = type_batched(t) ? (size_t)c->batch : 1;
        values[i] = arena_array(m->arena, float, rows *(size_t)type_elements(t));
        histogram_clear(&w[i].histogram);
    }
    nnc_fold(m, c->pool);
    watch_all(m, c, values, w, watched_note);
    if (c->method != CALIBRATE_MIN_MAX)
        watch_all(m, c, values, w, count);
    for (int i = 0; i < p->value_count; i++) {
        QuantizedValue *v = &p->values[i];
        if (!v->ranged)
            continue;
        v->ends = w[v->output].histogram.ends;
        if (!known_range(c, v) && !learned_range(m, v))
            v->range = found_range(v, &w[v->output].histogram, c->method);
    }
    report_odd_ranges(m, w, c->method);
}

// The block with room for the new variables, and their values in it.
static bool store_quantized(NncModel *m, size_t bytes)
{
    uint8_t *block = new_block(m);
    if (!block)
        return false;
    memcpy(block, m->block, bytes);
    free(m->block);
    m->block = block;
    for (int i = 0; i < m->quantized.variable_count; i++) {
        const QuantizedVariable *q = &m->quantized.variables[i];
        const Variable *v = &m->variables->items[q->variable];
        memcpy(block + v->offset, q->data,
               (size_t)type_elements(&v->type) * dtype_size(v->type.dtype));
    }
    return true;
}

bool nnc_quantize(NncModel *m, const NncCalibration *c, const NncOptions *o)
{
    const size_t bytes = m->variables->bytes;
    const char *why;
    m->plan = quantize_plan(m->arena, m->graphs[NNC_PREDICT]);
    m->graphs[NNC_WATCH] = m->plan->watch;
    if (!nnc_build(m, NNC_WATCH, c->batch, o))
        return false;
    find_ranges(m, c);
    if (!quantize_build(m->plan, m->block, &m->quantized, &why)) {
        diag_report(m->session->diags, DIAG_quantize, NO_SPAN, why);
        return false;
    }
    m->graphs[NNC_INT8] = m->quantized.graph;
    if (m->raw_input)
        m->raw = take_raw_inputs(m, m->graphs[NNC_INT8]);
    m->graphs[NNC_WATCH_INT8] = m->quantized.watch;
    report_real_layers(m);
    return store_quantized(m, bytes);
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
