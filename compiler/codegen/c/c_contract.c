// c_contract.c -- a contraction as C: tiles of results that stay in registers.
//
//   for the axes of the result, columns first
//       float a00 = 0, a01 = 0, ...                   a tile: rows x columns of the result
//       for the depth
//           x0, x1, ... and w0, w1, ...               each is loaded once and used often
//           a00 += x0 * w0, a01 += x0 * w1, ...
//       y[...] = a00, ...
//
// Each result is one chain of multiply-adds over the depth, so a compiler may put the columns of a
// tile into the lanes of a vector without reordering a sum. A single result is a sum of four
// chains instead. Where a tile does not divide an axis the last one lies over its neighbour and
// computes again what is there already: no code of its own for the rest.

#include "codegen/c/c_tile.h"

static void declare_sums(const Contract *t)
{
    Text text = text_in(t->w->arena);
    const int count = t->tile_rows * t->tile_columns * t->chains;
    if (t->lanes) {
        c_vectors_declare(t);
        return;
    }
    for (int i = 0; i < count; i++)
        text_addf(&text, "%sa%d = %s", i ? ", " : "", i, is_whole(t) ? "0" : "0.0f");
    c_line(t->w, "%s %s;", sum_type(t), text_str(&text));
}

static const char *axes_position(const Contract *t, const char *const *index, int operand,
                                 int64_t offset)
{
    int64_t strides[3 * MAX_RANK + 1];
    for (int i = 0; i < t->axis_count; i++) {
        const ContractAxis *x = &t->axes[i];
        strides[i] = operand == 0 ? x->left : operand == 1 ? x->right : x->out;
    }
    return c_position(t->w, index, strides, t->axis_count, offset);
}

const char *c_left_position(const Contract *t)
{
    return axes_position(t, t->index, 0, t->k->left_offset);
}

static void point_at(const Contract *t, const char *name, int slot, int64_t offset)
{
    const char *at = axes_position(t, t->index, slot, offset);
    const char *type = c_types[t->k->node->in[slot]->type.dtype].memory;
    if (at[0] == '0' && at[1] == '\0')
        c_line(t->w, "const %s *const %s = %s;", type, name, c_slot(t->w, slot));
    else
        c_line(t->w, "const %s *const %s = %s + %s;", type, name, c_slot(t->w, slot), at);
}

// --- the code behind it -------------------------------------------------------------------------

// One of a tile's two axes, as a loop that the code's index runs with.
static void open_point(const Contract *t, int axis, int size, const char *name)
{
    CWriter *w = t->w;
    const char *outer = axis < 0 ? NULL : t->index[axis];
    const char *index = arena_printf(w->arena, "%s%s", outer ? outer : "p", name);
    if (size == 1) {
        if (axis >= 0)
            c_code_at(t->code, t->axes[axis].axis, outer);
        return;
    }
    if (axis == t->column || t->tile_columns == 1)
        c_line(w, "%s_ROLLED", c_upper(w->arena, w->name));
    c_open(w, "for (int %s = 0; %s < %d; ++%s)", name, name, size, name);
    if (outer)
        c_line(w, "const %s %s = %s + %s;", w->index, index, outer, name);
    c_code_at(t->code, t->axes[axis].axis, outer ? index : name);
}

static const char *product_at(const Contract *t)
{
    const int rows = t->tile_rows, columns = t->tile_columns;
    if (t->chains > 1)
        return "((a0 + a1) + (a2 + a3))";
    if (rows * columns == 1)
        return "a0";
    if (columns == 1)
        return "sums[r]";
    return rows == 1 ? "sums[c]" : arena_printf(t->w->arena, "sums[r * %d + c]", columns);
}

static void gather_sums(const Contract *t)
{
    Text text = text_in(t->w->arena);
    const int count = t->tile_rows * t->tile_columns;
    for (int i = 0; i < count; i++)
        text_addf(&text, "%sa%d", i ? ", " : "", i);
    if (count > 1)
        c_line(t->w, "const %s sums[%d] = {%s};", sum_type(t), count, text_str(&text));
}

static void run_code(const Contract *t)
{
    for (int i = 0; i < t->axis_count; i++)
        c_code_at(t->code, t->axes[i].axis, t->index[i]);
    gather_sums(t);
    open_point(t, t->row, t->tile_rows, "r");
    open_point(t, t->column, t->tile_columns, "c");
    c_code_run(t->code, product_at(t));
    if (t->tile_columns > 1)
        c_close(t->w);
    if (t->tile_rows > 1)
        c_close(t->w);
}

