// run_scan.c -- scans: the body is run by an interpreter of its own, once a step.

#include <string.h>

#include "codegen/interpret/interpreter.h"

struct ScanRun {
    Interpreter body;
    double **inputs;   // of the body, by index
    double **results;  // by index
    double **next;     // of the carried values, while the old ones are still read
};

ScanRun *scan_run_new(Interpreter *it, const Node *n)
{
    const ScanBody *s = n->attr.scan;
    ScanRun *run = arena_new_of(it->arena, ScanRun);
    run->body = (Interpreter){.graph = s->graph,
                              .arena = it->arena,
                              .max_batch = it->max_batch,
                              .f64 = it->f64,
                              .is_body = true};
    interpreter_make_values(&run->body);
    run->inputs = arena_array(it->arena, double *, (size_t)s->graph->input_count + 1);
    for (int i = 0; i < s->graph->node_count; i++)
        if (s->graph->nodes[i]->op == OP_input)
            run->inputs[s->graph->nodes[i]->attr.index] = run->body.values[i];
    run->results = arena_array(it->arena, double *, (size_t)s->graph->output_count + 1);
    run->next = arena_array(it->arena, double *, (size_t)s->carried + 1);
    for (int i = 0; i < s->graph->output_count; i++) {
        const Type type = scan_result_type(s, i);
        run->results[i] = interpreter_new_value(it, &type);
    }
    for (int i = 0; i < s->carried; i++)
        run->next[i] = interpreter_new_value(it, &s->graph->outputs[i].node->type);
    return run;
}

// Step t of a sequence is, in each example, `count` elements from t * count on.
typedef struct Step {
    int64_t examples, count, stride, first;
} Step;

static Step step_of(const Interpreter *it, const ScanBody *s, const Type *type, int64_t t)
{
    const int64_t count = type_elements(type);
    return (Step){.examples = type_batched(type) ? it->args->batch : 1,
                  .count = count,
                  .stride = count * s->length,
                  .first = count * t};
}

static void load_step(Step at, const double *sequence, double *element)
{
    for (int64_t i = 0; i < at.examples; i++)
        memcpy(element + i * at.count, sequence + i * at.stride + at.first,
               (size_t)at.count * sizeof *element);
}

static void store_step(Step at, const double *element, double *sequence)
{
    for (int64_t i = 0; i < at.examples; i++)
        memcpy(sequence + i * at.stride + at.first, element + i * at.count,
               (size_t)at.count * sizeof *element);
}

static void copy_value(const Interpreter *it, const Type *type, const double *from, double *to)
{
    memcpy(to, from, (size_t)value_count(it, type) * sizeof *to);
}

static void run_step(Interpreter *it, ScanRun *run, const Node *n, int64_t t)
{
    const ScanBody *s = n->attr.scan;
    const Graph *g = s->graph;
    for (int i = 0; i < s->sequences; i++)
        load_step(step_of(it, s, &g->inputs[i].type, t), value_of(it, n->in[i]), run->inputs[i]);
    interpreter_run_nodes(&run->body);
    for (int i = s->carried; i < g->output_count; i++) {
        const Node *value = g->outputs[i].node;
        store_step(step_of(it, s, &value->type, t), value_of(&run->body, value), run->results[i]);
    }
    for (int i = 0; i < s->carried; i++) {
        const Node *value = g->outputs[i].node;
        copy_value(it, &value->type, value_of(&run->body, value), run->next[i]);
    }
    for (int i = 0; i < s->carried; i++)
        copy_value(it, &g->outputs[i].node->type, run->next[i], run->inputs[s->sequences + i]);
}

void run_scan(Interpreter *it, const Node *n, double *y)
{
    const ScanBody *s = n->attr.scan;
    ScanRun *run = it->scans[n->id];
    y[0] = 0;
    run->body.args = it->args;
    for (int i = s->sequences; i < n->input_count; i++)
        copy_value(it, &n->in[i]->type, value_of(it, n->in[i]), run->inputs[i]);
    for (int64_t k = 0; k < s->length; k++)
        run_step(it, run, n, s->reverse ? s->length - 1 - k : k);
    for (int i = 0; i < s->carried; i++)
        copy_value(it, &s->graph->outputs[i].node->type, run->inputs[s->sequences + i],
                   run->results[i]);
}

void run_scan_result(Interpreter *it, const Node *n, double *y)
{
    copy_value(it, &n->type, it->scans[n->in[0]->id]->results[n->attr.index], y);
}
