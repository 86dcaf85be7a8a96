// deploy.c -- nnc MODEL.nn --emit-c OUT.h: the trained model as a C99 header.

#include "driver/deploy.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/evaluate.h"
#include "driver/layers.h"
#include "driver/made_up.h"
#include "driver/not_finite.h"
#include "driver/quantize.h"
#include "driver/sources.h"
#include "driver/table.h"
#include "driver/weights.h"
#include "file.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// --- what the header says -----------------------------------------------------------------------

enum { CALL_CELLS = 60 };  // a header is as wide as it likes, within reason

static void add_parameters(Job *j, Table *t, const char *layer)
{
    const LayerTotals of = layer_totals(&j->model, layer);
    const int64_t n = of.parameters + of.frozen;
    table_cell(t, "%s", n > 0 ? grouped(j->model.arena, n) : "");
}

static void add_layer(Job *j, Table *t, const LayerRow *row)
{
    Arena *a = j->model.arena;
    table_cell(t, "%s", row->path);
    table_cell(t, "%s", layer_call(a, row->call, CALL_CELLS));
    table_cell(t, "%s", c_shape(a, &row->output));
    add_parameters(j, t, row->path);
}

static const char *const *summary_lines(Job *j, int *count)
{
    static const char *const heads[] = {"layer", "", "output", "parameters"};
    Table *t = table_new(j->model.arena, "lllr");
    int rows;
    const LayerRow *layers = sema_layers(j->model.program, &rows);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_cell(t, "%s", heads[i]);
    table_rule(t);
    for (int i = 0; i < rows; i++)
        if (layers[i].depth == 0)
            add_layer(j, t, &layers[i]);
    table_rule(t);
    table_cell(t, "all");
    table_cell(t, "%s", "");
    table_cell(t, "%s", "");
    add_parameters(j, t, NULL);
    return table_lines(t, count);
}

static const char *const *classes_of(Job *j, const NnrtTensorFile *file, int *count)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const Type *y = &g->outputs[0].node->type;
    const char *const *classes = weights_texts(j, file, "classes", count);
    const bool fits = g->output_count == 1 && y->rank > 0 && y->dims[y->rank - 1] == *count;
    return classes && *count > 0 && fits ? classes : NULL;
}

static void describe_training(Job *j, CHeader *h)
{
    Arena *a = j->model.arena;
    h->batch = j->train.batch_size;
    h->train = c_plan(a, j->model.graphs[NNC_TRAIN], h->batch);
    h->fold = j->model.graphs[NNC_FOLD] ? c_plan(a, j->model.graphs[NNC_FOLD], 1) : NULL;
}

static void describe_stream(Job *j, CHeader *h, const Graph *g)
{
    Arena *a = j->model.arena;
    Stream s;
    if (!graph_stream(g, &s))
        return;
    CState *states = arena_array(a, CState, (size_t)s.count + 1);
    for (int i = 0; i < s.count; i++)
        states[i].first = s.states[i].first;
    h->stream = c_plan(a, s.graph, 1);
    h->states = states;
    h->state_count = s.count;
}

// --- whole numbers ------------------------------------------------------------------------------

static CEnd end_of(const QuantizedEnd *e)
{
    return (CEnd){.whole = e->whole, .scale = e->scale.step, .zero = e->scale.zero};
}

// In units of the raw input, if it is not normalized besides.
static CEnd input_end(Job *j, const QuantizedEnd *e, const RawInput *raw)
{
    CEnd end = end_of(e);
    if (raw->features > 0)
        end.note = arena_printf(j->model.arena, ", of (x * %.9g - mean) / deviation", raw->scale);
    else
        end.scale /= raw->scale;
    if (!end.note && end.scale == 1 && end.zero == -128)
        end.note = ": a byte less 128";
    return end;
}

static void describe_whole(Job *j, Deployment *d)
{
    Arena *a = j->model.arena;
    CHeader *h = &d->header;
    const Graph *g = j->model.graphs[NNC_INT8];
    QuantizedCore core;
    h->exact = true;
    h->mixed = j->model.plan->real_count > 0;
    if (!quantize_core(j->model.plan, g, &core))
        return;
    CEnd *inputs = arena_array(a, CEnd, (size_t)g->input_count + 1);
    CEnd *outputs = arena_array(a, CEnd, (size_t)g->output_count + 1);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = input_end(j, &core.inputs[i], &j->model.raw[i]);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = end_of(&core.outputs[i]);
    d->whole = core.graph;
    h->whole = c_plan(a, core.graph, 1);
    h->inputs = inputs;
    h->outputs = outputs;
}

