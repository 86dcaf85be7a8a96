// test_ops.c -- every operation of the roster, so that a new one cannot forget to join.

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "ops/op_cases.h"

#define SEED 20240601u
#define TRIALS 8

static struct criterion_test_params all_ops(void)
{
    static int ids[OP_COUNT];
    for (int i = 0; i < OP_COUNT; i++)
        ids[i] = i;
    return cr_make_param_array(int, ids, OP_COUNT);
}

// --- the definition ---------------------------------------------------------------------------

ParameterizedTestParameters(ops, is_defined)
{
    return all_ops();
}

ParameterizedTest(int *id, ops, is_defined)
{
    OpId op = (OpId)*id;
    const OpDef *def = op_table[op];
    cr_expect(def->doc && strchr(def->doc, '='), "%s: a formula", op_name(op));
    cr_expect_eq(def->doc[strlen(def->doc) - 1], '.', "%s: a sentence", op_name(op));
    cr_expect(def->math && *def->math, "%s: the formula of the gradient", op_name(op));
    cr_expect_not_null(def->shape, "%s: a shape rule", op_name(op));
    cr_expect_eq(def->scalar != NULL, op_is(op, ELEMENTWISE), "%s: a meaning", op_name(op));
    cr_expect(!def->scalar_grad || def->scalar, "%s", op_name(op));
    cr_expect(!def->scalar_grad || !def->grad, "%s: one gradient", op_name(op));
    cr_expect_leq(def->sample_low, def->sample_high, "%s", op_name(op));
    cr_expect_leq(op_arity(op), MAX_ARITY, "%s", op_name(op));
    cr_expect_eq(op_is(op, LEAF), op_arity(op) == 0, "%s", op_name(op));
    cr_expect_eq(op_by_name(op_name(op)), op);
}

static void expect_sound(OpCase *c)
{
    const char *wrong = graph_verify(c->scene.builder.graph, c->scene.arena);
    cr_expect_null(wrong, "%s: %s", op_name(c->node->op), wrong);
}

ParameterizedTestParameters(ops, has_cases)
{
    return all_ops();
}

ParameterizedTest(int *id, ops, has_cases)
{
    OpId op = (OpId)*id;
    // A scan has a body, which no row of a table tells: tests of its own have it.
    const bool scans = op == OP_scan || op == OP_scan_result;
    cr_expect(op_is(op, LEAF) || scans || for_each_case(op, expect_sound) > 0, "%s", op_name(op));
}

Test(ops, an_unknown_name_is_none)
{
    cr_expect_eq(op_by_name("frobnicate"), OP_COUNT);
    cr_expect_eq(op_by_name(""), OP_COUNT);
}

// --- f32 against f64 --------------------------------------------------------------------------

// The distance between neighbouring f32 at x.
static double ulp(double x)
{
    int exponent;
    frexp(x, &exponent);
    return ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

// What the interpreter rounds in f32 is double of an error far below this part of an ulp.
#define DOUBLE_SLACK 1e-3

static void expect_rounded(OpCase *c)
{
    const OpDef *def = op_table[c->node->op];
    const Graph *g = c->scene.builder.graph;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        double **in = sample_inputs(c, SEED + trial);
        Arena *a = c->scene.arena;
        double *f32 = run_graph(a, g, CASE_BATCH, false, in, (RunArgs){.seed = SEED})[0];
        double *f64 = run_graph(a, g, CASE_BATCH, true, in, (RunArgs){.seed = SEED})[0];
        for (int64_t i = 0; i < count_of(&c->node->type, CASE_BATCH); i++) {
            double bound = (def->forward_ulps + DOUBLE_SLACK) * ulp(f64[i]);
            cr_expect(fabs(f32[i] - f64[i]) <= bound, "%s: %.9g, exact %.17g (seed %u)\n%s",
                      op_name(c->node->op), f32[i], f64[i], SEED + (unsigned)trial, case_text(c));
        }
    }
}

ParameterizedTestParameters(ops, modes_agree)
{
    return all_ops();
}

ParameterizedTest(int *id, ops, modes_agree)
{
    for_each_case((OpId)*id, expect_rounded);
}

// --- gradients against central differences ----------------------------------------------------

#define STEP 1e-5
// The step's own error is of order STEP^2 times the third derivative, which the sample ranges keep
// below 1e4; the rest is cancellation, 1e-16 / STEP.
#define GRADIENT_TOLERANCE 1e-5
#define PROBES 12  // elements of each input that are moved

