// quantize.c -- --quantize int8: from weights and data to a model of whole numbers.

#include "driver/quantize.h"

#include <math.h>
#include <string.h>

#include "driver/evaluate.h"
#include "driver/fields.h"
#include "driver/predictor.h"
#include "driver/table.h"
#include "driver/weights.h"

enum { CALIBRATION_EXAMPLES = 1024, REPORT_EXAMPLES = 256, MOST_BATCH = 64 };

#define WATCH_BYTES 67108864.0  // of all values of a batch together

// --- batches ----------------------------------------------------------------------------------

typedef struct Feeder {
    Job *job;
    NnrtExamples examples;
    NnrtBatch batch;
    int64_t at;
} Feeder;

static int64_t next_batch(void *self, const void *const **inputs)
{
    Feeder *f = self;
    const int64_t left = f->examples.count - f->at;
    const int64_t n = left < f->batch.capacity ? left : f->batch.capacity;
    f->at = n > 0 ? f->at + n : 0;
    if (n > 0)
        nnrt_batch_gather(&f->batch, f->job->pool, f->examples.fields, f->examples.rows + f->at - n,
                          n);
    *inputs = (const void *const *)f->batch.inputs;
    return n;
}

// Of all values of an example, those of all steps of scans among them.
static double value_bytes(const Graph *g)
{
    double bytes = 1;
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        if (n->op != OP_input)  // what a body captures is there once
            bytes += 4.0 * (double)type_elements(&n->type);
        if (n->op == OP_scan)
            bytes += (double)n->attr.scan->length * value_bytes(n->attr.scan->graph);
    }
    return bytes;
}

// So few at once that the values of all layers fit in memory together.
static int64_t watched_batch(const Job *j, int64_t examples)
{
    const double bytes = value_bytes(j->model.graphs[NNC_PREDICT]);
    const double most = fmax(1, fmin(MOST_BATCH, WATCH_BYTES / bytes));
    return examples < (int64_t)most ? examples : (int64_t)most;
}

static bool feeder_new(Feeder *f, Job *j, PartId part, int64_t examples)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    NnrtError e;
    *f = (Feeder){.job = j};
    if (j->data.parts[part].count == 0) {
        job_say(j, "--quantize takes ranges from the training data, and there is none");
        return false;
    }
    f->examples =
        examples_sample(j->model.arena, data_examples(&j->data, &j->request, part, g), examples);
    if (batch_for(&f->batch, g, watched_batch(j, f->examples.count), &e))
        return true;
    job_say_error(j, &e);
    return false;
}

static bool normalize_train(Job *j, const NnrtTensorFile *file)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const FieldsEnv env = {j->session, j->model.arena, &j->model, sema_data_spec(j->model.program)};
    NnrtDataset *set = j->data.parts[PART_TRAIN].set;
    for (int i = 0; set && i < g->input_count; i++)
        if (!weights_normalize(j, file, g->inputs[i].name, fields_find(&env, set, &g->inputs[i])))
            return false;
    return true;
}

// The command line wins over the file.
static Calibration calibration_of(Job *j)
{
    const DeploySpec *d = sema_deploy_spec(j->model.program);
    const char *name = j->options->calibrate ? j->options->calibrate : d->calibrate;
    return name ? (Calibration)calibration_find(name) : CALIBRATE_MSE;
}

