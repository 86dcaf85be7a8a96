// tiles.c -- LLVM IR of a contraction as register tiles: matmul in all its forms, convolutions and
// depthwise convolutions are one nest of loops, because an axis is no more than a size and strides.
//
//   for the axes that every product has of its own     (batch)
//       for a long depth axis                          hoisted: sums are added up in memory
//           for panels of `columns` vectors
//               for the rows                           the last axis in tiles of `rows`; or
//                                                      the rows outside of the panels
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

#include "codegen/llvm/tiles.h"

typedef struct Cursor {
    Val left, right, out;  // addresses; out: NULL where the code behind the contraction stores
} Cursor;

static Val length(const Tiles *t, const ContractAxis *x)
{
    return gen_axis_length(t->g, t->context, x->size, x->factor);
}

// --- one tile -----------------------------------------------------------------------------------

static Val address(const Tiles *t, Val base, DType dtype, Val index, int64_t stride)
{
    Val at = LLVMBuildNSWMul(t->g->builder, index, gen_i64(t->g, stride), "");
    return stride ? gen_element(t->g, base, dtype, at) : base;
}

static Cursor moved(const Tiles *t, Cursor c, const ContractAxis *x, Val i)
{
    return (Cursor){address(t, c.left, t->factor, i, x->left),
                    address(t, c.right, t->factor, i, x->right),
                    c.out ? address(t, c.out, t->sum, i, x->out) : NULL};
}

// Elements from the first row of a tile to another.
static int64_t row_at(const Tiles *t, int row, int64_t stride, int64_t fold_stride)
{
    return row / t->fold.size * stride + row % t->fold.size * fold_stride;
}

static Val vector_at(const Tiles *t, Val base, DType dtype, int64_t row, int64_t column_stride,
                     int column)
{
    const int64_t element = row + column * column_stride;
    return gen_offset(t->g, base, element * (int64_t)dtype_size(dtype));
}

Val tiles_mask(const Tiles *t, int column)
{
    return t->stacked || column == t->columns_now - 1 ? t->mask : NULL;
}

// The part of the left operand that is `place` steps of rows, or of taps, from the tile's first;
// for a depthwise convolution a vector for each column.
static void load_left(const Tiles *t, Cursor c, int place, Val *a)
{
    Gen *g = t->g;
    const ContractAxis *row = &t->rows[t->row_count - 1], *v = &t->vector;
    const int64_t at_row = row_at(t, place, row->left, t->fold.left);
    for (int j = 0; j < t->columns_now; j++) {
        Val at = vector_at(t, c.left, t->factor, at_row, t->column.left, j);
        a[j] = j && !v->left
                   ? a[0]
                   : gen_factor(g, gen_load(g, at, t->factor, v->left, g->width, tiles_mask(t, j)));
    }
}

static void step_of_depth(const Tiles *t, Cursor c, Val *acc)
{
    const ContractAxis *d = &t->depth[t->depth_count - 1], *r = &t->rows[t->row_count - 1];
    if (r->left == 1 && t->fold.size == 1)
        ask_rows(t, c.left, d->left, t->rows_now);
    const int taps = (int)t->taps.size;
    Val a[MAX_COLUMNS], b[MAX_TAPS][MAX_COLUMNS];
    for (int tap = 0; tap < taps; tap++)
        for (int j = 0; j < t->columns_now; j++) {
            Val at = vector_at(t, c.right, t->factor, t->taps.right * tap, t->column.right, j);
            b[tap][j] = gen_factor(t->g, gen_load(t->g, at, t->factor, t->vector.right, t->g->width,
                                                  tiles_mask(t, j)));
        }
    for (int place = 0; place < t->rows_now + taps - 1; place++) {
        load_left(t, c, place, a);
        for (int tap = 0; tap < taps; tap++)
            for (int j = 0; j < t->columns_now; j++) {
                const int row = place - tap;
                if (row < 0 || row >= t->rows_now)
                    continue;
                Val *to = &acc[row * t->columns_now + j];
                *to = gen_add_product(t->g, a[j], b[tap][j], *to);
            }
    }
}

// The first depth axis is that of the batch, of which a part may be at hand.
static Val depth_from(const Tiles *t, const ContractAxis *x)
{
    return x == t->depth && t->depth_lo ? t->depth_lo : gen_i64(t->g, 0);
}

static Val depth_to(const Tiles *t, const ContractAxis *x)
{
    return x == t->depth && t->depth_hi ? t->depth_hi : length(t, x);
}

