#include <locale.h>

#include "csv.h"
#include "sample.h"

static bool parse(const char *text, const NnrtCsvOptions *o, NnrtTable *t, NnrtError *e)
{
    char *copy = exact_copy(text, strlen(text));
    const bool ok = nnrt_csv_parse("t.csv", copy, strlen(text), o, t, e);
    free(copy);
    return ok;
}

static NnrtTable parsed(const char *text, const NnrtCsvOptions *o)
{
    NnrtError e;
    NnrtTable t;
    cr_assert(parse(text, o, &t, &e), "%s", e.message);
    return t;
}

static void expect_refusal(const char *text, const NnrtCsvOptions *o, const char *part)
{
    NnrtError e;
    NnrtTable t;
    cr_assert_not(parse(text, o, &t, &e), "accepted: %s", text);
    expect_error(&e, part);
}

Test(csv, numbers_and_categories)
{
    NnrtTable t = parsed("x,y,kind\n1,-2.5,b\n+3e2,.5,a\n4.,6E-1,b\n", NULL);
    cr_expect(t.rows == 3 && t.column_count == 3);
    cr_expect_arr_eq(t.columns[0].numbers, ((float[]){1, 300, 4}), 12);
    cr_expect_arr_eq(t.columns[1].numbers, ((float[]){-2.5f, 0.5f, 0.6f}), 12);
    const NnrtColumn *kind = &t.columns[2];
    cr_expect(kind->categorical && kind->class_count == 2);
    cr_expect_str_eq(kind->classes[0], "a");
    cr_expect_arr_eq(kind->codes, ((int32_t[]){1, 0, 1}), 12);
    nnrt_table_free(&t);
}

Test(csv, quotes_line_ends_and_blanks)
{
    NnrtTable t = parsed("\xEF\xBB\xBF\"a\"\"b\",c\r\n\r\n\"x\ny, z\" , 1 \r\n\n\" q\",2", NULL);
    cr_expect_str_eq(t.columns[0].name, "a\"b");
    cr_expect_str_eq(t.columns[1].name, "c");
    cr_expect_eq(t.rows, 2);
    cr_expect_str_eq(t.columns[0].classes[0], " q");
    cr_expect_str_eq(t.columns[0].classes[1], "x\ny, z");
    cr_expect_arr_eq(t.columns[1].numbers, ((float[]){1, 2}), 8);
    nnrt_table_free(&t);
}

Test(csv, other_separators_and_no_header)
{
    NnrtTable t = parsed("1\t2\n3\t4\n", &(NnrtCsvOptions){.separator = '\t', .no_header = true});
    cr_expect(t.rows == 2 && t.column_count == 2);
    cr_expect_str_eq(t.columns[1].name, "c1");
    cr_expect_arr_eq(t.columns[1].numbers, ((float[]){2, 4}), 8);
    nnrt_table_free(&t);
}

Test(csv, errors_name_the_place)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "t.csv: the table is empty"},
        {"\n\n", "the table is empty"},
        {"a,b\n", "no rows of data"},
        {"a,b\n1,2\n3\n", "t.csv:3: 1 values in this record, and 2 in the first"},
        {"a,b\n1,2\n3,4,5\n", "t.csv:3: 3 values in this record, and 2 in the first"},
        {"a,b\n1,\"2\n3,4\n", "t.csv:2:2: a quote begins here and is not closed"},
        {"a,b\n1,\"2\"x\n", "t.csv:2:2: text after the closing quote"},
        {"a,b\n1,2\r3,4\n", "t.csv:2:2: a carriage return without a line feed"},
        {"a,b\n1,\n", "t.csv:2:2: the value of b is missing"},
        {"a,a\n1,2\n", "t.csv:1: two columns are called 'a'"},
        {"a,\n1,2\n", "t.csv:1:2: the column has no name"},
        {"a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n5.O\n13\n14\n15\n16\n17\n18\n19\n20\n21\n",
         "t.csv:13:1: '5.O' in a is not a number, as all else there is"},
        {"a,b\n1,2\n3,NA\n", "t.csv:3:2: 'NA' in b is not a number, as all else there is"},
        {"a,b\n1,2\n3,-inf\nnan,1\n",
         "t.csv:4:1: 'nan' in a is not a number, as all else there is"},
        {"a\n1\n-Inf\n2\nINFINITY\n", "t.csv:3:1: '-Inf' in a is not a number, as all else"},
        {"a\n1e39\n", "t.csv:2:1: '1e39' in a does not fit into a 32-bit float"},
        {"a\n1e999\n", "does not fit"},
        {"a\n\"x\n\n\",\n", "t.csv:2: 2 values"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refusal(cases[i].text, NULL, cases[i].part);
    NnrtError e;
    NnrtTable t;
    cr_expect_not(nnrt_csv_parse("t.csv", "a,b\n1,\0\n", 8, NULL, &t, &e));
    expect_error(&e, "t.csv:2:2: a NUL byte");
}

Test(csv, missing_values)
{
    const char *text = "a,b\n1,x\nNA,y\n3,\n4,z\n";
    const char *const missing[] = {"NA"};
    NnrtCsvOptions o = {.missing = missing, .missing_count = 1};
    expect_refusal(text, &o, "t.csv:3:1: the value of a is missing (NA)");
    o.drop_missing = true;
    NnrtTable t = parsed(text, &o);
    cr_expect(t.rows == 2 && t.dropped == 2 && !t.columns[0].categorical);
    cr_expect_arr_eq(t.columns[0].numbers, ((float[]){1, 4}), 8);
    nnrt_table_free(&t);
    expect_refusal("a\nNA\n", &o, "each misses a value");
    t = parsed("a\nNA\nx\n", NULL);
    cr_expect(t.columns[0].categorical, "among texts it is a text");
    nnrt_table_free(&t);
}

