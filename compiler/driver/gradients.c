// gradients.c -- nnc MODEL.nn --check-gradients: autodiff against central differences in double.
//
//   D(h) = (loss(w + h) - loss(w - h)) / 2h,    dw = (4 D(h/2) - D(h)) / 3
//
// The second formula is Richardson's extrapolation: its error is of order h^4. Where D(h) and
// D(h/2) disagree, the loss has a kink (a relu's, a maximum's) nearby and no derivative to compare
// with: a smaller h is tried, then the element is passed over and counted.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/evaluate.h"
#include "driver/table.h"
#include "random.h"

enum { EXAMPLES = 8, SAMPLED = 40 };
static const double STEP = 1e-4;
static const double SMALLER = 1.0 / 64;
static const double KINK = 1e-4;          // relative difference of D(h) and D(h/2)
static const double TOLERANCE = 1e-5;     // of the gradient in double, element by element
static const double TOLERANCE_32 = 1e-3;  // of the engine's in f32, relative in norm
static const double FLOOR = 1e-3;         // what is below this share of the greatest counts as that

typedef struct Check {
    Job *job;
    NnrtBatch batch;
    double **inputs;        // the batch as doubles where it is f32
    void *block;            // the variables in double
    Executable *loss_only;  // in double
    Executable *exact;      // in double, with the gradients
    void **loss_output;     // of loss_only
    void **exact_outputs;   // of exact
    void **engine_outputs;  // of the engine, in f32
    double greatest_norm;   // of a parameter's gradient in double
    Graph *gradient;
} Check;

// What was found for one parameter.
typedef struct Finding {
    int64_t checked, kinks;
    double worst;     // relative error of an element in double
    double worst_32;  // relative error in norm of the engine
} Finding;

// --- preparation ------------------------------------------------------------------------------

static void *double_block(const Variables *vs, const uint8_t *block)
{
    uint8_t *out = calloc(1, interpret_variable_bytes(vs, true));
    for (int i = 0; out && i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        const int64_t n = type_elements(&v->type);
        const uint8_t *from = block + v->offset;
        uint8_t *to = out + 2 * v->offset;
        if (v->type.dtype != DTYPE_F32)
            memcpy(to, from, (size_t)n * dtype_size(v->type.dtype));
        for (int64_t k = 0; v->type.dtype == DTYPE_F32 && k < n; k++)
            ((double *)to)[k] = (double)((const float *)from)[k];
    }
    return out;
}

static void **double_inputs(Arena *a, const Graph *g, const NnrtBatch *b, int64_t n)
{
    void **inputs = arena_array(a, void *, (size_t)g->input_count);
    for (int i = 0; i < g->input_count; i++) {
        const int64_t count = n * type_elements(&g->inputs[i].type);
        inputs[i] = b->inputs[i];
        if (g->inputs[i].type.dtype != DTYPE_F32)
            continue;
        double *values = arena_array(a, double, (size_t)count);
        for (int64_t k = 0; k < count; k++)
            values[k] = (double)((const float *)b->inputs[i])[k];
        inputs[i] = values;
    }
    return inputs;
}

// The graph of the loss alone: a third of the work.
static Graph *loss_graph(const Graph *gradient)
{
    Graph *g = graph_clone(gradient);
    g->outputs[0] = g->outputs[nnc_output(g, "loss")];
    g->output_count = 1;
    graph_clean(g);
    return g;
}

static RunArgs run_args(const Check *c, void *block, void *const *inputs, void *const *outputs)
{
    return (RunArgs){
        .variables = block,
        .inputs = (const void *const *)inputs,
        .outputs = outputs,
        .batch = c->batch.capacity,
        .seed = c->job->train.seed,
        .step = 1,
        .validation_loss = INFINITY,
    };
}

static bool prepare(Check *c)
{
    Job *j = c->job;
    Arena *a = j->model.arena;
    c->gradient = j->model.graphs[NNC_GRADIENT];
    const NnrtExamples all = data_examples(&j->data, &j->request, PART_TRAIN, c->gradient);
    const NnrtExamples x = examples_sample(a, all, EXAMPLES);
    const int64_t n = x.count;
    NnrtError e;
    if (!batch_for(&c->batch, c->gradient, n, &e)) {
        job_say_error(j, &e);
        return false;
    }
    nnrt_batch_gather(&c->batch, NULL, x.fields, x.rows, n);
    if (!nnc_build(&j->model, NNC_GRADIENT, n, &j->nnc) ||
        !nnc_initialize(&j->model, j->train.seed))
        return false;
    c->block = double_block(j->model.variables, j->model.block);
    c->inputs = (double **)double_inputs(a, c->gradient, &c->batch, n);
    Graph *loss = loss_graph(c->gradient);
    c->loss_only = interpret_new(loss, n, true);
    c->exact = interpret_new(c->gradient, n, true);
    c->loss_output = output_buffers(a, loss, n);
    c->exact_outputs = output_buffers(a, c->gradient, n);
    c->engine_outputs = output_buffers(a, c->gradient, n);
    return c->block && c->loss_only && c->exact;
}

static void run_gradients(Check *c)
{
    const RunArgs exact = run_args(c, c->block, (void *const *)c->inputs, c->exact_outputs);
    const RunArgs engine = run_args(c, c->job->model.block, c->batch.inputs, c->engine_outputs);
    executable_run(c->exact, &exact);
    executable_run(c->job->model.executables[NNC_GRADIENT], &engine);
}

// --- one parameter ----------------------------------------------------------------------------

static double loss_at(Check *c, double *w, double value)
{
    const double before = *w;
    *w = value;
    const RunArgs args = run_args(c, c->block, (void *const *)c->inputs, c->loss_output);
    executable_run(c->loss_only, &args);
    *w = before;
    return *(const double *)c->loss_output[0];
}

