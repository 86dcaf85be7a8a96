// table.h -- text in columns, aligned by the cells that a terminal gives it.

#ifndef NNC_TABLE_H
#define NNC_TABLE_H

#include "base/arena.h"
#include "driver/terminal.h"

typedef struct Table Table;

// Columns are told by a string of letters: 'l' to the left, 'r' to the right.
Table *table_new(Arena *a, const char *columns);

// The text of the next cell, row by row; it is copied.
void table_cell(Table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A line across, below the rows so far.
void table_rule(Table *t);
// Fills the row up with empty cells.
void table_end_row(Table *t);

// Two cells stand before every line and between columns. The first row is the heading.
void table_print(const Table *t, const Terminal *terminal);
// The same as lines of plain text, in the table's arena.
const char *const *table_lines(const Table *t, int *count);

// Cells that text fills on a terminal.
size_t text_cells(const char *text);

// 1234567 as "1 234 567"; in `a`.
const char *grouped(Arena *a, long long n);
// 1536 as "1.5 KiB".
const char *bytes_text(Arena *a, double bytes);

#endif
