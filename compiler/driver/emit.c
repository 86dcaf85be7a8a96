// emit.c -- nnc MODEL.nn --emit STAGE, and nnc --doc NAME.

#include <string.h>

#include "driver/augmentation.h"
#include "driver/cost.h"
#include "driver/job.h"
#include "driver/quantize.h"
#include "driver/sources.h"
#include "driver/weights.h"
#include "file.h"

// To standard output, or to the file of -o.
static ExitCode write_text(const Job *j, const Text *text)
{
    const char *path = j->options->output;
    NnrtError e;
    if (!path) {
        fputs(text_str(text), j->out.out);
        return EXIT_DONE;
    }
    if (nnrt_write_file(path, text_str(text), text->size, &e))
        return EXIT_DONE;
    job_say_error(j, &e);
    return EXIT_PROGRAM;
}

static int stage_of(const char *name)
{
    int stage = 0;
    while (strcmp(nnc_stage_name(stage), name) != 0)
        stage++;  // options.c has looked that it is there
    return stage;
}

// --- kernels ------------------------------------------------------------------------------------

// Operations of a run that is measured: some seconds on one core.
#define MOST_FLOPS 3e11
#define LONG_FLOPS 3e10

static bool is_measured(const Job *j)
{
    return strcmp(j->options->argument, "kernels") == 0;
}

// The batch that a purpose would be compiled for; where a run of it would be measured for minutes,
// fewer.
static int64_t batch_of(const Job *j, NncPurpose purpose)
{
    if (purpose == NNC_TRAIN)
        return j->train.batch_size;
    const int64_t batch = job_batch(j, INT64_MAX);
    const double flops = graph_flops(j->model.graphs[purpose]);
    if (!is_measured(j) || flops * (double)batch <= MOST_FLOPS)
        return batch;
    return flops < MOST_FLOPS ? (int64_t)(MOST_FLOPS / flops) : 1;
}

static bool emit_purpose(Job *j, NncPurpose purpose, Text *out)
{
    const int64_t batch = batch_of(j, purpose);
    const double flops = graph_flops(j->model.graphs[purpose]) * (double)batch;
    if (is_measured(j) && flops > LONG_FLOPS && !j->options->quiet)
        job_say(j, "measuring the kernels of %s: %.3g GFLOP a run at batch %lld, on one thread",
                nnc_purpose_name(purpose), flops / 1e9, (long long)batch);
    return nnc_emit(&j->model, purpose, stage_of(j->options->argument), batch, out);
}

// --- the command --------------------------------------------------------------------------------

static bool emit_graphs(Job *j, Text *out)
{
    for (int p = 0; p < NNC_PURPOSE_COUNT; p++)
        if (j->model.graphs[p] && !emit_purpose(j, (NncPurpose)p, out))
            return false;
    return true;
}

// The graph of whole numbers, which takes weights and data to make.
static bool emit_quantized(Job *j, Text *out)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE};
    NnrtTensorFile file = {0};
    const bool ok =
        job_compile(j, purposes, 2) && weights_load(j, NULL, &file) && job_quantize_alone(j, &file);
    nnrt_safetensors_free(&file);
    return ok && emit_purpose(j, NNC_INT8, out);
}

ExitCode command_emit(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH, NNC_TRAIN};
    Text text = text_in(j->model.arena);
    if (emits_object(j->options))
        return command_emit_object(j);
    if (!job_load(j))
        return EXIT_PROGRAM;
    if (j->options->quantize)
        return emit_quantized(j, &text) ? write_text(j, &text) : EXIT_PROGRAM;
    if (!job_compile(j, purposes, j->train.given ? 4 : 1))
        return EXIT_PROGRAM;
    return emit_graphs(j, &text) ? write_text(j, &text) : EXIT_PROGRAM;
}

ExitCode command_doc(Job *j)
{
    Text text = text_in(j->model.arena);
    const char *name = j->options->argument;
    bool found = sema_doc(j->session, j->model.arena, name, &text);
    found |= augmentation_doc(name, &text);
    found |= source_doc(name, &text);
    if (found)
        return write_text(j, &text);
    if (diags_errors(j->session->diags) == 0)
        job_say(j, "there is nothing called %s", name);
    return EXIT_PROGRAM;
}
