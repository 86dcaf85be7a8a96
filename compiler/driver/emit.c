// emit.c -- nnc MODEL.nn --emit STAGE, and nnc --doc NAME.

#include <string.h>

#include "driver/augmentation.h"
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

// The batch that a purpose would be compiled for.
static int64_t batch_of(const Job *j, NncPurpose purpose)
{
    return purpose == NNC_TRAIN ? j->train.batch_size : job_batch(j, INT64_MAX);
}

static bool emit_graphs(Job *j, Text *out)
{
    const int stage = stage_of(j->options->argument);
    for (int p = 0; p < NNC_PURPOSE_COUNT; p++)
        if (j->model.graphs[p] &&
            !nnc_emit(&j->model, (NncPurpose)p, stage, batch_of(j, (NncPurpose)p), out))
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
    return ok && nnc_emit(&j->model, NNC_INT8, stage_of(j->options->argument),
                          batch_of(j, NNC_INT8), out);
}

ExitCode command_emit(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH, NNC_TRAIN};
    Text text = text_in(j->model.arena);
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
