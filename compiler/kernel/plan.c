// plan.c -- from a graph to kernels and memory: fuse, lower, chain, place.

#include "graph/ops/ops.h"
#include "kernel/lower.h"

#define CACHE_LINE 64  // bytes; and a vector register

// Of values of one example so much stays in a near cache; and so much more memory than the largest
// live set a plan may take for chains.
#define MOST_OF_EXAMPLE (512 << 10)
#define MOST_MEMORY 1.1

static void place(Arena *a, Plan *p)
{
    int64_t most = p->compact ? 0 : MOST_OF_EXAMPLE;
    do {
        plan_chains(p, most);
        plan_memory(a, p);
        most /= 8;
    } while (most > 0 && (double)p->arena_bytes > MOST_MEMORY * (double)p->live_bytes);
}

static Plan *plan(Arena *a, const Graph *g, int64_t max_batch, bool compact, bool clips)
{
    Plan *p = arena_new_of(a, Plan);
    Fusion *f = clips ? fuse_clipped(a, g, max_batch) : fuse(a, g, max_batch, NULL);
    p->graph = f->graph;
    p->max_batch = max_batch;
    p->compact = compact;
    p->alignment = compact ? sizeof(float) : CACHE_LINE;
    lower_groups(a, p, f);
    place(a, p);
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
