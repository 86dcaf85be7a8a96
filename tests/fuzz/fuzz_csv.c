// fuzz_csv.c -- the first byte chooses the options; what loads is selected too.

#include "csv.h"
#include "oracle.h"

static void select_fields(const NnrtTable *t)
{
    NnrtError e;
    NnrtDataset d;
    if (!nnrt_table_select(t, NULL, &d, &e)) {
        require_error(&e);
        return;
    }
    for (int i = 0; i < d.field_count; i++)
        require(d.fields[i].rows == t->rows && d.fields[i].width > 0);
    nnrt_dataset_free(&d);
}

// A table read again as like itself is itself.
static void read_alike(const NnrtTable *t, NnrtCsvOptions o, const char *text, size_t size)
{
    NnrtError e;
    NnrtTable again;
    o.like = t;
    require(nnrt_csv_parse("t.csv", text, size, &o, &again, &e));
    require(again.rows == t->rows && again.column_count == t->column_count);
    nnrt_table_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char separators[] = {',', ';', '\t', ' '};
    static const char *const missing[] = {"NA"};
    if (size == 0)
        return 0;
    const NnrtCsvOptions o = {.separator = separators[bytes[0] & 3],
                              .no_header = bytes[0] & 4,
                              .drop_missing = bytes[0] & 8,
                              .missing = missing,
                              .missing_count = bytes[0] & 16 ? 1 : 0};
    NnrtError e;
    NnrtTable t;
    const char *text = (const char *)bytes + 1;
    if (!nnrt_csv_parse("t.csv", text, size - 1, &o, &t, &e)) {
        require_error(&e);
        return 0;
    }
    select_fields(&t);
    read_alike(&t, o, text, size - 1);
    nnrt_table_free(&t);
    return 0;
}
