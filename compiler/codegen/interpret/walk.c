// walk.c -- visiting the elements of up to three arrays at once, in row-major order.

#include "codegen/interpret/walk.h"

#include <assert.h>

Extent extent_of(const Type *t, int64_t batch)
{
    Extent e = {{0}, {0}};
    int64_t stride = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        e.size[i] = t->dims[i] == DIM_BATCH ? batch : t->dims[i];
        e.stride[i] = stride;
        stride *= e.size[i];
    }
    return e;
}

void walk_axis(Walk *w, int64_t size, int64_t first, int64_t second, int64_t third)
{
    assert(w->depth < WALK_DEPTH);
    int d = w->depth++;
    w->size[d] = size;
    w->stride[d][0] = first;
    w->stride[d][1] = second;
    w->stride[d][2] = third;
}

static void walk_move(Walk *w, int axis, int64_t steps)
{
    for (int i = 0; i < WALK_ARRAYS; i++)
        w->at[i] += steps * w->stride[axis][i];
}

bool walk_next(Walk *w)
{
    for (int d = w->depth - 1; d >= 0; d--) {
        if (++w->index[d] < w->size[d]) {
            walk_move(w, d, 1);
            return true;
        }
        walk_move(w, d, 1 - w->size[d]);
        w->index[d] = 0;
    }
    return false;
}
