// interpret.c -- the reference engine: every node on its own, in the order of the graph.

#include "codegen/interpret/interpret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interpret/interpreter.h"

static NodeRunner *const runners[OP_COUNT] = {
    [OP_input] = interpret_input,
    [OP_variable] = run_variable,
    [OP_const] = run_const,
    [OP_scalar] = run_scalar,
    [OP_iota] = run_iota,
    [OP_random] = run_random,
    [OP_broadcast] = run_broadcast,
    [OP_reshape] = run_reshape,
    [OP_transpose] = run_transpose,
    [OP_reduce] = run_reduce,
    [OP_argmax] = run_argmax,
    [OP_contract] = run_contract,
    [OP_slice] = run_slice,
    [OP_pad] = run_pad,
    [OP_window] = run_window,
    [OP_unwindow] = run_unwindow,
    [OP_join] = run_join,
    [OP_gather] = run_gather,
    [OP_scatter_add] = run_scatter_add,
    [OP_scan] = run_scan,
    [OP_scan_result] = run_scan_result,
};

static void run_node(Interpreter *it, const Node *n)
{
    NodeRunner *run = op_is(n->op, ELEMENTWISE) ? run_elementwise : runners[n->op];
    run(it, n, value_of(it, n));
}

void interpreter_run_nodes(Interpreter *it)
{
    for (int i = 0; i < it->graph->node_count; i++)
        if (!(it->is_body && it->graph->nodes[i]->op == OP_input))
            run_node(it, it->graph->nodes[i]);
}

// After all nodes: what a run reads is the variables as they were before it.
static void store_results(Interpreter *it)
{
    const Graph *g = it->graph;
    for (int i = 0; i < g->output_count; i++) {
        const Node *n = g->outputs[i].node;
        memory_store(it->f64, n->type.dtype, value_of(it, n), value_count(it, &n->type),
                     it->args->outputs[i]);
    }
    for (int i = 0; i < g->update_count; i++) {
        const Node *n = g->updates[i].value;
        memory_store(it->f64, n->type.dtype, value_of(it, n), value_count(it, &n->type),
                     variable_memory(it, g->updates[i].variable));
    }
}

static void interpret_run(Executable *x, const RunArgs *args)
{
    Interpreter *it = (Interpreter *)x;
    assert(args->batch >= 1 && args->batch <= it->max_batch);
    it->args = args;
    interpreter_run_nodes(it);
    store_results(it);
    it->args = NULL;
}

static void interpret_free(Executable *x)
{
    Interpreter *it = (Interpreter *)x;
    arena_free(it->arena);
    free(it);
}

// Room for whole chunks of lanes: a body reads its operands to the end of the chunk.
double *interpreter_new_value(Interpreter *it, const Type *t)
{
    size_t count;
    size_t batch = type_batched(t) ? (size_t)it->max_batch : 1;
    if (__builtin_mul_overflow((size_t)type_elements(t), batch, &count) ||
        __builtin_add_overflow(count, LANES, &count))
        count = SIZE_MAX;  // which the arena will refuse
    return arena_array(it->arena, double, count);
}

void interpreter_make_values(Interpreter *it)
{
    const Graph *g = it->graph;
    lanes_init(&it->lanes, it->arena, it->f64);
    it->values = arena_array(it->arena, double *, (size_t)g->node_count);
    it->scans = arena_array(it->arena, ScanRun *, (size_t)g->node_count);
    for (int i = 0; i < g->node_count; i++) {
        it->values[i] = interpreter_new_value(it, &g->nodes[i]->type);
        if (g->nodes[i]->op == OP_scan)
            it->scans[i] = scan_run_new(it, g->nodes[i]);
    }
}

Executable *interpret_new(const Graph *g, int64_t max_batch, bool f64)
{
    Interpreter *it = calloc(1, sizeof *it);
    if (!it)
        return NULL;
    it->executable = (Executable){.run = interpret_run, .free = interpret_free};
    it->graph = g;
    it->max_batch = max_batch;
    it->f64 = f64;
    it->arena = arena_new(&it->guard);
    if (!it->arena || setjmp(it->guard.jump)) {
        interpret_free(&it->executable);
        return NULL;
    }
    interpreter_make_values(it);
    return &it->executable;
}
