// tile_shape.c -- how a contraction is laid out: which axis runs in vectors, how large a tile is,
// what of a long depth runs outside of the tiles, and what threads share. All by the shapes alone.

#include <math.h>
#include <stdlib.h>

#include "codegen/llvm/tiles.h"

// Bytes of both operands up to which a tile's neighbours find them in a near cache; smaller blocks
// of depth would add to results in memory too often (tried: 24, 40, 80, 160 KB).
#define CACHE_BYTES 120000
// What stays in the core's own cache.
#define NEAR_BYTES 800e3

// --- axes ---------------------------------------------------------------------------------------

static ContractAxis exchange(ContractAxis x)
{
    const int64_t left = x.left;
    x.left = x.right;
    x.right = left;
    return x;
}

static void add_axes(ContractAxis *to, int *count, const ContractAxes *from, bool swapped)
{
    for (int i = 0; i < from->count; i++)
        to[(*count)++] = swapped ? exchange(from->axes[i]) : from->axes[i];
}

// Axes of the batch of products and of the columns (of the rows, when they are swapped) are outer
// ones; the last of them runs in vectors.
static void arrange(Tiles *t)
{
    const Kernel *k = t->k;
    add_axes(t->outer, &t->outer_count, &k->batch, t->swapped);
    add_axes(t->outer, &t->outer_count, t->swapped ? &k->rows : &k->columns, t->swapped);
    add_axes(t->rows, &t->row_count, t->swapped ? &k->columns : &k->rows, t->swapped);
    add_axes(t->depth, &t->depth_count, &k->depth, t->swapped);
    t->vector = t->outer[--t->outer_count];
}

int64_t tiles_most(const Tiles *t, const ContractAxis *x)
{
    return axis_size(x->size, x->factor, t->plan->max_batch);
}

static int64_t total(const Tiles *t, const ContractAxis *axes, int count)
{
    int64_t n = 1;
    for (int i = 0; i < count; i++)
        n *= tiles_most(t, &axes[i]);
    return n;
}

// --- the shape of a tile ------------------------------------------------------------------------

// Cycles for one step of depth: two multiply-adds and two loads a cycle, four cycles from one
// multiply-add to the next on the same accumulator, and the loop itself.
static double step_cycles(int rows, int columns, int taps)
{
    double work = rows * columns * taps / 2.0, loads = (rows + taps - 1 + columns * taps) / 2.0;
    double longest = work > loads ? work : loads;
    return (longest > 4 ? longest : 4) + 0.5;
}

typedef struct Shape {
    int rows, columns, taps;  // rows: without those of the fold
    double cycles;            // of all tiles, for a step of depth
} Shape;

static double operand_bytes(const Tiles *t, bool left)
{
    double elements = 1;
    const ContractAxis *families[3] = {t->depth, t->rows, &t->vector};
    const int counts[3] = {t->depth_count, t->row_count, 1};
    for (int f = 0; f < 3; f++)
        for (int i = 0; i < counts[f]; i++)
            if (left ? families[f][i].left : families[f][i].right)
                elements *= (double)tiles_most(t, &families[f][i]);
    return elements * (double)dtype_size(t->factor) * (double)(left ? 1 : t->taps.size);
}

// Rows that are neighbours in memory share lines of the cache, but tiles of six that begin anywhere
// in them touch a third more lines than tiles of eight. Operands from farther away have narrow
// panels wait for longer than that.
static double line_cycles(const Tiles *t, int rows)
{
    enum { LINE = 16 };  // elements
    const ContractAxis *last = &t->rows[t->row_count - 1];
    const bool straddles = last->left == 1 && t->fold.size == 1 && LINE % rows != 0;
    const double bytes = operand_bytes(t, true) + operand_bytes(t, false);
    return straddles && bytes < NEAR_BYTES ? 0.1 * (rows - 1) / (double)LINE : 0;
}

