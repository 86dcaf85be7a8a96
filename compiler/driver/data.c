// data.c -- from a data block to examples.

#include "driver/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "driver/fields.h"
#include "driver/sources.h"
#include "random.h"

const char *part_name(PartId part)
{
    static const char *const names[] = {"train", "validation", "test"};
    return names[part];
}

// Everything that loading one data block needs.
typedef struct Loader {
    const DataRequest *request;
    const DataSpec *spec;
    Session *session;
    Arena *arena;
    Data *data;
    NnrtTable table;  // of the training part's csv: later ones must have its columns and classes
    bool has_table;
    SourceText text;  // likewise of a text
} Loader;

static Value *part_value(const DataSpec *spec, PartId part)
{
    Value *const values[] = {spec->train, spec->validation, spec->test};
    return values[part];
}

static bool is_share(const Value *v)
{
    return v && (v->kind == VALUE_INT || v->kind == VALUE_REAL);
}

static bool fail(const Loader *l, Span span, const NnrtError *e)
{
    report_file_error(l->session, span, e);
    return false;
}

// --- sources ----------------------------------------------------------------------------------

static bool rename_field(NnrtField *f, const char *name, NnrtError *e)
{
    char *copy = nnrt_copy_text(name, strlen(name), e);
    if (!copy)
        return false;
    free(f->name);
    f->name = copy;
    return true;
}

// Moves the fields of one of several sources: its input under the source's own name.
static bool take_fields(NnrtDataset *from, const char *name, NnrtDataset *to, NnrtError *e)
{
    for (int i = 0; i < from->field_count; i++) {
        NnrtField *f = &from->fields[i];
        if (strcmp(f->name, "input") == 0 && !rename_field(f, name, e))
            return false;
        if (!nnrt_dataset_add(to, f, e))
            return false;
    }
    return true;
}

// [image: idx(...), age: csv(...)]
static bool read_list(const Loader *l, const SourceEnv *env, const Value *list, NnrtDataset *out)
{
    SourceEnv one = *env;
    one.explicit_target = true;
    one.table = NULL;
    one.like = NULL;
    one.text = NULL;
    for (int i = 0; i < list->count; i++) {
        const NamedValue *item = &list->items[i];
        NnrtError e;
        NnrtDataset set;
        if (!source_read(&one, item->value, &set))
            return false;
        const bool ok = take_fields(&set, item->name ? item->name : "input", out, &e);
        nnrt_dataset_free(&set);
        if (!ok)
            return fail(l, item->value->span, &e);
    }
    return true;
}

static bool number_rows(Loader *l, PartId part)
{
    Data *d = l->data;
    NnrtError e;
    const int64_t n = d->sets[part].rows;
    d->every[part] = nnrt_alloc((size_t)n, sizeof(uint32_t), &e);
    if (!d->every[part])
        return fail(l, d->parts[part].span, &e);
    for (int64_t i = 0; i < n; i++)
        d->every[part][i] = (uint32_t)i;
    d->parts[part].set = &d->sets[part];
    d->parts[part].rows = d->every[part];
    d->parts[part].count = n;
    return true;
}

static bool read_part(Loader *l, PartId part)
{
    const Value *v = part_value(l->spec, part);
    Data *d = l->data;
    const SourceEnv env = {
        .session = l->session,
        .arena = l->arena,
        .model = l->request->model,
        .train = d->parts[PART_TRAIN].set,
        .text = &l->text,
        .folder = folder_of(l->arena, l->request->model_path),
        .part = part_name(part),
        .like = l->has_table && strcmp(v->name ? v->name : "", "csv") == 0 ? &l->table : NULL,
        .table = part == PART_TRAIN ? &l->table : NULL,
    };
    d->parts[part].span = v->span;
    const bool list = v->kind == VALUE_LIST;
    if (list ? !read_list(l, &env, v, &d->sets[part]) : !source_read(&env, v, &d->sets[part]))
        return false;
    l->has_table |= l->table.columns != NULL;
    if (d->sets[part].rows == 0) {
        diag_report(l->session->diags, DIAG_data_file, v->span, "there are no examples in it");
        return false;
    }
    return number_rows(l, part);
}

