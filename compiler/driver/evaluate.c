// evaluate.c -- loss and metrics over examples.

#include "driver/evaluate.h"

#include <math.h>
#include <string.h>

void **output_buffers(Arena *a, const Graph *g, int64_t batch)
{
    void **outputs = arena_array(a, void *, (size_t)g->output_count);
    for (int i = 0; i < g->output_count; i++) {
        const Type *t = &g->outputs[i].node->type;
        const size_t rows = type_batched(t) ? (size_t)batch : 1;
        outputs[i] = arena_calloc(a, rows * (size_t)type_elements(t), sizeof(double));
    }
    return outputs;
}

static bool name_values(Evaluator *ev)
{
    const TrainSpec *t = &ev->job->train;
    if (t->metric_count >= NNRT_FIT_MAX_VALUES) {
        Arena *a = ev->job->model.arena;
        diag_report(ev->job->session->diags, DIAG_train_setting, t->span,
                    arena_printf(a, "there are %d metrics, and at most %d are followed",
                                 t->metric_count, NNRT_FIT_MAX_VALUES - 1));
        return false;
    }
    ev->names[ev->value_count++] = "loss";
    for (int i = 0; i < t->metric_count; i++)
        ev->names[ev->value_count++] = t->metrics[i];
    return true;
}

bool evaluator_new(Evaluator *ev, Job *j, int64_t examples)
{
    const int64_t batch = job_batch(j, examples);
    *ev = (Evaluator){.job = j};
    const Graph *finish = j->model.graphs[NNC_FINISH];
    NnrtError e;
    if (!name_values(ev) || !nnc_build(&j->model, NNC_EVALUATE, batch, &j->nnc) ||
        (finish && !nnc_build(&j->model, NNC_FINISH, 1, &j->nnc)))
        return false;
    if (!feed_for(&ev->feed, j->pool, j->model.graphs[NNC_EVALUATE], batch, NULL, NULL, &e)) {
        job_say_error(j, &e);
        return false;
    }
    ev->outputs = output_buffers(j->model.arena, j->model.graphs[NNC_EVALUATE], batch);
    if (finish)
        ev->finish_outputs = output_buffers(j->model.arena, finish, 1);
    return true;
}

void evaluator_free(Evaluator *ev)
{
    nnrt_feed_free(&ev->feed);
}

// Adds the outputs of a graph that are values to be reported, `weight` times.
static void add_values(const Evaluator *ev, const Graph *g, void *const *outputs, double weight,
                       double *values)
{
    for (int i = 0; i < ev->value_count; i++) {
        const int output = nnc_output(g, ev->names[i]);
        if (output >= 0)
            values[i] += weight * (double)*(const float *)outputs[output];
    }
}

static RunArgs run_args(const Evaluator *ev, void *const *inputs, int64_t batch,
                        void *const *outputs)
{
    return (RunArgs){
        .variables = ev->job->model.block,
        .inputs = (const void *const *)inputs,
        .outputs = outputs,
        .batch = batch,
        .seed = ev->job->train.seed,
        .validation_loss = INFINITY,
        .pool = ev->job->pool,
    };
}

void evaluator_run(Evaluator *ev, const NnrtExamples *x, double *values)
{
    NncModel *m = &ev->job->model;
    for (int i = 0; i < ev->value_count; i++)
        values[i] = 0;
    nnc_reset_metrics(m);
    int64_t next = nnrt_feed_from(&ev->feed, x, 0);
    for (int64_t at = 0, n; next > 0; at += n) {
        n = next;
        const NnrtBatch *b = nnrt_feed_take(&ev->feed);
        next = nnrt_feed_from(&ev->feed, x, at + n);
        const RunArgs args = run_args(ev, b->inputs, n, ev->outputs);
        executable_run(m->executables[NNC_EVALUATE], &args);
        add_values(ev, m->graphs[NNC_EVALUATE], ev->outputs, (double)n / (double)x->count, values);
    }
    if (!m->graphs[NNC_FINISH])
        return;
    const RunArgs args = run_args(ev, ev->feed.batches[0].inputs, 1, ev->finish_outputs);
    executable_run(m->executables[NNC_FINISH], &args);
    add_values(ev, m->graphs[NNC_FINISH], ev->finish_outputs, 1, values);
}

void evaluator_print(const Evaluator *ev, const char *part, const double *values, int64_t examples)
{
    FILE *out = ev->job->out.out;
    fprintf(out, "%s", part);
    for (int i = 0; i < ev->value_count; i++)
        fprintf(out, "   %s %.6g", ev->names[i], values[i]);
    fprintf(out, "   %lld examples\n", (long long)examples);
    fflush(out);  // before what follows on stderr
}