static void lay_out(Job *j, CHeader *h)
{
    Plan *const all[] = {h->plan, h->whole, h->stream};
    Plan *plans[3];
    int count = 0;
    for (int i = 0; i < 3; i++)
        if (all[i])
            plans[count++] = all[i];
    CLayout *layout =
        arena_array(j->model.arena, CLayout, (size_t)h->plan->graph->variables->count + 1);
    c_lay_out(plans, count, layout);
    h->layout = layout;
}

static void describe(Job *j, Deployment *d)
{
    const Options *o = j->options;
    d->header = (CHeader){
        .model = sema_model_name(j->model.program),
        .file = base_name(o->file),
        .header = o->argument && strcmp(o->argument, "-") != 0 ? base_name(o->argument) : "model.h",
        .plan = c_plan(j->model.arena, j->model.graphs[d->purpose], 1),
        .block = j->model.block,
        .seed = j->train.seed,
    };
    describe_stream(j, &d->header, j->model.graphs[d->purpose]);
    if (d->purpose == NNC_INT8) {
        describe_whole(j, d);
        if (!emits_object(o))  // whose weights stand as they were
            lay_out(j, &d->header);
    }
    if (o->with_training)
        describe_training(j, &d->header);
    d->header.classes = classes_of(j, &d->weights, &d->header.class_count);
    d->header.summary = summary_lines(j, &d->header.summary_count);
}

// --- raw inputs ---------------------------------------------------------------------------------

// The source of an input, where each has one of its own.
static const Value *source_of(const DataSpec *spec, const char *input)
{
    const Value *train = spec->train;
    if (!train || train->kind == VALUE_CALL)
        return train;
    for (int i = 0; i < train->count; i++)
        if (train->items[i].name && strcmp(train->items[i].name, input) == 0)
            return train->items[i].value;
    return NULL;
}

typedef struct RawInputs {
    Job *job;
    const NnrtTensorFile *weights;
} RawInputs;

// A weights file of a model whose data block says nothing of normalizing has no statistics.
static bool raw_input(void *self, const Port *input, RawInput *raw)
{
    const RawInputs *r = self;
    const DataSpec *spec = sema_data_spec(r->job->model.program);
    const char *name = input->name;
    const float *mean;
    const float *std;
    if (is_target(name) && !spec->target)
        return false;
    if (is_target(name))
        name = r->job->model.graphs[NNC_PREDICT]->inputs[0].name;  // `target = input`
    raw->scale = (double)(float)source_scale(source_of(spec, name));
    raw->features = weights_statistics(r->job, r->weights, name, &mean, &std);
    return raw->scale != 1 || raw->features > 0;
}

static void fill(Job *j, int variable, const float *values, int64_t features, bool invert)
{
    const Variable *v = &j->model.variables->items[variable];
    float *to = (float *)((char *)j->model.block + v->offset);
    for (int64_t i = 0; i < type_elements(&v->type); i++)
        to[i] = invert ? 1 / values[i % features] : values[i % features];
}

static void set_statistic(Job *j, const NnrtTensorFile *file, const char *input,
                          const char *statistics_of)
{
    Arena *a = j->model.arena;
    const float *mean;
    const float *std;
    const int64_t features = weights_statistics(j, file, statistics_of, &mean, &std);
    const Name path = intern(j->session->names, arena_printf(a, "input %s.mean", input));
    const Name inverse = intern(j->session->names, arena_printf(a, "input %s.inverse", input));
    if (features == 0 || variables_find(j->model.variables, path) < 0)
        return;
    fill(j, variables_find(j->model.variables, path), mean, features, false);
    fill(j, variables_find(j->model.variables, inverse), std, features, true);
}

// For every input, and for targets that are inputs.
static void set_statistics(Job *j, const NnrtTensorFile *file)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    for (int i = 0; i < g->input_count; i++)
        set_statistic(j, file, g->inputs[i].name, g->inputs[i].name);
    set_statistic(j, file, "target", g->inputs[0].name);
}

// --- the weights --------------------------------------------------------------------------------

// Runs an example that is made up: a header whose outputs overflow would be of no use.
static void try_weights(Job *j)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    void **inputs = made_up_inputs(j, NNC_PREDICT, 1),
         **outputs = output_buffers(j->model.arena, g, 1);
    const RunArgs args = {.variables = j->model.block,
                          .inputs = (const void *const *)inputs,
                          .outputs = outputs,
                          .batch = 1,
                          .seed = j->train.seed,
                          .validation_loss = INFINITY,
                          .pool = j->pool};
    executable_run(j->model.executables[NNC_PREDICT], &args);
    warn_not_finite(j, args.inputs, (const void *const *)outputs, 1);
}

