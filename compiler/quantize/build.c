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
    const int inside = scope_enter(q, 0);  // bodies of scans read none
    const Variable v = {.path = new_path(q, like, suffix),
                        .kind = VARIABLE_FOLDED,
                        .type = type,
                        .span = like->span};
    const QuantizedVariable entry = {variables_add(q->b.graph->variables, v), data};
    arena_push(q->arena, q->out->variables, q->out->variable_count, q->out->variable_capacity,
               entry);
    q->out->bytes_after += (size_t)type_elements(&type) * dtype_size(type.dtype);
    Node *variable = build_variable(&q->b, entry.variable);
    scope_enter(q, inside);
    return scope_brought(q, variable, 0);
}

Node *whole_const(Quantizer *q, const Type *like, int64_t value)
{
    Type type = *like;
    type.dtype = DTYPE_I32;
    return build_filled(&q->b, &type, (double)value);
}

Node *widened(Quantizer *q, Node *x)
{
    return x->type.dtype == DTYPE_I32 ? x : build_cast(&q->b, x, DTYPE_I32);
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

// --- values for the scope at hand --------------------------------------------------------------

const QuantizedValue *wide_of(Quantizer *q, const Node *n)
{
    QuantizedValue *v = arena_new_of(q->arena, QuantizedValue);
    *v = *q->whole[n->id];
    v->whole = scope_brought(q, v->whole, q->plan->flat->scope[n->id]);
    return v;
}

// In the value's own scope: once for all that want it.
static Node *narrowed(Quantizer *q, QuantizedValue *v, int scope)
{
    const int before = scope_enter(q, scope);
    if (!v->narrowed)
        v->narrowed = in_scale(q, v->whole, v->scale, v->narrow);
    scope_enter(q, before);
    return v->narrowed;
}

const QuantizedValue *whole_of(Quantizer *q, const Node *n)
{
    const int scope = q->plan->flat->scope[n->id];
    QuantizedValue *v = arena_new_of(q->arena, QuantizedValue);
    *v = *q->whole[n->id];
    if (v->wide)
        v->whole = narrowed(q, q->whole[n->id], scope);
    v->scale = narrow_scale(v);
    v->whole = scope_brought(q, v->whole, scope);
    return v;
}

Node *real_of(Quantizer *q, const Node *n)
{
    return scope_brought(q, q->real[n->id], q->plan->flat->scope[n->id]);
}

// --- the borders ------------------------------------------------------------------------------

// floor(x / step + (zero + 1/2)); the cast stops at the ends of its type, and makes 0 of NaN.
Node *quantized(Quantizer *q, Node *x, Scale s)
{
    Builder *b = &q->b;
    Node *y = build_binary(b, OP_mul, x, build_filled(b, &x->type, 1 / s.step));
    y = build_binary(b, OP_add, y, build_filled(b, &x->type, s.zero + 0.5));
    y = build_unary(b, OP_floor, y);
    return s.wide ? bounded(q, build_cast(b, y, DTYPE_I32), scale_low(s), scale_high(s))
                  : build_cast(b, y, DTYPE_I8);
}

static Node *dequantized(Quantizer *q, Node *x, Scale s)
{
    Builder *b = &q->b;
    Node *y = build_cast(b, x, DTYPE_F32);
    y = build_binary(b, OP_sub, y, build_filled(b, &y->type, s.zero));
    return build_binary(b, OP_mul, y, build_filled(b, &y->type, s.step));
}

// --- nodes ------------------------------------------------------------------------------------

static Node *moved(Quantizer *q, const Node *n, Node *x, Scale scale)
{
    Type type = n->type;
    Attr attr = n->attr;
    type.dtype = x->type.dtype;
    if (n->op == OP_pad)
        attr.pad.value = (float)scale_quantize(scale, (double)attr.pad.value);
    return build_typed(&q->b, n->op, 1, &x, &attr, &type);
}

static Node *next_step(Quantizer *q, const Node *from)
{
    const int inside = scope_enter(q, q->plan->flat->scopes[q->scope].parent);
    Node *sequence = whole_of(q, from)->whole;
    scope_enter(q, inside);
    return scope_step(q, sequence);
}

// Into a scan, or out of it, in the scale that the value has there.
static Node *crossed(Quantizer *q, const Node *n, const QuantizedValue *v)
{
    const Border *border = &q->plan->flat->borders[n->id];
    if (border->crossing == CROSSING_STEP)
        return next_step(q, border->from);
    Node *y = scope_result(q, n);
    if (border->crossing == CROSSING_STACKED)
        return y;
    return in_scale(q, y, q->whole[border->from->id]->scale,
                    v->scale);  // after the last step alone
}

static Node *build_moved(Quantizer *q, const Node *n, QuantizedValue *v)
{
    const Node *from = q->plan->steps[n->id].operands[0];
    const QuantizedValue *known = q->whole[from->id];
    v->range = known->range;
    v->ends = known->ends;
    v->narrow = narrow_scale(known);
    v->scale = v->wide ? known->scale : v->narrow;
    if (q->plan->flat->borders[n->id].crossing != CROSSING_NONE)
        return crossed(q, n, v);
    const QuantizedValue *x = v->wide ? wide_of(q, from) : whole_of(q, from);
    return moved(q, n, x->whole, x->scale);
}

static Node *build_whole(Quantizer *q, Node *n, QuantizedValue *v)
{
    const Step *s = &q->plan->steps[n->id];
    switch (s->form) {
    case FORM_REAL:
    case FORM_DOOR:
        return quantized(q, real_of(q, n), v->scale);
    case FORM_MOVED:
        return build_moved(q, n, v);
    case FORM_CARRIED:
        return build_carried(q, n, v->scale);
    case FORM_STEP:
        return build_step(q, n, &v->scale);
    case FORM_TABLE:
        return build_table(q, n, s, v->scale);
    case FORM_ROWS:
        return build_rows(q, n, &v->scale);
    case FORM_KNOWN:
        return build_known(q, n, &v->scale);
    case FORM_SOFTMAX:
        return build_softmax(q, n, s, v->ends, &v->scale);
    default:
        return build_linear(q, n, s, v->scale);
    }
}

// At the border of a scan. What it carries may be whole there, and real outside alone.
static Node *real_crossing(Quantizer *q, const Node *n, const Border *border)
{
    const Node *from = border->from;
    if (border->crossing == CROSSING_LAST && q->plan->steps[from->id].form == FORM_CARRIED)
        return dequantized(q, scope_result(q, n), q->whole[from->id]->scale);
    if (border->crossing == CROSSING_LAST || border->crossing == CROSSING_STACKED)
        return scope_result(q, n);
    const int inside = scope_enter(q, q->plan->flat->scopes[q->scope].parent);
    Node *x = real_of(q, from);
    scope_enter(q, inside);
    return border->crossing == CROSSING_STEP ? scope_step(q, x) : scope_carried(q, x, n);
}

// Of the places of the largest the first: the one that is farthest from the end.
static Node *build_place(Quantizer *q, const Node *n)
{
    Builder *b = &q->b;
    const uint32_t axes = 1u << n->attr.axis;
    const int8_t map[MAX_RANK] = {(int8_t)n->attr.axis};
    const int64_t last = n->in[0]->type.dims[n->attr.axis] - 1;
    Node *x = widened(q, whole_of(q, n->in[0])->whole);
    Node *top = repeated_over(q, build_reduce(b, REDUCE_MAX, x, axes), &x->type, axes);
    Node *place = build_iota(b, type_of(DTYPE_I32, 1, (int64_t[]){last + 1}), 0);
    Node *behind = build_binary(b, OP_isub, whole_const(q, &place->type, last), place);
    behind = build_broadcast(b, behind, x->type, map);
    behind = build_where(b, build_binary(b, OP_eq, x, top), behind, whole_const(q, &x->type, -1));
    Node *most = build_reduce(b, REDUCE_MAX, behind, axes);
    return build_binary(b, OP_isub, whole_const(q, &most->type, last), most);
}

static Node *build_real(Quantizer *q, const Node *n)
{
    const Border *border = &q->plan->flat->borders[n->id];
    Node **in = arena_array(q->arena, Node *, (size_t)n->input_count + 1);
    if (border->crossing != CROSSING_NONE)
        return real_crossing(q, n, border);
    if (n->op == OP_argmax && q->whole[n->in[0]->id])
        return build_place(q, n);
    for (int i = 0; i < n->input_count; i++)
        in[i] = real_of(q, n->in[i]);
    if (n->op == OP_variable)
        q->out->bytes_after += (size_t)type_elements(&n->type) * dtype_size(n->type.dtype);
    return build_typed(&q->b, n->op, n->input_count, in, &n->attr, &n->type);
}

// --- the graph --------------------------------------------------------------------------------

// An input's node is there, read or not.
static bool build_node_of(Quantizer *q, Node *n)
{
    const bool as_it_was = q->plan->need_real[n->id];
    const Form form = q->plan->steps[n->id].form;
    QuantizedValue *v = q->whole[n->id];
    scope_enter(q, q->plan->flat->scope[n->id]);
    q->b.span = n->span;
    q->b.path = n->path;
    if (form == FORM_DOOR || (n->op == OP_input && n->attr.index >= 0))
        q->real[n->id] = build_input(&q->b, q->g->inputs[n->attr.index].name, n->type);
    else if (as_it_was && (form == FORM_REAL || form == FORM_KNOWN))
        q->real[n->id] = build_real(q, n);
    if (!v)
        return true;
    v->narrow = scale_of(v->range);
    v->scale = v->wide ? scale_wide(range_both(v->range, v->ends)) : v->narrow;
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

static Graph *watch_of(const Quantizer *q, const Graph *g)
{
    const QuantizePlan *p = q->plan;
    Graph *w = graph_clone(g);
    int *scans = arena_array(q->arena, int, (size_t)p->flat->scope_count);
    for (int i = 0; i < p->flat->scope_count; i++)
        scans[i] = q->scopes[i].scan ? (int)q->scopes[i].scan->id : -1;
    w->output_count = 0;
    w->name = intern(w->names, "watch");
    for (int i = 0; i < p->value_count; i++) {
        const QuantizedValue *v = &p->values[i];
        if (v->output >= 0)
            graph_output(
                w, p->watch->outputs[v->output].name,
                flat_exposed(p->flat, w, scans, p->flat->scope[v->real->id], v->whole->id));
    }
    return w;
}

static bool build_all(Quantizer *q)
{
    bool ok = check_ranges(q);
    states_join_ranges(q);
    for (int i = 0; ok && i < q->g->node_count; i++) {
        scopes_close(q, i);
        ok = build_node_of(q, q->g->nodes[i]) && !q->why;
    }
    scope_enter(q, 0);
    return ok;
}

bool quantize_build(QuantizePlan *p, void *block, Quantized *out, const char **why)
{
    const Graph *g = p->graph;
    Quantizer q = {
        .arena = p->arena,
        .plan = p,
        .g = g,
        .block = block,
        .facts = facts_of(p->arena, p->flat),
        .b = {.graph = graph_new(p->arena, g->names, g->variables, "int8")},
        .real = arena_array(p->arena, Node *, (size_t)g->node_count + 1),
        .whole = arena_array(p->arena, QuantizedValue *, (size_t)g->node_count + 1),
        .out = out,
    };
    *out = (Quantized){.graph = q.b.graph, .bytes_before = variable_bytes(g)};
    scopes_open(&q);
    const bool ok = build_all(&q);
    for (int i = 0; ok && i < g->output_count; i++)
        graph_output(out->graph, g->outputs[i].name, q.real[g->outputs[i].node->id]);
    if (ok)
        out->watch = watch_of(&q, out->graph);
    *why = q.why;
    return ok;
}
