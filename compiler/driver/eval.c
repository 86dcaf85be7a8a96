// eval.c -- nnc MODEL.nn --eval.

#include <math.h>
#include <string.h>

#include "driver/culprit.h"
#include "driver/evaluate.h"
#include "driver/fields.h"
#include "driver/not_finite.h"
#include "driver/predictor.h"
#include "driver/quantize.h"
#include "driver/table.h"
#include "driver/weights.h"

enum { MOST_CLASSES = 30 };  // in a matrix; of more only the worst are listed
enum { WORST_CLASSES = 10 };

// The part to evaluate on: the test, else what else was held out, else all there is.
static PartId evaluated_part(const Job *j)
{
    if (j->data.parts[PART_TEST].count > 0)
        return PART_TEST;
    return j->data.parts[PART_VALIDATION].count > 0 ? PART_VALIDATION : PART_TRAIN;
}

// --- the confusion matrix ---------------------------------------------------------------------

typedef struct Matrix {
    int64_t classes;
    int64_t *counts;           // [classes, classes], row: the true class
    const char *const *names;  // [classes]
} Matrix;

static int64_t row_sum(const Matrix *m, int64_t row)
{
    int64_t sum = 0;
    for (int64_t c = 0; c < m->classes; c++)
        sum += m->counts[row * m->classes + c];
    return sum;
}

static double recall(const Matrix *m, int64_t row)
{
    const int64_t sum = row_sum(m, row);
    return sum > 0 ? (double)m->counts[row * m->classes + row] / (double)sum : 1;
}

static void right_cell(Table *t, const Matrix *m, int64_t row)
{
    if (row_sum(m, row) > 0)
        table_cell(t, "%.1f %%", 100 * recall(m, row));
    else
        table_cell(t, "-");
}

static char *columns_for(Arena *a, int64_t classes)
{
    char *columns = arena_calloc(a, (size_t)classes + 3, 1);
    columns[0] = 'l';
    memset(columns + 1, 'r', (size_t)classes + 1);
    return columns;
}

// Names head the columns where they fit into the line, letters where not.
static bool names_fit(const Matrix *m, int width)
{
    size_t cells = 20;
    for (int64_t i = 0; i < m->classes; i++)
        cells += 2 + text_cells(m->names[i]) + (i == 0 ? text_cells(m->names[i]) : 0);
    return (int)cells <= width;
}

static void head_cells(Table *t, const Matrix *m, bool names)
{
    table_cell(t, "%s", "true \\ predicted");
    for (int64_t i = 0; i < m->classes; i++) {
        if (names)
            table_cell(t, "%s", m->names[i]);
        else
            table_cell(t, "%c", (int)('a' + i));
    }
    table_cell(t, "%s", "right");
}

static void print_matrix(const Job *j, const Matrix *m)
{
    Arena *a = j->model.arena;
    const bool names = names_fit(m, j->out.width) || m->classes > 26;
    Table *t = table_new(a, columns_for(a, m->classes));
    head_cells(t, m, names);
    table_rule(t);
    for (int64_t r = 0; r < m->classes; r++) {
        if (names)
            table_cell(t, "%s", m->names[r]);
        else
            table_cell(t, "%c %s", (int)('a' + r), m->names[r]);
        for (int64_t c = 0; c < m->classes; c++) {
            const int64_t count = m->counts[r * m->classes + c];
            table_cell(t, count > 0 ? "%lld" : ".", (long long)count);
        }
        right_cell(t, m, r);
    }
    fputc('\n', j->out.out);
    table_print(t, &j->out);
}

static void print_worst(const Job *j, const Matrix *m)
{
    Arena *a = j->model.arena;
    bool *shown = arena_array(a, bool, (size_t)m->classes);
    Table *t = table_new(a, "lrr");
    table_cell(t, "the worst classes");
    table_cell(t, "examples");
    table_cell(t, "right");
    table_rule(t);
    for (int k = 0; k < WORST_CLASSES; k++) {
        int64_t worst = -1;
        for (int64_t i = 0; i < m->classes; i++)
            if (!shown[i] && (worst < 0 || recall(m, i) < recall(m, worst)))
                worst = i;
        shown[worst] = true;
        table_cell(t, "%s", m->names[worst]);
        table_cell(t, "%lld", (long long)row_sum(m, worst));
        right_cell(t, m, worst);
    }
    fputc('\n', j->out.out);
    table_print(t, &j->out);
}