static void store_tile(Contract *t)
{
    const ContractAxis none = {0};
    const ContractAxis *row = t->row < 0 ? &none : &t->axes[t->row];
    const ContractAxis *column = t->column < 0 ? &none : &t->axes[t->column];
    const char *at = t->code ? "" : axes_position(t, t->index, 2, 0);
    if (t->lanes) {
        c_vectors_store(t, at);
        return;
    }
    if (t->code) {
        run_code(t);
        return;
    }
    if (t->chains > 1) {
        c_line(t->w, "%s[%s] = (a0 + a1) + (a2 + a3);", c_slot(t->w, 2), at);
        return;
    }
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++)
            c_line(t->w, "%s[%s] = a%d;", c_slot(t->w, 2),
                   c_tile_ahead(t, at, r * row->out + c * column->out), r * t->tile_columns + c);
}

static void tile(Contract *t)
{
    const char *index[MAX_RANK] = {NULL};
    if (t->k->clip_count)
        c_line(t->w, "const %s xt = %s;", t->w->index, c_left_position(t));
    else
        point_at(t, "xt", 0, t->k->left_offset);
    point_at(t, "wt", 1, t->k->right_offset);
    declare_sums(t);
    c_tile_sums(t, index, 0);
    store_tile(t);
}

// --- the loops around it ------------------------------------------------------------------------

static const char *axis_name(CWriter *w, int axis)
{
    static const char *const names[] = {"i", "j", "k", "l", "m", "n", "o", "p"};
    return axis < 8 ? names[axis] : arena_printf(w->arena, "i%d", axis);
}

// From `low` to below `high`; the last step lies over the one before where they do not divide.
static void axis_range(Contract *t, int axis, int64_t low, int64_t high, int step)
{
    CWriter *w = t->w;
    const bool over = (high - low) % step != 0;
    const char *name = axis_name(w, axis);
    const char *i = over ? arena_printf(w->arena, "%s0", name) : name;
    t->index[axis] = NULL;
    if (low == 0 && high == step)
        return;
    t->index[axis] = name;
    c_open(w,
           step == 1 ? "for (%s %s = %lld; %s < %lld; ++%s)"
                     : "for (%s %s = %lld; %s < %lld; %s += %d)",
           w->index, i, (long long)low, i, (long long)high, i, step);
    if (over)
        c_line(w, "const %s %s = %s < %lld ? %s : %lld;", w->index, name, i,
               (long long)(high - step), i, (long long)(high - step));
}

static void axis_loop(Contract *t, int axis, int step)
{
    axis_range(t, axis, 0, size_of(t, &t->axes[axis]), step);
}

// The same in steps of vectors.
static void vector_range(Contract *t, int64_t low, int64_t high)
{
    CWriter *w = t->w;
    const bool over = (high - low) % ((int64_t)t->tile_columns * t->lanes) != 0;
    const char *name = axis_name(w, t->column);
    const char *i = over ? arena_printf(w->arena, "%s0", name) : name;
    const char *step = c_vectors_width(t, t->tile_columns);
    t->index[t->column] = name;
    c_open(w, "for (%s %s = %lld; %s < %lld; %s += %s)", w->index, i, (long long)low, i,
           (long long)high, i, step);
    if (over)
        c_line(w, "const %s %s = %s < %lld - %s ? %s : %lld - %s;", w->index, name, i,
               (long long)high, step, i, (long long)high, step);
}

static void column_loop(Contract *t)
{
    const bool inside = t->clipped == t->column;
    if (!t->lanes)
        axis_loop(t, t->column, t->tile_columns);
    else
        vector_range(t, inside ? t->low : 0, inside ? t->high : size_of(t, &t->axes[t->column]));
}

static void close_axis(const Contract *t, int axis)
{
    if (t->index[axis])
        c_close(t->w);
}

static void row_loop(Contract *t)
{
    if (t->row >= 0 && t->row == t->clipped)
        axis_range(t, t->row, t->low, t->high, t->tile_rows);
    else if (t->row >= 0)
        axis_loop(t, t->row, t->tile_rows);
    tile(t);
    if (t->row >= 0)
        close_axis(t, t->row);
}