static double rows_cycles(const Tiles *t, const Shape *s, int columns)
{
    const ContractAxis *last = &t->rows[t->row_count - 1];
    const int64_t count = tiles_most(t, last);
    const int rest = (int)(count % s->rows), fold = (int)t->fold.size;
    const double whole = step_cycles(s->rows * fold, columns, s->taps) + line_cycles(t, s->rows);
    double cycles = (double)(count / s->rows) * whole;
    if (rest && last->size == DIM_BATCH)
        cycles += rest * step_cycles(fold, columns, s->taps);
    else if (rest)
        cycles += step_cycles(rest * fold, columns, s->taps);
    return cycles;
}

// That a tile may have side by side.
static int64_t vectors_of(const Tiles *t)
{
    return (t->column.size + t->column_step - 1) / t->column_step;
}

static double tile_cycles(const Tiles *t, const Shape *s)
{
    const int64_t vectors = vectors_of(t);
    const int rest = (int)(vectors % s->columns);
    double cycles = (double)(vectors / s->columns) * rows_cycles(t, s, s->columns);
    return (cycles + (rest ? rows_cycles(t, s, rest) : 0)) / s->taps;
}

static bool fits_registers(const Tiles *t, const Shape *s)
{
    const int rows = s->rows * (int)t->fold.size;
    return rows <= MAX_ROWS && rows * s->columns + s->columns * s->taps + 1 < gen_registers(t->g);
}

static Shape best_shape(const Tiles *t, int taps)
{
    const int64_t count = tiles_most(t, &t->rows[t->row_count - 1]);
    const int64_t vectors = vectors_of(t);
    Shape best = {0};
    for (int columns = 1; columns <= MAX_COLUMNS && columns <= vectors; columns++)
        for (int rows = 1; rows <= MAX_ROWS && rows <= count; rows++) {
            Shape s = {.rows = rows, .columns = columns, .taps = taps};
            if (!fits_registers(t, &s))
                break;
            s.cycles = tile_cycles(t, &s);
            if (!best.rows || s.cycles < best.cycles)
                best = s;
        }
    return best;
}

// --- taps ---------------------------------------------------------------------------------------
// Where a step along a depth axis moves the left operand as far as a step along the rows does, as
// in a convolution, neighbouring rows need the same elements: row i at tap j what row i + 1 needs
// at tap j - 1. Loaded once, an element serves all taps, which are done in one step of depth.

// The number of taps that depth axis x is made of; 1: none. Inside of a tap are *inner elements.
static int64_t taps_of(const Tiles *t, const ContractAxis *x, int64_t *inner)
{
    const int64_t row = t->rows[t->row_count - 1].left;
    *inner = x->left > 0 && row > 0 && row % x->left == 0 ? row / x->left : 0;
    const bool whole = *inner && x->size != DIM_BATCH && x->size % *inner == 0;
    return whole && x->size / *inner <= MAX_TAPS ? x->size / *inner : 1;
}

static void take_taps(Tiles *t, int axis, int64_t inner, const Shape *s)
{
    ContractAxis *x = &t->depth[axis];
    t->taps = *x;
    t->taps.size = s->taps;
    t->taps.left *= inner;
    t->taps.right *= inner;
    x->size = inner;
    if (inner > 1)
        return;
    t->depth_count--;
    for (int i = axis; i < t->depth_count; i++)
        t->depth[i] = t->depth[i + 1];
}

// --- vectors of a tile --------------------------------------------------------------------------

static void put_side_by_side(Tiles *t)
{
    t->column = t->vector;
    t->column.left *= t->g->width;
    t->column.right *= t->g->width;
    t->column.out *= t->g->width;
    t->column_step = t->g->width;
    t->stacked = false;
}

// An axis whose elements make tiles of several vectors, where the vector axis has but one: the last
// of those outside that the left operand does not move along. -1: there is none.
static int stackable_axis(const Tiles *t)
{
    if (t->vector.size > t->g->width || t->vector.left || t->hoisted)
        return -1;
    for (int i = t->outer_count - 1; i >= 0; i--)
        if (t->outer[i].left == 0 && t->outer[i].size != DIM_BATCH)
            return i;
    return -1;
}

