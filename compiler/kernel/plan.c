// plan.c -- from a graph to kernels and memory: fuse, lower, place.

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
