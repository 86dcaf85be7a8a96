// select.c -- makes the fields of a data set of a table's columns.
//
//   sepal,petal,species          input  f32[2]   sepal, petal
//   5.1,1.4,setosa         -->   target i32[]    class of species

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "csv.h"

#define CLASS_LIMIT 1024  // of a category that becomes 0-or-1 elements

typedef enum Role { ROLE_INPUT, ROLE_TARGET, ROLE_IGNORED } Role;

typedef struct Selection {
    const NnrtTable *table;
    Role *roles;   // owned; [table->column_count]
    int *targets;  // owned; columns, in the order in which they were named
    int target_count;
} Selection;

static bool find_column(const NnrtTable *t, const char *name, int *column)
{
    for (*column = 0; *column < t->column_count; (*column)++)
        if (strcmp(t->columns[*column].name, name) == 0)
            return true;
    return false;
}

static bool name_failure(const NnrtTable *t, const char *name, NnrtError *e)
{
    char names[200] = "";
    size_t n = 0;
    for (int i = 0; i < t->column_count && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "",
                              t->columns[i].name);
    nnrt_fail_file(e, t->file, "there is no column %s", name);
    return nnrt_fail_help(e, "the columns are %s%s", names, n < sizeof names ? "" : "...");
}

static bool assign_targets(Selection *s, const NnrtSelect *select, NnrtError *e)
{
    if (select->target_count == 0) {
        s->targets[s->target_count++] = s->table->column_count - 1;
        s->roles[s->table->column_count - 1] = ROLE_TARGET;
        return true;
    }
    for (int i = 0; i < select->target_count; i++) {
        int column;
        const char *name = select->targets[i];
        if (!find_column(s->table, name, &column)) {
            if (select->allow_absent)
                continue;
            return name_failure(s->table, name, e);
        }
        if (s->roles[column] == ROLE_TARGET)
            return nnrt_fail_file(e, s->table->file, "%s is named twice as a target", name);
        s->roles[column] = ROLE_TARGET;
        s->targets[s->target_count++] = column;
    }
    return true;
}

static bool assign_ignored(Selection *s, const NnrtSelect *select, NnrtError *e)
{
    for (int i = 0; i < select->ignored_count; i++) {
        int column;
        if (!find_column(s->table, select->ignored[i], &column)) {
            if (select->allow_absent)
                continue;
            return name_failure(s->table, select->ignored[i], e);
        }
        if (s->roles[column] == ROLE_TARGET)
            return nnrt_fail_file(e, s->table->file, "%s is a target and ignored",
                                  select->ignored[i]);
        s->roles[column] = ROLE_IGNORED;
    }
    return true;
}

// ---- matrices of columns

static int64_t column_width(const NnrtColumn *c)
{
    return c->categorical ? c->class_count : 1;
}

static char *element_name(const NnrtColumn *c, int64_t i, NnrtError *e)
{
    if (!c->categorical)
        return nnrt_copy_text(c->name, strlen(c->name), e);
    const size_t size = strlen(c->name) + strlen(c->classes[i]) + 2;
    char *name = nnrt_alloc(size, 1, e);
    if (name)
        snprintf(name, size, "%s=%s", c->name, c->classes[i]);
    return name;
}

// Fills elements at .. at + column_width - 1 of every row.
static void fill_elements(NnrtField *f, int64_t at, const NnrtColumn *c)
{
    float *data = (float *)f->data + at;
    for (int64_t row = 0; row < f->rows; row++)
        if (c->categorical)
            data[row * f->width + c->codes[row]] = 1;
        else
            data[row * f->width] = c->numbers[row];
}

static bool add_column(NnrtField *f, int64_t at, const NnrtColumn *c, NnrtError *e)
{
    for (int64_t i = 0; i < column_width(c); i++) {
        f->columns[at + i] = element_name(c, i, e);
        if (!f->columns[at + i])
            return false;
    }
    fill_elements(f, at, c);
    return true;
}

static bool matrix_width(const Selection *s, const int *columns, int count, int64_t *width,
                         NnrtError *e)
{
    *width = 0;
    for (int i = 0; i < count; i++) {
        const NnrtColumn *c = &s->table->columns[columns[i]];
        if (c->class_count > CLASS_LIMIT) {
            nnrt_fail_file(e, s->table->file,
                           "column %s has %" PRId64 " different texts; an input has at most %d",
                           c->name, c->class_count, CLASS_LIMIT);
            return nnrt_fail_help(e, "ignore it if it names the rows");
        }
        *width += column_width(c);
    }
    return true;
}