// A test of its own source needs no training data, but where categories, classes or characters get
// their codes from there.
static bool takes_codes(const Value *source)
{
    static const char *const names[] = {"csv", "images", "text"};
    for (int i = 0; i < 3; i++)
        if (strcmp(source->name, names[i]) == 0)
            return true;
    return false;
}

static bool needs_train(const Loader *l)
{
    const Value *test = l->spec->test;
    if (!l->request->test_only || l->request->calibrate || !test || is_share(test))
        return true;
    return test->kind != VALUE_CALL || takes_codes(test);
}

// With weights a validation is looked at where there is no test.
static bool needs_part(const Loader *l, PartId part)
{
    const DataRequest *r = l->request;
    if (part == PART_TRAIN)
        return needs_train(l);
    return !r->train_only && (part == PART_TEST || !r->test_only || !l->spec->test);
}

static bool read_parts(Loader *l)
{
    for (int part = 0; part < PART_COUNT; part++) {
        const Value *v = part_value(l->spec, (PartId)part);
        if (v && !is_share(v) && needs_part(l, (PartId)part) && !read_part(l, (PartId)part))
            return false;
    }
    return true;
}

// --- shares -----------------------------------------------------------------------------------

// Classes by which a share is drawn; NULL: the data has none.
static const NnrtField *class_field(const NnrtDataset *set)
{
    for (int i = 0; i < set->field_count; i++)
        if (set->fields[i].class_count > 0)
            return &set->fields[i];
    return NULL;
}

static bool hold_out(Loader *l, PartId part, uint32_t stream)
{
    const Value *v = part_value(l->spec, part);
    Data *d = l->data;
    Part *train = &d->parts[PART_TRAIN];
    if (!is_share(v) || !train->set)
        return true;
    const double share = v->kind == VALUE_INT ? (double)v->integer : v->real;
    if (!(share > 0 && share < 1)) {
        diag_report(l->session->diags, DIAG_data_share, v->span, part_name(part), share);
        return false;
    }
    NnrtError e;
    NnrtSplit *split = &d->splits[part];
    // Windows of a text drawn at random would be known from their neighbours.
    const bool ok = l->text.alphabet.count > 0
                        ? nnrt_hold_tail(train->rows, train->count, share, l->text.gap, split, &e)
                        : nnrt_holdout(train->rows, train->count, class_field(train->set), share,
                                       l->request->seed, stream, split, &e);
    if (!ok)
        return fail(l, v->span, &e);
    d->parts[part] = (Part){train->set, split->held, split->held_count, v->span};
    train->rows = split->kept;
    train->count = split->kept_count;
    return true;
}

// --- the whole --------------------------------------------------------------------------------

static FieldsEnv fields_env(const Loader *l)
{
    return (FieldsEnv){l->session, l->arena, l->request->model, l->spec};
}

// Makes the fields of every set what the graphs' inputs want.
static bool fit_sets(Loader *l)
{
    const FieldsEnv env = fields_env(l);
    for (int part = 0; part < PART_COUNT; part++) {
        const Part *p = &l->data->parts[part];
        if (p->set == &l->data->sets[part] &&
            !fields_fit(&env, l->request->model->graphs[NNC_EVALUATE], p->set,
                        part_name((PartId)part), p->span))
            return false;
    }
    return true;
}

static bool normalize(Loader *l)
{
    const FieldsEnv env = fields_env(l);
    const Part *train = &l->data->parts[PART_TRAIN];
    if (!l->spec->normalize || l->request->test_only)
        return true;  // with weights comes their normalization
    if (!fields_standardize(&env, train->set, train->rows, train->count, train->span))
        return false;
    for (int part = PART_VALIDATION; part < PART_COUNT; part++) {
        NnrtDataset *set = l->data->parts[part].set;
        if (set && set != train->set && !fields_copy_normalization(&env, train->set, set))
            return false;
    }
    return true;
}

