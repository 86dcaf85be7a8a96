// c_program.c -- the kernels of a plan as functions, and the calls of them in order.
//
// Kernels that need the same code share one function, which is given its buffers. A scan is a
// function that calls those of its body, step by step.

#include "codegen/c/c_program.h"

#include "codegen/c/c_header.h"

#include <string.h>

#include "graph/ops/ops.h"

// --- slots --------------------------------------------------------------------------------------

const char *c_slot(const CWriter *w, int slot)
{
    return arena_printf(w->arena, "b%d", w->place ? w->place[slot] : slot);
}

// Slots whose buffers stand in one place are one parameter, or pointers would not be restrict.
static const int *slot_places(Arena *a, const Plan *p, const Kernel *k)
{
    int *place = arena_array(a, int, (size_t)k->buffer_count + 1);
    for (int i = 0; i < k->buffer_count; i++) {
        const Buffer *b = &p->buffers[k->buffers[i]];
        place[i] = i;
        for (int x = 0; b->kind == BUFFER_ARENA && x < i; x++) {
            const Buffer *other = &p->buffers[k->buffers[x]];
            if (place[i] == i && other->kind == BUFFER_ARENA && other->place == b->place)
                place[i] = x;
        }
    }
    return place;
}

bool c_writes_memory(const CWriter *w, const Kernel *k, int slot)
{
    for (int i = 0; i < k->buffer_count; i++)
        if (w->place[i] == w->place[slot] && c_writes(k, i))
            return true;
    return false;
}

static bool scan_writes(const Kernel *k, int slot)
{
    const ScanBody *s = k->node->attr.scan;
    const int carried = slot - s->sequences;
    return (carried >= 0 && carried < s->carried) || slot >= s->graph->input_count;
}

bool c_writes(const Kernel *k, int slot)
{
    if (k->kind == KERNEL_SCAN)
        return scan_writes(k, slot);
    if (k->kind == KERNEL_CONTRACT && !k->count)
        return slot == 2;
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].slot == slot)
            return true;
    return false;
}

// --- comments -----------------------------------------------------------------------------------

// Of the last store: what the kernel is there for. NULL: a kernel of no node.
static const Node *last_node(const Kernel *k)
{
    if (k->kind != KERNEL_LOOPS)
        return k->node;
    for (int i = k->count - 1; i >= 0; i--)
        if (k->code[i].kind == INSTR_STORE && k->code[i].node)
            return k->code[i].node;
    return NULL;
}

static const char *layer_of(const Kernel *k)
{
    const Node *n = last_node(k);
    return n && n->path ? n->path : "";
}

static void add_word(Text *t, const char *word)
{
    if (t->size && strstr(text_str(t), word))
        return;
    text_add(t, t->size ? ", " : "");
    text_add(t, word);
}

static const char *operations(Arena *a, const Kernel *k)
{
    Text t = text_in(a);
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_APPLY || k->code[i].kind == INSTR_REDUCE ||
            k->code[i].kind == INSTR_ARGMAX)
            add_word(&t, op_name(k->code[i].node->op));
        else if (k->code[i].kind == INSTR_GATHER)
            add_word(&t, "gather");
    const bool fills = k->count > 0 && k->code[0].kind == INSTR_CONST;
    return t.size ? text_str(&t) : fills ? "fill" : "copy";
}

const char *c_describe(Arena *a, const Kernel *k)
{
    const Node *n = last_node(k);
    const char *layer = layer_of(k), *colon = *layer ? ": " : "";
    if (!n)
        return operations(a, k);
    if (k->kind == KERNEL_SCAN)
        return arena_printf(a, "%s%s%lld steps", layer, colon, (long long)n->attr.scan->length);
    if (k->kind == KERNEL_CONTRACT)
        return arena_printf(a, "%s%s%s x %s%s%s -> %s", layer, colon, c_shape(a, &n->in[0]->type),
                            c_shape(a, &n->in[1]->type), k->count ? ", " : "",
                            k->count ? operations(a, k) : "", c_shape(a, &n->type));
    return arena_printf(a, "%s%s%s -> %s", layer, colon, operations(a, k), c_shape(a, &n->type));
}

