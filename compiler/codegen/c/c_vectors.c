// c_vectors.c -- a tile of vectors: the second printing of a contraction, for compilers that have
// them and need not make small code.
//
//   for the axes of the result, columns first
//       model_v8 a0 = {0}, a1 = {0}, ...              a tile: rows x vectors of the result
//       for the depth
//           const model_v8 x0 = model_all8(xt[...]);  what all columns share
//           const model_v8 w0 = model_load8(wt + ...);
//           a0 = model_mad8(x0, w0, a0); ...
//       model_store8(y + ..., a0); ...
//
// How many floats a vector has is known to the C compiler alone: `lanes`, 8 at most where the names
// end in 8. So one text is right for SSE, AVX, AVX-512 and NEON.

#include "codegen/c/c_tile.h"

#define REGISTERS 16  // of vectors that a tile may take
#define MOST_ROWS 6
#define MOST_VECTORS 12
#define MOST_SCALARS 8    // of those beside them
#define LEAST_STEP 10     // instructions that pass before a sum may be added to again
#define NEAR_FLOATS 8192  // weights that stay in a processor's first cache
#define FEWEST_LANES 4
#define MOST_LANES 16

typedef struct Shape {
    int rows, vectors, lanes;
} Shape;

static bool is_float(const Contract *t)
{
    const Node *n = t->k->node;
    return n->type.dtype == DTYPE_F32 && n->in[0]->type.dtype == DTYPE_F32 &&
           n->in[1]->type.dtype == DTYPE_F32;
}

static bool neighbours(int64_t left, int64_t right)
{
    return (left == 0 && right == 1) || (left == 1 && (right == 0 || right == 1));
}

// Along which neighbours are neighbours in an operand, and in the other, too, or all one element;
// in the result if there is such an axis. -1: none.
static int choose_column(const Contract *t)
{
    int best = -1;
    for (int i = 0; i < t->axis_count; i++)
        if (neighbours(t->axes[i].left, t->axes[i].right) &&
            size_of(t, &t->axes[i]) >= FEWEST_LANES &&
            (best < 0 || (t->axes[i].out == 1 && t->axes[best].out != 1)))
            best = i;
    return best;
}

static bool has_clip(const Contract *t, int axis)
{
    for (int i = 0; i < t->k->clip_count; i++)
        if (t->axes[axis].clip[i])
            return true;
    return false;
}

// --- what a shape costs -------------------------------------------------------------------------

static int64_t length(const Contract *t, int axis)
{
    const int64_t inside = t->high > t->low ? t->high - t->low : 1;
    return axis < 0 ? 1 : axis == t->clipped ? inside : size_of(t, &t->axes[axis]);
}

static int elements(const Operand *o)
{
    return o->rows * o->columns;
}

// Whether weights do not fit near the processor.
static bool is_far(const Contract *t)
{
    int64_t depth = 1;
    for (int i = 0; i < t->k->depth.count; i++)
        depth *= size_of(t, &t->k->depth.axes[i]);
    return depth * size_of(t, &t->axes[t->column]) > NEAR_FLOATS;
}

// Instructions to load the elements of an operand. A vector that is needed once is part of the
// multiply-add; one from far away takes time.
static double load_cost(const Contract *t, const Operand *o)
{
    const bool once = elements(o) == t->tile_rows * t->tile_columns;
    if (!o->column_stride)
        return elements(o);
    return elements(o) * ((once ? 0 : 1) + (is_far(t) ? 1 : 0));
}

static double step_cost(const Contract *t)
{
    const Operand x = c_tile_operand(t, false), w = c_tile_operand(t, true);
    const double cost = t->tile_rows * t->tile_columns + load_cost(t, &x) + load_cost(t, &w) + 1;
    return cost < LEAST_STEP ? LEAST_STEP : cost;
}

static int64_t steps(int64_t length, int64_t step)
{
    return (length + step - 1) / step;
}

// On a processor of so many lanes.
static double cost_on(const Contract *t, int lanes)
{
    const int width = t->tile_columns * (lanes < t->lanes ? lanes : t->lanes);
    return (double)(steps(length(t, t->column), width) * steps(length(t, t->row), t->tile_rows)) *
           step_cost(t);
}

// Rows are loaded once for all vectors or the other way round, see products.
static bool fits(const Contract *t)
{
    const int rows = t->tile_rows, vectors = t->tile_columns;
    const int kept = rows < vectors ? rows : vectors;
    const bool once = c_tile_once(t);
    const int64_t width = length(t, t->column), most = (int64_t)vectors * t->lanes;
    return rows * vectors + kept + 1 <= REGISTERS && most <= width && rows <= length(t, t->row) &&
           !(once && (width % most || length(t, t->row) % rows));
}

