// c_tile.c -- the tile of results that a contraction keeps in registers: on which axes, how large.

#include "codegen/c/c_tile.h"

#define REGISTERS 30        // f32 registers that a tile may take: those of a Cortex-M4, less two
#define WHOLE_REGISTERS 11  // of whole numbers, next to addresses and a counter
#define PAIR_REGISTERS 10   // of those that are multiplied in pairs
#define MOST_ROWS 5
#define MOST_COLUMNS 8
#define CHAINS 4       // of a single result
#define LEAST_DEPTH 8  // for which it is worth it

static void add_axes(Contract *t, const ContractAxes *x)
{
    for (int i = 0; i < x->count; i++)
        if (size_of(t, &x->axes[i]) > 1)
            t->axes[t->axis_count++] = x->axes[i];
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

int c_tile_row(const Contract *t)
{
    int best = -1;
    for (int i = 0; i < t->axis_count; i++)
        if (i != t->column && ((t->axes[i].left == 0 && t->axes[t->column].left != 0) ||
                               (t->axes[i].right == 0 && t->axes[t->column].right != 0)))
            best = i;
    return best;
}

bool c_tile_once(const Contract *t)
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
    const double clip = c_clip_ends(t, t->k->depth.count - 1) ? CLIP_COST : 0;
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
    const bool once = c_tile_once(t);
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

// Along a clip lie rows, the others are columns then; whole numbers have none, for their pairs.
static void turn_tile(Contract *t)
{
    const bool one = t->row < 0 || is_whole(t) || c_clip_moves(t, t->row);
    const int row = t->column;
    t->column = one ? -1 : t->row;
    t->row = row;
}

void c_tile_axes(Contract *t)
{
    add_axes(t, &t->k->batch);
    add_axes(t, &t->k->rows);
    add_axes(t, &t->k->columns);
}

void c_tile_choose(Contract *t)
{
    c_tile_axes(t);
    t->tile_rows = t->tile_columns = 1;
    t->column = choose_column(t);
    t->row = t->column < 0 ? -1 : c_tile_row(t);
    if (t->column >= 0 && c_clip_moves(t, t->column))
        turn_tile(t);
    t->clipped = t->row;
    c_clip_range(t, t->row, &t->low, &t->high);
    Contract inner = *t;
    c_clip_drop(&inner, t->row);
    t->pairs = c_tile_in_pairs(&inner);
    choose_tile(t);
    const ContractAxis *depth = innermost(t);
    const bool alone =
        t->tile_rows * t->tile_columns == 1 && !t->k->clip_count && !t->w->open_depth;
    t->chains =
        alone && depth && !is_whole(t) && !t->k->parts.size && size_of(t, depth) >= LEAST_DEPTH
            ? CHAINS
            : 1;
}
