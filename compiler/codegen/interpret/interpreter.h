// interpreter.h -- inside the interpreter.
//
// Every value is an array of double, whatever its dtype: f32, i32 and bool are exact in it. The
// two modes differ where a result is rounded to f32 and in the memory that runs are given.

#ifndef NNC_INTERPRETER_H
#define NNC_INTERPRETER_H

#include "codegen/engine.h"
#include "graph/ops/ops.h"

#define LANES 256     // elements that a scalar body is run on at a time
#define REGISTERS 64  // values that a scalar body may make

// The engine of scalar bodies: a value is a const double[LANES].
typedef struct LaneEmit {
    Emit emit;
    bool f64;
    int used;                    // registers
    double (*registers)[LANES];  // REGISTERS of them
} LaneEmit;

void lanes_init(LaneEmit *e, Arena *a, bool f64);

typedef struct ScanRun ScanRun;

typedef struct Interpreter {
    Executable executable;
    MemoryGuard guard;
    Arena *arena;
    const Graph *graph;
    int64_t max_batch;
    bool f64;
    bool is_body;     // of a scan, which writes the values of the inputs
    double **values;  // by node id
    ScanRun **scans;  // by node id; NULL for all other operations
    LaneEmit lanes;
    const RunArgs *args;  // of the run in progress
} Interpreter;

// Elements of a value in the run in progress.
int64_t value_count(const Interpreter *it, const Type *t);
static inline double *value_of(const Interpreter *it, const Node *n)
{
    return it->values[n->id];
}
static inline double rounded(const Interpreter *it, double x)
{
    return it->f64 ? x : (double)(float)x;
}

// To f32, unless the mode is f64.
void round_value(const Interpreter *it, const Node *n, double *y);
// Makes the arrays of all values; interpreter_new_value makes one, for max_batch examples.
void interpreter_make_values(Interpreter *it);
double *interpreter_new_value(Interpreter *it, const Type *t);
void interpreter_run_nodes(Interpreter *it);
// Elements start .. start + count - 1, LANES at the most, of an element-wise operation.
void run_lanes(Interpreter *it, const Node *n, int64_t start, int64_t count, double *y);
ScanRun *scan_run_new(Interpreter *it, const Node *n);

// From and to the memory that a run is given.
void memory_load(bool f64, DType dtype, const void *from, int64_t n, double *to);
void memory_store(bool f64, DType dtype, const double *from, int64_t n, void *to);
void *variable_memory(const Interpreter *it, int variable);

typedef void NodeRunner(Interpreter *it, const Node *n, double *y);

NodeRunner interpret_input, run_variable, run_const, run_scalar, run_iota, run_random;
NodeRunner run_elementwise, run_broadcast, run_reshape, run_transpose;
NodeRunner run_slice, run_pad, run_join, run_window, run_unwindow, run_gather, run_scatter_add;
NodeRunner run_reduce, run_argmax, run_contract;
NodeRunner run_scan, run_scan_result;

#endif
