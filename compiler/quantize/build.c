// build.c -- the integer graph, node by node.
//
//   f32 input -> quantize -> i8 ... i8 -> dequantize -> f32 output
//
// Real numbers stand at the borders alone, and in the layers that the plan lists.

#include "quantize/build.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

Node *quantize_fail(Quantizer *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!q->why)
        q->why = arena_vprintf(q->arena, format, args);
    va_end(args);
    return NULL;
}

// --- small things -----------------------------------------------------------------------------

static const Node *first_variable(const Node *n)
{
    while (n->input_count > 0)
        n = n->in[0];
    return n->op == OP_variable ? n : NULL;
}

// "dense.w.int8", from "dense.w.folded" too; "dense.relu.table".
static Name new_path(const Quantizer *q, const Node *like, const char *suffix)
{
    Graph *g = q->b.graph;
    const Node *v = first_variable(like);
    const char *stem = v ? g->variables->items[v->attr.index].path : like->path ? like->path : "";
    const char *folded = strstr(stem, ".folded");
    const int length = folded ? (int)(folded - stem) : (int)strlen(stem);
    Name path = intern(g->names, arena_printf(g->arena, "%.*s.%s", length, stem, suffix));
    for (int i = 2; variables_find(g->variables, path) >= 0; i++)
        path = intern(g->names, arena_printf(g->arena, "%.*s.%s_%d", length, stem, suffix, i));
    return path;
}

Node *add_variable(Quantizer *q, const Node *like, const char *suffix, Type type, void *data)
{
    const Variable v = {.path = new_path(q, like, suffix),
                        .kind = VARIABLE_FOLDED,
                        .type = type,
                        .span = like->span};
    const QuantizedVariable entry = {variables_add(q->b.graph->variables, v), data};
    arena_push(q->arena, q->out->variables, q->out->variable_count, q->out->variable_capacity,
               entry);
    q->out->bytes_after += (size_t)type_elements(&type) * dtype_size(type.dtype);
    return build_variable(&q->b, entry.variable);
}

Node *whole_const(Quantizer *q, const Type *like, int64_t value)
{
    Type type = *like;
    type.dtype = DTYPE_I32;
    return build_filled(&q->b, &type, (double)value);
}

Node *widened(Quantizer *q, Node *x)
{
    return build_cast(&q->b, x, DTYPE_I32);
}

Node *plus_const(Quantizer *q, Node *x, int64_t value)
{
    return value ? build_binary(&q->b, OP_iadd, x, whole_const(q, &x->type, value)) : x;
}

Node *repeated_over(Quantizer *q, Node *x, const Type *like, uint32_t axes)
{
    Type type = *like;
    int8_t map[MAX_RANK] = {0};
    type.dtype = x->type.dtype;
    for (int i = 0, kept = 0; i < like->rank; i++)
        if (!(axes & 1u << i))
            map[kept++] = (int8_t)i;
    return build_broadcast(&q->b, x, type, map);
}

// --- the borders ------------------------------------------------------------------------------

// floor(x / step + (zero + 1/2)); the cast stops at -128 and 127, and makes 0 of NaN.
static Node *quantized(Quantizer *q, Node *x, Scale s)
{
    Builder *b = &q->b;
    Node *y = build_binary(b, OP_mul, x, build_filled(b, &x->type, 1 / s.step));
    y = build_binary(b, OP_add, y, build_filled(b, &x->type, s.zero + 0.5));
    return build_cast(b, build_unary(b, OP_floor, y), DTYPE_I8);
}

static Node *dequantized(Quantizer *q, Node *x, Scale s)
{
    Builder *b = &q->b;
    Node *y = build_cast(b, x, DTYPE_F32);
    y = build_binary(b, OP_sub, y, build_filled(b, &y->type, s.zero));
    return build_binary(b, OP_mul, y, build_filled(b, &y->type, s.step));
}

// --- nodes ------------------------------------------------------------------------------------

static Node *build_moved(Quantizer *q, const Node *n, Scale *to)
{
    const QuantizedValue *x = whole_of(q, n->in[0]);
    Type type = n->type;
    Attr attr = n->attr;
    type.dtype = DTYPE_I8;
    *to = x->scale;
    if (n->op == OP_pad)
        attr.pad.value = (float)scale_quantize(*to, (double)attr.pad.value);
    Node *in = x->whole;
    return build_typed(&q->b, n->op, 1, &in, &attr, &type);
}

