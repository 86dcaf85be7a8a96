// predictor.c -- the model's outputs, and what is counted from them.

#include "driver/predictor.h"

#include <math.h>
#include <string.h>

#include "driver/evaluate.h"
#include "driver/not_finite.h"

bool predictor_run(Job *j, const NnrtExamples *x, PredictionSink *sink, void *self)
{
    NncModel *m = &j->model;
    const Graph *g = m->graphs[NNC_PREDICT];
    const int64_t capacity = job_batch(j, x->count);
    NnrtFeed feed;
    NnrtError e;
    if (!feed_for(&feed, j->pool, g, capacity, NULL, NULL, &e)) {
        job_say_error(j, &e);
        return false;
    }
    const bool ok = nnc_build(m, j->predict, capacity, &j->nnc);
    void **outputs = output_buffers(m->arena, g, capacity);
    if (ok)
        nnc_fold(m, j->pool);
    int64_t next = ok ? nnrt_feed_from(&feed, x, 0) : 0;
    for (int64_t at = 0, n; next > 0; at += n) {
        n = next;
        const NnrtBatch *batch = nnrt_feed_take(&feed);
        next = nnrt_feed_from(&feed, x, at + n);
        const RunArgs args = {
            .variables = m->block,
            .inputs = (const void *const *)batch->inputs,
            .outputs = outputs,
            .batch = n,
            .seed = j->train.seed,
            .validation_loss = INFINITY,
            .pool = j->pool,
        };
        executable_run(m->executables[j->predict], &args);
        if (j->predict == NNC_PREDICT)
            warn_not_finite(j, args.inputs, (const void *const *)outputs, n);
        sink(self, (const void *const *)outputs, x->rows + at, n);
    }
    nnrt_feed_free(&feed);
    return ok;
}

int64_t argmax_of(const float *values, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

// --- classes ----------------------------------------------------------------------------------

typedef struct Confusion {
    const NnrtField *target;
    int64_t classes;
    int64_t *counts;
} Confusion;

static void count_classes(void *self, const void *const *outputs, const uint32_t *rows, int64_t n)
{
    const Confusion *c = self;
    const float *y = outputs[0];
    const int64_t width = c->target->width;  // places of an example that have a class
    for (int64_t i = 0; i < n; i++) {
        const int32_t *codes = (const int32_t *)c->target->data + rows[i] * width;
        for (int64_t k = 0; k < width; k++, y += c->classes)
            c->counts[codes[k] * c->classes + argmax_of(y, c->classes)]++;
    }
}

static bool count_examples(Job *j, PartId part, const NnrtExamples *x, int64_t classes,
                           int64_t *counts)
{
    Confusion c = {data_target(&j->data, &j->request, part), classes, counts};
    return predictor_run(j, x, count_classes, &c);
}

bool confusion_counts(Job *j, PartId part, int64_t classes, int64_t *counts)
{
    const NnrtExamples x = data_examples(&j->data, &j->request, part, j->model.graphs[NNC_PREDICT]);
    return count_examples(j, part, &x, classes, counts);
}

static bool measure_classes(Job *j, PartId part, const NnrtExamples *x, int64_t classes,
                            PartErrors *out)
{
    int64_t *counts = arena_array(j->model.arena, int64_t, (size_t)(classes * classes));
    if (!count_examples(j, part, x, classes, counts))
        return false;
    int64_t right = 0;
    int64_t most = 0;
    int64_t all = 0;
    for (int64_t i = 0; i < classes; i++) {
        int64_t of_class = 0;
        for (int64_t k = 0; k < classes; k++)
            of_class += counts[i * classes + k];
        right += counts[i * classes + i];
        all += of_class;
        most = of_class > most ? of_class : most;
    }
    const double n = (double)all;
    *out = (PartErrors){1 - (double)right / n, 1 - (double)most / n, true};
    return true;
}

// --- numbers ----------------------------------------------------------------------------------

typedef struct Squares {
    const NnrtField *target;
    float *wanted;    // f32[batch, width]
    double residual;  // sum of (y - target)^2
    double squares;   // sum of target^2
    double *sums;     // [width], of the targets
} Squares;

static void add_squares(void *self, const void *const *outputs, const uint32_t *rows, int64_t n)
{
    Squares *s = self;
    const float *y = outputs[0];
    const int64_t width = s->target->width;
    nnrt_gather(s->target, rows, n, s->wanted);
    for (int64_t i = 0; i < n * width; i++) {
        const double wanted = (double)s->wanted[i];
        const double off = (double)y[i] - wanted;
        s->residual += off * off;
        s->squares += wanted * wanted;
        s->sums[i % width] += wanted;
    }
}

// The best constant is the mean, and its error the variance, of each element of the target.
static bool measure_numbers(Job *j, PartId part, const NnrtExamples *x, PartErrors *out)
{
    const NnrtField *target = data_target(&j->data, &j->request, part);
    const size_t width = (size_t)target->width;
    Squares s = {
        .target = target,
        .wanted = arena_array(j->model.arena, float, (size_t)job_batch(j, x->count) * width),
        .sums = arena_array(j->model.arena, double, width),
    };
    if (!predictor_run(j, x, add_squares, &s))
        return false;
    const double n = (double)x->count;
    double variance = s.squares;
    for (size_t i = 0; i < width; i++)
        variance -= s.sums[i] * s.sums[i] / n;
    *out = (PartErrors){s.residual / n / (double)width, variance / n / (double)width, false};
    return true;
}

bool measure_errors(Job *j, PartId part, int64_t most, PartErrors *out)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const NnrtExamples all = data_examples(&j->data, &j->request, part, g);
    const NnrtExamples x = examples_sample(j->model.arena, all, most);
    const int64_t classes = class_outputs(&j->model);
    const NnrtField *target = data_target(&j->data, &j->request, part);
    if (!target || x.count == 0)
        return false;
    if (classes > 0)
        return measure_classes(j, part, &x, classes, out);
    if (g->output_count != 1 || target->width != type_elements(&g->outputs[0].node->type))
        return false;
    return measure_numbers(j, part, &x, out);
}
