// scan.c -- a scan's kernel: the plan of its body, run once a step.
//
//   scan %0, %1, %2 {28, 1, 1}      kernel 3: copy %1 to where the carried value stands
//                            -->    kernel 4: scan of 28 steps
//                                     kernel 0: contract ...
//                                     kernel 1: loops ...
//
// The body reads a step of a sequence and writes a step of a stacked result where it stands: at an
// address that moves on from step to step, with the distance between examples that the whole
// sequence has. In its plan the carried values are variables that are updated: in place, where
// nothing reads the old value any more.

#include "graph/ops/ops.h"
#include "kernel/lower.h"

// Makes variables of the carried values, and outputs of the stacked results alone.
static Graph *body_graph(const ScanBody *s)
{
    Graph *g = graph_clone(s->graph);
    g->variables = variables_new(g->arena);
    for (int i = 0; i < s->carried; i++) {
        const Variable v = {.path = g->inputs[s->sequences + i].name,
                            .kind = VARIABLE_STATE,
                            .type = g->inputs[s->sequences + i].type};
        Variables *vs = g->variables;
        arena_push(g->arena, vs->items, vs->count, vs->capacity, v);
        const Update u = {.variable = i, .value = g->outputs[i].node};
        arena_push(g->arena, g->updates, g->update_count, g->update_capacity, u);
    }
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        const int carried = n->op == OP_input ? n->attr.index - s->sequences : -1;
        if (carried < 0 || carried >= s->carried)
            continue;
        n->op = OP_variable;
        n->attr.index = carried;
    }
    g->outputs += s->carried;
    g->output_count -= s->carried;
    return g;
}

static Plan *plan_body(Arena *a, const ScanBody *s, const Plan *around)
{
    Plan *p = arena_new_of(a, Plan);
    Fusion *f = fuse(a, body_graph(s), around->max_batch, s);
    p->graph = f->graph;
    p->max_batch = around->max_batch;
    p->compact = around->compact;
    p->alignment = around->alignment;
    lower_groups(a, p, f);
    plan_invariants(p, s);
    plan_memory(a, p);
    return p;
}

// A buffer for a result, whether or not a node reads it.
static int result_buffer(Arena *a, Plan *p, const Fusion *f, const Node *scan, int result)
{
    for (int i = 0; i < f->graph->node_count; i++) {
        const Node *n = f->graph->nodes[i];
        if (n->op == OP_scan_result && n->in[0] == scan && n->attr.index == result)
            return plan_arena_buffer(a, p, n);
    }
    const Type type = scan_result_type(scan->attr.scan, result);
    return plan_buffer(a, p, BUFFER_ARENA, 0, &type);
}

static int scratch_buffer(Arena *a, Plan *p, const Plan *body)
{
    const int64_t words = (int64_t)(body->arena_bytes / sizeof(float)) + 1;
    const Type type = type_of(DTYPE_F32, 1, &words);
    return plan_buffer(a, p, BUFFER_ARENA, 0, &type);
}

// The slot of what a buffer of the body is in the scan around it.
int scan_slot(const Kernel *k, const Buffer *b)
{
    const ScanBody *s = k->node->attr.scan;
    switch (b->kind) {
    case BUFFER_INPUT:
        return b->index;
    case BUFFER_VARIABLE:
        return s->sequences + b->index;
    case BUFFER_OUTPUT:
        return s->graph->input_count + b->index;
    default:
        return s->graph->input_count + s->graph->output_count - s->carried;
    }
}

int64_t scan_step_bytes(const Kernel *k, const Buffer *b)
{
    const bool moves = b->kind == BUFFER_OUTPUT ||
                       (b->kind == BUFFER_INPUT && b->index < k->node->attr.scan->sequences);
    return moves ? type_elements(&b->type) * (int64_t)dtype_size(b->type.dtype) : 0;
}

void lower_scan(Arena *a, Plan *p, const Fusion *f, Node *n)
{
    const ScanBody *s = n->attr.scan;
    Kernel *k = arena_new_of(a, Kernel);
    *k = (Kernel){.kind = KERNEL_SCAN, .node = n, .body = plan_body(a, s, p)};
    for (int i = 0; i < n->input_count; i++) {
        const int carried = i - s->sequences;
        int buffer = plan_read_buffer(a, p, f, view_of(f, n->in[i]).base);
        if (carried >= 0 && carried < s->carried) {
            const int first = buffer;
            buffer = result_buffer(a, p, f, n, carried);
            plan_copy_kernel(a, p, first, buffer);
        }
        kernel_slot(a, k, buffer);
    }
    for (int i = s->carried; i < s->graph->output_count; i++)
        kernel_slot(a, k, result_buffer(a, p, f, n, i));
    kernel_slot(a, k, scratch_buffer(a, p, k->body));
    arena_push(a, p->kernels, p->kernel_count, p->kernel_capacity, k);
}
