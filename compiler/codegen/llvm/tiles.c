// tiles.c -- LLVM IR of a contraction as register tiles: matmul in all its forms, convolutions and
// depthwise convolutions are one nest of loops, because an axis is no more than a size and strides.
//
//   for the axes that every product has of its own     (batch)
//       for a long depth axis                          hoisted: sums are added up in memory
//           for panels of `columns` vectors
//               for the rows                           the last axis in tiles of `rows`
//                   acc[rows][columns] = 0
//                   for the depth
//                       b[columns] = right[...]
//                       for each row: acc[row] += splat(left[...]) * b
//                   out[...] = acc
//
// Each element is one chain of fused multiply-adds over the depth (a sum of chains where it is
// hoisted), whatever the tile: how the work is cut, by tiles or by threads, does not change a bit.
// The vectors run along an axis whose elements are neighbours in the result and in one operand (and
// in both, for a depthwise convolution, whose left operand is then loaded in vectors too).

#include <string.h>

#include "codegen/llvm/gen.h"

#define MAX_ROWS 32
#define MAX_COLUMNS 8
// A depth beyond this is added up in parts: it would leave the cache, and lose bits.
#define LONG_DEPTH 4096

typedef struct Cursor {
    Val left, right, out;  // addresses
} Cursor;

typedef struct Tiles {
    Gen *g;
    const Plan *plan;
    const Kernel *k;
    Val context;
    ContractAxis vector;
    ContractAxis outer[2 * MAX_RANK], rows[MAX_RANK], depth[MAX_RANK];
    int outer_count, row_count, depth_count;
    bool hoisted;  // depth[0] runs outside of the tiles
    bool swapped;  // left and right have changed places
    int tile_rows, tile_columns;
    const ContractAxis *split;  // one of outer or rows; the last of the rows in units of its tiles
    Val lo, hi;                 // the part to do of the split axis
    // the tile at hand
    int rows_now, columns_now;
    Val mask;  // of its last vector, or NULL
} Tiles;

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

static bool runs_in_vectors(const ContractAxis *x)
{
    return x->size != DIM_BATCH && x->out == 1 && x->right == 1 && (x->left == 0 || x->left == 1);
}

// The last of `axes`, taken out as the vector axis.
static bool take_vector(Tiles *t, ContractAxis *axes, int *count)
{
    if (*count == 0 || !runs_in_vectors(&axes[*count - 1]))
        return false;
    t->vector = axes[--*count];
    return true;
}

static bool arrange(Tiles *t, bool swapped)
{
    const Kernel *k = t->k;
    const ContractAxes *rows = swapped ? &k->columns : &k->rows;
    const ContractAxes *columns = swapped ? &k->rows : &k->columns;
    int columns_from;
    t->swapped = swapped;
    t->outer_count = t->row_count = t->depth_count = 0;
    add_axes(t->outer, &t->outer_count, &k->batch, swapped);
    columns_from = t->outer_count;
    add_axes(t->outer, &t->outer_count, columns, swapped);
    add_axes(t->rows, &t->row_count, rows, swapped);
    add_axes(t->depth, &t->depth_count, &k->depth, swapped);
    if (t->outer_count == columns_from && columns_from == 0)
        return false;
    return take_vector(t, t->outer, &t->outer_count);
}

static int64_t most(const Tiles *t, const ContractAxis *x)
{
    return axis_size(x->size, x->factor, t->plan->max_batch);
}

static int64_t total(const Tiles *t, const ContractAxis *axes, int count)
{
    int64_t n = 1;
    for (int i = 0; i < count; i++)
        n *= most(t, &axes[i]);
    return n;
}

static Val length(const Tiles *t, const ContractAxis *x)
{
    Gen *g = t->g;
    if (x->size != DIM_BATCH)
        return gen_i64(g, x->size);
    Val batch = gen_field(g, t->context, offsetof(RunContext, args.batch), g->i64);
    return LLVMBuildNSWMul(g->builder, batch, gen_i64(g, x->factor), "");
}

// --- the shape of a tile ------------------------------------------------------------------------

// Cycles for one step of depth: two multiply-adds and two loads a cycle, four cycles from one
// multiply-add to the next on the same accumulator, and the loop itself.
static double step_cycles(int rows, int columns)
{
    double work = rows * columns / 2.0, loads = (rows + columns) / 2.0;
    double longest = work > loads ? work : loads;
    return (longest > 4 ? longest : 4) + 0.5;
}

static int registers(const Gen *g)
{
    return g->width == 16 ? 32 : 16;
}

