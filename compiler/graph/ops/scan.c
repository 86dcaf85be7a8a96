// scan.c -- loops over the steps of sequences; graph.h says what they mean.

#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

// --- the parts of a scan ----------------------------------------------------------------------

ScanBody *scan_clone(const ScanBody *s)
{
    ScanBody *copy = arena_new_of(s->graph->arena, ScanBody);
    *copy = *s;
    copy->graph = graph_clone(s->graph);
    return copy;
}

Type scan_sequence_type(const ScanBody *s, const Type *step)
{
    Type type = *step;
    const int time = type_batched(step) ? 1 : 0;
    for (int i = type.rank++; i > time; i--)
        type.dims[i] = type.dims[i - 1];
    type.dims[time] = s->length;
    return type;
}

Type scan_input_type(const ScanBody *s, int input)
{
    const Type *type = &s->graph->inputs[input].type;
    return input < s->sequences ? scan_sequence_type(s, type) : *type;
}

Type scan_result_type(const ScanBody *s, int result)
{
    const Type *type = &s->graph->outputs[result].node->type;
    return result < s->carried ? *type : scan_sequence_type(s, type);
}

// --- the operations ---------------------------------------------------------------------------

static bool check_counts(Arena *a, const ScanBody *s, const char **why)
{
    const Graph *body = s->graph;
    if (s->length < 1)
        return shape_fail(a, why, "a scan has a step at least");
    if (s->sequences < 0 || s->carried < 0 || s->sequences + s->carried > body->input_count)
        return shape_fail(a, why, "the body has not all sequences and carried values as inputs");
    if (s->carried > body->output_count)
        return shape_fail(a, why, "the body has not the next of all carried values as outputs");
    return true;
}

// A sequence has an axis more than its steps have.
static bool check_ranks(Arena *a, const ScanBody *s, const char **why)
{
    for (int i = 0; i < s->sequences; i++)
        if (s->graph->inputs[i].type.rank == MAX_RANK)
            return shape_fail(a, why, "a sequence has at most %d axes", MAX_RANK);
    for (int i = s->carried; i < s->graph->output_count; i++)
        if (s->graph->outputs[i].node->type.rank == MAX_RANK)
            return shape_fail(a, why, "a stacked result has at most %d axes", MAX_RANK);
    return true;
}

static bool check_carried(Arena *a, const ScanBody *s, const char **why)
{
    for (int i = 0; i < s->carried; i++) {
        const Type *first = &s->graph->inputs[s->sequences + i].type;
        const Type *next = &s->graph->outputs[i].node->type;
        if (!type_equal(first, next))
            return shape_fail(a, why, "the next of %s is %s, not %s",
                              s->graph->inputs[s->sequences + i].name, type_text(a, next),
                              type_text(a, first));
    }
    return true;
}

static SHAPE_RULE(shape_scan)
{
    const ScanBody *s = attr->scan;
    if (!check_counts(a, s, why) || !check_ranks(a, s, why) || !check_carried(a, s, why))
        return false;
    for (int i = 0; i < s->graph->input_count; i++) {
        const Type wanted = scan_input_type(s, i);
        if (!type_equal(&wanted, &in[i]))
            return shape_fail(a, why, "%s is %s, not %s", s->graph->inputs[i].name,
                              type_text(a, &wanted), type_text(a, &in[i]));
    }
    *out = type_scalar(DTYPE_F32);
    return true;
}

// Which scan it reads, and so its type, only the verifier sees.
static SHAPE_RULE(shape_scan_result)
{
    (void)a, (void)attr, (void)in, (void)out, (void)why;
    return true;
}

Node *build_scan(Builder *b, ScanBody *body, Node *const *in)
{
    Attr attr = {.contract = {.parts = 0}};
    attr.scan = body;
    return build_node(b, OP_scan, body->graph->input_count, in, &attr);
}

Node *build_scan_result(Builder *b, Node *scan, int index)
{
    Attr attr = {.contract = {.parts = 0}};
    attr.index = index;
    const Type type = scan_result_type(scan->attr.scan, index);
    return build_typed(b, OP_scan_result, 1, &scan, &attr, &type);
}

const OpDef op_scan = {
    .doc = "A body for each step of sequences, with carried values: h_t, y_t = body(x_t, h_(t-1)).",
    .math = "a scan against the time: dx_t, dh_(t-1) = body'(x_t, h_(t-1), dy_t, dh_t)",
    .edges = "the carried values of every step are kept for the gradient",
    .source = "Werbos 1990, Backpropagation through time: what it does and how to do it",
    .shape = shape_scan,
};

const OpDef op_scan_result = {
    .doc = "A result of a scan: y = the last of a carried value, or what the steps gave, stacked.",
    .math = "handed on to the scan",
    .shape = shape_scan_result,
};
