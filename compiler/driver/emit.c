// emit.c -- nnc MODEL.nn --emit STAGE, and nnc --doc NAME.

#include <string.h>

#include "driver/job.h"
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

static void emit_ir(const Graph *g, Text *out)
{
    graph_print(out, g);
}

// The stages, by the name that --emit takes (which options.c lists).
static const struct {
    const char *name;
    void (*emit)(const Graph *g, Text *out);
} stages[] = {
    {"ir", emit_ir},
};

static void emit_graphs(const Job *j, Text *out)
{
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++) {
        if (strcmp(stages[s].name, j->options->argument) != 0)
            continue;
        for (int p = 0; p < NNC_PURPOSE_COUNT; p++)
            if (j->model.graphs[p])
                stages[s].emit(j->model.graphs[p], out);
    }
}

ExitCode command_emit(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH, NNC_TRAIN};
    if (!job_load(j) || !job_compile(j, purposes, j->train.given ? 4 : 1))
        return EXIT_PROGRAM;
    Text text = text_in(j->model.arena);
    emit_graphs(j, &text);
    return write_text(j, &text);
}

ExitCode command_doc(Job *j)
{
    Text text = text_in(j->model.arena);
    if (sema_doc(j->session, j->model.arena, j->options->argument, &text))
        return write_text(j, &text);
    if (diags_errors(j->session->diags) == 0)
        job_say(j, "there is nothing called %s", j->options->argument);
    return EXIT_PROGRAM;
}