static double rows_cycles(int64_t count, bool dynamic, int rows, int columns)
{
    const int64_t rest = count % rows;
    double cycles = (double)(count / rows) * step_cycles(rows, columns);
    if (rest)
        cycles +=
            dynamic ? (double)rest * step_cycles(1, columns) : step_cycles((int)rest, columns);
    return cycles;
}

static double tile_cycles(const Tiles *t, int rows, int columns)
{
    const ContractAxis *last = &t->rows[t->row_count - 1];
    const int64_t vectors = (t->vector.size + t->g->width - 1) / t->g->width;
    const bool dynamic = last->size == DIM_BATCH;
    const int rest = (int)(vectors % columns);
    double cycles =
        (double)(vectors / columns) * rows_cycles(most(t, last), dynamic, rows, columns);
    return cycles + (rest ? rows_cycles(most(t, last), dynamic, rows, rest) : 0);
}

static void choose_tile(Tiles *t)
{
    const int64_t count = most(t, &t->rows[t->row_count - 1]);
    const int64_t vectors = (t->vector.size + t->g->width - 1) / t->g->width;
    double best = 0;
    for (int columns = 1; columns <= MAX_COLUMNS && columns <= vectors; columns++)
        for (int rows = 1; rows <= MAX_ROWS && rows <= count; rows++) {
            if (rows * columns + columns + 1 >= registers(t->g))
                break;
            double cycles = tile_cycles(t, rows, columns);
            if (best > 0 && cycles >= best)
                continue;
            best = cycles;
            t->tile_rows = rows;
            t->tile_columns = columns;
        }
}

static bool prepare(Tiles *t)
{
    static const ContractAxis one = {.size = 1, .factor = 1};
    if (t->k->node->type.dtype != DTYPE_F32 || (!arrange(t, false) && !arrange(t, true)))
        return false;
    if (t->row_count == 0)
        t->rows[t->row_count++] = one;
    if (t->depth_count == 0)
        t->depth[t->depth_count++] = one;
    t->hoisted = t->depth_count > 1 && total(t, t->depth, t->depth_count) > LONG_DEPTH;
    choose_tile(t);
    return true;
}

// --- one tile -----------------------------------------------------------------------------------

static Val address(const Tiles *t, Val base, Val index, int64_t stride)
{
    Val at = LLVMBuildNSWMul(t->g->builder, index, gen_i64(t->g, stride), "");
    return stride ? gen_element(t->g, base, DTYPE_F32, at) : base;
}

static Cursor moved(const Tiles *t, Cursor c, const ContractAxis *x, Val i)
{
    return (Cursor){address(t, c.left, i, x->left), address(t, c.right, i, x->right),
                    address(t, c.out, i, x->out)};
}

static Val vector_at(const Tiles *t, Val base, int64_t row_stride, int row, int64_t stride,
                     int column)
{
    int64_t element = row * row_stride + (int64_t)column * t->g->width * stride;
    return gen_offset(t->g, base, element * (int64_t)sizeof(float));
}

static Val column_mask(const Tiles *t, int column)
{
    return column == t->columns_now - 1 ? t->mask : NULL;
}

static void step_of_depth(const Tiles *t, Cursor c, Val *acc)
{
    Gen *g = t->g;
    const ContractAxis *row = &t->rows[t->row_count - 1], *v = &t->vector;
    Val b[MAX_COLUMNS];
    for (int j = 0; j < t->columns_now; j++)
        b[j] = gen_load(g, vector_at(t, c.right, 0, 0, v->right, j), DTYPE_F32, v->right, g->width,
                        column_mask(t, j));
    for (int i = 0; i < t->rows_now; i++)
        for (int j = 0; j < t->columns_now; j++) {
            Val *to = &acc[i * t->columns_now + j];
            Val at = vector_at(t, c.left, row->left, i, v->left, j);
            Val a = gen_load(g, at, DTYPE_F32, v->left, g->width, column_mask(t, j));
            *to = gen_mul_add(g, a, b[j], *to);
        }
}

static void depth_loops(const Tiles *t, Cursor c, int level, Val *acc)
{
    if (level == t->depth_count) {
        step_of_depth(t, c, acc);
        return;
    }
    const ContractAxis *x = &t->depth[level];
    Loop l;
    gen_loop_begin(t->g, &l, gen_i64(t->g, 0), length(t, x), 1, acc, t->rows_now * t->columns_now);
    depth_loops(t, moved(t, c, x, l.index), level + 1, acc);
    gen_loop_end(t->g, &l, acc);
}