static bool check_spec(const Loader *l)
{
    const DataSpec *s = l->spec;
    Diags *diags = l->session->diags;
    if (!s->given || !(s->train || s->test)) {
        const Span train = sema_train_spec(l->request->model->program)->span;
        Diag *d = diag_report(diags, DIAG_missing_data, s->given ? s->span : train,
                              "the file does not say what data to learn from");
        diag_help(d, "add a block like data { train = csv(\"file.csv\") }");
        return false;
    }
    if (!s->train && !l->request->test_only) {
        diag_report(diags, DIAG_missing_data, s->span, "there is no `train` among the data");
        return false;
    }
    if (s->normalize && !fields_is_standard(s->normalize)) {
        diag_report(diags, DIAG_normalize, s->normalize->span);
        return false;
    }
    return true;
}

bool data_load(Data *d, const DataRequest *request)
{
    const NncModel *m = request->model;
    *d = (Data){0};
    Loader l = {
        .request = request,
        .spec = sema_data_spec(m->program),
        .session = m->session,
        .arena = m->arena,
        .data = d,
    };
    const bool ok = diags_errors(m->session->diags) == 0 && check_spec(&l) && read_parts(&l) &&
                    fit_sets(&l) && hold_out(&l, PART_TEST, NNRT_STREAM_TEST) &&
                    hold_out(&l, PART_VALIDATION, NNRT_STREAM_VALIDATION) && normalize(&l);
    nnrt_table_free(&l.table);
    nnrt_alphabet_free(&l.text.alphabet);
    if (!ok)
        data_free(d);
    return ok;
}

void data_free(Data *d)
{
    for (int part = 0; part < PART_COUNT; part++) {
        nnrt_dataset_free(&d->sets[part]);
        nnrt_split_free(&d->splits[part]);
        free(d->every[part]);
    }
    *d = (Data){0};
}

NnrtExamples data_examples(const Data *d, const DataRequest *r, PartId part, const Graph *g)
{
    const Part *p = &d->parts[part];
    const NncModel *m = r->model;
    const FieldsEnv env = {m->session, m->arena, m, sema_data_spec(m->program)};
    const NnrtField **fields = arena_array(m->arena, const NnrtField *, (size_t)g->input_count);
    for (int i = 0; i < g->input_count; i++)
        fields[i] = fields_find(&env, p->set, &g->inputs[i]);
    return (NnrtExamples){fields, p->rows, p->count};
}

NnrtExamples examples_sample(Arena *a, NnrtExamples x, int64_t most)
{
    if (x.count <= most)
        return x;
    uint32_t *rows = arena_array(a, uint32_t, (size_t)most);
    for (int64_t i = 0; i < most; i++)
        rows[i] = x.rows[i * x.count / most];
    return (NnrtExamples){x.fields, rows, most};
}

NnrtField *data_target(const Data *d, const DataRequest *r, PartId part)
{
    const NncModel *m = r->model;
    const Graph *g = m->graphs[NNC_EVALUATE];
    const FieldsEnv env = {m->session, m->arena, m, sema_data_spec(m->program)};
    for (int i = 0; i < g->input_count; i++)
        if (is_target(g->inputs[i].name))
            return fields_find(&env, d->parts[part].set, &g->inputs[i]);
    return NULL;
}

enum { MOST_INPUTS = 64 };

static bool input_types(const Graph *g, NnrtInputType *types, int64_t *widths, NnrtError *e)
{
    if (g->input_count > MOST_INPUTS)
        return nnrt_fail(e, "more than %d inputs", MOST_INPUTS);
    for (int i = 0; i < g->input_count; i++) {
        types[i] = g->inputs[i].type.dtype == DTYPE_F32 ? NNRT_INPUT_F32 : NNRT_INPUT_I32;
        widths[i] = type_elements(&g->inputs[i].type);
    }
    return true;
}

bool batch_for(NnrtBatch *b, const Graph *g, int64_t capacity, NnrtError *e)
{
    NnrtInputType types[MOST_INPUTS];
    int64_t widths[MOST_INPUTS];
    return input_types(g, types, widths, e) &&
           nnrt_batch_new(b, capacity, g->input_count, types, widths, e);
}

bool feed_for(NnrtFeed *f, NnrtPool *pool, const Graph *g, int64_t capacity, NnrtChange *change,
              void *self, NnrtError *e)
{
    NnrtInputType types[MOST_INPUTS];
    int64_t widths[MOST_INPUTS];
    return input_types(g, types, widths, e) &&
           nnrt_feed_new(f, pool, capacity, g->input_count, types, widths, change, self, e);
}
