// csv.c -- reads tables: records are cut in place, then columns are made of them.

#include "csv.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "file.h"

#define FILE_LIMIT (((size_t)4 << 30) - 1)  // positions are kept in 32 bits
#define RECORD_LIMIT ((size_t)16 << 20)
#define COLUMN_LIMIT 65536

// ---- records

// All records of a text. Cells are NUL-terminated where they stand; a cell is its position.
typedef struct Records {
    const char *file;
    char *text;       // the file, cut up
    uint32_t *cells;  // owned; [count, columns]
    uint32_t *lines;  // owned; on which a record begins
    size_t count;
    size_t columns;
    size_t cell_room;
    size_t line_room;
} Records;

static const char *cell_at(const Records *r, size_t record, size_t column)
{
    return r->text + r->cells[record * r->columns + column];
}

static void records_free(Records *r)
{
    free(r->cells);
    free(r->lines);
}

static bool push(uint32_t **items, size_t count, size_t *room, size_t value, NnrtError *e)
{
    if (count == *room) {
        const size_t more = *room ? 2 * *room : 256;
        uint32_t *grown = nnrt_resize(*items, more, sizeof *grown, e);
        if (!grown)
            return false;
        *items = grown;
        *room = more;
    }
    (*items)[count] = (uint32_t)value;
    return true;
}

typedef struct Scanner {
    const char *file;
    char *text;  // text[size] is NUL
    size_t size;
    size_t at;
    size_t line;    // from 1
    size_t record;  // where this record begins
    size_t column;  // of the cell, from 0
    char separator;
} Scanner;

typedef enum CellEnd { CELL_FAILED, CELL_SEPARATOR, CELL_LAST } CellEnd;

static CellEnd cell_failure(const Scanner *s, size_t line, const char *what, NnrtError *e)
{
    nnrt_fail_line(e, s->file, (int64_t)line, (int64_t)s->column + 1, "%s", what);
    return CELL_FAILED;
}

// At the end of the text, a line end or a separator?
static bool at_cell_end(const Scanner *s)
{
    const char c = s->text[s->at];
    return s->at == s->size || c == s->separator || c == '\n' || c == '\r';
}