// A part of a hoisted depth is summed up by itself and then added: a tree of sums loses fewer bits.
static Val result(const Tiles *t, Val sum, Val at, int column)
{
    if (!t->hoisted)
        return sum;
    Val before = gen_load(t->g, at, DTYPE_F32, 1, t->g->width, column_mask(t, column));
    return LLVMBuildFAdd(t->g->builder, before, sum, "");
}

static void tile(const Tiles *t, Cursor c)
{
    const ContractAxis *row = &t->rows[t->row_count - 1];
    Val acc[MAX_ROWS * MAX_COLUMNS];
    for (int i = 0; i < t->rows_now * t->columns_now; i++)
        acc[i] = gen_f32(t->g, 0, t->g->width);
    depth_loops(t, c, t->hoisted, acc);
    for (int i = 0; i < t->rows_now; i++)
        for (int j = 0; j < t->columns_now; j++) {
            Val at = vector_at(t, c.out, row->out, i, 1, j);
            gen_store(t->g, result(t, acc[i * t->columns_now + j], at, j), at, DTYPE_F32, 1,
                      column_mask(t, j));
        }
}

// --- the loops around it ------------------------------------------------------------------------

static Val first_of(const Tiles *t, const ContractAxis *x)
{
    return t->split == x ? t->lo : gen_i64(t->g, 0);
}

static Val end_of(const Tiles *t, const ContractAxis *x)
{
    return t->split == x ? t->hi : length(t, x);
}

static void begin_axis(const Tiles *t, Loop *l, const ContractAxis *x)
{
    gen_loop_begin(t->g, l, first_of(t, x), end_of(t, x), 1, NULL, 0);
}

static void tiles_of(Tiles *t, Cursor c, Val lo, Val hi, int rows)
{
    const ContractAxis *x = &t->rows[t->row_count - 1];
    Loop l;
    if (LLVMIsAConstantInt(lo) && LLVMIsAConstantInt(hi) &&
        LLVMConstIntGetSExtValue(lo) >= LLVMConstIntGetSExtValue(hi))
        return;
    t->rows_now = rows;
    gen_loop_begin(t->g, &l, lo, hi, rows, NULL, 0);
    tile(t, moved(t, c, x, l.index));
    gen_loop_end(t->g, &l, NULL);
}

// Full tiles from lo to hi, then the rest: in one tile when its size is known, else row by row.
static void row_tiles(Tiles *t, Cursor c, Val lo, Val hi, bool known_rest)
{
    LLVMBuilderRef b = t->g->builder;
    const ContractAxis *x = &t->rows[t->row_count - 1];
    const int64_t rows = t->tile_rows, rest = x->size == DIM_BATCH ? 0 : x->size % rows;
    Val whole = LLVMBuildSDiv(b, LLVMBuildNSWSub(b, hi, lo, ""), gen_i64(t->g, rows), "");
    Val middle = LLVMBuildNSWAdd(b, lo, LLVMBuildNSWMul(b, whole, gen_i64(t->g, rows), ""), "");
    tiles_of(t, c, lo, middle, (int)rows);
    if (known_rest && rest)
        tiles_of(t, c, middle, hi, (int)rest);
    else if (!known_rest)
        tiles_of(t, c, middle, hi, 1);
}

static void row_loops(Tiles *t, Cursor c, int level)
{
    const ContractAxis *x = &t->rows[level];
    if (level == t->row_count - 1) {
        // Pieces end at whole tiles but for the last, whose rest is that of the axis.
        row_tiles(t, c, first_of(t, x), end_of(t, x), x->size != DIM_BATCH);
        return;
    }
    Loop l;
    begin_axis(t, &l, x);
    row_loops(t, moved(t, c, x, l.index), level + 1);
    gen_loop_end(t->g, &l, NULL);
}

static void panel(Tiles *t, Cursor c, Val first, int columns, int rest)
{
    t->columns_now = columns;
    t->mask = rest ? gen_mask(t->g, gen_i64(t->g, rest)) : NULL;
    row_loops(t, moved(t, c, &t->vector, first), 0);
}

static void panels(Tiles *t, Cursor c)
{
    const int64_t unit = (int64_t)t->tile_columns * t->g->width;
    const int64_t whole = t->vector.size / unit * unit, rest = t->vector.size - whole;
    if (whole) {
        Loop l;
        gen_loop_begin(t->g, &l, gen_i64(t->g, 0), gen_i64(t->g, whole), unit, NULL, 0);
        panel(t, c, l.index, t->tile_columns, 0);
        gen_loop_end(t->g, &l, NULL);
    }
    if (rest)
        panel(t, c, gen_i64(t->g, whole), (int)((rest + t->g->width - 1) / t->g->width),
              (int)(rest % t->g->width));
}

