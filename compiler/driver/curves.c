// curves.c -- curves in braille.
//
// A canvas of cells, each with eight dots:   1 4
//                                            2 5
//                                            3 6
//                                            7 8    U+2800 plus a bit for each dot

#include "driver/curves.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "driver/progress.h"
#include "driver/table.h"

enum { ROWS = 10, MOST_COLUMNS = 60, LABEL_CELLS = 12, NAME_CELLS = 12 };
static const double LOG_SPAN = 20;

typedef struct Canvas {
    int columns;
    uint8_t *dots;   // [ROWS * columns]
    uint8_t *owner;  // [ROWS * columns]: 1 + the curve that drew there last
    double low, high;
    bool log;
    int count;
} Canvas;

static void span_of(Canvas *c, const Curve *curves, int curve_count)
{
    c->low = INFINITY;
    c->high = -INFINITY;
    for (int k = 0; k < curve_count; k++)
        for (int i = 0; i < c->count; i++) {
            const double v = curves[k].values[i];
            if (isfinite(v)) {
                c->low = fmin(c->low, v);
                c->high = fmax(c->high, v);
            }
        }
    c->log = c->low > 0 && c->high / c->low > LOG_SPAN;
}

// The dot row of a value, 0 at the top.
static int dot_row(const Canvas *c, double v)
{
    const double low = c->log ? log(c->low) : c->low;
    const double high = c->log ? log(c->high) : c->high;
    const double at = high > low ? ((c->log ? log(v) : v) - low) / (high - low) : 0.5;
    return (int)lround((1 - at) * (4 * ROWS - 1));
}

static int dot_column(const Canvas *c, int i)
{
    return (int)((long)i * (2 * c->columns - 1) / (c->count - 1));
}

static void set_dot(Canvas *c, int x, int y, int curve)
{
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const int cell = y / 4 * c->columns + x / 2;
    c->dots[cell] |= bits[y % 4][x % 2];
    c->owner[cell] = (uint8_t)(curve + 1);
}

static void draw_segment(Canvas *c, int x0, int y0, int x1, int y1, int curve)
{
    const int dx = x1 - x0;
    const int dy = y1 - y0;
    const int far = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
    const int steps = far > 0 ? far : 1;
    for (int i = 0; i <= steps; i++)
        set_dot(c, x0 + dx * i / steps, y0 + dy * i / steps, curve);
}

static void draw_curve(Canvas *c, const Curve *curve, int index)
{
    int last = -1;
    for (int i = 0; i < c->count; i++) {
        if (!isfinite(curve->values[i]))
            continue;
        const int from = last < 0 ? i : last;
        draw_segment(c, dot_column(c, from), dot_row(c, curve->values[from]), dot_column(c, i),
                     dot_row(c, curve->values[i]), index);
        last = i;
    }
}

// The row of cells beside which a curve's name stands: where it ends. -1: nowhere.
static int end_row(const Canvas *c, const Curve *curve)
{
    for (int i = c->count; i-- > 0;)
        if (isfinite(curve->values[i]))
            return dot_row(c, curve->values[i]) / 4;
    return -1;
}

static void print_cell(const Terminal *t, uint8_t dots, Style style)
{
    const char braille[] = {(char)0xE2, (char)(0xA0 | dots >> 6), (char)(0x80 | (dots & 0x3F)), 0};
    fprintf(t->out, "%s%s%s", style_on(t, style), t->unicode ? braille : "*", style_off(t, style));
}

static const char *row_label(Arena *a, const Canvas *c, int row)
{
    if (row != 0 && row != ROWS - 1)
        return "";
    return arena_strdup(a, value_text(row == 0 ? c->high : c->low).text);
}

// The blanks that are owed, which then are no more.
static int take_blanks(int *blanks)
{
    const int owed = *blanks;
    *blanks = 0;
    return owed;
}

static void print_row(const Terminal *t, Arena *a, const Canvas *c, int row, const Curve *curves,
                      const int *name_rows, int curve_count)
{
    fprintf(t->out, "  %*s %s", LABEL_CELLS - 3, row_label(a, c, row), t->unicode ? "\u2502" : "|");
    int blanks = 0;  // held back, so that no line ends in any
    for (int x = 0; x < c->columns; x++) {
        const int cell = row * c->columns + x;
        if (!c->dots[cell]) {
            blanks++;
            continue;
        }
        fprintf(t->out, "%*s", take_blanks(&blanks), "");
        print_cell(t, c->dots[cell], curves[c->owner[cell] - 1].style);
    }
    for (int k = 0; k < curve_count; k++)
        if (name_rows[k] == row)
            fprintf(t->out, "%*s %s%s%s", take_blanks(&blanks), "", style_on(t, curves[k].style),
                    curves[k].name, style_off(t, curves[k].style));
    fputc('\n', t->out);
}

static void print_axis(const Terminal *t, const Canvas *c)
{
    fprintf(t->out, "  %*s %s", LABEL_CELLS - 3, "", t->unicode ? "\u2514" : "+");
    for (int x = 0; x < c->columns; x++)
        fputs(t->unicode ? "\u2500" : "-", t->out);
    fprintf(t->out, "\n  %*s 1%*d\n", LABEL_CELLS - 2, "", c->columns - 1, c->count);
}

void curves_print(const Terminal *t, Arena *a, const char *title, const Curve *curves,
                  int curve_count, int count)
{
    const int room = t->width - LABEL_CELLS - NAME_CELLS;
    Canvas c = {.columns = room < 10             ? 10
                           : room > MOST_COLUMNS ? MOST_COLUMNS
                                                 : room,
                .count = count};
    c.dots = arena_array(a, uint8_t, (size_t)(ROWS * c.columns));
    c.owner = arena_array(a, uint8_t, (size_t)(ROWS * c.columns));
    span_of(&c, curves, curve_count);
    if (count < 2 || !(c.low <= c.high))
        return;
    int *name_rows = arena_array(a, int, (size_t)curve_count);
    for (int k = 0; k < curve_count; k++) {
        draw_curve(&c, &curves[k], k);
        name_rows[k] = end_row(&c, &curves[k]);
    }
    fprintf(t->out, "\n  %s by epoch%s\n", title, c.log ? ", logarithmic" : "");
    for (int row = 0; row < ROWS; row++)
        print_row(t, a, &c, row, curves, name_rows, curve_count);
    print_axis(t, &c);
}
