// table.c -- text in columns.

#include "driver/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/cells.h"

typedef struct Row {
    const char **cells;  // NULL: a rule
    int count;
} Row;

struct Table {
    Arena *arena;
    const char *columns;
    int column_count;
    Row *rows;
    int count, capacity;
};

Table *table_new(Arena *a, const char *columns)
{
    Table *t = arena_new_of(a, Table);
    *t = (Table){.arena = a, .columns = columns, .column_count = (int)strlen(columns)};
    return t;
}

void table_cell(Table *t, const char *format, ...)
{
    if (t->count == 0 || !t->rows[t->count - 1].cells ||
        t->rows[t->count - 1].count == t->column_count) {
        const Row row = {.cells = arena_array(t->arena, const char *, (size_t)t->column_count)};
        arena_push(t->arena, t->rows, t->count, t->capacity, row);
    }
    Row *row = &t->rows[t->count - 1];
    va_list args;
    va_start(args, format);
    row->cells[row->count++] = arena_vprintf(t->arena, format, args);
    va_end(args);
}

void table_rule(Table *t)
{
    arena_push(t->arena, t->rows, t->count, t->capacity, (Row){0});
}

void table_end_row(Table *t)
{
    while (t->rows[t->count - 1].count < t->column_count)
        table_cell(t, "%s", "");
}

size_t text_cells(const char *text)
{
    return cells_show(NULL, text, strlen(text));
}

static size_t column_width(const Table *t, int column)
{
    size_t width = 0;
    for (int i = 0; i < t->count; i++) {
        const size_t cells = column < t->rows[i].count ? text_cells(t->rows[i].cells[column]) : 0;
        width = cells > width ? cells : width;
    }
    return width;
}

static void print_rule(const Terminal *term, size_t cells)
{
    fprintf(term->out, "  %s", style_on(term, STYLE_DIM));
    for (size_t i = 0; i < cells; i++)
        fputs(term->unicode ? "\u2500" : "-", term->out);
    fprintf(term->out, "%s\n", style_off(term, STYLE_DIM));
}

static void print_row(const Table *t, const Row *row, const size_t *widths, FILE *out)
{
    int owed = 0;  // blanks are held back, so that no line ends in any
    for (int c = 0; c < row->count; c++) {
        const char *text = row->cells[c];
        const int pad = (int)(widths[c] - text_cells(text));
        const bool right = t->columns[c] == 'r';
        owed += 2 + (right ? pad : 0);
        if (*text) {
            fprintf(out, "%*s", owed, "");
            cells_show(out, text, strlen(text));
            owed = 0;
        }
        owed += right ? 0 : pad;
    }
}

void table_print(const Table *t, const Terminal *term)
{
    size_t *widths = arena_array(t->arena, size_t, (size_t)t->column_count);
    size_t total = 2 * (size_t)(t->column_count - 1);
    for (int c = 0; c < t->column_count; c++) {
        widths[c] = column_width(t, c);
        total += widths[c];
    }
    for (int i = 0; i < t->count; i++) {
        const Style style = i == 0 ? STYLE_BOLD : STYLE_NONE;
        if (!t->rows[i].cells) {
            print_rule(term, total);
            continue;
        }
        fputs(style_on(term, style), term->out);
        print_row(t, &t->rows[i], widths, term->out);
        fprintf(term->out, "%s\n", style_off(term, style));
    }
}

const char *const *table_lines(const Table *t, int *count)
{
    Arena *a = t->arena;
    const char **lines = arena_array(a, const char *, (size_t)t->count + 1);
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    *count = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return lines;
    table_print(t, &(Terminal){.out = out});
    if (fclose(out) == 0)
        for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest))
            lines[(*count)++] = arena_strdup(a, l);
    free(text);
    return lines;
}

const char *grouped(Arena *a, long long n)
{
    char digits[32];
    const int count = snprintf(digits, sizeof digits, "%lld", n);
    char out[48];
    int size = 0;
    for (int i = 0; i < count; i++) {
        const bool group = i > 0 && digits[i - 1] != '-' && (count - i) % 3 == 0;
        if (group)
            out[size++] = ' ';
        out[size++] = digits[i];
    }
    return arena_strndup(a, out, (size_t)size);
}

const char *bytes_text(Arena *a, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    return arena_printf(a, unit > 0 && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}