static Node *build_whole(Quantizer *q, Node *n, QuantizedValue *v)
{
    const Step *s = &q->plan->steps[n->id];
    switch (s->form) {
    case FORM_REAL:
    case FORM_DOOR:
        return quantized(q, q->real[n->id], v->scale);
    case FORM_MOVED:
        return build_moved(q, n, &v->scale);
    case FORM_TABLE:
        return build_table(q, n, s, v->scale);
    case FORM_ROWS:
        return build_rows(q, n, &v->scale);
    case FORM_KNOWN:
        return build_known(q, n, &v->scale);
    case FORM_SOFTMAX:
        v->scale = (Scale){1.0 / 256, -128};
        return build_softmax(q, n, s);
    default:
        return build_linear(q, n, s, v->scale);
    }
}

static Node *build_real(Quantizer *q, const Node *n)
{
    Node **in = arena_array(q->arena, Node *, (size_t)n->input_count + 1);
    Attr attr = n->attr;
    if (n->op == OP_scan)
        attr.scan = scan_clone(n->attr.scan);
    for (int i = 0; i < n->input_count; i++)
        in[i] = q->real[n->in[i]->id];
    if (n->op == OP_variable)
        q->out->bytes_after += (size_t)type_elements(&n->type) * dtype_size(n->type.dtype);
    return build_typed(&q->b, n->op, n->input_count, in, &attr, &n->type);
}

// --- the graph --------------------------------------------------------------------------------

// An input's node is there, read or not.
static bool build_node_of(Quantizer *q, Node *n)
{
    const bool as_it_was = q->plan->need_real[n->id];
    const Form form = q->plan->steps[n->id].form;
    QuantizedValue *v = whole_of(q, n);
    q->b.span = n->span;
    q->b.path = n->path;
    if (n->op == OP_input)
        q->real[n->id] = build_input(&q->b, q->g->inputs[n->attr.index].name, n->type);
    else if (as_it_was && (form == FORM_REAL || form == FORM_KNOWN))
        q->real[n->id] = build_real(q, n);
    if (!v)
        return true;
    v->scale = scale_of(v->range);
    v->whole = build_whole(q, n, v);
    if (v->whole && as_it_was && !q->real[n->id])
        q->real[n->id] = dequantized(q, v->whole, v->scale);
    return v->whole != NULL;
}

static bool check_ranges(Quantizer *q)
{
    for (int i = 0; i < q->plan->value_count; i++) {
        const QuantizedValue *v = &q->plan->values[i];
        if (v->ranged && (!isfinite(v->range.low) || !isfinite(v->range.high))) {
            quantize_fail(q, "%s gives numbers that are not finite", place_of(v->real));
            return false;
        }
        q->whole[v->real->id] = &q->plan->values[i];
    }
    return true;
}

static size_t variable_bytes(const Graph *g)
{
    size_t bytes = 0;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_variable)
            bytes +=
                (size_t)type_elements(&g->nodes[i]->type) * dtype_size(g->nodes[i]->type.dtype);
    return bytes;
}

static Graph *watch_of(const QuantizePlan *p, const Graph *g)
{
    Graph *w = graph_clone(g);
    w->output_count = 0;
    w->name = intern(w->names, "watch");
    for (int i = 0; i < p->value_count; i++)
        if (p->values[i].output >= 0)
            graph_output(w, p->watch->outputs[p->values[i].output].name,
                         w->nodes[p->values[i].whole->id]);
    return w;
}

bool quantize_build(QuantizePlan *p, void *block, Quantized *out, const char **why)
{
    const Graph *g = p->graph;
    Quantizer q = {
        .arena = p->arena,
        .plan = p,
        .g = g,
        .block = block,
        .facts = facts_of(p->arena, g),
        .b = {.graph = graph_new(p->arena, g->names, g->variables, "int8")},
        .real = arena_array(p->arena, Node *, (size_t)g->node_count + 1),
        .whole = arena_array(p->arena, QuantizedValue *, (size_t)g->node_count + 1),
        .out = out,
    };
    *out = (Quantized){.graph = q.b.graph, .bytes_before = variable_bytes(g)};
    bool ok = check_ranges(&q);
    for (int i = 0; ok && i < g->node_count; i++)
        ok = build_node_of(&q, g->nodes[i]);
    for (int i = 0; ok && i < g->output_count; i++)
        graph_output(out->graph, g->outputs[i].name, q.real[g->outputs[i].node->id]);
    if (ok)
        out->watch = watch_of(p, out->graph);
    *why = q.why;
    return ok;
}
