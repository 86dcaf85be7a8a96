// train.c -- nnc MODEL.nn --train.

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "driver/augmentation.h"
#include "driver/culprit.h"
#include "driver/curves.h"
#include "driver/diagnosis.h"
#include "driver/evaluate.h"
#include "driver/log.h"
#include "driver/predictor.h"
#include "driver/progress.h"
#include "driver/unfinished.h"
#include "driver/weights.h"
#include "file.h"
#include "signals.h"

// Everything that a training needs while it runs.
typedef struct Training {
    Job *job;
    NnrtFeed feed;
    Augmentation augmentation;
    NnrtExamples train;
    NnrtExamples probe;       // of the training part, as many as validation has: for its metrics
    NnrtExamples validation;  // count 0: there is none
    void **outputs;
    int loss, penalty;  // outputs of the train graph; penalty -1: no regularizer
    double first_loss;
    Evaluator evaluator;
    Progress progress;
    Log log;
    const char *path;  // of the weights
    Unfinished unfinished;
    Culprit culprit;  // what the loss is no number for, where it is the data
} Training;

// --- what the loop calls ----------------------------------------------------------------------

static void gather(Training *t, const NnrtStep *s)
{
    nnrt_feed_begin(&t->feed, t->train.fields, s->rows, s->count, (uint64_t)s->step);
}

// The loss as reported leaves the regularizers' penalty out, so that training and validation can be
// compared; a penalty that is no number makes it none.
static double do_step(void *self, const NnrtStep *s, const NnrtStep *next)
{
    Training *t = self;
    NncModel *m = &t->job->model;
    if (s->step == 1) {
        if (t->job->options->verbose)
            job_say(t->job, "the first step begins");
        gather(t, s);
    }
    const NnrtBatch *batch = nnrt_feed_take(&t->feed);
    if (next)
        gather(t, next);
    const RunArgs args = {
        .variables = m->block,
        .inputs = (const void *const *)batch->inputs,
        .outputs = t->outputs,
        .batch = s->count,
        .seed = t->job->train.seed,
        .step = s->step,
        .epoch = (float)s->epoch,
        .validation_loss = (float)s->validation_loss,
        .pool = t->job->pool,
    };
    executable_run(m->executables[NNC_TRAIN], &args);
    const double loss = (double)*(const float *)t->outputs[t->loss];
    if (!isfinite(loss) && !t->culprit.field)
        t->culprit =
            culprit_find(m->graphs[NNC_TRAIN], &(NnrtExamples){t->train.fields, s->rows, s->count});
    const double own =
        t->penalty < 0 ? loss : loss - (double)*(const float *)t->outputs[t->penalty];
    if (s->step == 1)
        t->first_loss = own;
    return own;
}

// The metrics of training are measured as those of validation are, with the weights of the epoch's
// end and without dropout; its loss is the average over the epoch's steps.
static void measure(void *self, double *training, double *validation)
{
    Training *t = self;
    const double running = training[0];
    if (t->evaluator.value_count > 1)
        evaluator_run(&t->evaluator, &t->probe, training);
    training[0] = running;
    if (t->validation.count > 0)
        evaluator_run(&t->evaluator, &t->validation, validation);
}

static void stepped(void *self, int64_t step, int64_t steps, double loss, int64_t examples)
{
    Training *t = self;
    if (t->job->options->verbose && step == 1 && t->progress.epoch == 1)
        job_say(t->job, "the first step is done");
    if (!t->job->options->quiet)
        progress_step(&t->progress, step, steps, loss, examples);
}

static void finished(void *self, const NnrtEpoch *epoch)
{
    Training *t = self;
    if (!t->job->options->quiet)
        progress_epoch(&t->progress, epoch);
    log_epoch(&t->log, epoch);
    if (epoch->best || t->job->train.patience == 0)
        unfinished_epoch(&t->unfinished);
}

static int interrupted(void *self)
{
    (void)self;
    return nnrt_signals_pending();
}

// --- preparation ------------------------------------------------------------------------------

static bool setting_error(Job *j, const char *message, const char *help)
{
    Diag *d = diag_report(j->session->diags, DIAG_train_setting, j->train.span, message);
    if (help)
        diag_help(d, "%s", help);
    return false;
}