static bool fill_matrix(NnrtField *f, const Selection *s, const char *name, const int *columns,
                        int count, NnrtError *e)
{
    size_t elements;
    if (__builtin_mul_overflow((size_t)f->rows, (size_t)f->width, &elements))
        return nnrt_fail_file(e, s->table->file, "the table is too large");
    f->name = nnrt_copy_text(name, strlen(name), e);
    f->columns = f->name ? nnrt_alloc((size_t)f->width, sizeof *f->columns, e) : NULL;
    f->data = f->columns ? nnrt_alloc(elements, sizeof(float), e) : NULL;
    if (!f->data)
        return false;
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        const NnrtColumn *c = &s->table->columns[columns[i]];
        if (!add_column(f, at, c, e))
            return false;
        at += column_width(c);
    }
    return true;
}

// Adds field `name` of some columns, f32[width].
static bool add_matrix(NnrtDataset *d, const Selection *s, const char *name, const int *columns,
                       int count, NnrtError *e)
{
    NnrtField f = {.dtype = NNRT_F32, .rank = 1, .rows = s->table->rows, .scale = 1};
    if (!matrix_width(s, columns, count, &f.width, e))
        return false;
    f.dims[0] = f.width;
    if (fill_matrix(&f, s, name, columns, count, e) && nnrt_dataset_add(d, &f, e))
        return true;
    nnrt_field_free(&f);
    return false;
}

// Adds field `name` of a category, i32[].
static bool add_classes(NnrtDataset *d, const NnrtTable *t, const char *name, const NnrtColumn *c,
                        NnrtError *e)
{
    NnrtField f = {.dtype = NNRT_I32, .rows = t->rows, .width = 1, .scale = 1};
    f.class_count = c->class_count;
    f.name = nnrt_copy_text(name, strlen(name), e);
    f.data = f.name ? nnrt_alloc((size_t)t->rows, sizeof *c->codes, e) : NULL;
    if (f.data) {
        memcpy(f.data, c->codes, (size_t)t->rows * sizeof *c->codes);
        if (nnrt_field_set_classes(&f, (const char *const *)c->classes, c->class_count, e) &&
            nnrt_dataset_add(d, &f, e))
            return true;
    }
    nnrt_field_free(&f);
    return false;
}

// ---- the fields

static bool add_input(NnrtDataset *d, const Selection *s, NnrtError *e)
{
    int *columns = nnrt_alloc((size_t)s->table->column_count, sizeof *columns, e);
    if (!columns)
        return false;
    int count = 0;
    for (int i = 0; i < s->table->column_count; i++)
        if (s->roles[i] == ROLE_INPUT)
            columns[count++] = i;
    const bool ok = count > 0
                        ? add_matrix(d, s, "input", columns, count, e)
                        : nnrt_fail_file(e, s->table->file, "no column is left for the input");
    free(columns);
    return ok;
}

static bool add_target(NnrtDataset *d, const Selection *s, const char *name, int column,
                       NnrtError *e)
{
    const NnrtColumn *c = &s->table->columns[column];
    return c->categorical ? add_classes(d, s->table, name, c, e)
                          : add_matrix(d, s, name, &column, 1, e);
}

static bool add_targets(NnrtDataset *d, const Selection *s, NnrtError *e)
{
    bool any_category = false;
    for (int i = 0; i < s->target_count; i++)
        any_category |= s->table->columns[s->targets[i]].categorical;
    if (s->target_count == 1)
        return add_target(d, s, "target", s->targets[0], e);
    if (!any_category)
        return s->target_count == 0 || add_matrix(d, s, "target", s->targets, s->target_count, e);
    for (int i = 0; i < s->target_count; i++)
        if (!add_target(d, s, s->table->columns[s->targets[i]].name, s->targets[i], e))
            return false;
    return true;
}

static bool make_fields(Selection *s, const NnrtSelect *select, NnrtDataset *d, NnrtError *e)
{
    return assign_targets(s, select, e) && assign_ignored(s, select, e) && add_input(d, s, e) &&
           add_targets(d, s, e);
}

bool nnrt_table_select(const NnrtTable *t, const NnrtSelect *select, NnrtDataset *out, NnrtError *e)
{
    static const NnrtSelect last_column;
    const NnrtSelect *how = select ? select : &last_column;
    Selection s = {.table = t};
    NnrtDataset made = {0};
    const size_t columns = (size_t)t->column_count + (size_t)how->target_count;
    s.roles = nnrt_alloc((size_t)t->column_count, sizeof *s.roles, e);
    s.targets = s.roles ? nnrt_alloc(columns, sizeof *s.targets, e) : NULL;
    const bool ok = s.targets && make_fields(&s, how, &made, e);
    free(s.roles);
    free(s.targets);
    if (!ok) {
        nnrt_dataset_free(&made);
        return false;
    }
    *out = made;
    return true;
}