Test(csv, the_locale_does_not_matter)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        cr_log_info("no German locale here; only the C locale is tested\n");
    NnrtTable t = parsed("x\n1.5\n3.14159265358979323846\n1.00000005960464477539062500001\n", NULL);
    cr_expect_eq(t.columns[0].numbers[0], 1.5f);
    cr_expect_eq(t.columns[0].numbers[1], 3.14159265f);
    nnrt_table_free(&t);
    setlocale(LC_ALL, "C");
}

Test(csv, like_the_training_data)
{
    NnrtTable like = parsed("x,kind,y\n1,b,0\n2,a,1\n3,c,0\n", NULL);
    const char *const optional[] = {"y"};
    NnrtCsvOptions o = {.like = &like, .optional = optional, .optional_count = 1};
    NnrtTable t = parsed("kind,id,x\nc,7,5\nb,8,6\n", &o);
    cr_expect(t.column_count == 2);
    cr_expect_str_eq(t.columns[0].name, "x");
    cr_expect_arr_eq(t.columns[0].numbers, ((float[]){5, 6}), 8);
    cr_expect_arr_eq(t.columns[1].codes, ((int32_t[]){2, 1}), 8);
    cr_expect_eq(t.columns[1].class_count, 3);
    nnrt_table_free(&t);
    expect_refusal("kind,x\nd,1\n", &o, "t.csv:2:1: 'd' in kind is no class of the training data");
    expect_refusal("kind,x\na,q\n", &o, "t.csv:2:2: 'q' in x is not a number, as in the training");
    expect_refusal("x\n1\n", &o, "t.csv:1: column kind of the training data is not here");
    nnrt_table_free(&like);
}

Test(csv, limits)
{
    NnrtError e;
    NnrtTable t;
    enum { COLUMNS = 65536 };
    char *text = malloc(2 * COLUMNS + 3);
    memset(text, ',', 2 * COLUMNS + 3);
    for (int columns = COLUMNS; columns <= COLUMNS + 1; columns++) {
        const NnrtCsvOptions o = {.no_header = true};
        for (int i = 0; i < columns; i++)
            text[2 * i] = '1';
        const bool ok = nnrt_csv_parse("t.csv", text, (size_t)(2 * columns - 1), &o, &t, &e);
        cr_expect_eq(ok, columns == COLUMNS);
        if (ok)
            nnrt_table_free(&t);
        else
            expect_error(&e, "more than 65536 columns");
    }
    free(text);
    const size_t long_record = ((size_t)16 << 20) + 10;
    text = malloc(long_record);
    memset(text, 'x', long_record);
    text[1] = '\n';
    cr_expect_not(nnrt_csv_parse("t.csv", text, long_record, NULL, &t, &e));
    expect_error(&e, "t.csv:2:1: a record of more than 16 MiB");
    free(text);
}

// Every prefix of a table, and every single byte changed: a table or an error, nothing else.
Test(csv, truncations_and_mutations)
{
    static const char text[] = "a,\"b\"\"c\",d\r\n1,\"x\ny\",NA\r\n-2e1, z ,3\r\n";
    const size_t size = sizeof text - 1;
    NnrtError e;
    NnrtTable t;
    for (size_t n = 0; n < size * 257; n++) {
        const size_t length = n < size ? n : size;
        char *copy = exact_copy(text, length);
        if (n >= size)
            copy[(n - size) / 256] = (char)((n - size) % 256);
        if (nnrt_csv_parse("t.csv", copy, length, NULL, &t, &e))
            nnrt_table_free(&t);
        else
            cr_assert(e.message[0] != '\0' && e.file[0] != '\0');
        free(copy);
    }
}

Test(csv, allocation_failures)
{
    NnrtError e;
    NnrtTable t;
    SWEEP_ALLOCATIONS(parse("x,kind\n1,b\n2,a\n3,b\n", NULL, &t, &e), &e);
    NnrtTable other;
    const NnrtCsvOptions o = {.like = &t};
    SWEEP_ALLOCATIONS(parse("x,kind\n1,b\n2,a\n3,b\n", &o, &other, &e), &e);
    nnrt_table_free(&other);
    nnrt_table_free(&t);
}

Test(csv, real_tables)
{
    NnrtError e;
    NnrtTable t;
    cr_assert(nnrt_csv_read(SOURCE_DIR "/examples/data/iris.csv", NULL, &t, &e), "%s", e.message);
    cr_expect(t.rows == 150 && t.column_count == 5 && t.columns[4].class_count == 3);
    cr_expect_str_eq(t.columns[4].classes[1], "versicolor");
    nnrt_table_free(&t);
    cr_assert(nnrt_csv_read(SOURCE_DIR "/examples/data/digits.csv", NULL, &t, &e));
    cr_expect(t.rows == 1797 && t.column_count == 65 && !t.columns[64].categorical);
    nnrt_table_free(&t);
    cr_assert(nnrt_csv_read(SOURCE_DIR "/examples/data/diabetes.csv", NULL, &t, &e));
    cr_expect(t.rows == 442 && t.column_count == 11);
    nnrt_table_free(&t);
    cr_expect_not(nnrt_csv_read("/no/such.csv", NULL, &t, &e));
    expect_error(&e, "/no/such.csv: cannot open");
}