static double central(Check *c, double *w, double h)
{
    return (loss_at(c, w, *w + h) - loss_at(c, w, *w - h)) / (2 * h);
}

// The derivative by *w; false at a kink. `scale` is the size of the gradient.
static bool differentiate(Check *c, double *w, double scale, double *derivative)
{
    double h = STEP * fmax(1, fabs(*w));
    for (int attempt = 0; attempt < 2; attempt++, h *= SMALLER) {
        const double coarse = central(c, w, h);
        const double fine = central(c, w, h / 2);
        *derivative = (4 * fine - coarse) / 3;
        if (fabs(coarse - fine) <= KINK * fmax(fmax(fabs(fine), fabs(coarse)), scale))
            return true;
    }
    return false;
}

static double greatest(const double *values, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

static void check_elements(Check *c, int variable, const double *gradient, Finding *f)
{
    const Variable *v = &c->job->model.variables->items[variable];
    const int64_t n = type_elements(&v->type);
    const bool all = n <= SAMPLED || c->job->options->verbose;
    double *values = (double *)((uint8_t *)c->block + 2 * v->offset);
    const double least = fmax(FLOOR * fmax(greatest(gradient, n), c->greatest_norm), 1e-9);
    f->checked = all ? n : SAMPLED;
    for (int64_t k = 0; k < f->checked; k++) {
        const uint32_t random = nnrt_random_u32(c->job->train.seed, NNRT_STREAM_SAMPLE,
                                                (uint64_t)variable, (uint64_t)k);
        const int64_t i = all ? k : random % n;
        double derivative;
        if (!differentiate(c, values + i, least, &derivative)) {
            f->kinks++;
            continue;
        }
        const double size = fmax(fmax(fabs(gradient[i]), fabs(derivative)), least);
        const double error = fabs(gradient[i] - derivative) / size;
        f->worst = error <= f->worst ? f->worst : error;  // NaN counts as worst
    }
}

static double norm_of(const double *values, int64_t n)
{
    double squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += values[i] * values[i];
    return sqrt(squares);
}

// A gradient that is 0 but for rounding, as that of a bias which a batch norm subtracts again, has
// no digits to compare: it counts as a share of the greatest.
static double norm_error(const Check *c, const float *got, const double *want, int64_t n)
{
    double off = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)got[i] - want[i];
        off += d * d;
    }
    return sqrt(off) / fmax(norm_of(want, n), fmax(FLOOR * c->greatest_norm, 1e-6));
}

static Finding check_parameter(Check *c, int variable, int output)
{
    const int64_t n = type_elements(&c->job->model.variables->items[variable].type);
    Finding f = {0};
    const double *gradient = c->exact_outputs[output];
    check_elements(c, variable, gradient, &f);
    f.worst_32 = norm_error(c, c->engine_outputs[output], gradient, n);
    return f;
}

// --- the whole --------------------------------------------------------------------------------

static void add_row(Table *t, Arena *a, const Variable *v, const Finding *f, bool ok)
{
    const int64_t n = type_elements(&v->type);
    table_cell(t, "%s", v->path);
    table_cell(t, "%s", grouped(a, n));
    table_cell(t, "%s", grouped(a, f->checked - f->kinks));
    table_cell(t, "%.1e", f->worst);
    table_cell(t, "%.1e", f->worst_32);
    table_cell(t, "%s", ok ? "right" : "WRONG");
}

// Where the gradient graph gives that of a variable; -1: it has none.
static int gradient_output(const Check *c, int variable)
{
    const Variable *v = &c->job->model.variables->items[variable];
    return nnc_output(c->gradient, arena_printf(c->job->model.arena, "d.%s", v->path));
}

static void measure_norms(Check *c)
{
    const Variables *vs = c->job->model.variables;
    for (int i = 0; i < vs->count; i++) {
        const int output = gradient_output(c, i);
        if (output < 0)
            continue;
        const double norm = norm_of(c->exact_outputs[output], type_elements(&vs->items[i].type));
        c->greatest_norm = fmax(c->greatest_norm, norm);
    }
}

static bool check_all(Check *c, Table *t)
{
    Job *j = c->job;
    const Variables *vs = j->model.variables;
    bool all_ok = true;
    run_gradients(c);
    measure_norms(c);
    for (int i = 0; i < vs->count; i++) {
        const int output = gradient_output(c, i);
        if (output < 0)
            continue;
        const Finding f = check_parameter(c, i, output);
        const bool ok = f.worst <= TOLERANCE && f.worst_32 <= TOLERANCE_32;
        add_row(t, j->model.arena, &vs->items[i], &f, ok);
        all_ok &= ok;
    }
    return all_ok;
}

static ExitCode report(Check *c)
{
    static const char *const heads[] = {"parameter", "elements",  "compared",
                                        "error",     "error f32", ""};
    Job *j = c->job;
    Table *t = table_new(j->model.arena, "lrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_cell(t, "%s", heads[i]);
    table_rule(t);
    const bool ok = check_all(c, t);
    table_print(t, &j->out);
    fprintf(j->out.out,
            "\n  error: the worst of an element in double, relative to central differences\n"
            "  error f32: of the engine's whole gradient, relative to that in double\n");
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}

ExitCode command_check_gradients(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_GRADIENT};
    Check c = {.job = j};
    ExitCode code = EXIT_PROGRAM;
    if (job_load(j) && job_compile(j, purposes, 3) && job_read_data(j, false) && prepare(&c))
        code = report(&c);
    executable_free(c.loss_only);
    executable_free(c.exact);
    free(c.block);
    nnrt_batch_free(&c.batch);
    return code;
}
