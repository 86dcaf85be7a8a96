// graph_print.c -- a graph as text.
//
//   graph train {
//     param "dense.w" f32[784, 10]
//     %0 = input "image" : f32[batch, 784]
//     %1 = variable "dense.w" : f32[784, 10]
//     %2 = contract %0, %1 {ab,bc->ac} : f32[batch, 10]
//     %3 = reduce %2 {sum 0, 1} : f32
//     output "loss" = %3
//   }
//
// Variables that the graph uses come first, in the order of their table; then the nodes; then
// updates and outputs. Numbers have as many digits as bring the same number back. A scan is
// followed by its steps, sequences, carried values and body:
//
//     %2 = scan %0, %1 {28, 1, 1 reverse} graph rnn {
//       %0 = input "x" : f32[batch, 3]
//       ...
//     } : f32
//     %3 = scan_result %2 {1} : f32[batch, 28, 3]

#include "graph/graph_text.h"

#include <math.h>

#include "graph/ops/ops.h"

const char *const reduce_names[REDUCE_KIND_COUNT] = {
    [REDUCE_SUM] = "sum",
    [REDUCE_MAX] = "max",
    [REDUCE_MIN] = "min",
};

const char *const scalar_names[SCALAR_KIND_COUNT] = {
    [SCALAR_BATCH] = "batch",
    [SCALAR_STEP] = "step",
    [SCALAR_EPOCH] = "epoch",
    [SCALAR_VALIDATION_LOSS] = "validation_loss",
};

const char *const variable_names[VARIABLE_KIND_COUNT] = {
    [VARIABLE_PARAM] = "param",   [VARIABLE_STATE] = "state",   [VARIABLE_SLOT] = "slot",
    [VARIABLE_METRIC] = "metric", [VARIABLE_FOLDED] = "folded",
};

static void print_quoted(Text *out, const char *s)
{
    text_add(out, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            text_addf(out, "\\%c", c);
        else if (c < ' ')
            text_addf(out, "\\x%02x", c);
        else
            text_add_n(out, s, 1);
    }
    text_add(out, "\"");
}

// --- attributes -------------------------------------------------------------------------------

static void print_input(Text *out, const Graph *g, const Node *n)
{
    text_add(out, " ");
    print_quoted(out, g->inputs[n->attr.index].name);
}

static void print_variable(Text *out, const Graph *g, const Node *n)
{
    text_add(out, " ");
    print_quoted(out, g->variables->items[n->attr.index].path);
}

static void print_const(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    if (isnan(n->attr.value))
        text_add(out, " nan");  // whatever its sign
    else
        text_addf(out, " %.17g", n->attr.value);
}

static void print_scalar(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " %s", scalar_names[n->attr.scalar]);
}

static void print_iota(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " %d", n->attr.axis);
}

static void print_random(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " %u", n->attr.stream);
}

static void print_argmax(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " {%d}", n->attr.axis);
}

static void print_map(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_add(out, " {");
    for (int i = 0; i < n->in[0]->type.rank; i++)
        text_addf(out, i ? ", %d" : "%d", n->attr.map[i]);
    text_add(out, "}");
}

static void print_reduce(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " {%s", reduce_names[n->attr.reduce.kind]);
    const char *comma = " ";
    for (int i = 0; i < MAX_RANK; i++) {
        if (!(n->attr.reduce.axes & 1u << i))
            continue;
        text_addf(out, "%s%d", comma, i);
        comma = ", ";
    }
    text_add(out, "}");
}

static void print_labels(Text *out, const int8_t *labels)
{
    for (int i = 0; i < MAX_RANK && labels[i] != NO_LABEL; i++)
        text_addf(out, "%c", 'a' + labels[i]);
}

static void print_contract(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_add(out, " {");
    print_labels(out, n->attr.contract.left);
    text_add(out, ",");
    print_labels(out, n->attr.contract.right);
    text_add(out, "->");
    print_labels(out, n->attr.contract.out);
    text_add(out, "}");
}

// Two numbers for each axis of the input: "0:1, 4:-2".
static void print_pairs(Text *out, const Node *n, const int32_t *first, const int32_t *second)
{
    for (int i = 0; i < n->in[0]->type.rank; i++)
        text_addf(out, i ? ", %d:%d" : "%d:%d", first[i], second[i]);
}