// The cheapest, mostly on processors of 8 lanes.
static bool choose_shape(Contract *t, int most_rows, int least_lanes, int most_lanes)
{
    Shape best = {0};
    double least = 0;
    for (t->lanes = most_lanes; t->lanes >= least_lanes; t->lanes /= 2)
        for (t->tile_rows = 1; t->tile_rows <= most_rows; t->tile_rows++)
            for (t->tile_columns = 1; t->tile_columns <= MOST_VECTORS; t->tile_columns++) {
                const double cost = cost_on(t, 8) + cost_on(t, MOST_LANES) / 4;
                if (!fits(t) || (best.rows && cost >= least))
                    continue;
                least = cost;
                best = (Shape){t->tile_rows, t->tile_columns, t->lanes};
            }
    t->tile_rows = best.rows;
    t->tile_columns = best.vectors;
    t->lanes = best.lanes;
    return best.rows > 0;
}

bool c_vectors_choose(Contract *t)
{
    t->column = is_float(t) && !t->k->parts.size ? choose_column(t) : -1;
    if (t->column < 0)
        return false;
    t->row = c_tile_row(t);
    if (t->row >= 0 && has_clip(t, t->column) && has_clip(t, t->row))
        t->row = -1;
    t->chains = 1;
    t->pairs = false;
    t->clipped = has_clip(t, t->column) ? t->column : t->row;
    c_clip_range(t, t->clipped, &t->low, &t->high);
    return choose_shape(t, MOST_ROWS, FEWEST_LANES, MOST_LANES);
}

// Vectors again, or single results side by side where they lie along the border.
void c_vectors_border(Contract *t)
{
    if (t->clipped != t->column) {
        choose_shape(t, 1, t->lanes, t->lanes);
        return;
    }
    t->column = t->row;
    t->row = t->clipped;
    t->lanes = 0;
    t->tile_rows = t->tile_columns = 1;
    const int64_t width = t->column < 0 ? 1 : size_of(t, &t->axes[t->column]);
    for (int c = 2; c <= MOST_SCALARS && c <= width; c++)
        if (!c_tile_once(t) || width % c == 0)
            t->tile_columns = c;
}

// --- names --------------------------------------------------------------------------------------

const char *c_vectors_name(const Contract *t, const char *function)
{
    return c_vector_name(t->w, function, t->lanes);
}

const char *c_vectors_width(const Contract *t, int vectors)
{
    return vectors == 1 ? "lanes" : arena_printf(t->w->arena, "%d * lanes", vectors);
}

// `at` and so many vectors.
static const char *ahead(const Contract *t, const char *at, int vectors)
{
    return vectors ? arena_printf(t->w->arena, "%s + %s", at, c_vectors_width(t, vectors)) : at;
}

// --- sums ---------------------------------------------------------------------------------------

void c_vectors_declare(const Contract *t)
{
    Text text = text_in(t->w->arena);
    for (int i = 0; i < t->tile_rows * t->tile_columns; i++)
        text_addf(&text, "%sa%d = {0}", i ? ", " : "", i);
    c_line(t->w, "%s %s;", c_vectors_name(t, "v"), text_str(&text));
}

// An operand whose elements are loaded when they are first wanted.
typedef struct Loads {
    Operand of;
    const char *array, *at;
    bool loaded[MOST_ROWS * MOST_VECTORS];
} Loads;

static void load_element(const Contract *t, Loads *l, int row, int column)
{
    const int n = c_tile_element(&l->of, row, column);
    const int64_t rows = l->of.rows > 1 ? row * l->of.row_stride : 0;
    const char *at = c_tile_ahead(t, l->at, rows);
    if (l->loaded[n])
        return;
    l->loaded[n] = true;
    if (l->of.column_stride)
        c_line(t->w, "const %s %s%d = %s(%s + %s);", c_vectors_name(t, "v"), l->of.name, n,
               c_vectors_name(t, "load"), l->array, ahead(t, at, column));
    else
        c_line(t->w, "const %s %s%d = %s(%s[%s]);", c_vectors_name(t, "v"), l->of.name, n,
               c_vectors_name(t, "all"), l->array, at);
}

static Loads loads_of(const Contract *t, bool right, const char *const *index)
{
    return (Loads){.of = c_tile_operand(t, right),
                   .array = c_tile_array(t, right),
                   .at = c_tile_position(t, right, index)};
}

static void add_product(const Contract *t, Loads *x, Loads *w, const char *pad, int row, int column)
{
    const int a = row * t->tile_columns + column;
    const char *left = pad;
    if (!pad) {
        load_element(t, x, row, column);
        left = arena_printf(t->w->arena, "x%d", c_tile_element(&x->of, row, column));
    }
    load_element(t, w, row, column);
    c_line(t->w, "a%d = %s(%s, w%d, a%d);", a, c_vectors_name(t, "mad"), left,
           c_tile_element(&w->of, row, column), a);
}

// What there are fewer of, rows or vectors, stays in registers meanwhile.
void c_vectors_products(const Contract *t, const char *const *index, const char *pad)
{
    Loads x = loads_of(t, false, index), w = loads_of(t, true, index);
    const char *filled =
        pad ? arena_printf(t->w->arena, "%s(%s)", c_vectors_name(t, "all"), pad) : NULL;
    if (t->tile_columns <= t->tile_rows) {
        for (int r = 0; r < t->tile_rows; r++)
            for (int c = 0; c < t->tile_columns; c++)
                add_product(t, &x, &w, filled, r, c);
        return;
    }
    for (int c = 0; c < t->tile_columns; c++)
        for (int r = 0; r < t->tile_rows; r++)
            add_product(t, &x, &w, filled, r, c);
}