// Result by result, those that the tiles have made aside.
static void border_loop(const Contract *inner)
{
    CWriter *w = inner->w;
    Contract t = *inner;
    t.tile_rows = t.chains = 1;
    axis_range(&t, t.row, 0, size_of(&t, &t.axes[t.row]), 1);
    if (t.index[t.row] && t.low < t.high) {
        const char *i = t.index[t.row];
        c_open(w, "if (%s == %lld)", i, (long long)t.low);
        c_line(w, "%s = %lld;", i, (long long)t.high - 1);
        c_line(w, "continue;");
        c_close(w);
    }
    tile(&t);
    close_axis(&t, t.row);
}

static bool has_border(const Contract *t)
{
    return t->clipped >= 0 && (t->low > 0 || t->high < size_of(t, &t->axes[t->clipped]));
}

// Tiles where nothing along the row axis is outside, single results elsewhere.
static void clipped_rows(Contract *t)
{
    Contract inner = *t;
    c_clip_drop(&inner, t->clipped);
    if (t->low < t->high)
        row_loop(&inner);
    if (has_border(t))
        border_loop(t);
}

static void rows(Contract *t)
{
    if (t->part == PART_BORDER)
        border_loop(t);
    else if (t->part == PART_BOTH && t->k->clip_count)
        clipped_rows(t);
    else
        row_loop(t);
}

// The rows of tiles are innermost.
static void result_loops(Contract *t, int axis, int count)
{
    if (axis == count) {
        rows(t);
        return;
    }
    if (axis == t->row || axis == t->column) {
        result_loops(t, axis + 1, count);
        return;
    }
    axis_loop(t, axis, 1);
    result_loops(t, axis + 1, count);
    close_axis(t, axis);
}

// Columns come before all else, so that the weights of a tile stay near while the rest goes by.
static void nest(Contract *t, int axes)
{
    if (t->column >= 0)
        column_loop(t);
    result_loops(t, 0, axes);
    if (t->column >= 0)
        close_axis(t, t->column);
}

static void vector_nests(Contract *t, int axes)
{
    Contract inner = *t;
    inner.part = PART_INNER;
    c_line(t->w, "enum { lanes = sizeof(%s) / sizeof(float) };", c_vectors_name(t, "v"));
    c_clip_drop(&inner, t->clipped);
    if (t->low < t->high)
        nest(&inner, axes);
    if (!has_border(t))
        return;
    t->part = PART_BORDER;
    c_vectors_border(t);
    nest(t, axes);
}

// Of the first depth axis, which is that of the examples, a part for each element of another axis
// of the result.
static void open_parts(Contract *t)
{
    const Kernel *k = t->k;
    CWriter *w = t->w;
    if (!k->parts.size)
        return;
    const int64_t examples = (w->batch + k->parts.size - 1) / k->parts.size;
    const int64_t length = examples * k->depth.axes[0].factor;
    const int64_t end = size_of(t, &k->depth.axes[0]);
    c_open(w, "for (%s part = 0; part < %lld; ++part)", w->index, (long long)k->parts.size);
    c_line(w, "const %s from = part * %lld;", w->index, (long long)length);
    c_line(w, "const %s to = from + %lld < %lld ? from + %lld : %lld;", w->index, (long long)length,
           (long long)end, (long long)length, (long long)end);
    t->axes[t->axis_count] = k->parts;
    t->index[t->axis_count++] = "part";
}

static void in_tiles(CWriter *w, const Kernel *k)
{
    Contract t = {.w = w, .k = k, .code = k->count ? c_code_open(w, k) : NULL};
    c_tile_choose(&t);
    const int axes = t.axis_count;
    Contract vectors = t;
    const bool both = c_vectors_choose(&vectors);
    if (both) {
        c_line(w, "#if %s_VECTORS", w->name);
        vector_nests(&vectors, axes);
        c_line(w, "#else");
    }
    open_parts(&t);
    nest(&t, axes);
    if (k->parts.size)
        c_close(w);
    if (both)
        c_line(w, "#endif");
}

void c_contract(CWriter *w, const Kernel *k)
{
    if (k->blocks)
        c_blocks(w, k);
    else if (c_depthwise_serves(w->arena, k))
        c_depthwise(w, k);
    else
        in_tiles(w, k);
}
