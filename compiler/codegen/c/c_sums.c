// c_sums.c -- the sums of a tile: the loops of the depth and the products in them.

#include "codegen/c/c_tile.h"

static const char *const depth_names[MAX_RANK] = {"d", "e", "f", "g", "h", "q", "r", "s"};

bool c_tile_in_pairs(const Contract *t)
{
    const ContractAxis *d = innermost(t);
    return is_whole(t) && d && !c_clip_ends(t, t->k->depth.count - 1) && d->left == 1 &&
           d->right == 1 && size_of(t, d) >= FOUR;
}

const char *c_tile_ahead(const Contract *t, const char *at, int64_t ahead)
{
    if (ahead == 0)
        return at;
    return arena_printf(t->w->arena, ahead < 0 ? "%s - %lld" : "%s + %lld", at,
                        (long long)(ahead < 0 ? -ahead : ahead));
}

Operand c_tile_operand(const Contract *t, bool right)
{
    Operand o = {.name = right ? "w" : "x", .rows = 1, .columns = 1};
    if (t->row >= 0)
        o.row_stride = right ? t->axes[t->row].right : t->axes[t->row].left;
    if (t->column >= 0)
        o.column_stride = right ? t->axes[t->column].right : t->axes[t->column].left;
    o.rows = moves(o.row_stride, t->tile_rows);
    o.columns = moves(o.column_stride, t->tile_columns);
    return o;
}

int c_tile_element(const Operand *o, int row, int column)
{
    return (o->rows > 1 ? row : 0) * o->columns + (o->columns > 1 ? column : 0);
}

static const char *depth_position(const Contract *t, bool right, const char *const *index)
{
    int64_t strides[MAX_RANK];
    for (int i = 0; i < t->k->depth.count; i++)
        strides[i] = right ? t->k->depth.axes[i].right : t->k->depth.axes[i].left;
    return c_position(t->w, index, strides, t->k->depth.count, 0);
}

// Where some of the left operand's elements may be outside there is no pointer yet.
const char *c_tile_array(const Contract *t, bool right)
{
    return right ? "wt" : t->k->clip_count ? c_slot(t->w, 0) : "xt";
}

const char *c_tile_position(const Contract *t, bool right, const char *const *index)
{
    const char *at = depth_position(t, right, index);
    return t->k->clip_count && !right ? arena_printf(t->w->arena, "xt + %s", at) : at;
}

static void load_elements(const Contract *t, const Operand *o, const char *array, const char *at,
                          int64_t ahead, int chain)
{
    for (int r = 0; r < o->rows; r++)
        for (int c = 0; c < o->columns; c++)
            c_line(t->w, "const %s %s%d = %s[%s];", sum_type(t), o->name,
                   chain * o->rows * o->columns + r * o->columns + c, array,
                   c_tile_ahead(t, at, ahead + r * o->row_stride + c * o->column_stride));
}

static void add_product(const Contract *t, int a, const char *x, int w)
{
    if (is_whole(t))
        c_line(t->w, "a%d += %s * w%d;", a, x, w);
    else
        c_line(t->w, "a%d = %s(%s, w%d, a%d);", a, c_helper(t->w, C_MULTIPLY_ADD), x, w, a);
}

// One step of the depth, for each chain the one after.
static void products(const Contract *t, const char *const *index, int chains)
{
    if (t->lanes) {
        c_vectors_products(t, index, NULL);
        return;
    }
    const Operand x = c_tile_operand(t, false), w = c_tile_operand(t, true);
    const ContractAxis none = {0}, *depth = innermost(t) ? innermost(t) : &none;
    for (int chain = 0; chain < chains; chain++) {
        load_elements(t, &x, c_tile_array(t, false), c_tile_position(t, false, index),
                      chain * depth->left, chain);
        load_elements(t, &w, "wt", depth_position(t, true, index), chain * depth->right, chain);
    }
    for (int chain = 0; chain < chains; chain++)
        for (int r = 0; r < t->tile_rows; r++)
            for (int c = 0; c < t->tile_columns; c++) {
                const int a = chain + r * t->tile_columns + c;
                add_product(t, a,
                            arena_printf(t->w->arena, "x%d", chain + c_tile_element(&x, r, c)),
                            chain + c_tile_element(&w, r, c));
            }
}

// --- four neighbours of the depth at a time -----------------------------------------------------
// Of whole numbers that stand side by side in both operands. The words of the first stay in
// registers, those of the second come one after the other.

static void load_four(const Contract *t, const char *name, int n, const char *array, const char *at)
{
    const char *model = t->w->name;
    c_line(t->w, "const uint32_t %s%d = %s_four(%s + %s);", name, n, model, array, at);
    c_line(t->w, "const uint32_t %se%d = %s_even(%s%d), %so%d = %s_odd(%s%d);", name, n, model,
           name, n, name, n, model, name, n);
}

static void load_fours(const Contract *t, const Operand *o, const char *array, const char *at)
{
    for (int r = 0; r < o->rows; r++)
        for (int c = 0; c < o->columns; c++)
            load_four(t, o->name, r * o->columns + c, array,
                      c_tile_ahead(t, at, r * o->row_stride + c * o->column_stride));
}