static void depth_loops(Tiles *t, Cursor c, int level, Val *acc)
{
    if (level == t->depth_count) {
        step_of_depth(t, c, acc);
        return;
    }
    const ContractAxis *x = &t->depth[level];
    Loop l;
    const bool innermost = level == t->depth_count - 1;
    if (innermost)
        ask_before_loop(t);
    gen_loop_begin(t->g, &l, depth_from(t, x), depth_to(t, x), 1, acc,
                   t->rows_now * t->columns_now);
    if (innermost) {
        ask_in_step(t, l.index);
        epilogue_ask_in_step(t, l.index);
    }
    depth_loops(t, moved(t, c, x, l.index), level + 1, acc);
    gen_loop_end(t->g, &l, acc);
}

// A part of a hoisted depth is summed up by itself and then added: a tree of sums loses fewer bits.
static Val result(const Tiles *t, Val sum, Val at, int column)
{
    if (!t->hoisted)
        return sum;
    Val before = gen_load(t->g, at, t->sum, 1, t->g->width, tiles_mask(t, column));
    return gen_apply(t->g, t->sum == DTYPE_F32 ? EMIT_ADD : EMIT_IADD, before, sum, NULL);
}

static void tile(Tiles *t, Cursor c)
{
    const ContractAxis *row = &t->rows[t->row_count - 1];
    Val acc[MAX_ROWS * MAX_COLUMNS];
    epilogue_ask_ahead(t);
    for (int i = 0; i < t->rows_now * t->columns_now; i++)
        acc[i] = LLVMConstNull(gen_dtype(t->g, t->sum, t->g->width));
    depth_loops(t, c, t->hoisted, acc);
    if (t->k->count) {
        epilogue_tile(t, acc);
        return;
    }
    for (int i = 0; i < t->rows_now; i++)
        for (int j = 0; j < t->columns_now; j++) {
            Val at =
                vector_at(t, c.out, t->sum, row_at(t, i, row->out, t->fold.out), t->column.out, j);
            gen_store(t->g, result(t, acc[i * t->columns_now + j], at, j), at, t->sum, 1,
                      tiles_mask(t, j));
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

static void panels(Tiles *t, Cursor c);

static void tiles_of(Tiles *t, Cursor c, Val lo, Val hi, int rows)
{
    const ContractAxis *x = &t->rows[t->row_count - 1];
    Loop l;
    if (LLVMIsAConstantInt(lo) && LLVMIsAConstantInt(hi) &&
        LLVMConstIntGetSExtValue(lo) >= LLVMConstIntGetSExtValue(hi))
        return;
    t->rows_now = rows * (int)t->fold.size;
    gen_loop_begin(t->g, &l, lo, hi, rows, NULL, 0);
    epilogue_at(t, x, l.index);
    if (t->rows_outside)
        panels(t, moved(t, c, x, l.index));
    else
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

// Where the turn of x after `i` begins; after the last one it is `after`, if that is known.
static Cursor turn_after(const Tiles *t, Cursor c, const ContractAxis *x, Val i, Val end,
                         const Cursor *after)
{
    LLVMBuilderRef b = t->g->builder;
    Val next = LLVMBuildNSWAdd(b, i, gen_i64(t->g, 1), "");
    Cursor there = moved(t, c, x, next);
    if (!after)
        return there;
    Val last = LLVMBuildICmp(b, LLVMIntEQ, next, end, "");
    return (Cursor){LLVMBuildSelect(b, last, after->left, there.left, ""),
                    LLVMBuildSelect(b, last, after->right, there.right, ""), NULL};
}

static void row_loops(Tiles *t, Cursor c, const Cursor *after, int level)
{
    const ContractAxis *x = &t->rows[level];
    if (level == t->row_count - 1) {
        if (after)
            ask_block(t, BLOCKS_OF_ROWS, after->left, after->right);
        // Pieces end at whole tiles but for the last, whose rest is that of the axis.
        row_tiles(t, c, first_of(t, x), end_of(t, x), x->size != DIM_BATCH);
        return;
    }
    Loop l;
    begin_axis(t, &l, x);
    epilogue_at(t, x, l.index);
    const Cursor next = turn_after(t, c, x, l.index, end_of(t, x), after);
    row_loops(t, moved(t, c, x, l.index), &next, level + 1);
    gen_loop_end(t->g, &l, NULL);
}

static void panel(Tiles *t, Cursor c, const ContractAxis *x, Val first, int columns)
{
    t->columns_now = columns;
    epilogue_at(t, x, first);
    if (t->rows_outside)
        tile(t, moved(t, c, x, first));
    else
        row_loops(t, moved(t, c, x, first), NULL, 0);
}

static void panels(Tiles *t, Cursor c)
{
    Gen *g = t->g;
    const ContractAxis *x = t->stacked ? &t->column : &t->vector;
    const int64_t unit = (int64_t)t->tile_columns * t->column_step;
    const int64_t whole = x->size / unit * unit, rest = x->size - whole;
    const int64_t lanes = t->vector.size % g->width;
    Val mask = lanes ? gen_mask(g, gen_i64(g, lanes)) : NULL;
    if (t->stacked)
        epilogue_at(t, &t->vector, gen_i64(g, 0));
    if (whole) {
        Loop l;
        t->mask = t->stacked ? mask : NULL;
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, whole), unit, NULL, 0);
        panel(t, c, x, l.index, t->tile_columns);
        gen_loop_end(g, &l, NULL);
    }
    t->mask = mask;
    if (rest)
        panel(t, c, x, gen_i64(g, whole), (int)((rest + t->column_step - 1) / t->column_step));
}

// All of the part's results, set to 0 before parts of the depth are added to them.
static void clear_vectors(const Tiles *t, Cursor c)
{
    Gen *g = t->g;
    Loop l;
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, t->vector.size), g->width, NULL, 0);
    Val left = LLVMBuildNSWSub(g->builder, gen_i64(g, t->vector.size), l.index, "");
    gen_store(g, LLVMConstNull(gen_dtype(g, t->sum, g->width)),
              address(t, c.out, t->sum, l.index, 1), t->sum, 1, gen_mask(g, left));
    gen_loop_end(g, &l, NULL);
}