// --- what becomes of them -----------------------------------------------------------------------

static int64_t row_step(const Contract *t)
{
    return t->row < 0 ? 0 : t->axes[t->row].out;
}

static void store_as_is(const Contract *t, const char *at)
{
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++)
            c_line(t->w, "%s(%s + %s, a%d);", c_vectors_name(t, "store"), c_slot(t->w, 2),
                   ahead(t, c_tile_ahead(t, at, r * row_step(t)), c), r * t->tile_columns + c);
}

// "(j + 2)", the place of a row of the tile.
static const char *place(const Contract *t, int axis, int by)
{
    const char *at = t->index[axis];
    if (!at)
        return by ? arena_printf(t->w->arena, "%d", by) : NULL;
    return by ? arena_printf(t->w->arena, "(%s + %d)", at, by) : at;
}

static const char *column_place(const Contract *t, int vectors)
{
    const char *at = t->index[t->column];
    return vectors ? ahead(t, at ? at : "0", vectors) : at;
}

static void run_on_vectors(Contract *t)
{
    for (int r = 0; r < t->tile_rows; r++)
        for (int c = 0; c < t->tile_columns; c++) {
            const int a = r * t->tile_columns + c;
            if (t->row >= 0)
                c_code_at(t->code, t->axes[t->row].axis, place(t, t->row, r));
            c_code_at(t->code, t->axes[t->column].axis, column_place(t, c));
            c_code_run_vector(t->code, t->axes[t->column].axis, t->lanes, a,
                              arena_printf(t->w->arena, "a%d", a));
        }
}

static void to_memory(const Contract *t)
{
    const int count = t->tile_rows * t->tile_columns;
    c_line(t->w, "float sums[%s];", c_vectors_width(t, count));
    for (int a = 0; a < count; a++)
        c_line(t->w, "%s(%s, a%d);", c_vectors_name(t, "store"), ahead(t, "sums", a), a);
}

// Where the sum of row r and column c stands.
static const char *sum_at(const Contract *t)
{
    return t->tile_rows == 1
               ? "c"
               : arena_printf(t->w->arena, "r * %s + c", c_vectors_width(t, t->tile_columns));
}

static void open_sums(const Contract *t, bool by_vectors)
{
    if (t->tile_rows > 1)
        c_open(t->w, "for (int r = 0; r < %d; ++r)", t->tile_rows);
    c_open(t->w, "for (int c = 0; c < %s; %s)", c_vectors_width(t, t->tile_columns),
           by_vectors ? "c += lanes" : "++c");
}

static void close_sums(const Contract *t)
{
    c_close(t->w);
    if (t->tile_rows > 1)
        c_close(t->w);
}

static void store_apart(const Contract *t, const char *at)
{
    static const char *const names[] = {"r", "c"};
    const int64_t strides[] = {t->tile_rows > 1 ? row_step(t) : 0, t->axes[t->column].out};
    to_memory(t);
    open_sums(t, false);
    c_line(t->w, "%s[%s + %s] = sums[%s];", c_slot(t->w, 2), at,
           c_position(t->w, names, strides, 2, 0), sum_at(t));
    close_sums(t);
}

// The code's index along an axis of the tile.
static void code_place(Contract *t, int axis, const char *by)
{
    const char *outer = t->index[axis];
    const char *name = arena_printf(t->w->arena, "%s%s", outer ? outer : "p", by);
    if (outer)
        c_line(t->w, "const %s %s = %s + %s;", t->w->index, name, outer, by);
    c_code_at(t->code, t->axes[axis].axis, outer ? name : by);
}

// Code that is long, or that vectors do not know, goes along the results in memory.
static void run_along_memory(Contract *t, bool as_vectors)
{
    CWriter *w = t->w;
    const char *at = sum_at(t), *load = c_vectors_name(t, "load");
    to_memory(t);
    open_sums(t, as_vectors);
    if (t->tile_rows > 1)
        code_place(t, t->row, "r");
    code_place(t, t->column, "c");
    if (as_vectors)
        c_code_run_vector(t->code, t->axes[t->column].axis, t->lanes, -1,
                          arena_printf(w->arena, "%s(sums + %s)", load, at));
    else
        c_code_run(t->code, arena_printf(w->arena, "sums[%s]", at));
    close_sums(t);
}

static void run_behind(Contract *t)
{
    const bool vectors = c_code_takes_vectors(t->code, t->axes[t->column].axis);
    for (int i = 0; i < t->axis_count; i++)
        c_code_at(t->code, t->axes[i].axis, t->index[i]);
    if (vectors && !c_code_is_long(t->code))
        run_on_vectors(t);
    else
        run_along_memory(t, vectors);
}

void c_vectors_store(Contract *t, const char *at)
{
    if (t->code)
        run_behind(t);
    else if (t->axes[t->column].out == 1)
        store_as_is(t, at);
    else
        store_apart(t, at);
}