static bool reads_validation_loss(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scalar && g->nodes[i]->attr.scalar == SCALAR_VALIDATION_LOSS)
            return true;
    return false;
}

static bool check_settings(Job *j)
{
    const TrainSpec *t = &j->train;
    if (t->batch_size < 1)
        return setting_error(j, "batch_size must be at least 1", NULL);
    if (t->epochs < 1)
        return setting_error(j, "epochs must be at least 1", NULL);
    if (t->steps_per_epoch < 0)
        return setting_error(j, "steps_per_epoch must be at least 1", NULL);
    if (t->patience > 0 && j->data.parts[PART_VALIDATION].count == 0)
        return setting_error(j,
                             "early stopping watches the validation loss, and there is no "
                             "validation data",
                             "add validation = 0.1 to data");
    if (j->data.parts[PART_VALIDATION].count == 0 &&
        reads_validation_loss(j->model.graphs[NNC_TRAIN]))
        return setting_error(j,
                             "the schedule reads the validation loss, and there is no "
                             "validation data",
                             "add validation = 0.1 to data");
    return true;
}

static NnrtExamples examples_of(Job *j, PartId part, NncPurpose purpose)
{
    if (!j->data.parts[part].set)
        return (NnrtExamples){0};
    return data_examples(&j->data, &j->request, part, j->model.graphs[purpose]);
}

static int64_t most_examples(const Job *j)
{
    int64_t most = 0;
    for (int part = 0; part < PART_COUNT; part++)
        most = j->data.parts[part].count > most ? j->data.parts[part].count : most;
    return most;
}

static bool make_feed(Training *t, int64_t size)
{
    Job *j = t->job;
    NnrtError e;
    NnrtChange *change = augmentation_changes(&t->augmentation) ? augmentation_apply : NULL;
    if (feed_for(&t->feed, j->pool, j->model.graphs[NNC_TRAIN], size, change, &t->augmentation, &e))
        return true;
    job_say_error(j, &e);
    return false;
}

// The code is compiled while the data is read, for what batches most probably are: fewer examples
// than that are rare.
static void start_builds(Job *j)
{
    enum { MOST = 4096 };  // what the memory for more is worth is known with the data
    if (j->train.batch_size < 1 || j->train.batch_size > MOST)
        return;
    nnc_start(&j->model, NNC_TRAIN, j->train.batch_size, &j->nnc);
    nnc_start(&j->model, NNC_EVALUATE, job_batch(j, INT64_MAX), &j->nnc);
}

static bool compile_and_read(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH, NNC_TRAIN};
    if (!job_load(j) || !job_compile(j, purposes, 4))
        return false;
    start_builds(j);
    return job_read_data(j, false);
}

static bool prepare(Training *t)
{
    Job *j = t->job;
    const Graph *g = j->model.graphs[NNC_TRAIN];
    t->train = examples_of(j, PART_TRAIN, NNC_TRAIN);
    t->validation = examples_of(j, PART_VALIDATION, NNC_EVALUATE);
    t->probe = examples_of(j, PART_TRAIN, NNC_EVALUATE);
    if (t->validation.count > 0)
        t->probe = examples_sample(j->model.arena, t->probe, t->validation.count);
    if (j->train.batch_size > t->train.count)
        j->train.batch_size = t->train.count;
    t->loss = nnc_output(g, "loss");
    t->penalty = nnc_output(g, "penalty");
    t->outputs = output_buffers(j->model.arena, g, j->train.batch_size);
    return augmentation_new(&t->augmentation, &j->model, g, j->train.batch_size, j->train.seed) &&
           make_feed(t, j->train.batch_size) && nnc_initialize(&j->model, j->train.seed) &&
           nnc_build(&j->model, NNC_TRAIN, j->train.batch_size, &j->nnc) &&
           evaluator_new(&t->evaluator, j, most_examples(j)) &&
           (!j->options->weights || weights_start(j, j->options->weights));
}