// Puts rows of vectors on top of each other where that makes better tiles than one alone.
static void choose_columns(Tiles *t)
{
    put_side_by_side(t);
    const int axis = stackable_axis(t);
    if (axis < 0)
        return;
    const double alone = best_shape(t, 1).cycles;
    t->column = t->outer[axis];
    t->column_step = 1;
    t->stacked = true;
    if (best_shape(t, 1).cycles >= alone * (double)t->column.size) {
        put_side_by_side(t);
        return;
    }
    t->outer_count--;
    for (int i = axis; i < t->outer_count; i++)
        t->outer[i] = t->outer[i + 1];
}

// --- a short last axis of rows ------------------------------------------------------------------

// Whether tiles of the axis before the last of the rows, each row of which has all of the last
// one, are better than the best otherwise, which they then are.
static bool folds(Tiles *t, Shape *best)
{
    const ContractAxis one = t->fold, *last = &t->rows[t->row_count - 1];
    if (t->row_count < 2 || last->size == DIM_BATCH || 2 * last->size > MAX_ROWS)
        return false;
    t->fold = *last;
    t->row_count--;
    const Shape s = best_shape(t, 1);
    if (s.rows && s.cycles < best->cycles * (double)tiles_most(t, &t->rows[t->row_count - 1])) {
        *best = s;
        return true;
    }
    t->fold = one;
    t->row_count++;
    return false;
}

static void choose_tile(Tiles *t)
{
    Shape best = best_shape(t, 1);
    int axis = -1;
    int64_t inner = 1, found = 1;
    for (int i = t->hoisted; i < t->depth_count && t->vector.left == 0; i++) {
        const int64_t taps = taps_of(t, &t->depth[i], &inner);
        const Shape s = taps > 1 ? best_shape(t, (int)taps) : best;
        if (!s.rows || s.cycles >= best.cycles)
            continue;
        best = s;
        axis = i;
        found = inner;
    }
    if (folds(t, &best))
        axis = -1;
    if (axis >= 0)
        take_taps(t, axis, found, &best);
    t->tile_rows = best.rows;
    t->tile_columns = best.columns;
}

// --- a long depth -------------------------------------------------------------------------------

// Elements from the first to the last of some axes, and how many there are: windows that overlap
// have fewer, rows far apart leave others out.
typedef struct Extent {
    int64_t reach, count;
} Extent;

static void extend(Extent *e, const ContractAxis *axes, int count, bool left)
{
    for (int i = 0; i < count; i++) {
        const int64_t stride = llabs(left ? axes[i].left : axes[i].right);
        if (axes[i].size == DIM_BATCH || stride == 0)
            continue;
        e->reach += (axes[i].size - 1) * stride;
        e->count *= axes[i].size;
    }
}

// Bytes that all tiles together read of both operands while the hoisted axes stand still.
static int64_t working_set(const Tiles *t)
{
    int64_t elements = 0;
    for (int left = 0; left < 2; left++) {
        Extent e = {.reach = 1, .count = 1};
        extend(&e, t->depth + t->hoisted, t->depth_count - t->hoisted, left);
        extend(&e, t->rows, t->row_count, left);
        extend(&e, &t->vector, 1, left);
        elements += e.reach < e.count ? e.reach : e.count;
    }
    return elements * (int64_t)dtype_size(t->factor);
}

// Makes two of the first depth axis inside of the tiles, of which the outer one is hoisted, so
// that what the tiles read in between stays in the cache.
static void block_depth(Tiles *t)
{
    ContractAxis *x = &t->depth[t->hoisted];
    const ContractAxis whole = *x;
    if (t->hoisted == t->depth_count || whole.size == DIM_BATCH || t->depth_count == MAX_RANK)
        return;
    int64_t blocks = 1;
    while (x->size > 1 && working_set(t) > CACHE_BYTES) {
        do
            blocks++;
        while (whole.size % blocks);
        x->size = whole.size / blocks;
    }
    *x = whole;
    if (blocks == 1)
        return;
    for (int i = t->depth_count++; i > t->hoisted; i--)
        t->depth[i] = t->depth[i - 1];
    x[1].size = whole.size / blocks;
    x[0] = (ContractAxis){.size = blocks,
                          .factor = 1,
                          .left = whole.left * x[1].size,
                          .right = whole.right * x[1].size};
    t->hoisted++;
}