// --- addresses ----------------------------------------------------------------------------------

// What the calls of a plan's kernels are written with.
typedef struct Calls {
    CWriter *w;
    const Plan *plan;
    const CPlaces *places;
    const Kernel *scan;  // in whose body they are; NULL: in none
    Text *out;
    int indent;
} Calls;

static const char *in_arena(CWriter *w, const char *arena, const Buffer *b)
{
    const size_t at = b->offset / sizeof(float);
    const char *place = at ? arena_printf(w->arena, "%s + %zu", arena, at) : arena;
    if (b->type.dtype == DTYPE_F32)
        return place;
    return arena_printf(w->arena, "(%s *)(void *)(%s)", c_types[b->type.dtype].memory, place);
}

// Of a buffer of the body of a scan: it stands in the buffers of the scan itself.
static const char *step_address(const Calls *c, const Buffer *b)
{
    CWriter *w = c->w;
    const char *slot = c_slot(w, scan_slot(c->scan, b));
    const int64_t bytes = scan_step_bytes(c->scan, b);
    if (b->kind == BUFFER_ARENA)
        return in_arena(w, slot, b);
    if (bytes == 0)
        return slot;
    return arena_printf(w->arena, "%s + t * %lld", slot,
                        (long long)(bytes / (int64_t)dtype_size(b->type.dtype)));
}

static const char *address(const Calls *c, const Buffer *b)
{
    if (c->scan)
        return step_address(c, b);
    switch (b->kind) {
    case BUFFER_ARENA:
        return in_arena(c->w, c->places->arena, b);
    case BUFFER_VARIABLE:
        return c->places->variables[b->index];
    case BUFFER_INPUT:
        return c->places->inputs[b->index];
    default:
        return c->places->outputs[b->index];
    }
}

// --- functions ----------------------------------------------------------------------------------

static bool scan_uses(const Kernel *k, int slot)
{
    for (int i = 0; i < k->body->kernel_count; i++) {
        const Kernel *inner = k->body->kernels[i];
        for (int x = 0; x < inner->buffer_count; x++)
            if (scan_slot(k, &k->body->buffers[inner->buffers[x]]) == slot)
                return true;
    }
    return false;
}

static bool is_used(CWriter *w, const Kernel *k, int slot)
{
    if (k->kind == KERNEL_SCAN)
        return scan_uses(k, slot);
    if (k->kind == KERNEL_CONTRACT && (slot < 2 || !k->count))
        return true;
    const bool *needed = c_needed(w->arena, k);
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        const bool has_slot =
            c->kind == INSTR_LOAD || c->kind == INSTR_STORE || c->kind == INSTR_GATHER;
        if (needed[i] && ((has_slot && c->slot == slot) || c->reload == slot))
            return true;
    }
    return false;
}

// Whether a kernel asks for numbers of the run that its code does not know.
static bool needs_run(const CWriter *w, const Kernel *k)
{
    const bool *needed = c_needed(w->arena, k);
    for (int i = 0; w->run.given && i < k->count; i++)
        if (needed[i] &&
            (k->code[i].kind == INSTR_RANDOM ||
             (k->code[i].kind == INSTR_SCALAR && k->code[i].node->attr.scalar != SCALAR_BATCH)))
            return true;
    for (int i = 0; w->run.given && k->body && i < k->body->kernel_count; i++)
        if (needs_run(w, k->body->kernels[i]))
            return true;
    return false;
}

// What a kernel does, and all else that its code depends on.
static const char *function_key(CWriter *w, const Plan *p, const Kernel *k)
{
    Text t = text_in(w->arena);
    const int *place = slot_places(w->arena, p, k);
    text_addf(&t, "%lld %d", (long long)w->batch, w->run.given);
    for (int i = 0; i < k->buffer_count; i++)
        text_addf(&t, " %d", place[i]);
    text_addf(&t, " %s", kernel_key(w->arena, k));
    return text_str(&t);
}

