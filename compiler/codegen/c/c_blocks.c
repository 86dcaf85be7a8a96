// c_blocks.c -- a contraction of i8 whose weights stand in blocks: the kit makes the sums.
//
//   for the points of the result, NAME_ROWS at a time
//       for each of them
//           its window, gathered
//       all channels of these points                     one call
//       what follows, point by point                     nothing, as a rule
//
// A single point, as a dense layer has it, needs no window: its bytes are where they are.

#include <string.h>

#include "codegen/c/c_kit.h"
#include "codegen/c/c_tile.h"

static int channel_axis(const Kernel *k)
{
    return k->columns.count == 1 ? k->columns.axes[0].axis : -1;
}

#define MOST_GATHERED 2048  // elements of a window, which goes on the stack

static int64_t elements_of(const ContractAxes *x)
{
    int64_t elements = 1;
    for (int i = 0; i < x->count; i++)
        elements *= x->axes[i].size;
    return elements;
}

static bool fits_stack(const Kernel *k)
{
    const bool gathered = k->clip_count || k->rows.count || k->batch.count;
    return !gathered || elements_of(&k->depth) <= MOST_GATHERED;
}

bool c_blocks_serve(Arena *a, const Kernel *k)
{
    CFinish f;
    return channel_axis(k) >= 0 && !k->parts.size && fits_stack(k) && c_window_serves(k) &&
           c_finish_of(a, k, channel_axis(k), &f);
}

typedef struct Blocks {
    Contract *t;
    CFinish finish;
    int64_t channels, points;
    int64_t depth, room;  // in whole fours
    const char *to;       // where the results go; NULL: to y
} Blocks;

static const char *arguments(const Blocks *b)
{
    CWriter *w = b->t->w;
    return arena_printf(w->arena, "%s, %s, %s, %lld, %lld, %d", c_slot(w, 1),
                        c_slot(w, b->finish.offset), c_slot(w, b->finish.multiplier),
                        (long long)b->channels, (long long)b->room, b->finish.zero);
}

// As they stand in memory.
static bool are_in_place(const Blocks *b)
{
    const Kernel *k = b->t->k;
    return k->clip_count == 0 && k->depth.count == 1 && k->depth.axes[0].left == 1 &&
           b->depth == b->room;
}

static void gather_bytes(const Blocks *b)
{
    CWriter *w = b->t->w;
    c_line(w, "int8_t x[%lld] = {0};", (long long)b->room);
    c_line(w, "{");
    w->indent++;
    c_line(w, "int8_t *to = x;");
    c_window(b->t, false);
    c_close(w);
}

static void one_point(Blocks *b)
{
    CWriter *w = b->t->w;
    const char *x = "x";
    if (are_in_place(b)) {
        const char *at = c_left_position(b->t);
        x = strcmp(at, "0") == 0 ? c_slot(w, 0)
                                 : arena_printf(w->arena, "%s + %s", c_slot(w, 0), at);
    } else
        gather_bytes(b);
    b->to = c_results(b->t, &b->finish, b->channels, NULL);
    if (!b->to)
        c_line(w, "int8_t y[%lld];", (long long)b->channels);
    c_line(w, "%s(%s, %s, %s);", c_helper(w, C_LINE), b->to ? b->to : "y", x, arguments(b));
    if (!b->to)
        c_follow(b->t, b->channels, NULL, NULL);
}

// Behind the last point there is another window of it, of which nothing is stored.
static void gather_windows(const Blocks *b, bool fours)
{
    CWriter *w = b->t->w;
    c_open(w, "for (int r = 0; r < %s_ROWS; ++r)", w->name);
    c_line(w, "const %s q = p + r < %lld ? p + r : %lld;", w->index, (long long)b->points,
           (long long)b->points - 1);
    c_point_index(b->t, "q");
    if (fours)
        c_line(w, "%s_wide *to = x + r * %s_START(%lld);", w->name, w->name, (long long)b->room);
    else
        c_line(w, "int8_t *to = bytes;");
    c_window(b->t, fours);
    if (!fours)
        c_line(w, "%s(x + r * %s_START(%lld), bytes, %lld);", c_helper(w, C_WIDEN), w->name,
               (long long)b->room, (long long)b->room);
    c_close(w);
}

static void many_points(Blocks *b)
{
    CWriter *w = b->t->w;
    const bool fours = c_window_in_fours(b->t);
    b->to = c_results(b->t, &b->finish, b->channels, "p");
    c_line(w, "%s_ALIGNED %s_wide x[%s_ROOM(%lld)];", w->name, w->name, w->name,
           (long long)b->room);
    if (!fours)
        c_line(w, "int8_t bytes[%lld] = {0};", (long long)b->room);
    if (!b->to)
        c_line(w, "int8_t y[%s_ROWS * %lld];", w->name, (long long)b->channels);
    c_open(w, "for (%s p = 0; p < %lld; p += %s_ROWS)", w->index, (long long)b->points, w->name);
    c_line(w, "const int rows = %lld - p < %s_ROWS ? (int)(%lld - p) : %s_ROWS;",
           (long long)b->points, w->name, (long long)b->points, w->name);
    gather_windows(b, fours);
    c_line(w, "%s(%s, rows, x, %s);", c_helper(w, C_TILE), b->to ? b->to : "y", arguments(b));
    if (!b->to)
        c_follow(b->t, b->channels, "p", "rows");
    c_close(w);
}

static int column_of(const Contract *t, int axis)
{
    for (int i = 0; i < t->axis_count; i++)
        if (t->axes[i].axis == axis)
            return i;
    return -1;
}

void c_blocks(CWriter *w, const Kernel *kernel)
{
    Kernel k = *kernel;
    Contract t = {.w = w, .k = &k};
    Blocks b = {.t = &t, .depth = 1};
    contract_merge_depth(&k);
    c_tile_axes(&t);
    t.column = column_of(&t, channel_axis(&k));
    c_finish_of(w->arena, &k, channel_axis(&k), &b.finish);
    t.code = c_code_open_behind(w, &k, b.finish.instr);
    for (int i = 0; i < k.depth.count; i++)
        b.depth *= size_of(&t, &k.depth.axes[i]);
    b.room = (b.depth + KIT_DEPTH - 1) / KIT_DEPTH * KIT_DEPTH;
    b.channels = size_of(&t, &t.axes[t.column]);
    b.points = c_points(&t);
    if (b.points == 1)
        one_point(&b);
    else
        many_points(&b);
}
