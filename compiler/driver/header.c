// header.c -- nnc MODEL.nn --emit-c OUT.h: the trained model as a C99 header.

#include <string.h>

#include "codegen/c/c_header.h"
#include "driver/cost.h"
#include "driver/job.h"
#include "driver/table.h"
#include "driver/weights.h"
#include "file.h"

// The weights, and what follows from them alone.
static bool load_weights(Job *j, NnrtTensorFile *file)
{
    if (!weights_load(j, NULL, file) || !nnc_build(&j->model, NNC_PREDICT, 1, &j->nnc))
        return false;
    nnc_fold(&j->model, j->pool);
    return true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *const *summary_lines(const Job *j, int *count)
{
    Arena *a = j->model.arena;
    int rows;
    const LayerRow *layers = sema_layers(j->model.program, &rows);
    const char **lines = arena_array(a, const char *, (size_t)rows + 1);
    *count = 0;
    for (int i = 0; i < rows; i++) {
        if (layers[i].depth > 0)
            continue;
        Text t = text_in(a);
        type_print(&t, &layers[i].output);
        lines[(*count)++] =
            arena_printf(a, "%-24s %-40s %s", layers[i].path, layers[i].call, text_str(&t));
    }
    return lines;
}

static const char *const *classes_of(Job *j, const NnrtTensorFile *file, int *count)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const Type *y = &g->outputs[0].node->type;
    const char *const *classes = weights_texts(j, file, "classes", count);
    const bool fits = g->output_count == 1 && y->rank > 0 && y->dims[y->rank - 1] == *count;
    return classes && *count > 0 && fits ? classes : NULL;
}

static CSizes print_header(Job *j, const NnrtTensorFile *file, Text *out)
{
    CHeader h = {
        .model = sema_model_name(j->model.program),
        .file = base_name(j->options->file),
        .header = base_name(j->options->argument),
        .graph = j->model.graphs[NNC_PREDICT],
        .block = j->model.block,
        .seed = j->train.seed,
    };
    h.classes = classes_of(j, file, &h.class_count);
    h.summary = summary_lines(j, &h.summary_count);
    return c_header(j->model.arena, out, &h);
}

static bool write_header(Job *j, const NnrtTensorFile *file)
{
    Text text = text_in(j->model.arena);
    const CSizes sizes = print_header(j, file, &text);
    NnrtError e;
    if (!nnrt_write_file(j->options->argument, text_str(&text), text.size, &e)) {
        job_say_error(j, &e);
        return false;
    }
    job_say(j, "%s: constants %zu bytes, arena %zu bytes", j->options->argument, sizes.flash,
            sizes.ram);
    return true;
}

ExitCode command_emit_c(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT};
    NnrtTensorFile weights = {0};
    const bool ok = job_load(j) && job_compile(j, purposes, 1) && load_weights(j, &weights) &&
                    write_header(j, &weights);
    nnrt_safetensors_free(&weights);
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}
