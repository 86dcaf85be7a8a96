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

#include "codegen/c/c_writer.h"

#define REGISTERS 30        // f32 registers that a tile may take: those of a Cortex-M4, less two
#define WHOLE_REGISTERS 11  // of whole numbers, next to addresses and a counter
#define PAIR_REGISTERS 10   // of those that are multiplied in pairs
#define MOST_ROWS 5
#define MOST_COLUMNS 8
#define CHAINS 4       // of a single result
#define LEAST_DEPTH 8  // for which it is worth it

// An operand of the products: how far its address moves along the tile's two axes.
typedef struct Operand {
    const char *name;   // of a loaded element: x0, x1, ...
    int rows, columns;  // how many different elements a tile has along each
    int64_t row_stride, column_stride;
} Operand;

typedef struct Contract {
    CWriter *w;
    const Kernel *k;
    ContractAxis axes[3 * MAX_RANK + 1];  // of the result
    const char *index[3 * MAX_RANK + 1];
    int axis_count;
    int row, column;  // the axes that a tile lies on; -1: none
    int tile_rows, tile_columns;
    int chains;
    bool pairs;  // four neighbours of the depth are multiplied at a time, where a processor can
    int64_t low, high;  // of the row axis: where a tile does not reach beyond its ends
    CCode *code;        // behind the results; NULL: they go to memory as they are
} Contract;

// Of i8, into i32; what nnc makes of them stays within 31 bits.
static bool is_whole(const Contract *t)
{
    return t->k->node->type.dtype == DTYPE_I32;
}

static const char *sum_type(const Contract *t)
{
    return c_types[t->k->node->type.dtype].value;
}

static int64_t size_of(const Contract *t, const ContractAxis *x)
{
    return axis_size(x->size, x->factor, t->w->batch);
}

static void add_axes(Contract *t, const ContractAxes *x)
{
    for (int i = 0; i < x->count; i++)
        if (size_of(t, &x->axes[i]) > 1)
            t->axes[t->axis_count++] = x->axes[i];
}

// --- what a kernel clips ------------------------------------------------------------------------
// Along each clip moves one axis of the result, so that whether all of a window lies inside is
// known from the place on that axis alone.

static int64_t largest_ahead(const Contract *t, int clip)
{
    int64_t ahead = 0;
    for (int i = 0; i < t->k->depth.count; i++) {
        const ContractAxis *d = &t->k->depth.axes[i];
        ahead += d->clip[clip] * (size_of(t, d) - 1);
    }
    return ahead;
}