static void pair_products(const Contract *t, const char *const *index)
{
    static const char *const halves = "eo";
    const Operand x = c_tile_operand(t, false), w = c_tile_operand(t, true);
    const char *model = t->w->name;
    load_fours(t, &x, c_tile_array(t, false), c_tile_position(t, false, index));
    load_fours(t, &w, "wt", depth_position(t, true, index));
    for (int c = 0; c < t->tile_columns; c++)
        for (int r = 0; r < t->tile_rows; r++)
            for (int h = 0; h < 2; h++) {
                const int a = r * t->tile_columns + c;
                c_line(t->w, "a%d = %s_pair(x%c%d, w%c%d, a%d);", a, model, halves[h],
                       c_tile_element(&x, r, c), halves[h], c_tile_element(&w, r, c), a);
            }
}

// The innermost loop of the depth, in fours and then what is left.
static void pair_loops(const Contract *t, const char **index, int level)
{
    CWriter *w = t->w;
    const char *d = index[level];
    const int64_t size = size_of(t, innermost(t)), whole = size / FOUR * FOUR;
    c_helper(w, C_PAIRS);
    c_line(w, "#if %s_PAIRS", w->name);
    c_open(w, "for (%s %s = 0; %s < %lld; %s += %d)", w->index, d, d, (long long)whole, d, FOUR);
    pair_products(t, index);
    c_close(w);
    if (whole < size) {
        c_open(w, "for (%s %s = %lld; %s < %lld; ++%s)", w->index, d, (long long)whole, d,
               (long long)size, d);
        products(t, index, 1);
        c_close(w);
    }
    c_line(w, "#else");
}

// --- the loops of the depth ---------------------------------------------------------------------

// Products with the pad's value, of all that is below a place outside.
static void pad_products(const Contract *t, const char *const *index)
{
    const Operand w = c_tile_operand(t, true);
    const char *pad = c_constant(t->w, t->k->node->in[0]->type.dtype, t->k->clips[0].value).text;
    if (t->lanes) {
        c_vectors_products(t, index, pad);
        return;
    }
    load_elements(t, &w, "wt", depth_position(t, true, index), 0, 0);
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++)
            add_product(t, r * t->tile_columns + c, pad, c_tile_element(&w, r, c));
}

static void pad_loops(const Contract *t, const char *const *outer, int level)
{
    const char *index[MAX_RANK];
    int opened = 0;
    for (int i = 0; i < t->k->depth.count; i++) {
        const int64_t size = size_of(t, &t->k->depth.axes[i]);
        index[i] = i < level ? outer[i] : size == 1 ? NULL : depth_names[i];
        if (i < level || size == 1)
            continue;
        opened++;
        c_open(t->w, "for (%s %s = 0; %s < %lld; ++%s)", t->w->index, index[i], index[i],
               (long long)size, index[i]);
    }
    pad_products(t, index);
    while (opened--)
        c_close(t->w);
}

// What is outside is left out if it is 0, with all loops below.
static void clip_depth(const Contract *t, const char *const *index, int level)
{
    if (level < 0 || !c_clip_ends(t, level))
        return;
    c_clip_places(t, index, level);
    c_open(t->w, "if (!(%s))", c_clip_test(t, level));
    if (!c_clip_is_zero(t))
        pad_loops(t, index, level + 1);
    c_line(t->w, "continue;");
    c_close(t->w);
}

// Steps of the depth between two turns of its innermost loop.
static int unrolled(int64_t size)
{
    static const int counts[] = {4, 3, 5, 7, 2};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (size % counts[i] == 0)
            return counts[i];
    return 4;
}

void c_tile_sums(const Contract *t, const char **index, int level)
{
    CWriter *w = t->w;
    clip_depth(t, index, level - 1);
    if (level == t->k->depth.count) {
        products(t, index, 1);
        return;
    }
    const bool parted = level == 0 && t->k->parts.size;
    const int64_t size = size_of(t, &t->k->depth.axes[level]);
    const char *d = index[level] = size == 1 ? NULL : depth_names[level];
    const int step = level == t->k->depth.count - 1 ? t->chains : 1;
    if (parted) {
        c_open(w, "for (%s %s = from; %s < to; ++%s)", w->index, d ? d : "d", d ? d : "d",
               d ? d : "d");
        c_tile_sums(t, index, level + 1);
        c_close(w);
        return;
    }
    if (!d) {
        c_tile_sums(t, index, level + 1);
        return;
    }
    if (step > 1) {
        c_open(w, "for (%s %s = 0; %s < %lld; %s += %d)", w->index, d, d,
               (long long)(size / step * step), d, step);
        products(t, index, step);
        c_close(w);
    }
    if (step > 1 && size % step == 0)
        return;
    const bool pairs = level == t->k->depth.count - 1 && c_tile_in_pairs(t);
    if (t->lanes && level == t->k->depth.count - 1)
        c_line(w, "%s_UNROLL(%d)", w->name, w->open_depth ? 4 : unrolled(size));
    if (pairs)
        pair_loops(t, index, level);
    c_open(w, "for (%s %s = %lld; %s < %s; ++%s)", w->index, d,
           (long long)(step > 1 ? size / step * step : 0), d,
           w->open_depth ? "depth" : arena_printf(w->arena, "%lld", (long long)size), d);
    c_tile_sums(t, index, level + 1);
    c_close(w);
    if (pairs)
        c_line(w, "#endif");
}
