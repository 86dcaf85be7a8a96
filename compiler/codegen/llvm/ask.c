// ask.c -- asking for operands before they are needed, where the hardware does not in time.
//
// A long depth runs outside of the tiles (tiles.c) in blocks that fit a core's own cache. What the
// next block reads still lies in the shared one, a hundred cycles away, and its rows begin where no
// pattern of the block at hand leads. So the tiles of a block ask for it, each for a share.

#include <stdlib.h>

#include "codegen/llvm/tiles.h"

enum { LINE = 64, MOST_AT_ONCE = 12 };

void ask_rows(const Tiles *t, Val at, int64_t stride, int64_t reach)
{
    enum { AHEAD = 12 };
    Gen *g = t->g;
    const int64_t size = (int64_t)dtype_size(t->factor);
    // from the shared cache, which others wait for as well, the hardware takes these in time
    if (g->width == 1 || stride * size < (tiles_left_is_near(t) ? 512 : 1024))
        return;
    for (int64_t i = 0; i < reach; i += LINE / size)
        gen_ask_ahead(g, gen_offset(g, at, (stride * AHEAD + i) * size), false);
    gen_ask_ahead(g, gen_offset(g, at, (stride * AHEAD + reach - 1) * size), false);
}

// --- what a block reads -------------------------------------------------------------------------

static int by_stride(const void *a, const void *b)
{
    const int64_t x = ((const Run *)a)->stride, y = ((const Run *)b)->stride;
    return (x > y) - (x < y);
}

static void add_runs(const Tiles *t, Area *a, const ContractAxis *axes, int count, bool left)
{
    for (int i = 0; i < count; i++) {
        const int64_t stride = left ? axes[i].left : axes[i].right;
        if (stride != 0 && axes[i].size != 1)
            a->runs[a->count++] =
                (Run){.size = axes[i].size, .stride = stride * (int64_t)dtype_size(t->factor)};
    }
}

// Memory that hangs together becomes one run of lines, and rows that overlap are counted once.
// False: it is not known before the program runs, or not worth it.
static bool merge_runs(const Tiles *t, Area *a)
{
    int64_t bytes = (int64_t)dtype_size(t->factor);
    int kept = 0;
    qsort(a->runs, (size_t)a->count, sizeof a->runs[0], by_stride);
    for (int i = 0; i < a->count; i++) {
        const Run r = a->runs[i];
        if (r.size == DIM_BATCH || r.stride < 0)
            return false;
        if (!kept && r.stride <= bytes + LINE)
            bytes += (r.size - 1) * r.stride;
        else if (kept && a->runs[kept - 1].stride == r.stride)
            a->runs[kept - 1].size += r.size - 1;
        else
            a->runs[kept++] = r;
    }
    a->count = kept;
    a->lines = (bytes + LINE - 1) / LINE;
    return true;
}

static bool find_area(const Tiles *t, Area *a, bool left)
{
    a->count = 0;
    add_runs(t, a, t->depth + t->hoisted, t->depth_count - t->hoisted, left);
    add_runs(t, a, &t->taps, 1, left);
    add_runs(t, a, t->rows, t->row_count, left);
    add_runs(t, a, &t->fold, 1, left);
    add_runs(t, a, &t->vector, 1, left);
    if (t->stacked)
        add_runs(t, a, &t->column, 1, left);
    return merge_runs(t, a);
}

// --- how much at a time -------------------------------------------------------------------------

static int64_t blocks_of(int64_t size, int64_t unit)
{
    return (size + unit - 1) / unit;
}

// So often a block comes to where it asks: a tile, or a turn of the depth loops but the last.
static int64_t occasions(const Tiles *t)
{
    const int64_t vectors = t->stacked ? t->column.size : blocks_of(t->vector.size, t->g->width);
    int64_t n = blocks_of(vectors, t->tile_columns);
    for (int i = 0; i < t->row_count; i++)
        n *= i == t->row_count - 1 ? blocks_of(tiles_most(t, &t->rows[i]), t->tile_rows)
                                   : tiles_most(t, &t->rows[i]);
    for (int i = t->hoisted; i < t->depth_count - 1; i++)
        n *= t->depth[i].size;
    return n;
}

static int64_t runs_of(const Area *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->count; i++)
        n *= a->runs[i].size;
    return n;
}

static bool choose_share(const Tiles *t, Area *a, bool left)
{
    const int64_t n = occasions(t);
    if (!find_area(t, a, left))
        return false;
    a->share = 1;
    while (a->share <= MOST_AT_ONCE && runs_of(a) * blocks_of(a->lines, a->share) > n)
        a->share++;
    return a->share <= MOST_AT_ONCE;
}

void ask_prepare(Tiles *t)
{
    t->asks = t->hoisted && t->g->width > 1 && choose_share(t, &t->areas[0], true) &&
              choose_share(t, &t->areas[1], false);
}

// --- code ---------------------------------------------------------------------------------------

void ask_open(Tiles *t)
{
    if (t->asks)
        t->asked = LLVMBuildAlloca(t->g->builder, t->g->i64, "");
}

void ask_block(Tiles *t, Val left, Val right)
{
    if (!t->asks)
        return;
    t->after[0] = left;
    t->after[1] = right;
    LLVMBuildStore(t->g->builder, gen_i64(t->g, 0), t->asked);
}

// Takes the digit of base `size` off the number at *n.
static Val digit(Gen *g, Val *n, int64_t size)
{
    Val all = *n, base = gen_i64(g, size);
    *n = LLVMBuildUDiv(g->builder, all, base, "");
    return LLVMBuildURem(g->builder, all, base, "");
}

static Val moved_by(Gen *g, Val at, Val steps, int64_t bytes)
{
    Val offset = LLVMBuildNSWMul(g->builder, steps, gen_i64(g, bytes), "");
    return LLVMBuildInBoundsGEP2(g->builder, g->i8, at, &offset, 1, "");
}

static void ask_share(const Tiles *t, const Area *a, Val at, Val number)
{
    Gen *g = t->g;
    at = moved_by(g, at, digit(g, &number, blocks_of(a->lines, a->share)), a->share * LINE);
    for (int i = 0; i < a->count; i++)
        at = moved_by(g, at, digit(g, &number, a->runs[i].size), a->runs[i].stride);
    for (int64_t i = 0; i < a->share; i++)
        gen_ask_ahead(g, gen_offset(g, at, i * LINE), false);
}

void ask_some(const Tiles *t)
{
    Gen *g = t->g;
    if (!t->asks)
        return;
    Val number = LLVMBuildLoad2(g->builder, g->i64, t->asked, "");
    LLVMBuildStore(g->builder, LLVMBuildNSWAdd(g->builder, number, gen_i64(g, 1), ""), t->asked);
    ask_share(t, &t->areas[0], t->after[0], number);
    ask_share(t, &t->areas[1], t->after[1], number);
}
