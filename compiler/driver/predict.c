// predict.c -- nnc MODEL.nn --predict FILE.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "driver/fields.h"
#include "driver/predictor.h"
#include "driver/quantize.h"
#include "driver/sources.h"
#include "driver/weights.h"
#include "file.h"
#include "idx.h"
#include "npy.h"
#include "text.h"

// Everything that a prediction needs.
typedef struct Prediction {
    Job *job;
    NnrtTensorFile weights;
    NnrtDataset set;
    uint32_t *rows;
    const char *const *classes;  // names, NULL: the model is no classifier
    int class_count;
    int64_t places;  // of an example that have a class; above 1 in a sequence
    FILE *out;
    int64_t printed;  // examples
} Prediction;

// --- reading ----------------------------------------------------------------------------------

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text);
    const size_t k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

static bool fail(const Prediction *p, const NnrtError *e)
{
    report_file_error(p->job->session, NO_SPAN, e);
    return false;
}

// The training's columns as an empty table: "age", and "sex=f", "sex=m" of one category.
static bool add_column(NnrtTable *t, const char *text, NnrtError *e)
{
    const char *equals = strrchr(text, '=');
    const size_t n = equals ? (size_t)(equals - text) : strlen(text);
    NnrtColumn *c = t->column_count > 0 ? &t->columns[t->column_count - 1] : NULL;
    if (!equals || !c || !c->categorical || strncmp(c->name, text, n) != 0 || c->name[n]) {
        c = &t->columns[t->column_count++];
        c->categorical = equals != NULL;
        c->name = nnrt_copy_text(text, n, e);
    }
    if (!c->name || !equals)
        return c->name != NULL;
    char **classes = nnrt_resize(c->classes, (size_t)c->class_count + 1, sizeof *classes, e);
    if (!classes)
        return false;
    c->classes = classes;
    classes[c->class_count] = nnrt_copy_text(equals + 1, strlen(equals + 1), e);
    c->class_count += classes[c->class_count] != NULL;
    return classes[c->class_count - 1] != NULL;
}

static bool make_like(const Prediction *p, NnrtTable *like, NnrtError *e)
{
    int count;
    const char *const *columns = weights_texts(p->job, &p->weights, "columns", &count);
    if (!columns)
        return true;
    like->columns = nnrt_alloc((size_t)count, sizeof *like->columns, e);
    for (int i = 0; like->columns && i < count; i++)
        if (!add_column(like, columns[i], e))
            return false;
    return like->columns != NULL;
}

static bool read_table(Prediction *p, const char *file, NnrtError *e)
{
    static const char *const no_target[] = {""};
    const NnrtSelect select = {.targets = no_target, .target_count = 1, .allow_absent = true};
    const Job *j = p->job;
    const SourceEnv env = {
        .session = j->session, .arena = j->model.arena, .folder = "", .part = "test"};
    NnrtTable like = {0};
    NnrtTable table = {0};
    NnrtCsvOptions options;
    if (!source_csv_options(&env, sema_data_spec(j->model.program)->train, &options))
        return false;
    bool ok = make_like(p, &like, e);
    options.like = like.column_count > 0 ? &like : NULL;
    ok = ok && nnrt_csv_read(file, &options, &table, e) &&
         nnrt_table_select(&table, &select, &p->set, e);
    nnrt_table_free(&like);
    nnrt_table_free(&table);
    return ok;
}

static bool read_tensor(Prediction *p, const char *file, bool npy, NnrtError *e)
{
    NnrtTensor tensor = {0};
    NnrtField field = {0};
    const bool ok = (npy ? nnrt_npy_read(file, &tensor, e) : nnrt_idx_read(file, &tensor, e)) &&
                    nnrt_field_take(&field, "input", &tensor, e) &&
                    nnrt_dataset_add(&p->set, &field, e);
    nnrt_tensor_free(&tensor);
    nnrt_field_free(&field);
    return ok;
}

// A model of characters takes a text; its classes are the alphabet.
static bool takes_text(const Prediction *p)
{
    const Job *j = p->job;
    const Value *source = sema_data_spec(j->model.program)->train;
    const Graph *g = j->model.graphs[NNC_PREDICT];
    return source && source->kind == VALUE_CALL && strcmp(source->name, "text") == 0 &&
           g->input_count == 1 && g->inputs[0].type.rank == 2 &&
           !ends_with(j->options->argument, ".csv");
}

static bool read_characters(Prediction *p, const char *file, NnrtError *e)
{
    const Type *input = &p->job->model.graphs[NNC_PREDICT]->inputs[0].type;
    int count;
    const char *const *names = weights_texts(p->job, &p->weights, "classes", &count);
    NnrtAlphabet alphabet = {0};
    const bool ok =
        (names || nnrt_fail(e, "the weights do not say which characters the model knows")) &&
        nnrt_alphabet_named(names, count, &alphabet, e) &&
        nnrt_text_inputs(file, type_elements(input), &alphabet, &p->set, e);
    nnrt_alphabet_free(&alphabet);
    return ok;
}

