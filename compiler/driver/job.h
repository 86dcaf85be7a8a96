// job.h -- one run of nnc: what was asked for, what has been loaded, and the commands.

#ifndef NNC_JOB_H
#define NNC_JOB_H

#include "driver/data.h"
#include "driver/options.h"
#include "driver/terminal.h"
#include "fit.h"

typedef struct Job {
    const Options *options;
    Session *session;
    NncModel model;
    NncOptions nnc;
    TrainSpec train;  // the file's, changed by the command line
    Terminal out;     // results
    Terminal err;     // everything else
    NnrtPool *pool;
    DataRequest request;
    Data data;
    bool calibrates;       // the training data alone is wanted, for ranges
    NncPurpose predict;    // NNC_PREDICT or NNC_INT8: what gives predictions
    bool told_not_finite;  // of weights or of what they give
} Job;

// The commands; each returns an exit code after having said what is wrong.
ExitCode command_summary(Job *j);
ExitCode command_train(Job *j);
ExitCode command_eval(Job *j);
ExitCode command_predict(Job *j);
ExitCode command_emit(Job *j);
ExitCode command_emit_object(Job *j);
ExitCode command_emit_c(Job *j);
ExitCode command_verify(Job *j);
ExitCode command_check_gradients(Job *j);
ExitCode command_doc(Job *j);

// --- what the commands share ------------------------------------------------------------------

// Prints what has been diagnosed since the last time.
void job_print_diagnostics(Job *j);

// Says something on stderr, as "nnc: ...".
void job_say(const Job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
void job_say_error(const Job *j, const NnrtError *e);

// Loads the file. False after a reported error, as all of these.
bool job_load(Job *j);
// Compiles for `count` purposes.
bool job_compile(Job *j, const NncPurpose *purposes, int count);
// Reads the data; `test_only` when weights are there already.
bool job_read_data(Job *j, bool test_only);

// MODEL.safetensors beside the .nn file, where a training writes unless -o says otherwise.
const char *job_model_weights(const Job *j);

// The weights' file: --weights, or MODEL.safetensors beside the .nn file.
const char *job_weights_path(const Job *j);

// Where the header of an object goes (emit_object.c).
const char *object_header_path(Arena *a, const char *object);

// Examples that a run outside of training takes at once.
int64_t job_batch(const Job *j, int64_t examples);

#endif
