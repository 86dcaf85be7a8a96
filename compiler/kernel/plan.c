// plan.c -- from a graph to kernels and memory: fuse, lower, place; and what a kernel costs.

#include "graph/ops/ops.h"
#include "kernel/lower.h"

#define CACHE_LINE 64  // bytes; and a vector register

static Plan *plan(Arena *a, const Graph *g, int64_t max_batch, bool compact, bool clips)
{
    Plan *p = arena_new_of(a, Plan);
    Fusion *f = clips ? fuse_clipped(a, g, max_batch) : fuse(a, g, max_batch, NULL);
    p->graph = f->graph;
    p->max_batch = max_batch;
    p->compact = compact;
    p->alignment = compact ? sizeof(float) : CACHE_LINE;
    lower_groups(a, p, f);
    plan_memory(a, p);
    return p;
}

Plan *plan_new(Arena *a, const Graph *g, int64_t max_batch)
{
    return plan(a, g, max_batch, false, false);
}

Plan *plan_new_compact(Arena *a, const Graph *g, int64_t max_batch, bool clips)
{
    return plan(a, g, max_batch, true, clips);
}

int64_t axis_size(int64_t size, int64_t factor, int64_t batch)
{
    return size == DIM_BATCH ? batch * factor : size;
}

static double contract_points(const ContractAxes *x, int64_t batch)
{
    double points = 1;
    for (int i = 0; i < x->count; i++)
        points *= (double)axis_size(x->axes[i].size, x->axes[i].factor, batch);
    return points;
}

static double loop_points(const Kernel *k, Level level, int64_t batch)
{
    double points = 1;
    for (int i = 0; i < k->axis_count; i++)
        if (level == LEVEL_FULL || (level == LEVEL_OUTER && !k->axes[i].reduced))
            points *= (double)axis_size(k->axes[i].size, k->axes[i].factor, batch);
    return level == LEVEL_UNIFORM ? 1 : points;
}

static double scan_flops(const Kernel *k, int64_t batch)
{
    double flops = 0;
    for (int i = 0; i < k->body->kernel_count; i++) {
        const Kernel *inner = k->body->kernels[i];
        const double times = inner->invariant ? 1 : (double)k->node->attr.scan->length;
        flops += times * kernel_flops(k->body, inner, batch);
    }
    return flops;
}

static double code_flops(const Kernel *k, int64_t batch)
{
    double flops = 0;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        if (c->kind == INSTR_APPLY)
            flops += loop_points(k, c->level, batch);
        if (c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX)
            flops += loop_points(k, LEVEL_FULL, batch);
    }
    return flops;
}

double kernel_flops(const Plan *p, const Kernel *k, int64_t batch)
{
    (void)p;
    if (k->kind == KERNEL_SCAN)
        return scan_flops(k, batch);
    if (k->kind == KERNEL_LOOPS)
        return code_flops(k, batch);
    return 2 * contract_points(&k->batch, batch) * contract_points(&k->rows, batch) *
               contract_points(&k->columns, batch) * contract_points(&k->depth, batch) +
           code_flops(k, batch);
}

double kernel_bytes(const Plan *p, const Kernel *k, int64_t batch)
{
    double bytes = 0;
    for (int i = 0; i < k->buffer_count; i++) {
        const Type *t = &p->buffers[k->buffers[i]].type;
        double rows = type_batched(t) ? (double)batch : 1;
        bytes += rows * (double)type_elements(t) * (double)dtype_size(t->dtype);
    }
    return bytes;
}
