// verify.c -- nnc MODEL.nn --verify: is what the C header computes what nnc computes?
//
// The header is written for tracing, compiled by this machine's C compiler and run on made-up
// inputs. The outputs are compared with those of native code, and for the first example what each
// kernel made with what the interpreter, node by node, makes of the same value.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interpret/interpret.h"
#include "driver/cost.h"
#include "driver/deploy.h"
#include "driver/evaluate.h"
#include "driver/made_up.h"
#include "driver/table.h"
#include "driver/verify_program.h"
#include "file.h"

#define TOLERANCE 1e-5  // of the largest magnitude of outputs: sums are made in another order
// Of what kernels make on the way: exp of a large number makes a small difference 100 times larger.
#define KERNEL_TOLERANCE 1e-3
#define MIXED_TOLERANCE 0.1  // of int8 and f32 by turns: some steps of 255
#define FEW_STEPS (20.0 / 256)
#define EXAMPLES 100
// Operations of all examples, beyond which there are fewer of them unless --examples says how many.
#define WORK 2e10
#define TRACED_WORK 2e9  // of one example, beyond which the interpreter is not asked

typedef struct Difference {
    const char *name;
    double largest;    // |a - b|
    double magnitude;  // the largest |b|
    bool not_finite;   // of an output: a value of nnc's own is no finite number
} Difference;

typedef struct Verification {
    Job *job;
    Deployment *deployment;
    VerifyProgram program;
    int64_t examples;
    bool traced;
    NnrtBytes results;  // of the program
    size_t at;          // how much of them has been looked at
    Difference *rows;
    int count, capacity;
    int kernel_rows;  // of these; after them come the outputs
} Verification;

static const Graph *graph_of(const Verification *v)
{
    return v->job->model.graphs[v->deployment->purpose];
}

static size_t bytes_of(const Type *t)
{
    return (size_t)type_elements(t) * dtype_size(t->dtype);
}

// --- inputs -------------------------------------------------------------------------------------

static const void *input_of(const Verification *v, void *const *inputs, int i, int64_t example)
{
    return (const char *)inputs[i] + (size_t)example * bytes_of(&graph_of(v)->inputs[i].type);
}

static bool write_inputs(const Verification *v, void *const *inputs)
{
    NnrtError e;
    NnrtWriter *w = nnrt_writer_open(v->program.inputs, &e);
    bool ok = w != NULL;
    for (int64_t n = 0; ok && n < v->examples; n++)
        for (int i = 0; ok && i < graph_of(v)->input_count; i++)
            ok = nnrt_writer_put(w, input_of(v, inputs, i, n),
                                 bytes_of(&graph_of(v)->inputs[i].type), &e);
    if (ok)
        ok = nnrt_writer_commit(w, &e);
    else
        nnrt_writer_abandon(w);
    if (!ok)
        job_say_error(v->job, &e);
    return ok;
}

// --- comparing ----------------------------------------------------------------------------------

static double number(const Type *t, const void *values, int64_t i)
{
    if (t->dtype == DTYPE_F32)
        return (double)((const float *)values)[i];
    return t->dtype == DTYPE_I32  ? ((const int32_t *)values)[i]
           : t->dtype == DTYPE_I8 ? ((const int8_t *)values)[i]
                                  : ((const uint8_t *)values)[i];
}

// Takes the next bytes of the program's results. Infinities agree, as those of a mask do; what is
// no number agrees with nothing.
static void compare(Verification *v, Difference *d, const Type *t, const void *wanted)
{
    const size_t bytes = bytes_of(t);
    void *got = arena_alloc(v->job->model.arena, bytes);
    if (v->at + bytes > v->results.size) {
        d->largest = INFINITY;
        return;
    }
    memcpy(got, v->results.data + v->at, bytes);
    v->at += bytes;
    for (int64_t i = 0; i < type_elements(t); i++) {
        const double a = number(t, got, i), b = number(t, wanted, i);
        if (isfinite(b) && fabs(b) > d->magnitude)
            d->magnitude = fabs(b);
        d->not_finite |= !isfinite(b);
        if (a == b)
            continue;
        const double off = fabs(a - b);
        if (!(off <= d->largest))
            d->largest = isnan(off) ? INFINITY : off;
    }
}

static Difference *add_row(Verification *v, const char *name)
{
    const Difference d = {.name = name};
    arena_push(v->job->model.arena, v->rows, v->count, v->capacity, d);
    return &v->rows[v->count - 1];
}

// What the interpreter makes of every value that is traced, by buffer. Fusion has left the nodes in
// no order; the header is written by now, so they may be put in one.
static void **interpret_buffers(const Verification *v, void *const *inputs)
{
    Arena *a = v->job->model.arena;
    const Plan *p = v->deployment->header.plan;
    Graph *g = arena_new_of(a, Graph);
    int *output = arena_array(a, int, (size_t)p->buffer_count + 1);
    void **values = arena_array(a, void *, (size_t)p->buffer_count + 1);
    *g = *p->graph;
    for (int i = 0; i < p->buffer_count; i++)
        if (c_traced(p, i) >= 0) {
            output[i] = g->output_count;
            graph_output(g, intern(g->names, arena_printf(a, "buffer.%d", i)),
                         (Node *)p->buffers[i].node);
        }
    graph_clean(g);
    Executable *x = interpret_new(g, 1, false);
    void **outputs = output_buffers(a, g, 1);
    if (!x)
        return NULL;
    executable_run(x, &(RunArgs){.variables = v->job->model.block,
                                 .inputs = (const void *const *)inputs,
                                 .outputs = outputs,
                                 .batch = 1,
                                 .seed = v->job->train.seed,
                                 .validation_loss = INFINITY});
    executable_free(x);
    for (int i = 0; i < p->buffer_count; i++)
        values[i] = output[i] ? outputs[output[i]] : NULL;
    return values;
}