bool quantize_check(Job *j)
{
    const DeploySpec *d = sema_deploy_spec(j->model.program);
    Name names[CALIBRATE_COUNT];
    Text all = text_in(j->model.arena);
    if (!d->calibrate || calibration_find(d->calibrate) < CALIBRATE_COUNT)
        return true;
    for (int i = 0; i < CALIBRATE_COUNT; i++) {
        names[i] = calibration_name(i);
        text_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    Diag *diag = diag_report(j->session->diags, DIAG_unknown_name, d->calibrate_span,
                             "way to calibrate", d->calibrate);
    const char *near = nearest_name(d->calibrate, names, CALIBRATE_COUNT);
    if (near)
        diag_help(diag, "did you mean `%s`?", near);
    else
        diag_help(diag, "there are %s", text_str(&all));
    return false;
}

// Of bytes all 256 are known, so that each is a whole number of its own, whichever occur.
static const Range *input_ranges(const Feeder *f)
{
    const Job *j = f->job;
    const int count = j->model.graphs[NNC_PREDICT]->input_count;
    Range *ranges = arena_array(j->model.arena, Range, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const NnrtField *field = f->examples.fields[i];
        if (field->dtype == NNRT_U8 && field->features == 0)
            ranges[i] = (Range){0, 255 * (double)field->scale};
    }
    return ranges;
}

// From so many on ranges are what they would be of more.
#define ENOUGH_EXAMPLES 100

static void warn_of_few(const Feeder *f)
{
    const long long count = (long long)f->examples.count;
    if (count < ENOUGH_EXAMPLES && !f->job->options->quiet)
        job_say(f->job,
                "ranges come from %lld training example%s alone; what lies beyond is cut off",
                count, count == 1 ? "" : "s");
}

bool job_quantize(Job *j, const NnrtTensorFile *file)
{
    Feeder f;
    if (!normalize_train(j, file) || !feeder_new(&f, j, PART_TRAIN, CALIBRATION_EXAMPLES))
        return false;
    const NncCalibration c = {
        .method = calibration_of(j),
        .batch = f.batch.capacity,
        .next = next_batch,
        .self = &f,
        .inputs = input_ranges(&f),
        .pool = j->pool,
    };
    warn_of_few(&f);
    const bool ok = nnc_quantize(&j->model, &c, &j->nnc);
    nnrt_batch_free(&f.batch);
    if (ok)
        j->predict = NNC_INT8;
    return ok;
}

bool job_quantize_alone(Job *j, const NnrtTensorFile *file)
{
    if (j->options->seed < 0)  // the examples that the training had
        j->train.seed = weights_seed(file, j->train.seed);
    j->calibrates = true;
    return job_read_data(j, true) && job_quantize(j, file);
}

// --- the error of each value ------------------------------------------------------------------

typedef struct Power {
    double signal, noise;  // sums of squares
} Power;

static void compare(const QuantizedValue *v, const float *real, const void *whole, int64_t count,
                    Power *p)
{
    const int8_t *narrow = whole;
    const int32_t *wide = whole;
    for (int64_t i = 0; i < count; i++) {
        const int code = v->scale.wide ? wide[i] : narrow[i];
        const double x = (double)real[i], off = scale_real(v->scale, code) - x;
        p->signal += x * x;
        p->noise += off * off;
    }
}

static void run(Job *j, NncPurpose purpose, const void *const *inputs, void *const *outputs,
                int64_t n)
{
    executable_run(j->model.executables[purpose], &(RunArgs){.variables = j->model.block,
                                                             .inputs = inputs,
                                                             .outputs = outputs,
                                                             .batch = n,
                                                             .pool = j->pool});
}

static void measure(Job *j, Feeder *f, Power *powers)
{
    NncModel *m = &j->model;
    void **real = output_buffers(m->arena, m->graphs[NNC_WATCH], f->batch.capacity);
    void **whole = output_buffers(m->arena, m->graphs[NNC_WATCH_INT8], f->batch.capacity);
    const void *const *inputs;
    for (int64_t n; (n = next_batch(f, &inputs)) > 0;) {
        run(j, NNC_WATCH, inputs, real, n);
        run(j, NNC_WATCH_INT8, inputs, whole, n);
        for (int i = 0; i < m->plan->value_count; i++) {
            const QuantizedValue *v = &m->plan->values[i];
            if (v->output < 0)
                continue;
            const Type *t = &m->graphs[NNC_WATCH]->outputs[v->output].node->type;
            const int64_t count = type_elements(t) * (type_batched(t) ? n : 1);
            compare(v, real[v->output], whole[v->output], count, &powers[i]);
        }
    }
}

static const char *name_of(const QuantizePlan *p, const QuantizedValue *v)
{
    if (quantized_input(v) >= 0)
        return p->graph->inputs[quantized_input(v)].name;
    return v->real->path && *v->real->path ? v->real->path : "model";
}

// A mean whose division has moved into the weights behind it is there as its sum.
static const char *note_of(const QuantizedValue *v)
{
    const Node *n = v->real;
    return n->op == OP_reduce && n->attr.reduce.kind == REDUCE_SUM ? ", the sum" : "";
}

// Of the values of one layer the last stands for it.
static bool stands_for_layer(const QuantizePlan *p, int i)
{
    int next = i + 1;
    while (next < p->value_count && p->values[next].output < 0)
        next++;
    return p->values[i].output >= 0 &&
           (next == p->value_count || name_of(p, &p->values[i]) != name_of(p, &p->values[next]));
}

static void print_layers(Job *j, const Power *powers)
{
    const QuantizePlan *p = j->model.plan;
    Table *t = table_new(j->model.arena, "lrrr");
    table_cell(t, "layer");
    table_cell(t, "from");
    table_cell(t, "to");
    table_cell(t, "signal / error");
    table_rule(t);
    for (int i = 0; i < p->value_count; i++) {
        const QuantizedValue *v = &p->values[i];
        if (!stands_for_layer(p, i))
            continue;
        table_cell(t, "%s%s", name_of(p, v), note_of(v));
        table_cell(t, "%.4g", scale_real(v->scale, scale_low(v->scale)));
        table_cell(t, "%.4g", scale_real(v->scale, scale_high(v->scale)));
        if (powers[i].noise > 0)
            table_cell(t, "%.1f dB", 10 * log10(powers[i].signal / powers[i].noise));
        else
            table_cell(t, "exact");
    }
    fputc('\n', j->out.out);
    table_print(t, &j->out);
}

static bool report_layers(Job *j, PartId part)
{
    Feeder f;
    if (!feeder_new(&f, j, part, REPORT_EXAMPLES))
        return false;
    Power *powers = arena_array(j->model.arena, Power, (size_t)j->model.plan->value_count + 1);
    const int64_t batch = f.batch.capacity;
    const bool ok = nnc_build(&j->model, NNC_WATCH, batch, &j->nnc) &&
                    nnc_build(&j->model, NNC_WATCH_INT8, batch, &j->nnc);
    if (ok) {
        measure(j, &f, powers);
        print_layers(j, powers);
    }
    nnrt_batch_free(&f.batch);
    return ok;
}

// --- the whole --------------------------------------------------------------------------------

static bool errors_by(Job *j, NncPurpose purpose, PartId part, PartErrors *e)
{
    j->predict = purpose;
    const bool ok = measure_errors(j, part, INT64_MAX, e);
    j->predict = NNC_INT8;
    return ok;
}

static void print_errors(const Job *j, const PartErrors *real, const PartErrors *whole)
{
    FILE *out = j->out.out;
    if (real->is_share)
        fprintf(out, "int8   accuracy %.6g, f32 %.6g: %+.2f points\n", 1 - whole->error,
                1 - real->error, 100 * (real->error - whole->error));
    else
        fprintf(out, "int8   mean squared error %.6g, f32 %.6g\n", whole->error, real->error);
}

bool quantize_report(Job *j, PartId part)
{
    const Quantized *q = &j->model.quantized;
    Arena *a = j->model.arena;
    PartErrors real, whole;
    if (errors_by(j, NNC_PREDICT, part, &real) && errors_by(j, NNC_INT8, part, &whole))
        print_errors(j, &real, &whole);
    if (diags_errors(j->session->diags) > 0)
        return false;
    fprintf(j->out.out, "       weights %s, f32 %s\n", bytes_text(a, (double)q->bytes_after),
            bytes_text(a, (double)q->bytes_before));
    return report_layers(j, part);
}