static int64_t rounded_up(int64_t a, int64_t b)
{
    return a <= 0 ? 0 : (a + b - 1) / b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// The places on an axis from which nothing outside is read: from *low, below *high.
static void find_inside(const Contract *t, int axis, int64_t *low, int64_t *high)
{
    *low = 0;
    *high = axis < 0 ? 1 : size_of(t, &t->axes[axis]);
    for (int i = 0; axis >= 0 && i < t->k->clip_count; i++) {
        const Clip *c = &t->k->clips[i];
        const int64_t step = t->axes[axis].clip[i];
        const int64_t last = c->size - 1 - c->offset - largest_ahead(t, i);
        if (!step)
            continue;
        const int64_t first = rounded_up(-c->offset, step);
        *low = first > *low ? first : *low;
        *high = at_most(*high, last < 0 ? 0 : last / step + 1);
    }
    *low = at_most(*low, *high);
}

static bool is_clipped(const Contract *t, int axis)
{
    int64_t low, high;
    find_inside(t, axis, &low, &high);
    return low > 0 || high < size_of(t, &t->axes[axis]);
}

static void add_condition(Text *text, const char *condition)
{
    text_addf(text, "%s%s", text->size ? " && " : "", condition);
}

static const char *clip_position(const Contract *t, int clip, const char *const *depth)
{
    const char *names[4 * MAX_RANK + 1];
    int64_t strides[4 * MAX_RANK + 1];
    int count = 0;
    for (int i = 0; i < t->axis_count; i++, count++) {
        names[count] = t->index[i];
        strides[count] = t->axes[i].clip[clip];
    }
    for (int i = 0; i < t->k->depth.count; i++, count++) {
        names[count] = depth[i];
        strides[count] = t->k->depth.axes[i].clip[clip];
    }
    return c_position(t->w, names, strides, count, t->k->clips[clip].offset);
}

// The loops of the depth down to which a clip moves.
static int last_clipped(const Contract *t, int clip)
{
    int last = -1;
    for (int i = 0; i < t->k->depth.count; i++)
        if (t->k->depth.axes[i].clip[clip])
            last = i;
    return last;
}

// The places on the clips that the loop of depth axis `level` tells.
static void clip_at(const Contract *t, const char *const *depth, int level)
{
    for (int i = 0; i < t->k->clip_count; i++) {
        if (last_clipped(t, i) != level)
            continue;
        const char *at = clip_position(t, i, depth);
        c_line(t->w, "const %s at%d = %s;", t->w->index, i, at);
    }
}

// Of the clips that the loop at `level` tells.
static const char *inside(const Contract *t, int level)
{
    Text text = text_in(t->w->arena);
    for (int i = 0; i < t->k->clip_count; i++)
        if (last_clipped(t, i) == level)
            add_condition(&text, arena_printf(t->w->arena, "at%d >= 0 && at%d < %lld", i, i,
                                              (long long)t->k->clips[i].size));
    return text_str(&text);
}

static bool pads_with_zero(const Contract *t)
{
    for (int i = 0; i < t->k->clip_count; i++)
        if (t->k->clips[i].value != 0)
            return false;
    return true;
}

static bool ends_a_clip(const Contract *t, int level)
{
    for (int i = 0; i < t->k->clip_count; i++)
        if (last_clipped(t, i) == level)
            return true;
    return false;
}

// --- the shape of a tile ------------------------------------------------------------------------

static int moves(int64_t stride, int count)
{
    return stride ? count : 1;
}

static int loads(const Contract *t, int rows, int columns)
{
    const ContractAxis none = {0};
    const ContractAxis *r = t->row < 0 ? &none : &t->axes[t->row];
    const ContractAxis *c = t->column < 0 ? &none : &t->axes[t->column];
    return moves(r->left, rows) * moves(c->left, columns) +
           moves(r->right, rows) * moves(c->right, columns);
}

// Along which neighbours in the result are neighbours in an operand.
static int choose_column(const Contract *t)
{
    int best = t->axis_count - 1;
    for (int i = 0; i < t->axis_count; i++)
        if (t->axes[i].out == 1 && (t->axes[i].right == 1 || t->axes[i].left == 1))
            best = i;
    return best;
}

// Along which an operand stands still that moves along the columns.
static int choose_row(const Contract *t)
{
    int best = -1;
    for (int i = 0; i < t->axis_count; i++)
        if (i != t->column && ((t->axes[i].left == 0 && t->axes[t->column].left != 0) ||
                               (t->axes[i].right == 0 && t->axes[t->column].right != 0)))
            best = i;
    return best;
}

// Whether computing a result again would be wrong: it is made from what it replaces.
static bool only_once(const Contract *t)
{
    const Kernel *k = t->k;
    for (int i = 0; i < k->count; i++)
        if (k->code[i].adds ||
            (k->code[i].kind == INSTR_LOAD && c_writes_memory(t->w, k, k->code[i].slot)))
            return true;
    return false;
}

static bool divides(int64_t a, int64_t b)
{
    return b % a == 0;
}

// Of a step of the depth. In pairs, four steps at once: two products, an element is a load and two
// words.
static double step_cost(const Contract *t, int rows, int columns)
{
    const int products = rows * columns, elements = loads(t, rows, columns);
    const double lanes = columns % 4 == 0 ? 1 : 1.05;  // a vector has four, or eight
    return t->pairs ? 2 * products + 3 * elements + 4 : lanes * (products + elements + 2);
}

#define CLIP_COST 14  // of seeing whether a place is inside

// With the single results beside the tiles, if there are some.
static double tile_cost(const Contract *t, int rows, int columns)
{
    const int64_t height = t->high > t->low ? t->high - t->low : 1;
    const int64_t beside = t->row < 0 ? 0 : size_of(t, &t->axes[t->row]) - height;
    const int64_t width = t->column < 0 ? 1 : size_of(t, &t->axes[t->column]);
    const double across = (double)((width + columns - 1) / columns);
    const double clip = ends_a_clip(t, t->k->depth.count - 1) ? CLIP_COST : 0;
    return across * ((double)((height + rows - 1) / rows) * step_cost(t, rows, columns) +
                     (double)beside * (step_cost(t, 1, columns) + clip));
}

// The second operand's whole numbers are loaded when they are wanted, one at a time; those in pairs
// are two words each.
static bool fits_registers(const Contract *t, int rows, int columns)
{
    if (t->pairs)
        return rows * columns + 2 * rows + 2 <= PAIR_REGISTERS;
    if (is_whole(t))
        return rows * columns + rows + 1 <= WHOLE_REGISTERS;
    return rows * columns + loads(t, rows, columns) <= REGISTERS;
}

static void choose_tile(Contract *t)
{
    double best = 0;
    const bool once = only_once(t);
    const int64_t height = t->high > t->low ? t->high - t->low : 1;
    const int64_t width = t->column < 0 ? 1 : size_of(t, &t->axes[t->column]);
    for (int r = 1; r <= MOST_ROWS && r <= height; r++)
        for (int c = 1; c <= MOST_COLUMNS && c <= width; c++) {
            const double cost = tile_cost(t, r, c);
            if (!fits_registers(t, r, c) || (best > 0 && cost >= best) ||
                (once && !(divides(r, height) && divides(c, width))))
                continue;
            best = cost;
            t->tile_rows = r;
            t->tile_columns = c;
        }
}

static const ContractAxis *innermost(const Contract *t)
{
    return t->k->depth.count ? &t->k->depth.axes[t->k->depth.count - 1] : NULL;
}

enum { FOUR = 4 };

static const char *const depth_names[MAX_RANK] = {"d", "e", "f", "g", "h", "q", "r", "s"};

static bool in_pairs(const Contract *t)
{
    const ContractAxis *d = innermost(t);
    return is_whole(t) && d && !ends_a_clip(t, t->k->depth.count - 1) && d->left == 1 &&
           d->right == 1 && size_of(t, d) >= FOUR;
}

static void drop_clip(ContractAxes *x, int clip)
{
    for (int i = 0; i < x->count; i++)
        for (int c = clip; c + 1 < MAX_CLIPS; c++)
            x->axes[i].clip[c] = x->axes[i].clip[c + 1];
}

// The kernel at places on the row axis where all is inside along it. Depth axes that run on through
// memory are one there.
static void drop_clips(Contract *t)
{
    Kernel *k = arena_new_of(t->w->arena, Kernel);
    *k = *t->k;
    t->k = k;
    for (int i = k->clip_count - 1; t->row >= 0 && i >= 0; i--) {
        if (!t->axes[t->row].clip[i])
            continue;
        for (int c = i; c + 1 < k->clip_count; c++)
            k->clips[c] = k->clips[c + 1];
        k->clip_count--;
        drop_clip(&k->depth, i);
        for (int x = 0; x < t->axis_count; x++)
            for (int c = i; c + 1 < MAX_CLIPS; c++)
                t->axes[x].clip[c] = t->axes[x].clip[c + 1];
    }
    contract_merge_depth(k);
}

static void prepare(Contract *t)
{
    add_axes(t, &t->k->batch);
    add_axes(t, &t->k->rows);
    add_axes(t, &t->k->columns);
    t->tile_rows = t->tile_columns = 1;
    t->column = choose_column(t);
    t->row = t->column < 0 ? -1 : choose_row(t);
    if (t->column >= 0 && is_clipped(t, t->column)) {
        t->row = t->column;
        t->column = -1;
    }
    find_inside(t, t->row, &t->low, &t->high);
    Contract inner = *t;
    drop_clips(&inner);
    t->pairs = in_pairs(&inner);
    choose_tile(t);
    const ContractAxis *depth = innermost(t);
    const bool alone = t->tile_rows * t->tile_columns == 1 && !t->k->clip_count;
    t->chains =
        alone && depth && !is_whole(t) && !t->k->parts.size && size_of(t, depth) >= LEAST_DEPTH
            ? CHAINS
            : 1;
}

// --- a tile -------------------------------------------------------------------------------------

static Operand operand(const Contract *t, bool right)
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

// Number of the element of an operand that a result of the tile needs.
static int element(const Operand *o, int row, int column)
{
    return (o->rows > 1 ? row : 0) * o->columns + (o->columns > 1 ? column : 0);
}

static const char *sum(const Contract *t, const char *at, int64_t ahead)
{
    if (ahead == 0)
        return at;
    return arena_printf(t->w->arena, ahead < 0 ? "%s - %lld" : "%s + %lld", at,
                        (long long)(ahead < 0 ? -ahead : ahead));
}

static const char *depth_position(const Contract *t, bool right, const char *const *index)
{
    int64_t strides[MAX_RANK];
    for (int i = 0; i < t->k->depth.count; i++)
        strides[i] = right ? t->k->depth.axes[i].right : t->k->depth.axes[i].left;
    return c_position(t->w, index, strides, t->k->depth.count, 0);
}

// Where the left operand's elements are found: where some may be outside there is no pointer yet.
static const char *left_array(const Contract *t)
{
    return t->k->clip_count ? c_slot(t->w, 0) : "xt";
}

static const char *left_position(const Contract *t, const char *const *index)
{
    const char *at = depth_position(t, false, index);
    return t->k->clip_count ? arena_printf(t->w->arena, "xt + %s", at) : at;
}

static void load_elements(const Contract *t, const Operand *o, const char *array, const char *at,
                          int64_t ahead, int chain)
{
    for (int r = 0; r < o->rows; r++)
        for (int c = 0; c < o->columns; c++)
            c_line(t->w, "const %s %s%d = %s[%s];", sum_type(t), o->name,
                   chain * o->rows * o->columns + r * o->columns + c, array,
                   sum(t, at, ahead + r * o->row_stride + c * o->column_stride));
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
    const Operand x = operand(t, false), w = operand(t, true);
    const ContractAxis none = {0}, *depth = innermost(t) ? innermost(t) : &none;
    for (int chain = 0; chain < chains; chain++) {
        load_elements(t, &x, left_array(t), left_position(t, index), chain * depth->left, chain);
        load_elements(t, &w, "wt", depth_position(t, true, index), chain * depth->right, chain);
    }
    for (int chain = 0; chain < chains; chain++)
        for (int r = 0; r < t->tile_rows; r++)
            for (int c = 0; c < t->tile_columns; c++) {
                const int a = chain + r * t->tile_columns + c;
                add_product(t, a, arena_printf(t->w->arena, "x%d", chain + element(&x, r, c)),
                            chain + element(&w, r, c));
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
                      sum(t, at, r * o->row_stride + c * o->column_stride));
}

static void pair_products(const Contract *t, const char *const *index)
{
    static const char *const halves = "eo";
    const Operand x = operand(t, false), w = operand(t, true);
    const char *model = t->w->name;
    load_fours(t, &x, left_array(t), left_position(t, index));
    load_fours(t, &w, "wt", depth_position(t, true, index));
    for (int c = 0; c < t->tile_columns; c++)
        for (int r = 0; r < t->tile_rows; r++)
            for (int h = 0; h < 2; h++) {
                const int a = r * t->tile_columns + c;
                c_line(t->w, "a%d = %s_pair(x%c%d, w%c%d, a%d);", a, model, halves[h],
                       element(&x, r, c), halves[h], element(&w, r, c), a);
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
    const Operand w = operand(t, true);
    const char *pad = c_constant(t->w, t->k->node->in[0]->type.dtype, t->k->clips[0].value).text;
    load_elements(t, &w, "wt", depth_position(t, true, index), 0, 0);
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++)
            add_product(t, r * t->tile_columns + c, pad, element(&w, r, c));
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
    if (level < 0 || !ends_a_clip(t, level))
        return;
    clip_at(t, index, level);
    c_open(t->w, "if (!(%s))", inside(t, level));
    if (!pads_with_zero(t))
        pad_loops(t, index, level + 1);
    c_line(t->w, "continue;");
    c_close(t->w);
}

static void depth_loops(const Contract *t, const char **index, int level)
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
        depth_loops(t, index, level + 1);
        c_close(w);
        return;
    }
    if (!d) {
        depth_loops(t, index, level + 1);
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
    const bool pairs = level == t->k->depth.count - 1 && in_pairs(t);
    if (pairs)
        pair_loops(t, index, level);
    c_open(w, "for (%s %s = %lld; %s < %lld; ++%s)", w->index, d,
           (long long)(step > 1 ? size / step * step : 0), d, (long long)size, d);
    depth_loops(t, index, level + 1);
    c_close(w);
    if (pairs)
        c_line(w, "#endif");
}