// And what follows from them alone.
static bool load_weights(Job *j, const NnrtTensorFile *file)
{
    if (!weights_apply(j, job_weights_path(j), file) ||
        !nnc_build(&j->model, NNC_PREDICT, 1, &j->nnc))
        return false;
    set_statistics(j, file);
    nnc_fold(&j->model, j->pool);
    if (!weights_finite(j, job_weights_path(j)))
        return false;
    try_weights(j);
    return true;
}

static void take_raw_inputs(Job *j, RawInputs *raw)
{
    j->model.raw_input = raw_input;
    j->model.raw_self = raw;
}

// The ranges and the weights are those of --eval and --predict, so the conversion of raw inputs
// comes when both are there and leaves them alone.
static bool prepare_whole(Job *j, Deployment *d, RawInputs *raw)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE};
    d->purpose = NNC_INT8;
    if (!job_compile(j, purposes, 2) || !weights_apply(j, job_weights_path(j), &d->weights))
        return false;
    take_raw_inputs(j, raw);
    if (!job_quantize_alone(j, &d->weights) || !nnc_build(&j->model, NNC_INT8, 1, &j->nnc))
        return false;
    set_statistics(j, &d->weights);
    return true;
}

static bool prepare_real(Job *j, Deployment *d, RawInputs *raw)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_TRAIN};
    d->purpose = NNC_PREDICT;
    take_raw_inputs(j, raw);
    return job_compile(j, purposes, j->options->with_training ? 2 : 1) &&
           load_weights(j, &d->weights);
}

static bool learns(const Job *j)
{
    const Variables *vs = j->model.variables;
    for (int i = 0; i < vs->count; i++)
        if (vs->items[i].kind == VARIABLE_PARAM)
            return true;
    return false;
}

// Weights that were trained for whole numbers serve f32 as well, but hardly anybody wants them to.
static void hint_whole(const Job *j, bool whole)
{
    const Options *o = j->options;
    if (sema_train_spec(j->model.program)->quantize && !whole && !o->with_training && !o->quiet)
        job_say(j,
                "the model is trained for int8, and this computes in f32: give --quantize int8, or "
                "write deploy { quantize = int8 }");
}

bool deploy_prepare(Job *j, Deployment *d)
{
    *d = (Deployment){0};
    RawInputs raw = {j, &d->weights};
    if (!job_load(j) || !weights_read(j, job_weights_path(j), &d->weights))
        return false;
    const bool whole = j->options->quantize || sema_deploy_spec(j->model.program)->quantize;
    if (whole && j->options->with_training) {
        job_say(j, "--with-training is of f32; a header of int8 does not train");
        return false;
    }
    if (!whole && j->options->calibrate) {
        job_say(j, "--calibrate is for whole numbers: give --quantize int8 besides");
        return false;
    }
    if (!(whole ? prepare_whole(j, d, &raw) : prepare_real(j, d, &raw)))
        return false;
    hint_whole(j, whole);
    if (j->options->with_training && !learns(j)) {
        job_say(j, "--with-training: the model has no parameters, so there is nothing to train");
        return false;
    }
    describe(j, d);
    return true;
}

void deploy_free(Deployment *d)
{
    nnrt_safetensors_free(&d->weights);
}

// --- the command --------------------------------------------------------------------------------

// /dev/stdout, a pipe: what no file beside it can be renamed to.
static bool is_stream(const char *path)
{
    struct stat s;
    return strcmp(path, "/dev/stdout") == 0 ||
           (stat(path, &s) == 0 && (S_ISCHR(s.st_mode) || S_ISFIFO(s.st_mode)));
}

static bool write_header(Job *j, const CHeader *h)
{
    const char *path = j->options->argument;
    Text text = text_in(j->model.arena);
    const CSizes sizes = c_header(j->model.arena, &text, h);
    NnrtError e;
    if (strcmp(path, "-") == 0) {
        fputs(text_str(&text), j->out.out);
        return true;
    }
    if (!nnrt_write_file(path, text_str(&text), text.size, &e)) {
        if (is_stream(path))
            nnrt_fail_help(&e, "--emit-c - writes to standard output");
        job_say_error(j, &e);
        return false;
    }
    const char *learning =
        h->train ? arena_printf(j->model.arena,
                                "; to learn, an arena of %zu bytes and %zu bytes of variables",
                                sizes.train_arena, sizes.variables)
                 : "";
    if (!j->options->quiet)
        job_say(j, "%s: %zu bytes of constants, an arena of %zu bytes%s", path, sizes.flash,
                sizes.ram, learning);
    return true;
}

ExitCode command_emit_c(Job *j)
{
    Deployment d = {0};
    const bool ok = header_writable(j, j->options->argument) && deploy_prepare(j, &d) &&
                    deploy_fits(j, &d.header) && write_header(j, &d.header);
    deploy_free(&d);
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}