static bool read_examples(Prediction *p)
{
    NnrtError e = {0};
    const char *file = p->job->options->argument;
    const bool npy = ends_with(file, ".npy");
    const bool idx = ends_with(file, ".gz") || ends_with(file, "ubyte") || ends_with(file, ".idx");
    const bool ok = npy || idx      ? read_tensor(p, file, npy, &e)
                    : takes_text(p) ? read_characters(p, file, &e)
                                    : read_table(p, file, &e);
    if (!ok)
        return diags_errors(p->job->session->diags) > 0 ? false : fail(p, &e);
    p->rows = nnrt_alloc((size_t)p->set.rows, sizeof *p->rows, &e);
    if (!p->rows)
        return fail(p, &e);
    for (int64_t i = 0; i < p->set.rows; i++)
        p->rows[i] = (uint32_t)i;
    return true;
}

// The examples as the model's input takes them.
static bool fit_examples(Prediction *p)
{
    Job *j = p->job;
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const DataSpec *spec = sema_data_spec(j->model.program);
    const FieldsEnv env = {j->session, j->model.arena, &j->model, spec};
    NnrtField *f = nnrt_dataset_field(&p->set, "input");
    if (g->input_count != 1 || !f) {
        job_say(j, "--predict wants a model of one input; this one has %d", g->input_count);
        return false;
    }
    f->scale = (float)source_scale(spec->train);
    return fields_fit(&env, g, &p->set, j->options->argument, NO_SPAN) &&
           weights_normalize(j, &p->weights, g->inputs[0].name, f);
}

// --- printing ---------------------------------------------------------------------------------

