// nnc.h -- the compiler as a library: from a .nn file to something that runs.
//
//   Session *s = session_new();
//   NncModel m = {.session = s, .arena = arena_new(&s->guard)};
//   nnc_load(&m, "digits.nn") && nnc_compile(&m, NNC_TRAIN, &options)
//       && nnc_build(&m, NNC_TRAIN, batch_size, &options) && nnc_initialize(&m, seed);
//   executable_run(m.executables[NNC_TRAIN], &args);
//   nnc_close(&m);
//
// What is wrong with the program is in s->diags. Everything but the executables and the variables'
// block lives in the arenas, which are the caller's.

#ifndef NNC_NNC_H
#define NNC_NNC_H

#include "codegen/llvm/jit.h"
#include "pass/pass.h"
#include "quantize/quantize.h"
#include "sema/sema.h"

// What a graph is for; see sema.h.
typedef enum NncPurpose {
    NNC_FOLD,  // what predict needs of variables alone; made with it, NULL when there is nothing
    NNC_PREDICT,
    NNC_EVALUATE,
    NNC_FINISH,  // stays NULL in a model whose metrics are all plain averages
    NNC_TRAIN,   // with gradients and updates
    NNC_INT8,    // predict in whole numbers: nnc_quantize makes it
    NNC_WATCH,   // predict with the values that are to be quantized as outputs
    NNC_WATCH_INT8,
    NNC_GRADIENT,  // the gradients as outputs "d.PARAMETER", no updates: for checking them
    NNC_PURPOSE_COUNT
} NncPurpose;

typedef struct NncOptions {
    const char *engine;   // NULL: the default
    const char *cache;    // folder of compiled objects; NULL: none
    int compile_threads;  // 0: as many as there are cores, four at the most
    PassOptions passes;
} NncOptions;

// What is known of the raw form of an input; false: it has none of its own.
typedef bool NncRawInput(void *self, const Port *input, RawInput *raw);

typedef struct NncModel {
    Session *session;
    Arena *arena;  // the module's
    Program *program;
    Variables *variables;
    Graph *graphs[NNC_PURPOSE_COUNT];
    Executable *executables[NNC_PURPOSE_COUNT];
    int64_t max_batch[NNC_PURPOSE_COUNT];  // of the executable
    bool started[NNC_PURPOSE_COUNT];       // it is not finished yet
    Jit *jit;                              // NULL until it is needed
    NncRawInput *raw_input;                // NULL: predict takes inputs as the model does
    void *raw_self;                        // its first argument
    RawInput *raw;                         // by input of predict, when there is raw_input
    void *block;         // the variables, laid out by Variable.offset; 64-byte aligned
    QuantizePlan *plan;  // NULL before nnc_quantize
    Quantized quantized;
} NncModel;

// Reads, parses and checks a file and all it uses. False after a reported error.
bool nnc_load(NncModel *m, const char *path);

// Makes the graph for `purpose` and runs the passes over it. False after a reported error.
bool nnc_compile(NncModel *m, NncPurpose purpose, const NncOptions *o);

// Begins to make the executable of a compiled graph: other threads compile it until nnc_build wants
// it. What goes wrong is reported then.
void nnc_start(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o);

// Makes the executable of a compiled graph, for at most `max_batch` examples a run; one that is
// there and takes as many stays. False after a reported error.
bool nnc_build(NncModel *m, NncPurpose purpose, int64_t max_batch, const NncOptions *o);

// Makes the block of all variables (when all graphs are compiled) with their initial values. False
// when there is no memory for it, which is reported.
bool nnc_initialize(NncModel *m, uint64_t seed);

// Computes what predict needs of variables alone (batch norms folded into the weights before them):
// when it is built and the variables have changed, before it runs. `pool` as in RunArgs.
void nnc_fold(NncModel *m, struct NnrtPool *pool);

// The examples from which nnc_quantize learns the range of every value.
typedef struct NncCalibration {
    Calibration method;
    int64_t batch;  // examples in a call of `next` at the most
    // The inputs of predict for the next examples, and how many; 0 after the last, and then again
    // from the first on.
    int64_t (*next)(void *self, const void *const **inputs);
    void *self;
    const Range *inputs;  // by input of predict: all that it can be; low = high: that is not known
    struct NnrtPool *pool;
} NncCalibration;

// Makes the graph for NNC_INT8 of that for NNC_PREDICT and the variables' values, which must be
// there: the block grows by the integer weights. False after a reported error.
bool nnc_quantize(NncModel *m, const NncCalibration *c, const NncOptions *o);

// Gives the variables of metrics their initial values, before an evaluation.
void nnc_reset_metrics(NncModel *m);

// Adds what a stage of the compiler makes of a compiled graph to *out: --emit. False after a
// reported error.
bool nnc_emit(NncModel *m, NncPurpose purpose, int stage, int64_t max_batch, Text *out);

// Frees the executables and the block.
void nnc_close(NncModel *m);

// The name of engine i, the default first; NULL after the last.
const char *nnc_engine_name(int i);

// The name of stage i of nnc_emit: "ir", "kernels", ...; NULL after the last.
const char *nnc_stage_name(int i);

// The index of the output of that name; -1: none.
int nnc_output(const Graph *g, const char *name);

// "predict", "evaluate", ...
const char *nnc_purpose_name(NncPurpose purpose);

#endif
