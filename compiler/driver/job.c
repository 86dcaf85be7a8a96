// job.c -- what the commands share.

#include "driver/job.h"

#include <string.h>

#include "driver/quantize.h"
#include "driver/sources.h"

enum { LEAST_BATCH = 64 };  // smaller ones cost more than they save

void job_print_diagnostics(Job *j)
{
    diags_print(j->session->diags, j->err.out, j->err.color);
    diags_clear(j->session->diags);
}

void job_say(const Job *j, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("nnc: ", j->err.out);
    vfprintf(j->err.out, format, args);
    fputc('\n', j->err.out);
    va_end(args);
}

void job_say_error(const Job *j, const NnrtError *e)
{
    char text[sizeof *e];
    nnrt_error_text(e, text, sizeof text);
    job_say(j, "%s", text);
    if (e->help[0])
        job_say(j, "%s", e->help);
}

bool job_load(Job *j)
{
    const bool ok = nnc_load(&j->model, j->options->file);
    if (ok) {
        j->train = *sema_train_spec(j->model.program);
        if (j->options->seed >= 0)
            j->train.seed = (uint64_t)j->options->seed;
    }
    return ok && quantize_check(j) && diags_errors(j->session->diags) == 0;
}

bool job_compile(Job *j, const NncPurpose *purposes, int count)
{
    for (int i = 0; i < count; i++)
        if (!nnc_compile(&j->model, purposes[i], &j->nnc))
            return false;
    return true;
}

bool job_read_data(Job *j, bool test_only)
{
    j->request = (DataRequest){
        .model = &j->model,
        .model_path = j->options->file,
        .seed = j->train.seed,
        .test_only = test_only,
        .calibrate = j->calibrates || j->options->quantize != NULL,
        .train_only = j->calibrates,
    };
    return data_load(&j->data, &j->request);
}

const char *job_model_weights(const Job *j)
{
    const char *file = j->options->file;
    const size_t n = strlen(file);
    const bool suffix = n > 3 && strcmp(file + n - 3, ".nn") == 0;
    return arena_printf(j->model.arena, "%.*s.safetensors", (int)(suffix ? n - 3 : n), file);
}

const char *job_weights_path(const Job *j)
{
    return j->options->weights ? j->options->weights : job_model_weights(j);
}

int64_t job_batch(const Job *j, int64_t examples)
{
    const int64_t batch = j->train.batch_size > LEAST_BATCH ? j->train.batch_size : LEAST_BATCH;
    return examples < batch ? examples : batch;
}
