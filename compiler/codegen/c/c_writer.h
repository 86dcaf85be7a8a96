// c_writer.h -- the little language in which codegen/c writes C99 (inside codegen/c only).
//
// What is written must be C++ as well, be free of warnings, and use nothing beyond the C standard's
// library. All names at file scope begin with the model's.

#ifndef NNC_C_WRITER_H
#define NNC_C_WRITER_H

#include "codegen/c/c_header.h"
#include "graph/ops/emit.h"
#include "kernel/kernel.h"

// Small functions that expressions may call; those that are used are printed.
typedef enum CHelper {
    C_MAX,
    C_MIN,
    C_MULTIPLY_ADD,
    C_SIGMOID,
    C_TO_I32,
    C_WHOLE_MAX,
    C_WHOLE_MIN,
    C_PLUS,
    C_MINUS,
    C_TIMES,
    C_OVER,
    C_HIGH,
    C_SCALED,
    C_REQUANTIZE,
    C_ROOT,
    C_TO_I8,
    C_REAL_TO_I8,
    C_ROUNDED,
    C_PAIRS,
    C_CODE,
    C_FINISH,
    C_WIDEN,
    C_WINDOW,
    C_BYTES,
    C_TILE,
    C_LINE,
    C_CHANNELS,
    C_DEPTHWISE,
    C_ROW,
    C_RANDOM,
    C_HELPER_COUNT
} CHelper;

// What the numbers of the run are in the code at hand.
typedef struct CRun {
    bool given;  // kernels are handed a struct of them; else they are these constants
    uint64_t seed;
} CRun;

// A function that is written: what it does, and its name.
typedef struct CFunction {
    const char *key;
    const char *name;
} CFunction;

typedef struct CWriter {
    Arena *arena;
    Text *out;          // where lines go
    const char *name;   // every name at file scope begins with it
    const char *index;  // the type of an index
    int indent;
    int64_t batch;  // examples of a run
    CRun run;
    bool exact;  // no product joins an addition unrounded
    const int
        *place;  // by slot of the kernel at hand: the slot of the same memory that stands for it
    bool open_depth;  // of the contraction at hand, a parameter of its function
    bool trace;       // NNC_TRACE(pointer, bytes) after each kernel
    bool used[C_HELPER_COUNT];
    int vectors, tanhs;  // of how many floats at most they are: 4, 8 and 16 together
    CFunction *functions;
    int count, capacity;
} CWriter;

void c_line(CWriter *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void c_open(CWriter *w, const char *format, ...) __attribute__((format(printf, 2, 3)));  // ... {
void c_close(CWriter *w);                                                                // }
void c_blank(CWriter *w);

// Text in which NAME stands for the model's name and INDEX for the type of an index.
void c_add_text(CWriter *w, const char *text);

// --- names and literals (c_names.c) -------------------------------------------------------------

// A string literal, quotes included, of UTF-8 or any other bytes.
const char *c_string(Arena *a, const char *text);
// Text that may stand in a comment.
const char *c_comment(Arena *a, const char *text);
// A literal that reads back as the same float.
const char *c_float(Arena *a, float value);
void c_add_float(Text *t, float value);

// --- types and expressions (c_values.c) ---------------------------------------------------------

// How an element type is spelt. A row for each DType. An i8 is an int32_t as soon as it is loaded,
// as C would have it in any expression.
typedef struct CType {
    const char *value;   // of a variable
    const char *memory;  // of an array
    const char *load;    // from memory to a value
    const char *store;   // from a value to memory
} CType;

extern const CType c_types[DTYPE_COUNT];

// From the loosest to the tightest.
typedef enum Binding {
    BIND_CHOICE,
    BIND_LOGIC,
    BIND_COMPARE,
    BIND_SUM,
    BIND_PRODUCT,
    BIND_UNARY,
    BIND_PRIMARY
} Binding;

typedef struct CValue {
    const char *text;
    Binding binding;
    DType dtype;
} CValue;

CValue c_constant(CWriter *w, DType dtype, double value);
// The operation of node `n` on its operands.
CValue c_apply(CWriter *w, const Node *n, const CValue *args);
CValue c_operation(CWriter *w, EmitOp op, CValue a, CValue b, CValue c);
CValue c_name_value(const char *name, DType dtype);
CValue c_scalar(CWriter *w, ScalarKind kind);
// An element of an array.
CValue c_load(CWriter *w, const char *array, const char *index, DType dtype);
void c_store(CWriter *w, const char *array, const char *index, CValue value);
void c_print_helpers(CWriter *w);

// The name of a helper, which is then printed.
const char *c_helper(CWriter *w, CHelper helper);

// --- vectors (c_vector_kit.c) -------------------------------------------------------------------

// "model_load8", for vectors of 8 floats at most; "v" is their type.
const char *c_vector_name(CWriter *w, const char *function, int lanes);
bool c_uses_vectors(const CWriter *w);
// Before all else; the types and functions; at the end.
void c_vector_macros(CWriter *w);
void c_vector_kit(CWriter *w);
void c_vector_forget(CWriter *w);

// --- index expressions --------------------------------------------------------------------------

// `offset` and the sum of names[i] * strides[i]; "0" when there is nothing.
const char *c_position(CWriter *w, const char *const *names, const int64_t *strides, int count,
                       int64_t offset);

// --- kernels ------------------------------------------------------------------------------------

// The name of a slot's parameter in a kernel's function.
const char *c_slot(const CWriter *w, int slot);
// Whether a kernel writes to a slot; to its memory, whatever slot has it.
bool c_writes(const Kernel *k, int slot);
bool c_writes_memory(const CWriter *w, const Kernel *k, int slot);

// By instruction of a loop kernel: whether a store needs it. What users compute again is there
// still.
bool *c_needed(Arena *a, const Kernel *k);

// Code behind a contraction (c_loops.c): opened once, run at every point of the result.
typedef struct CCode CCode;
CCode *c_code_open(CWriter *w, const Kernel *k);
// The same where `instr`, not the sum alone, is what c_code_run is given.
CCode *c_code_open_behind(CWriter *w, const Kernel *k, int instr);
// By instruction: whether that code computes it.
const bool *c_code_needed(const CCode *c);
void c_code_at(CCode *c, int axis, const char *index);  // NULL: 0
void c_code_run(CCode *c, const char *product);
// The same on vectors of at most so many lanes along an axis (c_lanes.c): whether it can be,
// whether it is too long to stand there for each; `number` tells apart what is declared, unless it
// is negative.
bool c_code_takes_vectors(const CCode *c, int axis);
bool c_code_is_long(const CCode *c);
void c_code_run_vector(CCode *c, int axis, int lanes, int number, const char *product);

// The statements of a kernel (c_loops.c, c_contract.c).
void c_loops(CWriter *w, const Kernel *k);
void c_contract(CWriter *w, const Kernel *k);

#endif