// --- dense layers that differ in their depth alone -----------------------------------------------
// They share a function to which the depth is a parameter: small devices spare its code.

static bool has_plain_depth(const Kernel *k)
{
    return k->kind == KERNEL_CONTRACT && k->node->type.dtype == DTYPE_F32 && k->depth.count == 1 &&
           k->depth.axes[0].size > 1 && !k->parts.size && !k->clip_count;
}

// Along an axis of one element nothing moves.
static void drop_strides(const CWriter *w, ContractAxes *x)
{
    for (int i = 0; i < x->count; i++)
        if (axis_size(x->axes[i].size, x->axes[i].factor, w->batch) == 1)
            x->axes[i].left = x->axes[i].right = x->axes[i].out = 0;
}

// As if it had no depth.
static const char *open_key(CWriter *w, const Plan *p, const Kernel *k)
{
    Kernel open = *k;
    open.depth.axes[0].size = 0;
    drop_strides(w, &open.batch);
    drop_strides(w, &open.rows);
    return arena_printf(w->arena, "any depth %s", function_key(w, p, &open));
}

static bool has_open_depth(CWriter *w, const Plan *p, const Kernel *k)
{
    if (!has_plain_depth(k))
        return false;
    const char *key = open_key(w, p, k);
    for (int i = 0; i < p->kernel_count; i++) {
        const Kernel *other = p->kernels[i];
        if (has_plain_depth(other) && other->depth.axes[0].size != k->depth.axes[0].size &&
            strcmp(open_key(w, p, other), key) == 0)
            return true;
    }
    return false;
}

// --- functions ----------------------------------------------------------------------------------

// A parameter stands for all slots of its memory.
static bool is_parameter(CWriter *w, const Kernel *k, const int *place, int slot)
{
    for (int i = 0; i < k->buffer_count; i++)
        if (place[slot] == slot && place[i] == slot && is_used(w, k, i))
            return true;
    return false;
}

static const char *parameters(CWriter *w, const Plan *p, const Kernel *k)
{
    Text t = text_in(w->arena);
    if (needs_run(w, k))
        text_addf(&t, "const %s_run *run", w->name);
    for (int i = 0; i < k->buffer_count; i++)
        if (is_parameter(w, k, w->place, i))
            text_addf(&t, "%s%s%s *%s_RESTRICT %s", t.size ? ", " : "",
                      c_writes_memory(w, k, i) ? "" : "const ",
                      c_types[p->buffers[k->buffers[i]].type.dtype].memory,
                      c_upper(w->arena, w->name), c_slot(w, i));
    if (w->open_depth)
        text_addf(&t, ", %s depth", w->index);
    return t.size ? text_str(&t) : "void";
}

static void call_kernels(const Calls *c, bool scan_invariant);

// Writes the functions of the body's kernels; their calls are the statements of the scan.
static void scan_statements(CWriter *w, const Kernel *k, Text *before, Text *steps)
{
    Calls c = {.w = w, .plan = k->body, .scan = k, .out = before, .indent = 1};
    call_kernels(&c, true);
    c.out = steps;
    c.indent = 2;
    call_kernels(&c, false);
}

static void scan_loop(CWriter *w, const Kernel *k, const Text *before, const Text *steps)
{
    const ScanBody *s = k->node->attr.scan;
    text_add(w->out, text_str(before));
    if (s->reverse)
        c_open(w, "for (%s t = %lld; t >= 0; --t)", w->index, (long long)s->length - 1);
    else
        c_open(w, "for (%s t = 0; t < %lld; ++t)", w->index, (long long)s->length);
    text_add(w->out, text_str(steps));
    c_close(w);
}

