// csv.h -- tables of text (RFC 4180) to numbers.
//
// Quoted fields with doubled quotes and line ends inside them, LF or CRLF, a header unless told
// otherwise, a UTF-8 byte order mark and empty lines skipped, blanks round unquoted values removed.
// A column whose values all are numbers is numeric (f32); any other is categorical: codes are the
// ranks of its values in bytewise order. Numbers do not depend on the locale. Limits: 4 GiB a file,
// 16 MiB a record, 65,536 columns, 2^32 - 1 rows.

#ifndef NNRT_CSV_H
#define NNRT_CSV_H

#include "dataset.h"
#include "error.h"

typedef struct NnrtColumn {
    char *name;           // owned; "c0", "c1", ... without a header
    bool categorical;     // says which of the next two is there
    float *numbers;       // owned; f32[rows]
    int32_t *codes;       // owned; i32[rows]
    char **classes;       // owned; names of the codes, sorted bytewise
    int64_t class_count;  // 0 for a numeric column
} NnrtColumn;

typedef struct NnrtTable {
    NnrtColumn *columns;  // owned
    int column_count;
    int64_t rows;
    int64_t dropped;  // rows left out for a missing value
    char *file;       // owned; for messages
} NnrtTable;

typedef struct NnrtCsvOptions {
    char separator;              // 0: a comma
    bool no_header;              // the first record is data
    const char *const *missing;  // spellings of a missing value besides the empty one
    int missing_count;
    bool drop_missing;  // leave such rows out; else a missing value is an error

    // The table of the training data: columns then are those of `like`, in its order, and their
    // kinds and classes too, so that codes mean the same in the test's file. A class that `like`
    // does not know is an error. `optional` columns may be absent in the file (a target, when
    // predicting).
    const struct NnrtTable *like;
    const char *const *optional;
    int optional_count;
} NnrtCsvOptions;

// Reads a file, or `size` bytes of text that messages call `file`. `options` may be NULL: defaults.
// A missing value, a ragged record, an unclosed quote, a name twice: an error with line and column.
bool nnrt_csv_read(const char *file, const NnrtCsvOptions *options, NnrtTable *out, NnrtError *e);
bool nnrt_csv_parse(const char *file, const char *text, size_t size, const NnrtCsvOptions *options,
                    NnrtTable *out, NnrtError *e);

// Makes fields of a table. `targets` (none: the last column) name the target columns; all others
// make field "input", f32[width]: a number as it is, a category as one 0-or-1 element a class
// (columns are then called "name=class"). One target, or several that are all numeric, make field
// "target": a category i32[] with its classes, numbers f32[k]. Several with a category among them
// make a field each, by the column's name. A name that is not in the table is an error, or passed
// over when `allow_absent`. `select` may be NULL: the last column is the target.
typedef struct NnrtSelect {
    const char *const *targets;
    int target_count;
    const char *const *ignored;  // columns that are in no field: names of rows, dates
    int ignored_count;
    bool allow_absent;
} NnrtSelect;

bool nnrt_table_select(const NnrtTable *t, const NnrtSelect *select, NnrtDataset *out,
                       NnrtError *e);

void nnrt_table_free(NnrtTable *t);

#endif