// --- the order of rows and panels ---------------------------------------------------------------

// What it takes to read memory of this size again and again: from the nearest cache, from the
// core's own, from the shared one.
static double read_cost(double bytes)
{
    return bytes < 40e3 ? 0.25 : bytes < NEAR_BYTES ? 0.5 : 4;
}

bool tiles_left_is_near(const Tiles *t)
{
    return operand_bytes(t, true) < NEAR_BYTES;
}

// With the panels outside each of them reads the left operand anew, and its own strip of the right
// one for every tile; with the rows outside every tile reads all strips.
static bool rows_belong_outside(const Tiles *t)
{
    const double unit = t->tile_columns * t->g->width;
    const double panels = ceil((double)t->vector.size / unit);
    const double tiles = (double)total(t, t->rows, t->row_count) / t->tile_rows;
    const double left = operand_bytes(t, true), right = operand_bytes(t, false);
    const double strip = right / panels;
    const double panels_outside =
        left * panels * read_cost(left) + tiles * right * read_cost(strip);
    const double rows_outside = left * (read_cost(left) + (panels - 1) * read_cost(left / tiles)) +
                                tiles * right * read_cost(right);
    return !t->stacked && t->fold.size == 1 && panels > 1 && tiles > 1 &&
           rows_outside < panels_outside;
}

bool tiles_prepare(Tiles *t)
{
    static const ContractAxis one = {.size = 1, .factor = 1, .axis = -1};
    if (!contract_in_vectors(t->k, &t->swapped))
        return false;
    t->factor = t->k->node->in[0]->type.dtype;
    t->sum = t->k->node->type.dtype;
    arrange(t);
    t->taps = one;
    t->fold = one;
    if (t->row_count == 0)
        t->rows[t->row_count++] = one;
    if (t->depth_count == 0)
        t->depth[t->depth_count++] = one;
    const bool deep = contract_is_deep(t->k, t->plan->max_batch);
    t->hoisted = deep && t->depth_count > 1;
    if (deep)
        block_depth(t);
    choose_columns(t);
    choose_tile(t);
    t->rows_outside = rows_belong_outside(t);
    return true;
}

// --- threads ------------------------------------------------------------------------------------

static double multiplies(const Tiles *t)
{
    return (double)total(t, t->outer, t->outer_count) * (double)total(t, t->rows, t->row_count) *
           (double)total(t, t->depth, t->depth_count) * (double)t->vector.size *
           (double)(t->fold.size * (t->stacked ? t->column.size : 1));
}

static int64_t pieces_of(const Tiles *t, const ContractAxis *x)
{
    const bool tiled = x == &t->rows[t->row_count - 1];
    return tiled ? (tiles_most(t, x) + t->tile_rows - 1) / t->tile_rows : tiles_most(t, x);
}

// The axis that can be cut into most pieces.
static void choose_split_axis(Tiles *t)
{
    if (t->k->parts.size) {
        t->split = &t->k->parts;
        return;
    }
    t->split = &t->rows[t->row_count - 1];
    for (int i = 0; i < t->row_count; i++)
        if (pieces_of(t, &t->rows[i]) > pieces_of(t, t->split))
            t->split = &t->rows[i];
    for (int i = 0; i < t->outer_count; i++)
        if (pieces_of(t, &t->outer[i]) > pieces_of(t, t->split))
            t->split = &t->outer[i];
}

Split tiles_split(Tiles *t)
{
    choose_split_axis(t);
    if (t->k->parts.size)
        return (Split){.axis = {.size = t->k->parts.size, .factor = 1}, .grain = 1};
    const double pieces = gen_pieces(multiplies(t));
    const int64_t unit = t->split == &t->rows[t->row_count - 1] ? t->tile_rows : 1;
    int64_t grain = (int64_t)((double)tiles_most(t, t->split) / pieces);
    grain = (grain + unit - 1) / unit * unit;
    return (Split){.axis = {.size = t->split->size, .factor = t->split->factor},
                   .grain = grain < unit ? unit : grain,
                   .unit = unit};
}