static void write_function(CWriter *w, const Plan *p, const Kernel *k, const char *name)
{
    Text before = text_in(w->arena), steps = text_in(w->arena);
    const int *outside = w->place;
    w->place = slot_places(w->arena, p, k);
    w->open_depth = has_open_depth(w, p, k);
    if (k->kind == KERNEL_SCAN)
        scan_statements(w, k, &before, &steps);
    c_line(w, "// %s%s", c_comment(w->arena, c_describe(w->arena, k)),
           w->open_depth ? ", and others of another depth" : "");
    c_line(w, "static void %s(%s)", name, parameters(w, p, k));
    c_line(w, "{");
    w->indent++;
    if (k->kind == KERNEL_SCAN)
        scan_loop(w, k, &before, &steps);
    else if (k->kind == KERNEL_LOOPS)
        c_loops(w, k);
    else
        c_contract(w, k);
    c_close(w);
    c_blank(w);
    w->place = outside;
    w->open_depth = false;
}

// The function of a kernel, written if there is none of the same code.
static const char *function(CWriter *w, const Plan *p, const Kernel *k)
{
    const char *key = has_open_depth(w, p, k) ? open_key(w, p, k) : function_key(w, p, k);
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->functions[i].key, key) == 0)
            return w->functions[i].name;
    const CFunction f = {key, arena_printf(w->arena, "%s_kernel_%d", w->name, w->count)};
    arena_push(w->arena, w->functions, w->count, w->capacity, f);
    write_function(w, p, k, f.name);
    return f.name;
}

// --- what is made by the end of a kernel --------------------------------------------------------

int c_traced(const Plan *p, int buffer)
{
    int last = -1;
    if (p->buffers[buffer].kind != BUFFER_ARENA || !p->buffers[buffer].node)
        return -1;
    for (int i = 0; i < p->kernel_count; i++)
        for (int slot = 0; slot < p->kernels[i]->buffer_count; slot++)
            if (p->kernels[i]->buffers[slot] == buffer && c_writes(p->kernels[i], slot))
                last = i;
    return last;
}

// --- calls --------------------------------------------------------------------------------------

static const char *arguments(const Calls *c, const Kernel *k)
{
    Text t = text_in(c->w->arena);
    if (needs_run(c->w, k))
        text_add(&t, "run");
    const int *place = slot_places(c->w->arena, c->plan, k);
    for (int i = 0; i < k->buffer_count; i++)
        if (is_parameter(c->w, k, place, i)) {
            text_add(&t, t.size ? ", " : "");
            text_add(&t, address(c, &c->plan->buffers[k->buffers[i]]));
        }
    if (has_open_depth(c->w, c->plan, k))
        text_addf(&t, ", %lld", (long long)k->depth.axes[0].size);
    return text_str(&t);
}

// To be looked at by --verify: what a kernel has made.
static void trace_kernel(const Calls *c, int kernel)
{
    for (int i = 0; i < c->plan->buffer_count; i++) {
        const Buffer *b = &c->plan->buffers[i];
        if (c_traced(c->plan, i) == kernel)
            text_addf(c->out, "%*sNNC_TRACE(%s, %zu);\n", 4 * c->indent, "", address(c, b),
                      (size_t)type_elements(&b->type) * dtype_size(b->type.dtype));
    }
}

static void call_kernel(const Calls *c, const Kernel *k)
{
    const char *name = function(c->w, c->plan, k);
    text_addf(c->out, "%*s%s(%s);  // %s\n", 4 * c->indent, "", name, arguments(c, k),
              c_comment(c->w->arena, c_describe(c->w->arena, k)));
}

// Those of the body of a scan that run in each step, or before the first.
static void call_kernels(const Calls *c, bool invariant)
{
    for (int i = 0; i < c->plan->kernel_count; i++) {
        if (c->plan->kernels[i]->invariant == invariant)
            call_kernel(c, c->plan->kernels[i]);
        if (c->w->trace && !c->scan)
            trace_kernel(c, i);
    }
}

void c_program(CWriter *w, const Plan *p, const CPlaces *places, Text *calls)
{
    const Calls c = {.w = w, .plan = p, .places = places, .out = calls, .indent = 1};
    call_kernels(&c, false);
}