static bool open_log(Training *t)
{
    t->log.names = t->evaluator.names;
    t->log.value_count = t->evaluator.value_count;
    t->log.validation = t->validation.count > 0;
    if (log_open(&t->log, t->job->options->log))
        return true;
    job_say(t->job, "%s: %s", t->job->options->log, strerror(errno));
    return false;
}

// Whether the file of the weights is one, or none yet: what else stands there is not ours to
// replace.
static bool replaces_weights(const Training *t)
{
    unsigned char head[9];
    FILE *f = fopen(t->path, "rb");
    const size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (n == 0 || (n == sizeof head && head[7] == 0 && head[8] == '{'))
        return true;
    job_say(t->job, "%s is there and holds no weights; write to another file", t->path);
    return false;
}

// That the weights can be written where they go, and have room there: better now than after the
// training.
static bool check_output(const Training *t)
{
    NnrtError e;
    NnrtWriter *w = nnrt_writer_open(t->path, &e);
    const bool ok = w && nnrt_writer_reserve(w, weights_bytes(t->job), &e);
    if (!ok)
        job_say_error(t->job, &e);
    nnrt_writer_abandon(w);
    return ok && replaces_weights(t);
}

// --- afterwards -------------------------------------------------------------------------------

static void print_curves(const Training *t, const NnrtFitResult *r)
{
    const Job *j = t->job;
    const int n = (int)r->epoch_count;
    if (j->options->quiet || !(j->err.tty || j->options->verbose))
        return;
    double *training = arena_array(j->model.arena, double, (size_t)n + 1);
    double *validation = arena_array(j->model.arena, double, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        training[i] = r->history[i].training[0];
        validation[i] = r->history[i].validation[0];
    }
    const Curve curves[] = {{"training", training, STYLE_DIM},
                            {"validation", validation, STYLE_GOOD}};
    curves_print(&j->err, j->model.arena, "loss", curves, t->validation.count > 0 ? 2 : 1, n);
}

static double least_loss(const NnrtFitResult *r)
{
    double least = INFINITY;
    for (int64_t i = 0; i < r->epoch_count; i++)
        least = fmin(least, r->history[i].training[0]);
    return least;
}

// The probe is of the size of what it is compared with.
static void print_diagnosis(const Training *t, const NnrtFitResult *r)
{
    Job *j = t->job;
    const PartId held = t->validation.count > 0 ? PART_VALIDATION : PART_TEST;
    const int64_t most = j->data.parts[held].count;
    PartErrors training;
    PartErrors other;
    if (j->options->quiet || most == 0 || !measure_errors(j, PART_TRAIN, most, &training) ||
        !measure_errors(j, held, most, &other))
        return;
    const Errors errors = {
        .training = training.error,
        .validation = other.error,
        .baseline = training.baseline,
        .target = j->train.target_error,
        .is_share = training.is_share,
        .first_loss = t->first_loss,
        .least_loss = least_loss(r),
    };
    diagnosis_print(&j->err, held == PART_TEST ? "test" : "validation", &errors);
}

static void report_test(Training *t)
{
    const NnrtExamples x = examples_of(t->job, PART_TEST, NNC_EVALUATE);
    double values[NNRT_FIT_MAX_VALUES];
    if (x.count == 0)
        return;
    evaluator_run(&t->evaluator, &x, values);
    evaluator_print(&t->evaluator, "test", values, x.count);
    log_test(&t->log, values, x.count);
}

static bool save(Training *t)
{
    if (!weights_save(t->job, t->path))
        return false;
    unfinished_remove(&t->unfinished);
    if (!t->job->options->quiet)
        job_say(t->job, "weights are in %s", t->path);
    return true;
}

static ExitCode end_diverged(Training *t, const NnrtFitResult *r)
{
    const Job *j = t->job;
    job_say(j, "the training diverged: the loss is %g at step %lld (epoch %lld)", r->loss,
            (long long)r->steps, (long long)r->epoch_count + 1);
    if (t->culprit.field)
        diag_help(culprit_report(j, DIAG_data_value, PART_TRAIN, &t->culprit),
                  "a training needs finite numbers: mend the value or leave its row out");
    else
        job_say(j, "a smaller learning rate, clip_norm = 1 or normalized inputs may help");
    if (r->kept_epoch == 0) {
        job_say(j, "no epoch was finished, so no weights are saved");
        return EXIT_PROGRAM;
    }
    job_say(j, "what is saved is epoch %lld", (long long)r->kept_epoch);
    unfinished_save(&t->unfinished);
    return EXIT_PROGRAM;
}