// Steps over what ends a cell.
static CellEnd end_cell(Scanner *s, NnrtError *e)
{
    if (s->at == s->size)
        return CELL_LAST;
    const char c = s->text[s->at++];
    if (c == s->separator)
        return CELL_SEPARATOR;
    if (c == '\r' && s->at < s->size && s->text[s->at] == '\n')
        s->at++;
    else if (c == '\r' && s->at < s->size)
        return cell_failure(s, s->line, "a carriage return without a line feed", e);
    s->line++;
    return CELL_LAST;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// A cell without quotes, spaces and tabs around it removed.
static CellEnd scan_plain(Scanner *s, size_t *cell, NnrtError *e)
{
    while (s->at < s->size && is_blank(s->text[s->at]) && !at_cell_end(s))
        s->at++;
    *cell = s->at;
    while (!at_cell_end(s)) {
        if (s->text[s->at] == '\0')
            return cell_failure(s, s->line, "a NUL byte: this is no text", e);
        s->at++;
    }
    size_t end = s->at;
    const CellEnd how = end_cell(s, e);
    while (end > *cell && is_blank(s->text[end - 1]))
        end--;
    s->text[end] = '\0';
    return how;
}

// A cell in quotes, of which "" is one; s->at is at the first.
static CellEnd scan_quoted(Scanner *s, size_t *cell, NnrtError *e)
{
    const size_t line = s->line;
    size_t end = *cell = ++s->at;
    for (;; s->at++) {
        if (s->at == s->size)
            return cell_failure(s, line, "a quote begins here and is not closed", e);
        const char c = s->text[s->at];
        if (c == '\0')
            return cell_failure(s, s->line, "a NUL byte: this is no text", e);
        if (c == '"' && s->text[s->at + 1] != '"')
            break;
        if (c == '"')
            s->at++;
        s->line += c == '\n';
        s->text[end++] = c;
    }
    s->at++;
    while (s->at < s->size && is_blank(s->text[s->at]) && !at_cell_end(s))
        s->at++;
    if (!at_cell_end(s))
        return cell_failure(s, s->line, "text after the closing quote", e);
    const CellEnd how = end_cell(s, e);
    s->text[end] = '\0';
    return how;
}

// Pushes the cells of one record; *cells is their number.
static bool scan_record(Scanner *s, Records *r, size_t *cells, NnrtError *e)
{
    CellEnd end = CELL_SEPARATOR;
    const size_t first = r->count * r->columns;
    for (s->column = 0; end == CELL_SEPARATOR; s->column++) {
        size_t cell = 0;
        if (s->column == COLUMN_LIMIT)
            return cell_failure(s, s->line, "more than 65536 columns", e);
        end = s->text[s->at] == '"' && s->at < s->size ? scan_quoted(s, &cell, e)
                                                       : scan_plain(s, &cell, e);
        if (end == CELL_FAILED || !push(&r->cells, first + s->column, &r->cell_room, cell, e))
            return false;
        if (s->at - s->record > RECORD_LIMIT)
            return cell_failure(s, s->line, "a record of more than 16 MiB; is a quote open?", e);
    }
    *cells = s->column;
    return true;
}

static bool at_empty_line(const Scanner *s)
{
    return s->text[s->at] == '\n' || (s->text[s->at] == '\r' && s->text[s->at + 1] == '\n');
}

static void skip_empty_lines(Scanner *s)
{
    while (s->at < s->size && at_empty_line(s)) {
        s->at += s->text[s->at] == '\r' ? 2 : 1;
        s->line++;
    }
}

static bool scan_records(Scanner *s, Records *r, NnrtError *e)
{
    for (skip_empty_lines(s); s->at < s->size; skip_empty_lines(s)) {
        const size_t line = s->line;
        size_t cells = 0;
        s->record = s->at;
        if (!scan_record(s, r, &cells, e))
            return false;
        if (r->count == 0)
            r->columns = cells;
        if (cells != r->columns)
            return nnrt_fail_line(e, s->file, (int64_t)line, 0,
                                  "%zu values in this record, and %zu in the first", cells,
                                  r->columns);
        if (!push(&r->lines, r->count, &r->line_room, line, e))
            return false;
        r->count++;
    }
    if (r->count == 0)
        return nnrt_fail_file(e, s->file, "the table is empty");
    return true;
}

// ---- numbers

// What conversion needs besides the text: a locale in which the decimal point is a point.
typedef struct Numbers {
    locale_t locale;
} Numbers;

static size_t skip_digits(const char *s)
{
    return strspn(s, "0123456789");
}

// [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent; no inf, nan, hex.
static bool looks_numeric(const char *s)
{
    s += *s == '+' || *s == '-';
    const size_t whole = skip_digits(s);
    s += whole;
    size_t fraction = 0;
    if (*s == '.') {
        fraction = skip_digits(++s);
        s += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        const size_t exponent = skip_digits(s);
        if (exponent == 0)
            return false;
        s += exponent;
    }
    return *s == '\0';
}

// Most numbers in tables: a short mantissa over a power of ten, both exact in f64, so that the one
// division rounds correctly. False: leave it to strtod.
static bool convert_short(const char *s, double *value)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const bool negative = *s == '-';
    s += *s == '+' || *s == '-';
    int64_t mantissa = 0;
    int digits = 0;
    int fraction = 0;
    bool point = false;
    for (; *s; s++) {
        if (*s == 'e' || *s == 'E' || digits == 15)
            return false;
        if (*s == '.') {
            point = true;
            continue;
        }
        mantissa = 10 * mantissa + (*s - '0');
        digits++;
        fraction += point;
    }
    *value = (double)mantissa / powers[fraction];
    *value = negative ? -*value : *value;
    return true;
}

