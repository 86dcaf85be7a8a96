// memory.c -- between the interpreter's doubles and the memory that a run is given.

#include "codegen/interpret/interpreter.h"

#define COPIERS(name, type)                                           \
    static void load_##name(const void *from, int64_t n, double *to)  \
    {                                                                 \
        const type *x = from;                                         \
        for (int64_t i = 0; i < n; i++)                               \
            to[i] = (double)x[i];                                     \
    }                                                                 \
    static void store_##name(const double *from, int64_t n, void *to) \
    {                                                                 \
        type *x = to;                                                 \
        for (int64_t i = 0; i < n; i++)                               \
            x[i] = (type)from[i];                                     \
    }

COPIERS(f32, float)
COPIERS(f64, double)
COPIERS(i32, int32_t)
COPIERS(bool, uint8_t)
COPIERS(i8, int8_t)

static const struct {
    void (*load)(const void *, int64_t, double *);
    void (*store)(const double *, int64_t, void *);
} copiers[2][DTYPE_COUNT] = {
    {
        [DTYPE_F32] = {load_f32, store_f32},
        [DTYPE_I32] = {load_i32, store_i32},
        [DTYPE_BOOL] = {load_bool, store_bool},
        [DTYPE_I8] = {load_i8, store_i8},
    },
    {
        [DTYPE_F32] = {load_f64, store_f64},
        [DTYPE_I32] = {load_i32, store_i32},
        [DTYPE_BOOL] = {load_bool, store_bool},
        [DTYPE_I8] = {load_i8, store_i8},
    },
};

void memory_load(bool f64, DType dtype, const void *from, int64_t n, double *to)
{
    copiers[f64][dtype].load(from, n, to);
}

void memory_store(bool f64, DType dtype, const double *from, int64_t n, void *to)
{
    copiers[f64][dtype].store(from, n, to);
}

void *variable_memory(const Interpreter *it, int variable)
{
    size_t offset = it->graph->variables->items[variable].offset;
    return (char *)it->args->variables + (it->f64 ? 2 * offset : offset);
}

size_t interpret_variable_bytes(const Variables *vs, bool f64)
{
    return f64 ? 2 * vs->bytes : vs->bytes;
}