static void print_quoted(FILE *out, const char *text, bool json)
{
    if (!json && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || (json && *text == '\\'))
            fputc(json ? '\\' : '"', out);
        if (json && (unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static double output_value(const Port *port, const void *values, int64_t i)
{
    if (port->node->type.dtype == DTYPE_F32)
        return (double)((const float *)values)[i];
    if (port->node->type.dtype == DTYPE_I32)
        return ((const int32_t *)values)[i];
    return ((const uint8_t *)values)[i];
}

static void print_number(FILE *out, double value, bool json)
{
    if (json && !isfinite(value))
        fputs("null", out);
    else
        fprintf(out, "%.9g", value);
}

// "prediction", then a column for each class, or for each element of each output.
static void print_heading(const Prediction *p)
{
    const Graph *g = p->job->model.graphs[NNC_PREDICT];
    for (int64_t i = 0; p->places > 1 && i < p->places; i++)
        fprintf(p->out, "%sprediction_%lld", i > 0 ? "," : "", (long long)i);
    if (p->places == 1) {
        fputs("prediction", p->out);
        for (int i = 0; i < p->class_count; i++) {
            fputc(',', p->out);
            print_quoted(p->out, p->classes[i], false);
        }
    }
    for (int k = 0; !p->classes && k < g->output_count; k++) {
        const int64_t n = type_elements(&g->outputs[k].node->type);
        const char *name = g->output_count == 1 ? "prediction" : g->outputs[k].name;
        for (int64_t i = 0; i < n; i++) {
            fputs(k + i > 0 ? "," : "", p->out);
            fputs(name, p->out);
            if (n > 1)
                fprintf(p->out, "_%lld", (long long)i);
        }
    }
    fputc('\n', p->out);
}

// The class at a place of an example, whose outputs begin at y.
static const char *class_at(const Prediction *p, const float *y, int64_t place)
{
    return p->classes[argmax_of(y + place * p->class_count, p->class_count)];
}

static void print_csv_row(const Prediction *p, const void *const *outputs, int64_t row)
{
    const Graph *g = p->job->model.graphs[NNC_PREDICT];
    const float *y = (const float *)outputs[0] + row * p->places * p->class_count;
    for (int64_t i = 0; i < p->places; i++) {
        fputs(i > 0 ? "," : "", p->out);
        print_quoted(p->out, class_at(p, y, i), false);
    }
    for (int k = 0; p->places <= 1 && k < g->output_count; k++) {
        const int64_t n = type_elements(&g->outputs[k].node->type);
        for (int64_t i = 0; i < n; i++) {
            fputs(p->classes || k + i > 0 ? "," : "", p->out);
            print_number(p->out, output_value(&g->outputs[k], outputs[k], row * n + i), false);
        }
    }
    fputc('\n', p->out);
}

static void print_json_class(const Prediction *p, const float *y)
{
    fputs("{\"prediction\": ", p->out);
    print_quoted(p->out, class_at(p, y, 0), true);
    fputs(", \"outputs\": {", p->out);
    for (int i = 0; i < p->class_count; i++) {
        fputs(i > 0 ? ", " : "", p->out);
        print_quoted(p->out, p->classes[i], true);
        fputs(": ", p->out);
        print_number(p->out, (double)y[i], true);
    }
    fputs("}}", p->out);
}

static void print_json_sequence(const Prediction *p, const float *y)
{
    fputs("{\"prediction\": [", p->out);
    for (int64_t i = 0; i < p->places; i++) {
        fputs(i > 0 ? ", " : "", p->out);
        print_quoted(p->out, class_at(p, y, i), true);
    }
    fputs("]}", p->out);
}

static void print_json_numbers(const Prediction *p, const void *const *outputs, int64_t row)
{
    const Graph *g = p->job->model.graphs[NNC_PREDICT];
    fputc('{', p->out);
    for (int k = 0; k < g->output_count; k++) {
        const int64_t n = type_elements(&g->outputs[k].node->type);
        const char *name = g->output_count == 1 ? "prediction" : g->outputs[k].name;
        fprintf(p->out, "%s\"%s\": %s", k > 0 ? ", " : "", name, n > 1 ? "[" : "");
        for (int64_t i = 0; i < n; i++) {
            fputs(i > 0 ? ", " : "", p->out);
            print_number(p->out, output_value(&g->outputs[k], outputs[k], row * n + i), true);
        }
        fputs(n > 1 ? "]" : "", p->out);
    }
    fputc('}', p->out);
}

static void print_json_row(const Prediction *p, const void *const *outputs, int64_t row)
{
    fputs(p->printed + row > 0 ? ",\n  " : "[\n  ", p->out);
    const float *y = (const float *)outputs[0] + row * p->places * p->class_count;
    if (p->places == 1)
        print_json_class(p, y);
    else if (p->places > 1)
        print_json_sequence(p, y);
    else
        print_json_numbers(p, outputs, row);
}

static bool is_json(const Prediction *p)
{
    return strcmp(p->job->options->format, "json") == 0;
}

static void print_batch(void *self, const void *const *outputs, const uint32_t *rows, int64_t n)
{
    Prediction *p = self;
    (void)rows;  // they come in order
    const bool json = is_json(p);
    for (int64_t i = 0; i < n; i++) {
        if (json)
            print_json_row(p, outputs, i);
        else
            print_csv_row(p, outputs, i);
    }
    p->printed += n;
}

// --- the command ------------------------------------------------------------------------------

static void find_classes(Prediction *p)
{
    const Graph *g = p->job->model.graphs[NNC_PREDICT];
    p->classes = weights_texts(p->job, &p->weights, "classes", &p->class_count);
    const Type *y = &g->outputs[0].node->type;
    const bool has_axis =
        p->class_count > 0 && y->rank > 0 && y->dims[y->rank - 1] == p->class_count;
    if (p->classes && g->output_count == 1 && has_axis)
        p->places = type_elements(y) / p->class_count;
    else
        p->classes = NULL;
}

static bool print_predictions(Prediction *p)
{
    const NnrtField *const fields[] = {nnrt_dataset_field(&p->set, "input")};
    const NnrtExamples x = {fields, p->rows, p->set.rows};
    if (!is_json(p))
        print_heading(p);
    if (!predictor_run(p->job, &x, print_batch, p))
        return false;
    fputs(is_json(p) ? "\n]\n" : "", p->out);
    return true;
}

// To standard output, or all of it in memory first and then to a file at once.
static bool write_predictions(Prediction *p)
{
    const char *path = p->job->options->output;
    char *text = NULL;
    size_t size = 0;
    p->out = path ? open_memstream(&text, &size) : p->job->out.out;
    bool ok = p->out && print_predictions(p);
    if (path) {
        NnrtError e;
        ok = p->out && fclose(p->out) == 0 && ok;
        if (ok && !nnrt_write_file(path, text, size, &e))
            ok = fail(p, &e);
        free(text);
    }
    return ok;
}

ExitCode command_predict(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE};
    const bool whole = j->options->quantize != NULL;
    Prediction p = {.job = j};
    const bool ok = job_load(j) && job_compile(j, purposes, whole ? 2 : 1) &&
                    weights_load(j, NULL, &p.weights) && read_examples(&p) && fit_examples(&p) &&
                    (!whole || job_quantize_alone(j, &p.weights));
    if (ok)
        find_classes(&p);
    const bool written = ok && write_predictions(&p);
    nnrt_dataset_free(&p.set);
    nnrt_safetensors_free(&p.weights);
    free(p.rows);
    return written ? EXIT_DONE : EXIT_PROGRAM;
}