static void print_slice(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_add(out, " {");
    print_pairs(out, n, n->attr.slice.start, n->attr.slice.step);
    text_add(out, "}");
}

static void print_pad(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    const float value = n->attr.pad.value;
    text_add(out, " {");
    print_pairs(out, n, n->attr.pad.low, n->attr.pad.interior);
    if (isnan(value))
        text_add(out, "; nan}");
    else
        text_addf(out, "; %.9g}", (double)value);
}

static void print_join(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " {axis %d, of %d}", n->attr.join.axis, n->attr.join.count);
}

static void print_window(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " {axis %d, size %d, stride %d, dilation %d}", n->attr.window.axis,
              n->attr.window.size, n->attr.window.stride, n->attr.window.dilation);
}

static void print_body(Text *out, const Graph *g, int depth);

static void print_scan(Text *out, const ScanBody *s, int depth)
{
    text_addf(out, " {%lld, %d, %d%s} ", (long long)s->length, s->sequences, s->carried,
              s->reverse ? " reverse" : "");
    print_body(out, s->graph, depth + 1);
}

static void print_index(Text *out, const Graph *g, const Node *n)
{
    (void)g;
    text_addf(out, " {%d}", n->attr.index);
}

static void (*const attr_printers[OP_COUNT])(Text *, const Graph *, const Node *) = {
    [OP_input] = print_input,       [OP_variable] = print_variable, [OP_const] = print_const,
    [OP_scalar] = print_scalar,     [OP_iota] = print_iota,         [OP_random] = print_random,
    [OP_broadcast] = print_map,     [OP_transpose] = print_map,     [OP_reduce] = print_reduce,
    [OP_argmax] = print_argmax,     [OP_contract] = print_contract, [OP_slice] = print_slice,
    [OP_scan_result] = print_index, [OP_pad] = print_pad,           [OP_window] = print_window,
    [OP_unwindow] = print_window,   [OP_join] = print_join,
};

// --- the graph --------------------------------------------------------------------------------

static void indent(Text *out, int depth)
{
    for (int i = 0; i < depth; i++)
        text_add(out, "  ");
}

static void print_node(Text *out, const Graph *g, const Node *n, int depth)
{
    indent(out, depth + 1);
    text_addf(out, "%%%u = %s", n->id, op_name(n->op));
    for (int i = 0; i < n->input_count; i++)
        text_addf(out, i ? ", %%%u" : " %%%u", n->in[i]->id);
    if (n->op == OP_scan)
        print_scan(out, n->attr.scan, depth);
    else if (attr_printers[n->op])
        attr_printers[n->op](out, g, n);
    text_add(out, " : ");
    type_print(out, &n->type);
    text_add(out, "\n");
}

static bool uses_variable(const Graph *g, int variable)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_variable && g->nodes[i]->attr.index == variable)
            return true;
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].variable == variable)
            return true;
    return false;
}

static void print_declaration(Text *out, const Variable *v)
{
    text_addf(out, "  %s ", variable_names[v->kind]);
    print_quoted(out, v->path);
    text_add(out, " ");
    type_print(out, &v->type);
    text_add(out, v->frozen ? " frozen\n" : "\n");
}

static void print_root(Text *out, const char *word, const char *name, const Node *value, int depth)
{
    indent(out, depth + 1);
    text_addf(out, "%s ", word);
    print_quoted(out, name);
    text_addf(out, " = %%%u\n", value->id);
}

// The graph, or the body of a scan `depth` scans deep; without the end of its last line.
static void print_body(Text *out, const Graph *g, int depth)
{
    text_addf(out, "graph %s {\n", g->name);
    for (int i = 0; i < g->variables->count; i++)
        if (uses_variable(g, i))
            print_declaration(out, &g->variables->items[i]);
    for (int i = 0; i < g->node_count; i++)
        print_node(out, g, g->nodes[i], depth);
    for (int i = 0; i < g->update_count; i++)
        print_root(out, "update", g->variables->items[g->updates[i].variable].path,
                   g->updates[i].value, depth);
    for (int i = 0; i < g->output_count; i++)
        print_root(out, "output", g->outputs[i].name, g->outputs[i].node, depth);
    indent(out, depth);
    text_add(out, "}");
}

void graph_print(Text *out, const Graph *g)
{
    print_body(out, g, 0);
    text_add(out, "\n");
}