static void compare_kernels(Verification *v, void *const *inputs)
{
    const Plan *p = v->deployment->header.plan;
    void **values = interpret_buffers(v, inputs);
    for (int k = 0; values && k < p->kernel_count; k++)
        for (int i = 0; i < p->buffer_count; i++)
            if (c_traced(p, i) == k)
                compare(v, add_row(v, c_describe(v->job->model.arena, p->kernels[k])),
                        &p->buffers[i].type, values[i]);
}

static void compare_outputs(Verification *v, void *const *inputs, int64_t example, int first)
{
    Arena *a = v->job->model.arena;
    const Graph *g = graph_of(v);
    const void **in = arena_array(a, const void *, (size_t)g->input_count + 1);
    void **outputs = output_buffers(a, g, 1);
    for (int i = 0; i < g->input_count; i++)
        in[i] = input_of(v, inputs, i, example);
    executable_run(v->job->model.executables[v->deployment->purpose],
                   &(RunArgs){.variables = v->job->model.block,
                              .inputs = in,
                              .outputs = outputs,
                              .batch = 1,
                              .seed = v->job->train.seed,
                              .validation_loss = INFINITY,
                              .pool = v->job->pool});
    for (int i = 0; i < g->output_count; i++)
        compare(v, &v->rows[first + i], &g->outputs[i].node->type, outputs[i]);
}

static void compare_all(Verification *v, void *const *inputs)
{
    const Graph *g = graph_of(v);
    if (v->traced)
        compare_kernels(v, inputs);
    const int first = v->kernel_rows = v->count;
    for (int i = 0; i < g->output_count; i++)
        add_row(v, arena_printf(v->job->model.arena, "output %s", g->outputs[i].name));
    for (int64_t n = 0; n < v->examples; n++)
        compare_outputs(v, inputs, n, first);
}

// --- the command --------------------------------------------------------------------------------

static bool is_mixed(const Verification *v)
{
    return v->deployment->purpose == NNC_INT8 && v->job->model.plan->real_count > 0;
}

// Probabilities of a mixed model come in steps of 1 / 256, of which the largest may be a few only.
static double relative(const Verification *v, const Difference *d)
{
    const double magnitude = is_mixed(v) ? fmax(d->magnitude, FEW_STEPS) : d->magnitude;
    return magnitude > 0 ? d->largest / magnitude : d->largest;
}

// Whole numbers are the same to the last bit, if no layer stays f32; else what such a layer gives
// may be rounded to the next of 255 numbers, and others with it.
static double allowed(const Verification *v, double tolerance)
{
    if (v->deployment->purpose != NNC_INT8)
        return tolerance;
    return is_mixed(v) ? MIXED_TOLERANCE : 0;
}

static bool print_rows(const Verification *v)
{
    const double tolerance = allowed(v, TOLERANCE);
    Table *t = table_new(v->job->model.arena, "lrr");
    double outputs = 0, kernels = 0;
    table_cell(t, "after");
    table_cell(t, "largest difference");
    table_cell(t, "largest magnitude");
    for (int i = 0; i < v->count; i++) {
        table_cell(t, "%s", v->rows[i].name);
        table_cell(t, "%.3g", v->rows[i].largest);
        table_cell(t, "%.3g", v->rows[i].magnitude);
        double *worst = i < v->kernel_rows ? &kernels : &outputs;
        *worst = fmax(*worst, relative(v, &v->rows[i]));
    }
    table_print(t, &v->job->out);
    const bool ok =
        outputs <= tolerance && kernels <= allowed(v, KERNEL_TOLERANCE) && v->at == v->results.size;
    fprintf(v->job->out.out,
            "\n  %s: outputs of %lld examples are at most %.2g of the largest apart; %g is "
            "allowed\n",
            ok ? "the header agrees with nnc" : "THE HEADER DISAGREES WITH NNC",
            (long long)v->examples, outputs, tolerance);
    return ok;
}

static bool outputs_finite(const Verification *v)
{
    for (int i = v->kernel_rows; i < v->count; i++)
        if (v->rows[i].not_finite) {
            job_say(v->job, "%s of nnc's own is not finite, so that there is nothing to agree with",
                    v->rows[i].name);
            return false;
        }
    return true;
}

static void choose_extent(Verification *v)
{
    const double flops = graph_flops(graph_of(v));
    const double examples = flops > 0 ? WORK / flops : EXAMPLES;
    v->examples = examples < 1 ? 1 : examples > EXAMPLES ? EXAMPLES : (int64_t)examples;
    if (v->job->options->examples)
        v->examples = v->job->options->examples;
    v->traced = flops <= TRACED_WORK;
}

static bool verify(Verification *v)
{
    choose_extent(v);
    void **inputs = made_up_inputs(v->job, v->deployment->purpose, v->examples);
    v->program = (VerifyProgram){.job = v->job,
                                 .graph = graph_of(v),
                                 .header = &v->deployment->header,
                                 .examples = v->examples,
                                 .traced = v->traced};
    if (!verify_program_begin(&v->program) || !write_inputs(v, inputs) ||
        !verify_program_build(&v->program) || !verify_program_run(&v->program, &v->results))
        return false;
    compare_all(v, inputs);
    return outputs_finite(v) && print_rows(v);
}

ExitCode command_verify(Job *j)
{
    Deployment d;
    Verification v = {.job = j, .deployment = &d};
    const bool ok = deploy_prepare(j, &d) && verify(&v);
    verify_program_end(&v.program);
    free(v.results.data);
    deploy_free(&d);
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}