// All of the part's results, set to 0 before parts of the depth are added to them.
static void clear_rows(Tiles *t, Cursor c, int level)
{
    Gen *g = t->g;
    Loop l;
    if (level == t->row_count) {
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, t->vector.size), g->width, NULL, 0);
        Val left = LLVMBuildNSWSub(g->builder, gen_i64(g, t->vector.size), l.index, "");
        gen_store(g, gen_f32(g, 0, g->width), address(t, c.out, l.index, 1), DTYPE_F32, 1,
                  gen_mask(g, left));
        gen_loop_end(g, &l, NULL);
        return;
    }
    const ContractAxis *x = &t->rows[level];
    begin_axis(t, &l, x);
    clear_rows(t, moved(t, c, x, l.index), level + 1);
    gen_loop_end(g, &l, NULL);
}

static void hoisted_depth(Tiles *t, Cursor c)
{
    Loop l;
    if (!t->hoisted) {
        panels(t, c);
        return;
    }
    clear_rows(t, c, 0);
    gen_loop_begin(t->g, &l, gen_i64(t->g, 0), length(t, &t->depth[0]), 1, NULL, 0);
    panels(t, moved(t, c, &t->depth[0], l.index));
    gen_loop_end(t->g, &l, NULL);
}

static void outer_loops(Tiles *t, Cursor c, int level)
{
    if (level == t->outer_count) {
        hoisted_depth(t, c);
        return;
    }
    const ContractAxis *x = &t->outer[level];
    Loop l;
    begin_axis(t, &l, x);
    outer_loops(t, moved(t, c, x, l.index), level + 1);
    gen_loop_end(t->g, &l, NULL);
}

// --- threads ------------------------------------------------------------------------------------

// Multiply-adds below which a piece is not worth handing out, and those of a good piece.
#define SPLIT_MIN 2000000.0
#define PIECE 400000.0

static double multiplies(const Tiles *t)
{
    return (double)total(t, t->outer, t->outer_count) * (double)total(t, t->rows, t->row_count) *
           (double)total(t, t->depth, t->depth_count) * (double)t->vector.size;
}

static int64_t pieces_of(const Tiles *t, const ContractAxis *x)
{
    const bool tiled = x == &t->rows[t->row_count - 1];
    return tiled ? (most(t, x) + t->tile_rows - 1) / t->tile_rows : most(t, x);
}

// The axis that can be cut into most pieces.
static void choose_split_axis(Tiles *t)
{
    t->split = &t->rows[t->row_count - 1];
    for (int i = 0; i < t->row_count; i++)
        if (pieces_of(t, &t->rows[i]) > pieces_of(t, t->split))
            t->split = &t->rows[i];
    for (int i = 0; i < t->outer_count; i++)
        if (pieces_of(t, &t->outer[i]) > pieces_of(t, t->split))
            t->split = &t->outer[i];
}

static Split choose_split(Tiles *t)
{
    choose_split_axis(t);
    const double work = multiplies(t), pieces = work < SPLIT_MIN ? 1 : work / PIECE;
    const int64_t unit = t->split == &t->rows[t->row_count - 1] ? t->tile_rows : 1;
    int64_t grain = (int64_t)((double)most(t, t->split) / pieces);
    grain = (grain + unit - 1) / unit * unit;
    return (Split){.axis = {.size = t->split->size, .factor = t->split->factor},
                   .grain = grain < unit ? unit : grain};
}

bool tiles_fit(Gen *g, const Plan *p, const Kernel *k, Split *split)
{
    Tiles t = {.g = g, .plan = p, .k = k};
    if (!prepare(&t))
        return false;
    *split = choose_split(&t);
    return true;
}

Val gen_tiles_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Tiles t = {.g = g, .plan = p, .k = k};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    prepare(&t);
    choose_split(&t);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    t.context = gen_field(g, args, 0, g->ptr);
    t.lo = LLVMGetParam(fn, 1);
    t.hi = LLVMGetParam(fn, 2);
    Val operands[2] = {
        gen_offset(g, gen_field(g, args, sizeof(void *), g->ptr),
                   k->left_offset * (int64_t)sizeof(float)),
        gen_offset(g, gen_field(g, args, 2 * sizeof(void *), g->ptr),
                   k->right_offset * (int64_t)sizeof(float)),
    };
    Cursor c = {operands[t.swapped], operands[!t.swapped],
                gen_field(g, args, 3 * sizeof(void *), g->ptr)};
    outer_loops(&t, c, 0);
    LLVMBuildRetVoid(g->builder);
    return fn;
}