static bool convert(const Numbers *numbers, const char *s, float *out)
{
    double value;
    if (!convert_short(s, &value))
        value = strtod_l(s, NULL, numbers->locale);
    // Compared before the conversion, which is undefined outside the range of a float.
    if (!(fabs(value) < 0x1.ffffffp127))
        return false;
    *out = (float)value;
    return true;
}

// ---- which rows are kept

static bool in_list(const char *text, const char *const *list, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool is_missing(const char *cell, const NnrtCsvOptions *o)
{
    return cell[0] == '\0' || in_list(cell, o->missing, o->missing_count);
}

// Everything that making the columns of one table needs.
typedef struct Builder {
    const Records *records;
    const NnrtCsvOptions *options;
    NnrtTable *table;
    const char **names;  // [records->columns]; into the text, or into `numbered`
    char *numbered;      // names "c0", "c1", ...
    size_t *from;        // [table columns]; the file's column
    uint32_t *rows;      // [table rows]; the record of each
    size_t first;        // the first record of data
    Numbers numbers;
} Builder;

static bool missing_failure(const Builder *b, size_t record, size_t column, NnrtError *e)
{
    const char *cell = cell_at(b->records, record, column);
    nnrt_fail_line(e, b->records->file, b->records->lines[record], (int64_t)column + 1,
                   "the value of %s is missing%s%s%s", b->names[column], cell[0] ? " (" : "", cell,
                   cell[0] ? ")" : "");
    return nnrt_fail_help(e, "drop such rows, or fill the value in");
}

// *keep: no value of a column in use is missing.
static bool check_row(const Builder *b, size_t record, bool *keep, NnrtError *e)
{
    *keep = true;
    for (int i = 0; i < b->table->column_count && *keep; i++) {
        if (!is_missing(cell_at(b->records, record, b->from[i]), b->options))
            continue;
        if (!b->options->drop_missing)
            return missing_failure(b, record, b->from[i], e);
        *keep = false;
    }
    return true;
}

static bool choose_rows(Builder *b, NnrtError *e)
{
    const Records *r = b->records;
    b->rows = nnrt_alloc(r->count, sizeof *b->rows, e);
    if (!b->rows)
        return false;
    for (size_t record = b->first; record < r->count; record++) {
        bool keep;
        if (!check_row(b, record, &keep, e))
            return false;
        if (keep)
            b->rows[b->table->rows++] = (uint32_t)record;
        else
            b->table->dropped++;
    }
    if (b->table->rows == 0)
        return nnrt_fail_file(e, r->file, "no rows of data%s",
                              b->table->dropped ? ": each misses a value" : "");
    return true;
}

// ---- columns

static const char *value_at(const Builder *b, size_t column, int64_t row)
{
    return cell_at(b->records, b->rows[row], column);
}

static bool value_failure(const Builder *b, size_t column, int64_t row, const char *what,
                          NnrtError *e)
{
    return nnrt_fail_line(e, b->records->file, b->records->lines[b->rows[row]], (int64_t)column + 1,
                          "'%.80s' in %s %s", value_at(b, column, row), b->names[column], what);
}

// Spellings that make a column of numbers look like one of categories: better to ask. What programs
// write for numbers that are not finite is among them, in any case and with any sign.
static bool stands_for_no_number(const char *s)
{
    static const char *const spellings[] = {"NA",   "N/A",  "n/a", "null", "NULL",
                                            "None", "none", "?",   "-",    "."};
    static const char *const not_finite[] = {"nan", "inf", "infinity"};
    const char *word = s + (*s == '+' || *s == '-');
    for (size_t i = 0; i < sizeof not_finite / sizeof not_finite[0]; i++)
        if (strcasecmp(word, not_finite[i]) == 0)
            return true;
    return in_list(s, spellings, (int)(sizeof spellings / sizeof spellings[0]));
}

// What a column is made of; the rows are the first of their kind, or -1.
typedef struct Tally {
    int64_t numbers, others;
    int64_t missing_row, other_row;
} Tally;

static Tally tally_column(const Builder *b, size_t column)
{
    Tally t = {.missing_row = -1, .other_row = -1};
    for (int64_t row = 0; row < b->table->rows; row++) {
        const char *s = value_at(b, column, row);
        if (looks_numeric(s)) {
            t.numbers++;
        } else if (stands_for_no_number(s)) {
            t.missing_row = t.missing_row < 0 ? row : t.missing_row;
        } else {
            t.others++;
            t.other_row = t.other_row < 0 ? row : t.other_row;
        }
    }
    return t;
}

// One cell among so many numbers is a slip rather than a category.
#define MANY_NUMBERS 20

// Sets *numeric; fails when all but one cell, or the usual spellings of a missing value, are
// numbers.
static bool judge_column(const Builder *b, size_t column, bool *numeric, NnrtError *e)
{
    const Tally t = tally_column(b, column);
    const bool slip = t.others == 1 && t.numbers >= MANY_NUMBERS;
    const int64_t suspect = slip ? t.other_row : t.others == 0 && t.numbers ? t.missing_row : -1;
    *numeric = t.others == 0 && t.missing_row < 0;
    if (suspect < 0)
        return true;
    value_failure(b, column, suspect, "is not a number, as all else there is", e);
    return nnrt_fail_help(e,
                          "mend the value, or leave such rows out: missing = [\"%.40s\"], "
                          "drop_missing = true",
                          value_at(b, column, suspect));
}

static bool fill_numbers(const Builder *b, NnrtColumn *c, size_t column, NnrtError *e)
{
    c->numbers = nnrt_alloc((size_t)b->table->rows, sizeof *c->numbers, e);
    if (!c->numbers)
        return false;
    for (int64_t row = 0; row < b->table->rows; row++) {
        const char *s = value_at(b, column, row);
        if (!looks_numeric(s))
            return value_failure(b, column, row, "is not a number, as in the training data", e);
        if (!convert(&b->numbers, s, &c->numbers[row]))
            return value_failure(b, column, row, "does not fit into a 32-bit float", e);
    }
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The different values of a column, sorted; copied into c->classes.
static bool collect_classes(const Builder *b, NnrtColumn *c, size_t column, NnrtError *e)
{
    const int64_t n = b->table->rows;
    const char **values = nnrt_alloc((size_t)n, sizeof *values, e);
    if (!values)
        return false;
    for (int64_t row = 0; row < n; row++)
        values[row] = value_at(b, column, row);
    qsort(values, (size_t)n, sizeof *values, compare_texts);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (count == 0 || strcmp(values[count - 1], values[i]) != 0)
            values[count++] = values[i];
    c->classes = nnrt_alloc((size_t)count, sizeof *c->classes, e);
    bool ok = c->classes;
    for (int64_t i = 0; ok && i < count; i++) {
        c->classes[i] = nnrt_copy_text(values[i], strlen(values[i]), e);
        ok = c->classes[i];
        c->class_count += ok;
    }
    free(values);
    return ok;
}

static bool copy_classes(NnrtColumn *c, const NnrtColumn *like, NnrtError *e)
{
    c->classes = nnrt_alloc((size_t)like->class_count, sizeof *c->classes, e);
    for (int64_t i = 0; c->classes && i < like->class_count; i++) {
        c->classes[i] = nnrt_copy_text(like->classes[i], strlen(like->classes[i]), e);
        if (!c->classes[i])
            return false;
        c->class_count++;
    }
    return c->classes;
}

static bool fill_codes(const Builder *b, NnrtColumn *c, size_t column, NnrtError *e)
{
    c->codes = nnrt_alloc((size_t)b->table->rows, sizeof *c->codes, e);
    if (!c->codes)
        return false;
    for (int64_t row = 0; row < b->table->rows; row++) {
        const char *s = value_at(b, column, row);
        char **found =
            bsearch(&s, c->classes, (size_t)c->class_count, sizeof *c->classes, compare_texts);
        if (!found)
            return value_failure(b, column, row, "is no class of the training data", e);
        c->codes[row] = (int32_t)(found - c->classes);
    }
    return true;
}

static bool fill_column(const Builder *b, NnrtColumn *c, size_t column, const NnrtColumn *like,
                        NnrtError *e)
{
    bool numeric = like && !like->categorical;
    c->name = nnrt_copy_text(b->names[column], strlen(b->names[column]), e);
    if (!c->name || (!like && !judge_column(b, column, &numeric, e)))
        return false;
    c->categorical = !numeric;
    if (numeric)
        return fill_numbers(b, c, column, e);
    return (like ? copy_classes(c, like, e) : collect_classes(b, c, column, e)) &&
           fill_codes(b, c, column, e);
}

// ---- names and the choice of columns

static bool make_numbered_names(Builder *b, NnrtError *e)
{
    enum { NAME = 8 };
    b->numbered = nnrt_alloc(b->records->columns, NAME, e);
    if (!b->numbered)
        return false;
    for (size_t i = 0; i < b->records->columns; i++) {
        snprintf(b->numbered + i * NAME, NAME, "c%u", (unsigned)i % COLUMN_LIMIT);
        b->names[i] = b->numbered + i * NAME;
    }
    return true;
}

// Sorted, two equal names stand side by side: no quadratic search through 65,536 columns.
static bool check_names(const Builder *b, NnrtError *e)
{
    const size_t n = b->records->columns;
    const char **sorted = nnrt_alloc(n, sizeof *sorted, e);
    if (!sorted)
        return false;
    memcpy(sorted, b->names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_texts);
    bool ok = true;
    for (size_t i = 1; ok && i < n; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            ok = nnrt_fail_line(e, b->records->file, b->records->lines[0], 0,
                                "two columns are called '%.80s'", sorted[i]);
    free(sorted);
    return ok;
}

static bool name_columns(Builder *b, NnrtError *e)
{
    b->names = nnrt_alloc(b->records->columns, sizeof *b->names, e);
    if (!b->names)
        return false;
    if (b->options->no_header)
        return make_numbered_names(b, e);
    b->first = 1;
    for (size_t i = 0; i < b->records->columns; i++) {
        b->names[i] = cell_at(b->records, 0, i);
        if (b->names[i][0] == '\0')
            return nnrt_fail_line(e, b->records->file, b->records->lines[0], (int64_t)i + 1,
                                  "the column has no name");
    }
    return check_names(b, e);
}

static bool find_name(const Builder *b, const char *name, size_t *column)
{
    for (*column = 0; *column < b->records->columns; (*column)++)
        if (strcmp(b->names[*column], name) == 0)
            return true;
    return false;
}

// Sets b->from and the number of columns: all, or those of the training data that are here. `kinds`
// gets the training data's column for each.
static bool choose_columns(Builder *b, const NnrtColumn **kinds, NnrtError *e)
{
    const NnrtTable *like = b->options->like;
    if (!like) {
        b->table->column_count = (int)b->records->columns;
        for (size_t i = 0; i < b->records->columns; i++)
            b->from[i] = i;
        return true;
    }
    for (int i = 0; i < like->column_count; i++) {
        const char *name = like->columns[i].name;
        size_t column;
        if (find_name(b, name, &column)) {
            kinds[b->table->column_count] = &like->columns[i];
            b->from[b->table->column_count++] = column;
        } else if (!in_list(name, b->options->optional, b->options->optional_count)) {
            return nnrt_fail_line(e, b->records->file, b->records->lines[0], 0,
                                  "column %s of the training data is not here", name);
        }
    }
    return true;
}

static bool fill_table(Builder *b, const NnrtColumn **kinds, NnrtError *e)
{
    if (!name_columns(b, e) || !choose_columns(b, kinds, e) || !choose_rows(b, e))
        return false;
    b->table->columns = nnrt_alloc((size_t)b->table->column_count, sizeof *b->table->columns, e);
    if (!b->table->columns)
        return false;
    for (int i = 0; i < b->table->column_count; i++)
        if (!fill_column(b, &b->table->columns[i], b->from[i], kinds[i], e))
            return false;
    return true;
}

static bool build_table(Builder *b, NnrtError *e)
{
    const NnrtTable *like = b->options->like;
    const size_t most = like ? (size_t)like->column_count : b->records->columns;
    const NnrtColumn **kinds = nnrt_alloc(most, sizeof *kinds, e);
    b->from = kinds ? nnrt_alloc(most, sizeof *b->from, e) : NULL;
    b->numbers.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    bool ok = b->from;
    if (ok && !b->numbers.locale)
        ok = nnrt_fail(e, "the system has no C locale: %s", strerror(errno));
    ok = ok && fill_table(b, kinds, e);
    if (b->numbers.locale)
        freelocale(b->numbers.locale);
    free(kinds);
    free(b->from);
    free(b->rows);
    free(b->names);
    free(b->numbered);
    return ok;
}

// ---- reading

void nnrt_table_free(NnrtTable *t)
{
    for (int i = 0; t->columns && i < t->column_count; i++) {
        NnrtColumn *c = &t->columns[i];
        for (int64_t k = 0; k < c->class_count; k++)
            free(c->classes[k]);
        free(c->name);
        free(c->numbers);
        free(c->codes);
        free(c->classes);
    }
    free(t->columns);
    free(t->file);
    *t = (NnrtTable){0};
}

static Scanner scanner_at_start(const char *file, char *text, size_t size,
                                const NnrtCsvOptions *options)
{
    Scanner s = {.file = file, .text = text, .size = size, .line = 1};
    s.separator = options->separator ? options->separator : ',';
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        s.at = 3;
    return s;
}

// Cuts `text`, of which text[size] is NUL, up.
static bool parse_in_place(const char *file, char *text, size_t size, const NnrtCsvOptions *options,
                           NnrtTable *out, NnrtError *e)
{
    Scanner s = scanner_at_start(file, text, size, options);
    Records records = {.file = file, .text = text};
    NnrtTable table = {.file = nnrt_copy_text(file, strlen(file), e)};
    Builder b = {.records = &records, .options = options, .table = &table};
    const bool ok = table.file && scan_records(&s, &records, e) && build_table(&b, e);
    records_free(&records);
    if (!ok) {
        nnrt_table_free(&table);
        return false;
    }
    *out = table;
    return true;
}

static const NnrtCsvOptions defaults;

bool nnrt_csv_parse(const char *file, const char *text, size_t size, const NnrtCsvOptions *options,
                    NnrtTable *out, NnrtError *e)
{
    if (size > FILE_LIMIT)
        return nnrt_fail_file(e, file, "%zu bytes of text; at most %zu are read", size, FILE_LIMIT);
    char *copy = nnrt_copy_text(text, size, e);
    if (!copy)
        return false;
    const bool ok = parse_in_place(file, copy, size, options ? options : &defaults, out, e);
    free(copy);
    return ok;
}

bool nnrt_csv_read(const char *file, const NnrtCsvOptions *options, NnrtTable *out, NnrtError *e)
{
    NnrtBytes bytes;
    if (!nnrt_read_file(file, FILE_LIMIT, &bytes, e))
        return false;
    const bool ok =
        parse_in_place(file, (char *)bytes.data, bytes.size, options ? options : &defaults, out, e);
    free(bytes.data);
    return ok;
}
