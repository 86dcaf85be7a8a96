// random.c -- random graphs quantized: whatever their form, what comes out is a legal graph that
// runs. A failure prints the seed; NNC_SEED=n runs that one alone.

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/engine.h"
#include "pass/pass.h"
#include "quantize/quantize.h"
#include "support/random_graph.h"

#define GRAPHS 400
#define BATCH 3

typedef struct Trial {
    Arena *arena;
    Graph *g;
    const void **inputs;
    char *block;
    uint64_t seed;
} Trial;

static Trial trial_new(uint64_t seed)
{
    Trial t = {.arena = arena_new(NULL), .seed = seed};
    const RandomGraphOptions options = {
        .nodes = 5 + (int)(seed % 50), .batch = seed % 4 != 0, .variables = seed % 3 != 0};
    t.g = random_graph(t.arena, interner_new(t.arena), seed, options);
    t.g->update_count = 0;
    graph_clean(t.g);
    if (seed % 2)
        passes_run(t.g, &(PassOptions){.verify = true});
    t.inputs = arena_array(t.arena, const void *, (size_t)t.g->input_count + 1);
    for (int i = 0; i < t.g->input_count; i++)
        t.inputs[i] = random_data(t.arena, &t.g->inputs[i].type, BATCH, seed + (uint64_t)i, false);
    const Variables *vs = t.g->variables;
    t.block = arena_calloc(t.arena, vs->bytes + 64, 1);
    for (int i = 0; i < vs->count; i++) {
        const Type *type = &vs->items[i].type;
        memcpy(t.block + vs->items[i].offset,
               random_data(t.arena, type, 1, seed + 100 + (uint64_t)i, false),
               (size_t)type_elements(type) * dtype_size(type->dtype));
    }
    return t;
}

static int64_t count_of(const Type *t)
{
    return type_elements(t) * (type_batched(t) ? BATCH : 1);
}

static void **run(const Trial *t, const Graph *g)
{
    void **y = arena_array(t->arena, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->output_count; i++)
        y[i] = arena_calloc(t->arena, (size_t)count_of(&g->outputs[i].node->type), sizeof(double));
    Executable *x = interpret_new(g, BATCH, false);
    executable_run(x, &(RunArgs){.variables = t->block,
                                 .inputs = t->inputs,
                                 .outputs = y,
                                 .batch = BATCH,
                                 .seed = t->seed,
                                 .step = 1});
    executable_free(x);
    return y;
}

static void find_ranges(const Trial *t, QuantizePlan *p)
{
    void **values = run(t, p->watch);
    for (int i = 0; i < p->value_count; i++) {
        QuantizedValue *v = &p->values[i];
        Histogram *h = arena_new_of(t->arena, Histogram);
        histogram_clear(h);
        if (!v->ranged)
            continue;
        const int64_t count = count_of(&p->watch->outputs[v->output].node->type);
        histogram_note_ends(h, values[v->output], count);
        histogram_count(h, values[v->output], count);
        v->ends = h->ends;
        v->range = histogram_range(h, (Calibration)(t->seed % CALIBRATE_COUNT));
    }
}

static void store(Trial *t, const Quantized *q, size_t bytes)
{
    const Variables *vs = t->g->variables;
    char *block = arena_calloc(t->arena, vs->bytes + 64, 1);
    memcpy(block, t->block, bytes);
    for (int i = 0; i < q->variable_count; i++) {
        const Variable *v = &vs->items[q->variables[i].variable];
        memcpy(block + v->offset, q->variables[i].data,
               (size_t)type_elements(&v->type) * dtype_size(v->type.dtype));
    }
    t->block = block;
}

// Whether anything became whole numbers.
static bool check_seed(uint64_t seed)
{
    Trial t = trial_new(seed);
    const size_t bytes = t.g->variables->bytes;
    QuantizePlan *p = quantize_plan(t.arena, t.g);
    Quantized q;
    const char *why = NULL;
    find_ranges(&t, p);
    const bool ok = quantize_build(p, t.block, &q, &why);
    cr_expect(ok || why, "seed %d", (int)seed);
    if (ok) {
        const char *wrong = graph_verify(q.graph, t.arena);
        cr_assert_null(wrong, "seed %d: %s", (int)seed, wrong);
        wrong = graph_verify(q.watch, t.arena);
        cr_assert_null(wrong, "seed %d: %s", (int)seed, wrong);
        cr_assert_eq(q.graph->output_count, t.g->output_count);
        for (int i = 0; i < t.g->output_count; i++)
            cr_assert(type_equal(&q.graph->outputs[i].node->type, &t.g->outputs[i].node->type),
                      "seed %d", (int)seed);
        store(&t, &q, bytes);
        run(&t, q.graph);
    }
    const bool whole = ok && p->value_count > 0;
    arena_free(t.arena);
    return whole;
}

Test(random, graphs_can_be_quantized)
{
    const char *only = getenv("NNC_SEED");
    int whole = 0;
    if (only) {
        check_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= GRAPHS; seed++)
        whole += check_seed(seed);
    cr_expect(whole > GRAPHS / 2, "%d", whole);
}
