// sema.h -- from tree to graphs: names, compile-time evaluation, layers expanded, shapes checked.
//
// A file is loaded (parsed with all it uses, every definition checked by name), then its model is
// expanded once for each purpose, because `training` and the branches that depend on it are known
// at compile time:
//
//   predict   inputs -> the model's outputs, training = false
//   evaluate  inputs, targets -> "loss" and each metric, averaged over the batch, training = false;
//             metrics that are no average update their VARIABLE_METRIC variables instead
//   finish    nothing -> those metrics, from their variables
//   train     inputs, targets -> "loss" (with "penalty", the regularizers' part of it), training =
//             true; sema_optimize adds the updates once autodiff has made the gradients
//
// All graphs share one table of variables, which the first expansion fills.
//
// The type of a target follows from its use: where the loss or a metric takes it as a class
// (one_hot, ==, gather with an i32) it is i32 with the shape that use wants, else f32 of the
// output's shape. Graph inputs of targets are named "target" (or "target.OUTPUT" where there are
// several).

#ifndef NNC_SEMA_H
#define NNC_SEMA_H

#include "base/session.h"
#include "graph/graph.h"
#include "sema/value.h"

typedef struct Program Program;

// One line of the summary: a layer call of the model's own body, nested calls below it.
typedef struct LayerRow {
    Name path;         // "dense_1", "residual_2.conv2d_1": as in the names of its variables
    const char *call;  // as written: "dense(128, bias = false)"
    Type output;
    int depth;  // 0: a statement of the model itself
    Span span;
} LayerRow;

// `train { }`, evaluated; what the file leaves out has the language's default.
typedef struct TrainSpec {
    bool given;  // the file has a train block
    Span span;
    int64_t batch_size;       // 32
    int64_t epochs;           // 10
    int64_t steps_per_epoch;  // 0: all examples
    uint64_t seed;            // 0
    bool shuffle;             // true
    double target_error;      // NAN: none stated
    int64_t patience;         // early stopping: 0: off
    bool quantize;            // train for whole numbers: int8
    Name *metrics;            // as the outputs of `evaluate` and `finish` are named
    int metric_count;
    const char *loss_text;  // for the summary: "cross_entropy", "adam(learning_rate = 0.001)"
    const char *optimizer_text;
} TrainSpec;

// `data { }`, evaluated: which sources, with which arguments. The driver reads them.
typedef struct DataSpec {
    bool given;
    Span span;
    Value *train;       // a VALUE_CALL, a list of named ones (an input each), or NULL
    Value *test;        // the same, or a number: the share to hold out; NULL: none
    Value *validation;  // likewise
    Value *classes;     // a list of strings, or NULL
    Value *augment;     // a VALUE_CALL, a list of them, or NULL
    Value *target;      // `target = input` (a string), or NULL
    Value *normalize;   // `standard` or NULL
} DataSpec;

// `deploy { }`, evaluated: what an emitted header may take, in bytes; -1: there is no limit.
typedef struct DeploySpec {
    bool given;
    int64_t ram, flash;
    Span ram_span, flash_span;
    bool quantize;   // to int8
    Name calibrate;  // the method that ranges are found by, which the driver knows; NULL: not said
    Span calibrate_span;
} DeploySpec;

// Loads and checks `path` and all it uses. NULL when it cannot be read; what is wrong in it is in
// session->diags (ask diags_errors). `arena` is the module arena.
Program *sema_load(Session *session, Arena *arena, const char *path);

// The same for text that is no file (tests, the REPL); `use` of paths is relative to `dir`.
Program *sema_load_text(Session *session, Arena *arena, const char *name, const char *text,
                        size_t size, const char *dir);

bool sema_has_model(const Program *p);
const char *sema_model_name(const Program *p);
Variables *sema_variables(const Program *p);
const TrainSpec *sema_train_spec(Program *p);
const DataSpec *sema_data_spec(Program *p);
const DeploySpec *sema_deploy_spec(Program *p);

// The graphs. NULL after a reported error (which includes a missing loss or optimizer for those
// that need one). `sema_finish` is NULL with no error when no metric needs it.
Graph *sema_predict(Program *p);
Graph *sema_evaluate(Program *p);
Graph *sema_finish(Program *p);
Graph *sema_train(Program *p);

// Adds to a train graph the optimizer's updates: gradient i belongs to variable params[i]. Creates
// the optimizer's slots. False after a reported error.
bool sema_optimize(Program *p, Graph *train, const int *params, Node *const *gradients, int count);

// Rows of the summary, from the last sema_predict.
const LayerRow *sema_layers(const Program *p, int *count);

// The documentation of a definition or primitive, printed by `nnc --doc NAME`; false: no such name.
bool sema_doc(Session *session, Arena *arena, const char *name, Text *out);

#endif
