// dots.c -- LLVM IR of a contraction as dot products: vectors run along the depth.
//
//   dw = contract x, dy {abdc,ahbc->dh}   of elements next to each other in memory along c, in both
//                                         operands, while no axis of the result has such neighbours
//
//   for the results                                      the last axes in tiles
//       acc[rows][columns] = 0                           vectors
//       for the depth, its last loop in vectors
//           b[columns] = right[...]
//           for each row: acc[row] += left[...] * b
//       out[...] = the sum of acc's lanes
//
// The gradient of a convolution's weights is one of these where its channels are few (planar.c).
// Each result is a sum by lanes whatever the tile, so threads do not change a bit.

#include "codegen/llvm/gen.h"

#define MAX_TILE 32

typedef struct Cursor {
    Val left, right, out;  // addresses
} Cursor;

typedef struct Dots {
    Gen *g;
    const Plan *plan;
    const Kernel *k;
    Val context;
    ContractAxis vector;  // of the depth
    ContractAxis outer[3 * MAX_RANK], depth[MAX_RANK];
    int outer_count, depth_count;
    ContractAxis row, column;  // in tiles
    int tile_rows, tile_columns;
    int split;               // index in outer; -1: the parts, or nothing
    Val lo, hi;              // the part to do of it
    Val depth_lo, depth_hi;  // of the first depth axis, in a part of the batch; else NULL
    int rows_now, columns_now;
    Val mask;  // of the last vector of the depth, or NULL
} Dots;

// --- the shape ----------------------------------------------------------------------------------

static int vector_axis(const Kernel *k)
{
    for (int i = k->depth.count - 1; i >= 0; i--) {
        const ContractAxis *x = &k->depth.axes[i];
        if (x->left == 1 && x->right == 1 && x->size != DIM_BATCH && !(i == 0 && k->parts.size))
            return i;
    }
    return -1;
}

bool dots_fit(const Kernel *k)
{
    return k->node->type.dtype == DTYPE_F32 && !k->count && vector_axis(k) >= 0;
}

// The last axis of a family is cut into tiles; the others are loops.
static ContractAxis take_family(Dots *d, const ContractAxes *x)
{
    static const ContractAxis one = {.size = 1, .factor = 1, .axis = -1};
    for (int i = 0; i + 1 < x->count; i++)
        d->outer[d->outer_count++] = x->axes[i];
    const ContractAxis *last = x->count ? &x->axes[x->count - 1] : &one;
    if (last->size != DIM_BATCH)
        return *last;
    d->outer[d->outer_count++] = *last;
    return one;
}

// Cycles for one step of depth: two multiply-adds a cycle, one load that is not aligned, four
// cycles from one multiply-add to the next on the same accumulator.
static double step_cycles(int64_t rows, int64_t columns)
{
    const double work = (double)(rows * columns) / 2, loads = (double)(rows + columns);
    const double longest = work > loads ? work : loads;
    return rows * columns == 0 ? 0 : longest > 4 ? longest : 4;
}

static double all_cycles(const Dots *d, int rows, int columns)
{
    const int64_t m = d->row.size, n = d->column.size;
    const int64_t tall = m / rows, wide = n / columns, low = m % rows, narrow = n % columns;
    return (double)tall * ((double)wide * step_cycles(rows, columns) + step_cycles(rows, narrow)) +
           (double)wide * step_cycles(low, columns) + step_cycles(low, narrow);
}

static void choose_tile(Dots *d)
{
    const int registers = gen_registers(d->g);
    double best = 0;
    for (int rows = 1; rows <= d->row.size && rows < registers; rows++)
        for (int columns = 1; columns <= d->column.size; columns++) {
            const double cycles = all_cycles(d, rows, columns);
            if (rows * columns + columns + 1 >= registers)
                break;
            if (d->tile_rows && cycles >= best)
                continue;
            best = cycles;
            d->tile_rows = rows;
            d->tile_columns = columns;
        }
}

static void prepare(Dots *d)
{
    const Kernel *k = d->k;
    const int vector = vector_axis(k);
    for (int i = 0; i < k->batch.count; i++)
        d->outer[d->outer_count++] = k->batch.axes[i];
    d->row = take_family(d, &k->rows);
    d->column = take_family(d, &k->columns);
    d->vector = k->depth.axes[vector];
    for (int i = 0; i < k->depth.count; i++)
        if (i != vector)
            d->depth[d->depth_count++] = k->depth.axes[i];
    choose_tile(d);
}