static void declare_sums(const Contract *t)
{
    Text text = text_in(t->w->arena);
    const int count = t->tile_rows * t->tile_columns * t->chains;
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

static void store_tile(const Contract *t)
{
    const ContractAxis none = {0};
    const ContractAxis *row = t->row < 0 ? &none : &t->axes[t->row];
    const ContractAxis *column = t->column < 0 ? &none : &t->axes[t->column];
    if (t->code) {
        run_code(t);
        return;
    }
    const char *at = axes_position(t, t->index, 2, 0);
    if (t->chains > 1) {
        c_line(t->w, "%s[%s] = (a0 + a1) + (a2 + a3);", c_slot(t->w, 2), at);
        return;
    }
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++)
            c_line(t->w, "%s[%s] = a%d;", c_slot(t->w, 2),
                   sum(t, at, r * row->out + c * column->out), r * t->tile_columns + c);
}

static void tile(const Contract *t)
{
    const char *index[MAX_RANK] = {NULL};
    if (t->k->clip_count)
        c_line(t->w, "const %s xt = %s;", t->w->index,
               axes_position(t, t->index, 0, t->k->left_offset));
    else
        point_at(t, "xt", 0, t->k->left_offset);
    point_at(t, "wt", 1, t->k->right_offset);
    declare_sums(t);
    depth_loops(t, index, 0);
    store_tile(t);
}

