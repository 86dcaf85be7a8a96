// ask.c -- asking for operands before they are needed, where the hardware does not in time.
//
// A contraction is done in blocks (tiles.c): a block of depth that fits a core's own cache, one of
// a batch of products, or a row of an image. What the next block reads still lies in the shared
// cache, a hundred cycles away, and its rows begin where no pattern of the block at hand leads. So
// the tiles of a block ask for it, each for a share.

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

// Of the axes of rows those within a block begin with this one.
static int first_row(const Tiles *t)
{
    return t->blocks == BLOCKS_OF_ROWS ? t->row_count - 1 : 0;
}

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
            a->runs[a->count++] = (Run){.size = tiles_most(t, &axes[i]),
                                        .stride = stride * (int64_t)dtype_size(t->factor)};
    }
}

// Memory that hangs together becomes one run of lines, and rows that overlap are counted once.
// False: it is read backwards.
static bool merge_runs(const Tiles *t, Area *a)
{
    int64_t bytes = (int64_t)dtype_size(t->factor);
    int kept = 0;
    qsort(a->runs, (size_t)a->count, sizeof a->runs[0], by_stride);
    for (int i = 0; i < a->count; i++) {
        const Run r = a->runs[i];
        if (r.stride < 0)
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
    a->first = 0;
    add_runs(t, a, t->depth + t->hoisted, t->depth_count - t->hoisted, left);
    add_runs(t, a, &t->taps, 1, left);
    add_runs(t, a, t->rows + first_row(t), t->row_count - first_row(t), left);
    add_runs(t, a, &t->fold, 1, left);
    add_runs(t, a, &t->vector, 1, left);
    if (t->stacked)
        add_runs(t, a, &t->column, 1, left);
    return merge_runs(t, a);
}

// The next row of an image shares most of what it needs with the one at hand: only the last lines
// are new.
static bool leave_new_lines(const Tiles *t, Area *a)
{
    const int64_t step = t->rows[t->row_count - 2].left * (int64_t)dtype_size(t->factor);
    const int64_t lines = (step + LINE - 1) / LINE;
    if (a->count > 0 || step <= 0)
        return false;
    a->first = a->lines > lines ? a->lines - lines : 0;
    a->lines -= a->first;
    return true;
}

// --- how much at a time -------------------------------------------------------------------------

static int64_t blocks_of(int64_t size, int64_t unit)
{
    return (size + unit - 1) / unit;
}

// So often a block comes to its innermost loop over depth.
static int64_t inner_loops(const Tiles *t)
{
    const int64_t vectors = t->stacked ? t->column.size : blocks_of(t->vector.size, t->g->width);
    int64_t n = blocks_of(vectors, t->tile_columns);
    for (int i = first_row(t); i < t->row_count; i++)
        n *= i == t->row_count - 1 ? blocks_of(tiles_most(t, &t->rows[i]), t->tile_rows)
                                   : tiles_most(t, &t->rows[i]);
    for (int i = t->hoisted; i < t->depth_count - 1; i++)
        n *= t->depth[i].size;
    return n;
}

static int64_t shares_of(const Area *a, int64_t share)
{
    int64_t n = blocks_of(a->lines, share);
    for (int i = 0; i < a->count; i++)
        n *= a->runs[i].size;
    return n;
}

// A few lines before each innermost loop.
static bool fits_before_loops(const Tiles *t, Area *a)
{
    a->spacing = 1;
    a->share = 1;
    while (a->share <= MOST_AT_ONCE && shares_of(a, a->share) > inner_loops(t))
        a->share++;
    return a->share <= MOST_AT_ONCE;
}

// A line in each step of these loops, or one in several.
static bool fits_in_steps(const Tiles *t, Area *a)
{
    const ContractAxis *steps = &t->depth[t->depth_count - 1];
    a->share = 1;
    a->spacing = steps->size == DIM_BATCH ? 0 : inner_loops(t) * steps->size / shares_of(a, 1);
    return a->spacing > 0;
}

static Blocks kind_of_blocks(const Tiles *t)
{
    const ContractAxis *last = t->outer_count ? &t->outer[t->outer_count - 1] : NULL;
    if (t->g->width == 1)
        return BLOCKS_NONE;
    if (t->hoisted)
        return BLOCKS_OF_DEPTH;
    if (last && (last->left || last->right))
        return BLOCKS_OF_PRODUCTS;
    return t->row_count > 1 && !t->rows_outside ? BLOCKS_OF_ROWS : BLOCKS_NONE;
}

// All that is read of the right operand by one row is read by the next.
static bool find_areas(Tiles *t)
{
    t->area_count = t->blocks == BLOCKS_OF_ROWS ? 1 : 2;
    for (int i = 0; i < t->area_count; i++)
        if (!find_area(t, &t->areas[i], i == 0))
            return false;
    return t->blocks != BLOCKS_OF_ROWS || leave_new_lines(t, &t->areas[0]);
}

static bool all_fit(Tiles *t, bool (*fits)(const Tiles *, Area *))
{
    for (int i = 0; i < t->area_count; i++)
        if (!fits(t, &t->areas[i]))
            return false;
    return true;
}

void ask_prepare(Tiles *t)
{
    t->blocks = kind_of_blocks(t);
    if (t->blocks == BLOCKS_NONE || !find_areas(t))
        t->blocks = BLOCKS_NONE;
    else if (all_fit(t, fits_before_loops))
        t->asks_in_steps = false;
    else if (all_fit(t, fits_in_steps))
        t->asks_in_steps = true;
    else
        t->blocks = BLOCKS_NONE;
}

// --- code ---------------------------------------------------------------------------------------

void ask_open(Tiles *t)
{
    if (t->blocks)
        t->asked = LLVMBuildAlloca(t->g->builder, t->g->i64, "");
}

void ask_block(Tiles *t, Blocks blocks, Val left, Val right)
{
    if (t->blocks != blocks)
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
    number = LLVMBuildUDiv(g->builder, number, gen_i64(g, a->spacing), "");
    at = moved_by(g, at, digit(g, &number, blocks_of(a->lines, a->share)), a->share * LINE);
    for (int i = 0; i < a->count; i++)
        at = moved_by(g, at, digit(g, &number, a->runs[i].size), a->runs[i].stride);
    for (int64_t i = 0; i < a->share; i++)
        gen_ask_ahead(g, gen_offset(g, at, (a->first + i) * LINE), false);
}

static void ask_shares(const Tiles *t, Val number)
{
    for (int i = 0; i < t->area_count; i++)
        ask_share(t, &t->areas[i], t->after[i], number);
}

void ask_before_loop(Tiles *t)
{
    Gen *g = t->g;
    if (!t->blocks)
        return;
    const int64_t steps = t->asks_in_steps ? t->depth[t->depth_count - 1].size : 1;
    t->number = LLVMBuildLoad2(g->builder, g->i64, t->asked, "");
    LLVMBuildStore(g->builder, LLVMBuildNSWAdd(g->builder, t->number, gen_i64(g, steps), ""),
                   t->asked);
    if (!t->asks_in_steps)
        ask_shares(t, t->number);
}

void ask_in_step(const Tiles *t, Val step)
{
    if (t->blocks && t->asks_in_steps)
        ask_shares(t, LLVMBuildNSWAdd(t->g->builder, t->number, step, ""));
}
