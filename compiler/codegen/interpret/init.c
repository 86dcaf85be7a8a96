// init.c -- the initial values of variables.
//
// Most initializers draw numbers and do the same with each: such a graph runs on a chunk of lanes
// after the other, in a cache instead of in arrays as large as the variable. Each node is computed
// by the interpreter's own functions either way, so that the values are the same.

#include <stdlib.h>
#include <string.h>

#include "codegen/interpret/interpret.h"
#include "codegen/interpret/interpreter.h"
#include "random.h"

// --- any graph --------------------------------------------------------------------------------

static bool init_whole(const Variable *v, uint64_t seed, void *block, void *memory, bool f64)
{
    Executable *x = interpret_new(v->init, 1, f64);
    if (!x)
        return false;
    executable_run(x, &(RunArgs){
                          .variables = block,
                          .outputs = (void *[]){memory},
                          .batch = 1,
                          .seed = seed,
                      });
    executable_free(x);
    return true;
}

// --- graphs of one element at a time ----------------------------------------------------------

static bool is_one(const Node *n)
{
    return type_elements(&n->type) == 1;
}

// Whether element i of a node needs nothing but element i of others, or what is one number.
static bool is_pointwise(const Node *n, int64_t count)
{
    if (n->op == OP_const || n->op == OP_scalar)
        return true;
    if (!is_one(n) && type_elements(&n->type) != count)
        return false;
    if (n->op == OP_random || n->op == OP_reshape)
        return true;
    return op_is(n->op, ELEMENTWISE) || (n->op == OP_broadcast && is_one(n->in[0]));
}

static bool all_pointwise(const Graph *g, int64_t count)
{
    for (int i = 0; i < g->node_count; i++)
        if (!is_pointwise(g->nodes[i], count))
            return false;
    return g->update_count == 0 && g->output_count == 1 && count > LANES;
}

// Lanes of the same word stand side by side (random.h): a block of 64 takes sixteen counters.
static void draw_block(const Interpreter *it, uint32_t stream, int64_t block, double y[64])
{
    const RunArgs *args = it->args;
    const uint32_t key[2] = {(uint32_t)args->seed, (uint32_t)(args->seed >> 32)};
    for (int lane = 0; lane < 16; lane++) {
        const uint64_t number = (uint64_t)block << 4 | (uint64_t)lane;
        uint32_t words[4] = {(uint32_t)number, (uint32_t)(number >> 32), (uint32_t)args->step,
                             stream};
        nnrt_philox(words, key, words);
        for (int word = 0; word < 4; word++)
            y[16 * word + lane] = (double)((float)(words[word] >> 8) * 0x1p-24f);
    }
}

static void draw(const Interpreter *it, const Node *n, int64_t start, double *y)
{
    for (int64_t i = 0; i < LANES; i += 64)
        draw_block(it, n->attr.stream, (start + i) / 64, y + i);
}

static void fill(double *y, double x)
{
    for (int i = 0; i < LANES; i++)
        y[i] = x;
}

// One number stands in all lanes, so that who reads it may take it for as many as there are.
static void run_chunk(Interpreter *it, const Node *n, int64_t start)
{
    double *y = value_of(it, n);
    switch (n->op) {
    case OP_const:
        run_const(it, n, y);
        fill(y, y[0]);
        break;
    case OP_scalar:
        run_scalar(it, n, y);
        fill(y, y[0]);
        break;
    case OP_random:
        draw(it, n, is_one(n) ? 0 : start, y);
        if (is_one(n))
            fill(y, y[0]);
        break;
    case OP_reshape:
    case OP_broadcast:
        memcpy(y, value_of(it, n->in[0]), LANES * sizeof *y);
        break;
    default:
        run_lanes(it, n, 0, LANES, y);
        break;
    }
}

static void run_chunks(Interpreter *it, int64_t count, void *memory)
{
    const Graph *g = it->graph;
    const Node *result = g->outputs[0].node;
    const size_t size = it->f64 && result->type.dtype == DTYPE_F32 ? sizeof(double)
                                                                   : dtype_size(result->type.dtype);
    for (int64_t start = 0; start < count; start += LANES) {
        const int64_t left = count - start;
        for (int i = 0; i < g->node_count; i++)
            run_chunk(it, g->nodes[i], start);
        memory_store(it->f64, result->type.dtype, value_of(it, result), left < LANES ? left : LANES,
                     (char *)memory + (size_t)start * size);
    }
}

static bool make_chunks(Interpreter *it)
{
    it->arena = arena_new(&it->guard);
    if (!it->arena || setjmp(it->guard.jump))
        return false;
    lanes_init(&it->lanes, it->arena, it->f64);
    it->values = arena_array(it->arena, double *, (size_t)it->graph->node_count);
    for (int i = 0; i < it->graph->node_count; i++)
        it->values[i] = arena_array(it->arena, double, LANES);
    return true;
}

static bool init_in_chunks(const Variable *v, uint64_t seed, void *memory, bool f64)
{
    const RunArgs args = {.batch = 1, .seed = seed};
    Interpreter it = {.graph = v->init, .f64 = f64, .args = &args};
    const bool ok = make_chunks(&it);
    if (ok)
        run_chunks(&it, type_elements(&v->type), memory);
    arena_free(it.arena);
    return ok;
}

// --- all variables ----------------------------------------------------------------------------

static bool init_variable(const Variable *v, uint64_t seed, void *block, bool f64)
{
    char *memory = (char *)block + (f64 ? 2 * v->offset : v->offset);
    if (v->init)
        return all_pointwise(v->init, type_elements(&v->type))
                   ? init_in_chunks(v, seed, memory, f64)
                   : init_whole(v, seed, block, memory, f64);
    const size_t bytes = (size_t)type_elements(&v->type) * dtype_size(v->type.dtype);
    memset(memory, 0, f64 ? 2 * bytes : bytes);
    return true;
}

bool interpret_init(const Variables *vs, uint64_t seed, void *block, bool f64)
{
    for (int i = 0; i < vs->count; i++)
        if (!init_variable(&vs->items[i], seed, block, f64))
            return false;
    return true;
}