static const char *const *class_names(const Job *j, PartId part, int64_t classes)
{
    const NnrtField *f = data_target(&j->data, &j->request, part);
    const char **names = arena_array(j->model.arena, const char *, (size_t)classes);
    for (int64_t i = 0; i < classes; i++)
        names[i] = f->classes && i < f->class_count
                       ? f->classes[i]
                       : arena_printf(j->model.arena, "%lld", (long long)i);
    return names;
}

static bool print_confusion(Job *j, PartId part)
{
    const int64_t classes = class_outputs(&j->model);
    if (classes == 0 || j->model.graphs[NNC_PREDICT]->output_count != 1)
        return true;
    Matrix m = {
        .classes = classes,
        .counts = arena_array(j->model.arena, int64_t, (size_t)(classes * classes)),
        .names = class_names(j, part, classes),
    };
    if (!confusion_counts(j, part, classes, m.counts))
        return false;
    if (classes <= MOST_CLASSES)
        print_matrix(j, &m);
    else
        print_worst(j, &m);
    return true;
}

// --- the command ------------------------------------------------------------------------------

static bool normalize_part(Job *j, PartId part, const NnrtTensorFile *file)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const FieldsEnv env = {j->session, j->model.arena, &j->model, sema_data_spec(j->model.program)};
    for (int i = 0; i < g->input_count; i++) {
        NnrtField *f = fields_find(&env, j->data.parts[part].set, &g->inputs[i]);
        if (!weights_normalize(j, file, g->inputs[i].name, f))
            return false;
    }
    return true;
}

static void no_sink(void *self, const void *const *outputs, const uint32_t *rows, int64_t n)
{
    (void)self, (void)outputs, (void)rows, (void)n;
}

// Where a loss that is no finite number comes from: the data, or else predicting tells, if it is a
// layer.
static bool explain_loss(Job *j, PartId part, const NnrtExamples *evaluated)
{
    const Culprit c = culprit_find(j->model.graphs[NNC_EVALUATE], evaluated);
    if (c.field) {
        j->told_not_finite = true;
        diag_help(culprit_report(j, DIAG_data_not_finite, part, &c),
                  "the loss needs finite numbers: mend the value or leave its row out");
        return true;
    }
    const NnrtExamples x = data_examples(&j->data, &j->request, part, j->model.graphs[NNC_PREDICT]);
    const bool ok = predictor_run(j, &x, no_sink, NULL);
    if (ok)
        warn_not_finite_of(j, "the loss");
    return ok;
}

static bool evaluate(Job *j, const NnrtTensorFile *file)
{
    const PartId part = evaluated_part(j);
    const Graph *g = j->model.graphs[NNC_EVALUATE];
    double values[NNRT_FIT_MAX_VALUES];
    Evaluator ev;
    if (!normalize_part(j, part, file))
        return false;
    const NnrtExamples x = data_examples(&j->data, &j->request, part, g);
    bool ok = evaluator_new(&ev, j, x.count);
    if (ok) {
        evaluator_run(&ev, &x, values);
        evaluator_print(&ev, part_name(part), values, x.count);
        ok = isfinite(values[0]) || explain_loss(j, part, &x);
    }
    evaluator_free(&ev);
    const bool whole = j->options->quantize != NULL;
    return ok && (!whole || (job_quantize(j, file) && quantize_report(j, part))) &&
           print_confusion(j, part);
}

ExitCode command_eval(Job *j)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_EVALUATE, NNC_FINISH};
    NnrtTensorFile file = {0};
    bool ok = job_load(j) && job_compile(j, purposes, 3) && weights_load(j, NULL, &file);
    if (ok) {
        if (j->options->seed < 0)  // the same examples must be held out as in training
            j->train.seed = weights_seed(&file, j->train.seed);
        ok = job_read_data(j, true) && evaluate(j, &file);
    }
    nnrt_safetensors_free(&file);
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}