// --- one tile -----------------------------------------------------------------------------------

static Val address(const Dots *d, Val base, Val index, int64_t stride)
{
    Val at = LLVMBuildNSWMul(d->g->builder, index, gen_i64(d->g, stride), "");
    return stride ? gen_element(d->g, base, DTYPE_F32, at) : base;
}

static Cursor moved(const Dots *d, Cursor c, const ContractAxis *x, Val i)
{
    return (Cursor){address(d, c.left, i, x->left), address(d, c.right, i, x->right),
                    address(d, c.out, i, x->out)};
}

static Val part_of(const Dots *d, Val base, int64_t stride, int64_t count)
{
    return gen_offset(d->g, base, stride * count * (int64_t)sizeof(float));
}

static void step_of_depth(const Dots *d, Cursor c, Val *acc)
{
    Gen *g = d->g;
    Val b[MAX_TILE];
    for (int j = 0; j < d->columns_now; j++)
        b[j] =
            gen_load(g, part_of(d, c.right, d->column.right, j), DTYPE_F32, 1, g->width, d->mask);
    for (int i = 0; i < d->rows_now; i++) {
        Val a = gen_load(g, part_of(d, c.left, d->row.left, i), DTYPE_F32, 1, g->width, d->mask);
        for (int j = 0; j < d->columns_now; j++) {
            Val *to = &acc[i * d->columns_now + j];
            *to = gen_mul_add(g, a, b[j], *to);
        }
    }
}

static void vectors_of_depth(Dots *d, Cursor c, Val *acc)
{
    Gen *g = d->g;
    const int64_t whole = d->vector.size / g->width * g->width, rest = d->vector.size - whole;
    Loop l;
    if (whole) {
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, whole), g->width, acc,
                       d->rows_now * d->columns_now);
        step_of_depth(d, moved(d, c, &d->vector, l.index), acc);
        gen_loop_end(g, &l, acc);
    }
    if (rest) {
        d->mask = gen_mask(g, gen_i64(g, rest));
        step_of_depth(d, moved(d, c, &d->vector, gen_i64(g, whole)), acc);
        d->mask = NULL;
    }
}

static Val length(const Dots *d, const ContractAxis *x)
{
    return gen_axis_length(d->g, d->context, x->size, x->factor);
}

static void depth_loops(Dots *d, Cursor c, int level, Val *acc)
{
    if (level == d->depth_count) {
        vectors_of_depth(d, c, acc);
        return;
    }
    const ContractAxis *x = &d->depth[level];
    const bool part = level == 0 && d->depth_lo;
    Loop l;
    gen_loop_begin(d->g, &l, part ? d->depth_lo : gen_i64(d->g, 0),
                   part ? d->depth_hi : length(d, x), 1, acc, d->rows_now * d->columns_now);
    depth_loops(d, moved(d, c, x, l.index), level + 1, acc);
    gen_loop_end(d->g, &l, acc);
}

static Val sum_of_lanes(Gen *g, Val v)
{
    while (gen_lanes(v) > 1) {
        Val low = gen_half(g, v, false);
        v = LLVMBuildFAdd(g->builder, low, gen_half(g, v, true), "");
    }
    return v;
}

static void tile(Dots *d, Cursor c, int rows, int columns)
{
    Gen *g = d->g;
    Val acc[MAX_TILE];
    d->rows_now = rows;
    d->columns_now = columns;
    for (int i = 0; i < rows * columns; i++)
        acc[i] = gen_f32(g, 0, g->width);
    depth_loops(d, c, 0, acc);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            Val at = part_of(d, part_of(d, c.out, d->row.out, i), d->column.out, j);
            gen_store(g, sum_of_lanes(g, acc[i * columns + j]), at, DTYPE_F32, 0, NULL);
        }
}

// --- the loops around it ------------------------------------------------------------------------