static void clear_rows(Tiles *t, Cursor c, int level)
{
    const ContractAxis *x = level < t->row_count ? &t->rows[level] : &t->fold;
    Loop l;
    begin_axis(t, &l, x);
    if (x == &t->fold)
        clear_vectors(t, moved(t, c, x, l.index));
    else
        clear_rows(t, moved(t, c, x, l.index), level + 1);
    gen_loop_end(t->g, &l, NULL);
}

// after: where the next turn of the loop outside of this one begins; NULL: there is none.
static void hoisted_depth(Tiles *t, Cursor c, const Cursor *after, int level)
{
    const ContractAxis *x = &t->depth[level];
    Loop l;
    if (level == t->hoisted) {
        if (after)
            ask_block(t, t->hoisted ? BLOCKS_OF_DEPTH : BLOCKS_OF_PRODUCTS, after->left,
                      after->right);
        if (t->rows_outside)
            row_loops(t, c, NULL, 0);
        else
            panels(t, c);
        return;
    }
    if (level == 0)
        clear_rows(t, c, 0);
    gen_loop_begin(t->g, &l, depth_from(t, x), depth_to(t, x), 1, NULL, 0);
    const Cursor next = turn_after(t, c, x, l.index, depth_to(t, x), after);
    hoisted_depth(t, moved(t, c, x, l.index), &next, level + 1);
    gen_loop_end(t->g, &l, NULL);
}

static void outer_loops(Tiles *t, Cursor c, const Cursor *after, int level)
{
    if (level == t->outer_count) {
        hoisted_depth(t, c, after, 0);
        return;
    }
    const ContractAxis *x = &t->outer[level];
    Loop l;
    begin_axis(t, &l, x);
    epilogue_at(t, x, l.index);
    const Cursor next = turn_after(t, c, x, l.index, end_of(t, x), after);
    outer_loops(t, moved(t, c, x, l.index), &next, level + 1);
    gen_loop_end(t->g, &l, NULL);
}

static void part_loop(Tiles *t, Cursor c)
{
    const ContractAxis *parts = &t->k->parts;
    Loop l;
    if (!parts->size) {
        outer_loops(t, c, NULL, 0);
        return;
    }
    begin_axis(t, &l, parts);
    gen_part_of_batch(t->g, t->k, t->context, l.index, &t->depth_lo, &t->depth_hi);
    outer_loops(t, moved(t, c, parts, l.index), NULL, 0);
    gen_loop_end(t->g, &l, NULL);
}

bool tiles_fit(Gen *g, const Plan *p, const Kernel *k, Split *split)
{
    Tiles t = {.g = g, .plan = p, .k = k};
    if (!tiles_prepare(&t))
        return false;
    *split = tiles_split(&t);
    return true;
}

Val gen_tiles_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Tiles t = {.g = g, .plan = p, .k = k};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    tiles_prepare(&t);
    tiles_split(&t);
    ask_prepare(&t);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    t.context = gen_field(g, args, 0, g->ptr);
    t.lo = LLVMGetParam(fn, 1);
    t.hi = LLVMGetParam(fn, 2);
    Val operands[2] = {
        gen_offset(g, gen_field(g, args, sizeof(void *), g->ptr),
                   k->left_offset * (int64_t)dtype_size(t.factor)),
        gen_offset(g, gen_field(g, args, 2 * sizeof(void *), g->ptr),
                   k->right_offset * (int64_t)dtype_size(t.factor)),
    };
    Cursor c = {operands[t.swapped], operands[!t.swapped],
                k->count ? NULL : gen_field(g, args, 3 * sizeof(void *), g->ptr)};
    ask_open(&t);
    if (k->count)
        epilogue_open(&t, args);
    part_loop(&t, c);
    LLVMBuildRetVoid(g->builder);
    return fn;
}