static ExitCode end_interrupted(Training *t, const NnrtFitResult *r)
{
    job_say(t->job, "interrupted after step %lld, in epoch %lld", (long long)r->steps,
            (long long)r->epoch_count + 1);
    return unfinished_save(&t->unfinished) ? (ExitCode)(EXIT_SIGNAL + r->signal) : EXIT_PROGRAM;
}

static ExitCode end_done(Training *t, const NnrtFitResult *r)
{
    const Job *j = t->job;
    if (r->end == NNRT_FIT_EARLY && !j->options->quiet)
        job_say(j, "stopped: the validation loss has not fallen for %lld epochs",
                (long long)j->train.patience);
    if (r->kept_epoch != r->epoch_count && !j->options->quiet)
        job_say(j, "the weights are those of epoch %lld, the best", (long long)r->kept_epoch);
    if (!save(t))
        return EXIT_PROGRAM;
    print_curves(t, r);
    report_test(t);
    print_diagnosis(t, r);
    return EXIT_DONE;
}

static ExitCode end_training(Training *t, const NnrtFitResult *r)
{
    if (r->end == NNRT_FIT_DIVERGED)
        return end_diverged(t, r);
    if (r->end == NNRT_FIT_INTERRUPTED)
        return end_interrupted(t, r);
    return end_done(t, r);
}

// --- the command ------------------------------------------------------------------------------

static NnrtFit fit_of(Training *t)
{
    const Job *j = t->job;
    return (NnrtFit){
        .rows = t->train.rows,
        .examples = t->train.count,
        .batch_size = j->train.batch_size,
        .epochs = j->train.epochs,
        .steps_per_epoch = j->train.steps_per_epoch,
        .patience = j->train.patience,
        .seed = j->train.seed,
        .shuffle = j->train.shuffle,
        .variables = j->model.block,
        .variable_bytes = j->model.variables->bytes,
        .self = t,
        .step = do_step,
        .measure = measure,
        .stepped = stepped,
        .finished = finished,
        .interrupted = interrupted,
    };
}

static ExitCode train(Training *t)
{
    Job *j = t->job;
    const ProgressOptions shown = {
        .names = t->evaluator.names,
        .value_count = t->evaluator.value_count,
        .validation = t->validation.count > 0,
        .epochs = j->train.epochs,
    };
    const NnrtFit fit = fit_of(t);
    NnrtFitResult result;
    NnrtError e;
    if (!j->options->quiet)
        progress_start(&t->progress, &j->err, &shown);
    unfinished_start(&t->unfinished, j, t->path);
    nnrt_signals_catch();
    const bool ran = nnrt_fit(&fit, &result, &e);
    nnrt_feed_end(&t->feed);
    progress_stop(&t->progress);
    if (!ran) {
        job_say_error(j, &e);
        return EXIT_PROGRAM;
    }
    const ExitCode code = end_training(t, &result);
    nnrt_signals_release();
    nnrt_fit_free(&result);
    return code;
}

ExitCode command_train(Job *j)
{
    Training t = {.job = j};
    ExitCode code = EXIT_PROGRAM;
    t.path = j->options->output ? j->options->output : job_model_weights(j);
    signal(SIGPIPE, SIG_IGN);  // nobody may read on: the weights are what it is done for
    if (compile_and_read(j) && check_settings(j) && prepare(&t) && check_output(&t) &&
        open_log(&t)) {
        job_print_diagnostics(j);  // warnings, before the long wait
        code = train(&t);
    }
    evaluator_free(&t.evaluator);
    nnrt_feed_free(&t.feed);  // before what its batches are changed by
    augmentation_free(&t.augmentation);
    if (!log_close(&t.log)) {
        job_say(j, "%s could not be written", j->options->log);
        return EXIT_PROGRAM;
    }
    return code;
}