static void row_tiles(Dots *d, Cursor c, int columns)
{
    const int64_t whole = d->row.size / d->tile_rows * d->tile_rows;
    Loop l;
    gen_loop_begin(d->g, &l, gen_i64(d->g, 0), gen_i64(d->g, whole), d->tile_rows, NULL, 0);
    tile(d, moved(d, c, &d->row, l.index), d->tile_rows, columns);
    gen_loop_end(d->g, &l, NULL);
    if (whole < d->row.size)
        tile(d, moved(d, c, &d->row, gen_i64(d->g, whole)), (int)(d->row.size - whole), columns);
}

static void column_tiles(Dots *d, Cursor c)
{
    const int64_t whole = d->column.size / d->tile_columns * d->tile_columns;
    Loop l;
    gen_loop_begin(d->g, &l, gen_i64(d->g, 0), gen_i64(d->g, whole), d->tile_columns, NULL, 0);
    row_tiles(d, moved(d, c, &d->column, l.index), d->tile_columns);
    gen_loop_end(d->g, &l, NULL);
    if (whole < d->column.size)
        row_tiles(d, moved(d, c, &d->column, gen_i64(d->g, whole)), (int)(d->column.size - whole));
}

static void outer_loops(Dots *d, Cursor c, int level)
{
    if (level == d->outer_count) {
        column_tiles(d, c);
        return;
    }
    const ContractAxis *x = &d->outer[level];
    const bool split = level == d->split;
    Loop l;
    gen_loop_begin(d->g, &l, split ? d->lo : gen_i64(d->g, 0), split ? d->hi : length(d, x), 1,
                   NULL, 0);
    outer_loops(d, moved(d, c, x, l.index), level + 1);
    gen_loop_end(d->g, &l, NULL);
}

static void part_loop(Dots *d, Cursor c)
{
    const ContractAxis *parts = &d->k->parts;
    Loop l;
    if (!parts->size) {
        outer_loops(d, c, 0);
        return;
    }
    gen_loop_begin(d->g, &l, d->lo, d->hi, 1, NULL, 0);
    gen_part_of_batch(d->g, d->k, d->context, l.index, &d->depth_lo, &d->depth_hi);
    outer_loops(d, moved(d, c, parts, l.index), 0);
    gen_loop_end(d->g, &l, NULL);
}

// --- threads ------------------------------------------------------------------------------------

static int64_t most(const Dots *d, const ContractAxis *x)
{
    return axis_size(x->size, x->factor, d->plan->max_batch);
}

static double multiplies(const Dots *d)
{
    double n = (double)(d->row.size * d->column.size * d->vector.size);
    for (int i = 0; i < d->outer_count; i++)
        n *= (double)most(d, &d->outer[i]);
    for (int i = 0; i < d->depth_count; i++)
        n *= (double)most(d, &d->depth[i]);
    return n;
}

static Split split_of(Dots *d)
{
    const Split whole = {.axis = {.size = 1, .factor = 1}, .grain = 1};
    const double pieces = gen_pieces(multiplies(d));
    d->split = -1;
    if (d->k->parts.size)
        return (Split){.axis = {.size = d->k->parts.size, .factor = 1}, .grain = 1};
    for (int i = 0; i < d->outer_count; i++)
        if (d->split < 0 || most(d, &d->outer[i]) > most(d, &d->outer[d->split]))
            d->split = i;
    if (d->split < 0)
        return whole;
    const ContractAxis *x = &d->outer[d->split];
    const int64_t grain = (int64_t)((double)most(d, x) / pieces);
    return (Split){.axis = {.size = x->size, .factor = x->factor}, .grain = grain ? grain : 1};
}

Split dots_split(Gen *g, const Plan *p, const Kernel *k)
{
    Dots d = {.g = g, .plan = p, .k = k};
    prepare(&d);
    return split_of(&d);
}

Val gen_dots_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Dots d = {.g = g, .plan = p, .k = k};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    prepare(&d);
    split_of(&d);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    d.context = gen_field(g, args, 0, g->ptr);
    d.lo = LLVMGetParam(fn, 1);
    d.hi = LLVMGetParam(fn, 2);
    Cursor c = {part_of(&d, gen_field(g, args, sizeof(void *), g->ptr), k->left_offset, 1),
                part_of(&d, gen_field(g, args, 2 * sizeof(void *), g->ptr), k->right_offset, 1),
                gen_field(g, args, 3 * sizeof(void *), g->ptr)};
    part_loop(&d, c);
    LLVMBuildRetVoid(g->builder);
    return fn;
}