// The operation's inputs, and the gradient of its result: that of sum(y * weights).
typedef struct Probe {
    OpCase *c;
    double **in;
    const double *weights;
} Probe;

// The result when one element is moved.
static const double *moved(const Probe *p, Arena *scratch, int input, int64_t element, double step)
{
    double *x = &p->in[input][element];
    double kept = *x;
    *x = kept + step;
    const Graph *g = p->c->scene.builder.graph;
    const double *y = run_graph(scratch, g, CASE_BATCH, true, p->in, (RunArgs){.seed = SEED})[0];
    *x = kept;
    return y;
}

// Element by element: a difference of sums would lose the digits of the small terms.
static double difference(const Probe *p, const double *high, const double *low)
{
    double sum = 0;
    for (int64_t i = 0; i < count_of(&p->c->node->type, CASE_BATCH); i++)
        sum += (high[i] - low[i]) * p->weights[i];
    return sum;
}

// False at a kink or a jump, where the slopes to both sides differ.
static bool slope(const Probe *p, int input, int64_t element, double *middle)
{
    Arena *scratch = arena_new(NULL);
    const double *high = moved(p, scratch, input, element, STEP);
    const double *centre = moved(p, scratch, input, element, 0);
    const double *low = moved(p, scratch, input, element, -STEP);
    double above = difference(p, high, centre) / STEP;
    double below = difference(p, centre, low) / STEP;
    arena_free(scratch);
    *middle = (above + below) / 2;
    return fabs(above - below) <= 1e-2 * (1 + fabs(*middle));
}

static void expect_slopes(const Probe *p, int input, const double *gradient)
{
    int64_t count = count_of(&p->c->scene.builder.graph->inputs[input].type, CASE_BATCH);
    int64_t apart = count / PROBES + 1;
    int probes = 0, kinks = 0;
    for (int64_t i = 0; i < count; i += apart, probes++) {
        double want;
        if (!slope(p, input, i, &want)) {
            kinks++;
            continue;
        }
        double got = gradient ? gradient[i] : 0;
        cr_expect(fabs(got - want) <= GRADIENT_TOLERANCE * (1 + fabs(want)),
                  "%s: gradient %d at %d is %.9g, differences give %.9g\n%s",
                  op_name(p->c->node->op), input, (int)i, got, want, case_text(p->c));
    }
    cr_expect(2 * kinks <= probes, "%s: mostly kinks\n%s", op_name(p->c->node->op),
              case_text(p->c));
}

// Adds the gradient of each input as an output; -1 in slots[i] where there is none.
static void add_gradients(OpCase *c, Node *weights, int *slots)
{
    Graph *g = c->scene.builder.graph;
    for (int i = 0; i < c->node->input_count; i++) {
        Node *n = op_grad(&c->scene.builder, c->node, weights, i);
        slots[i] = n ? g->output_count : -1;
        if (!n)
            continue;
        cr_assert(type_equal(&n->type, &c->node->in[i]->type), "%s", case_text(c));
        scene_output(&c->scene, n);
    }
}

static void expect_gradient(OpCase *c)
{
    // The gradient goes straight through a step function: that is what it is for.
    if (c->node->type.dtype != DTYPE_F32 || c->node->op == OP_fake_quantize)
        return;
    int slots[MAX_ARITY];
    int inputs = c->node->input_count;
    Node *weights = scene_input(&c->scene, c->node->type);
    add_gradients(c, weights, slots);
    cr_assert_null(graph_verify(c->scene.builder.graph, c->scene.arena));
    double **in = sample_inputs(c, SEED);
    double **out = run_graph(c->scene.arena, c->scene.builder.graph, CASE_BATCH, true, in,
                             (RunArgs){.seed = SEED});
    Probe p = {.c = c, .in = in, .weights = in[inputs]};
    for (int i = 0; i < inputs; i++)
        if (c->node->in[i]->type.dtype == DTYPE_F32)
            expect_slopes(&p, i, slots[i] < 0 ? NULL : out[slots[i]]);
}

ParameterizedTestParameters(ops, gradient_meets_differences)
{
    return all_ops();
}

ParameterizedTest(int *id, ops, gradient_meets_differences)
{
    for_each_case((OpId)*id, expect_gradient);
}