// --- the loops around it ------------------------------------------------------------------------

// From `low` to below `high`; the last step lies over the one before where they do not divide.
static void axis_range(Contract *t, int axis, int64_t low, int64_t high, int step)
{
    static const char *const names[] = {"i", "j", "k", "l", "m", "n", "o", "p"};
    CWriter *w = t->w;
    const bool over = (high - low) % step != 0;
    const char *name = axis < 8 ? names[axis] : arena_printf(w->arena, "i%d", axis);
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

static void close_axis(const Contract *t, int axis)
{
    if (t->index[axis])
        c_close(t->w);
}

static void row_loop(Contract *t)
{
    if (t->row >= 0)
        axis_range(t, t->row, t->low, t->high, t->tile_rows);
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

// Tiles where nothing along the row axis is outside, single results elsewhere.
static void clipped_rows(Contract *t)
{
    Contract inner = *t;
    drop_clips(&inner);
    if (t->low < t->high)
        row_loop(&inner);
    if (t->row >= 0 && (t->low > 0 || t->high < size_of(t, &t->axes[t->row])))
        border_loop(t);
}

// The rows of tiles are innermost.
static void result_loops(Contract *t, int axis, int count)
{
    if (axis == count) {
        if (t->k->clip_count)
            clipped_rows(t);
        else
            row_loop(t);
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

// Columns come before all else, so that the weights of a tile stay near while the rest goes by.
void c_contract(CWriter *w, const Kernel *k)
{
    Contract t = {.w = w, .k = k, .code = k->count ? c_code_open(w, k) : NULL};
    prepare(&t);
    const int axes = t.axis_count;
    open_parts(&t);
    if (t.column >= 0)
        axis_loop(&t, t.column, t.tile_columns);
    result_loops(&t, 0, axes);
    if (t.column >= 0)
        close_axis(&t, t.column);
    if (k->parts.size)
        c_close(w);
}
