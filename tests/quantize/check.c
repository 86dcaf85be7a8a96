// check.c -- see check.h.

#include "quantize/check.h"

#include <criterion/criterion.h>
#include <math.h>

#include "graph/ops/ops.h"

double decibels(const float *real, const float *whole, int64_t count)
{
    double signal = 0, noise = 1e-20;
    for (int64_t i = 0; i < count; i++) {
        const double off = (double)whole[i] - (double)real[i];
        signal += (double)real[i] * (double)real[i];
        noise += off * off;
    }
    return 10 * log10(signal / noise);
}

static void expect_same_bits(Scene *s, const char *text)
{
    const Graph *g = s->m.graphs[NNC_INT8];
    const float *want = scene_run_by(s, g, 0);
    const size_t bytes = (size_t)scene_output_count(s) * sizeof *want;
    for (int width = 4; width <= 16; width *= 2)
        cr_expect_arr_eq(scene_run_by(s, g, width), want, bytes, "width %d of\n%s", width, text);
}

// Element-wise operations on f32 beyond the borders: quantize has mul, add, floor, the other two.
static int real_operations(const Graph *g)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        const bool border = n->op == OP_mul || n->op == OP_add || n->op == OP_floor ||
                            n->op == OP_sub || n->op == OP_cast || n->op == OP_scan;
        count += n->type.dtype == DTYPE_F32 && !op_is(n->op, LEAF | VIEW) && !border;
    }
    return count;
}

// Values of f32, of which the bodies of scans have none.
static int real_values(const Graph *g, bool body)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++) {
        count += body && g->nodes[i]->op != OP_scan && g->nodes[i]->type.dtype == DTYPE_F32;
        if (g->nodes[i]->op == OP_scan)
            count += real_values(g->nodes[i]->attr.scan->graph, true);
    }
    return count;
}

void check_scene(Scene s, const char *text, int real_layers)
{
    const float *real = scene_run(&s, NNC_PREDICT);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX), "%s", text);
    const float *whole = scene_run(&s, NNC_INT8);
    const double db = decibels(real, whole, scene_output_count(&s));
    cr_expect_geq(db, LEAST_DECIBELS, "%.1f dB of\n%s", db, text);
    cr_expect_eq(s.m.plan->real_count, real_layers, "%d layers stay real in\n%s",
                 s.m.plan->real_count, text);
    if (real_layers == 0) {
        expect_same_bits(&s, text);
        cr_expect_eq(real_operations(s.m.graphs[NNC_INT8]), 0, "%s", text);
        cr_expect_eq(real_values(s.m.graphs[NNC_INT8], false), 0, "%s", text);
    }
    scene_free(&s);
}

void check(const char *text, int real_layers)
{
    check_scene(scene_new(text), text, real_layers);
}
