// fields.c -- fields of the data and inputs of the graphs.

#include "driver/fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "driver/sources.h"

bool is_target(const char *input)
{
    return strncmp(input, "target", 6) == 0 && (input[6] == '\0' || input[6] == '.');
}

static bool fail(const FieldsEnv *env, Span span, const NnrtError *e)
{
    report_file_error(env->session, span, e);
    return false;
}

static const Graph *predict_graph(const FieldsEnv *env)
{
    return env->model->graphs[NNC_PREDICT];
}

NnrtField *fields_find(const FieldsEnv *env, const NnrtDataset *set, const Port *input)
{
    const Graph *predict = predict_graph(env);
    const char *name = input->name;
    if (is_target(name) && env->spec->target)
        name = predict->inputs[0].name;
    NnrtField *field = nnrt_dataset_field(set, name);
    if (field)
        return field;
    if (strncmp(name, "target.", 7) == 0)
        return nnrt_dataset_field(set, name + 7);
    const bool only = !is_target(name) && predict->input_count == 1;
    return only ? nnrt_dataset_field(set, "input") : NULL;
}

// --- shapes -----------------------------------------------------------------------------------

static const char *port_text(const FieldsEnv *env, const Port *port)
{
    return is_target(port->name) ? port->name : arena_printf(env->arena, "input %s", port->name);
}

static const char *example_shape(const FieldsEnv *env, const int64_t *dims, int rank)
{
    char text[160];
    if (rank == 0)
        return "one number";
    return arena_strdup(env->arena, nnrt_shape_text(dims, rank, text, sizeof text));
}

static const char *port_shape(const FieldsEnv *env, const Type *t)
{
    const int skip = type_batched(t);
    return example_shape(env, t->dims + skip, t->rank - skip);
}

// Where the model says what it takes.
static Span input_span(const Graph *g, const Port *port)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_input && &g->inputs[g->nodes[i]->attr.index] == port)
            return g->nodes[i]->span;
    return NO_SPAN;
}

// Where the model's last layer is called.
static Span output_span(const NncModel *m)
{
    int count;
    const LayerRow *rows = sema_layers(m->program, &count);
    for (int i = count; i-- > 0;)
        if (rows[i].depth == 0)
            return rows[i].span;
    return NO_SPAN;
}

static bool check_shape(const FieldsEnv *env, const Graph *g, const NnrtField *f, const Port *port,
                        const char *part, Span span)
{
    if (f->width == type_elements(&port->type))
        return true;
    Diag *d = diag_report(env->session->diags, DIAG_data_shape, span, part,
                          example_shape(env, f->dims, f->rank), port_text(env, port),
                          port_shape(env, &port->type));
    const Span declared = input_span(g, port);
    if (declared.pos && !is_target(port->name))
        diag_note(d, declared, "%s here", port_shape(env, &port->type));
    if (!is_target(port->name) && f->rank > 0)
        diag_help(d, "input %s%s would take it", port->name, example_shape(env, f->dims, f->rank));
    return false;
}

// --- whole numbers and classes ----------------------------------------------------------------

// f32 values that are whole numbers as i32.
static bool to_integers(NnrtField *f, NnrtError *e)
{
    const float *in = f->data;
    const int64_t n = f->rows * f->width;
    int32_t *out = nnrt_alloc((size_t)n, sizeof *out, e);
    if (!out)
        return false;
    for (int64_t i = 0; i < n; i++) {
        if (!(fabsf(in[i]) < 0x1p31f) || in[i] != floorf(in[i])) {
            free(out);
            return nnrt_fail(e, "row %lld holds %g", (long long)(i / f->width), (double)in[i]);
        }
        out[i] = (int32_t)in[i];
    }
    free(f->data);
    f->data = out;
    f->dtype = NNRT_I32;
    return true;
}

static const Port *output_for(const Graph *predict, const char *target)
{
    for (int i = 0; target[6] == '.' && i < predict->output_count; i++)
        if (strcmp(predict->outputs[i].name, target + 7) == 0)
            return &predict->outputs[i];
    return predict->output_count > 0 ? &predict->outputs[0] : NULL;
}

int64_t port_classes(const NncModel *m, const Port *port)
{
    const Port *output = output_for(m->graphs[NNC_PREDICT], port->name);
    if (!is_target(port->name) || port->type.dtype != DTYPE_I32 || !output)
        return 0;
    const Type *y = &output->node->type;
    const int64_t classes = y->rank > 0 ? y->dims[y->rank - 1] : 1;
    return classes > 1 && type_elements(y) == classes * type_elements(&port->type) ? classes : 0;
}

static bool is_class_port(const NncModel *m, const Port *port)
{
    return is_target(port->name) && (type_elements(&port->type) == 1 || port_classes(m, port) > 0);
}

static bool want_integers(const FieldsEnv *env, NnrtField *f, const Port *port, const char *part,
                          Span span)
{
    NnrtError e;
    const bool ok = is_class_port(env->model, port) ? nnrt_field_as_classes(f, &e)
                    : f->dtype == NNRT_F32          ? to_integers(f, &e)
                                                    : true;
    if (!ok)
        diag_report(env->session->diags, DIAG_data_type, span, port_text(env, port), part,
                    e.message);
    return ok;
}

int64_t class_outputs(const NncModel *m)
{
    const Graph *g = m->graphs[NNC_EVALUATE];
    for (int i = 0; i < g->input_count; i++)
        if (is_target(g->inputs[i].name))
            return port_classes(m, &g->inputs[i]);
    return 0;
}

static bool class_name_error(const FieldsEnv *env, const char *message)
{
    diag_report(env->session->diags, DIAG_class_names, env->spec->classes->span, message);
    return false;
}

static int find_text(const char *text, const char *const *list, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return i;
    return -1;
}

// Gives the codes of a category, which are ranks of its names, the order that `names` has.
static bool reorder_classes(const FieldsEnv *env, NnrtField *f, const char *const *names, int count)
{
    int32_t *place = arena_array(env->arena, int32_t, (size_t)f->class_count);
    for (int64_t i = 0; i < f->class_count; i++) {
        place[i] = find_text(f->classes[i], names, count);
        if (place[i] < 0)
            return class_name_error(
                env, arena_printf(env->arena, "%s of the data is not among them", f->classes[i]));
    }
    int32_t *codes = f->data;
    for (int64_t i = 0; i < f->rows * f->width; i++)
        codes[i] = place[codes[i]];
    return true;
}

static bool name_classes(const FieldsEnv *env, NnrtField *f, int64_t outputs)
{
    const Value *list = env->spec->classes;
    if (!list)
        return true;
    const char **names = arena_array(env->arena, const char *, (size_t)list->count + 1);
    for (int i = 0; i < list->count; i++) {
        if (list->items[i].value->kind != VALUE_STRING)
            return class_name_error(env, "classes are texts in quotes");
        names[i] = list->items[i].value->string;
        if (find_text(names[i], names, i) >= 0)
            return class_name_error(env, arena_printf(env->arena, "%s is there twice", names[i]));
    }
    if (outputs > 0 && list->count != outputs)
        return class_name_error(env, arena_printf(env->arena, "%d names for %lld outputs",
                                                  list->count, (long long)outputs));
    if (f->classes && !reorder_classes(env, f, names, list->count))
        return false;
    NnrtError e;
    return nnrt_field_set_classes(f, names, list->count, &e) || class_name_error(env, e.message);
}

static bool check_classes(const FieldsEnv *env, NnrtField *f, const Port *port, const char *part,
                          Span span)
{
    const int64_t outputs = port_classes(env->model, port);
    if (outputs > 0 && f->class_count > outputs) {
        Diag *d = diag_report(env->session->diags, DIAG_too_many_classes, span, part,
                              (long long)f->class_count, (long long)outputs);
        if (output_span(env->model).pos)
            diag_note(d, output_span(env->model), "%lld outputs", (long long)outputs);
        return false;
    }
    return name_classes(env, f, outputs);
}

// --- the whole --------------------------------------------------------------------------------

static bool fit_port(const FieldsEnv *env, const Graph *g, NnrtDataset *set, const Port *port,
                     const char *part, Span span)
{
    NnrtField *f = fields_find(env, set, port);
    if (!f) {
        Diag *d =
            diag_report(env->session->diags, DIAG_data_field, span, part, port_text(env, port));
        if (port->name[6] == '.' && is_target(port->name))
            diag_help(d, "name a source for each output: [input: ..., %s: ...]", port->name + 7);
        else if (is_target(port->name))
            diag_help(d, "name the file of the targets too, or say target = input");
        return false;
    }
    if (!check_shape(env, g, f, port, part, span))
        return false;
    if (port->type.dtype == DTYPE_F32)
        return true;
    if (!want_integers(env, f, port, part, span))
        return false;
    return !is_class_port(env->model, port) || check_classes(env, f, port, part, span);
}

// A field that no input takes is a name misspelled. `input` and `target` need not be used: a table
// has them whether or not the model wants them.
static bool check_used(const FieldsEnv *env, const Graph *g, const NnrtDataset *set,
                       const char *part, Span span)
{
    bool trains = false;
    for (int i = 0; i < g->input_count; i++)
        trains |= is_target(g->inputs[i].name);
    for (int i = 0; trains && i < set->field_count; i++) {
        const NnrtField *f = &set->fields[i];
        bool used = strcmp(f->name, "input") == 0 || is_target(f->name);
        for (int k = 0; k < g->input_count; k++)
            used |= fields_find(env, set, &g->inputs[k]) == f;
        if (!used) {
            const char *text = arena_printf(env->arena, "no input or output is called %s", f->name);
            diag_report(env->session->diags, DIAG_source_argument, span, part, text);
            return false;
        }
    }
    return true;
}

bool fields_fit(const FieldsEnv *env, const Graph *g, NnrtDataset *set, const char *part, Span span)
{
    for (int i = 0; i < g->input_count; i++)
        if (!fit_port(env, g, set, &g->inputs[i], part, span))
            return false;
    return check_used(env, g, set, part, span);
}

// --- normalization ----------------------------------------------------------------------------

bool fields_is_standard(const Value *v)
{
    const char *name = v->kind == VALUE_STRING ? v->string : v->name;
    return name && strcmp(name, "standard") == 0;
}

// What is normalized on its own: each element of a list, each channel of an image, the whole of an
// image that has but one.
static int64_t features_of(const NnrtField *f)
{
    if (f->rank <= 1)
        return f->width;
    return f->rank == 2 && f->dtype == NNRT_U8 ? 1 : f->dims[f->rank - 1];
}

bool fields_standardize(const FieldsEnv *env, NnrtDataset *set, const uint32_t *rows, int64_t count,
                        Span span)
{
    const Graph *g = predict_graph(env);
    for (int i = 0; i < g->input_count; i++) {
        NnrtField *f = fields_find(env, set, &g->inputs[i]);
        NnrtError e;
        if (g->inputs[i].type.dtype == DTYPE_F32 &&
            !nnrt_standardize(f, rows, count, features_of(f), &e))
            return fail(env, span, &e);
    }
    return true;
}

bool fields_copy_normalization(const FieldsEnv *env, const NnrtDataset *from, NnrtDataset *to)
{
    const Graph *g = predict_graph(env);
    for (int i = 0; i < g->input_count; i++) {
        const NnrtField *f = fields_find(env, from, &g->inputs[i]);
        NnrtError e;
        if (f->features > 0 && !nnrt_field_normalize(fields_find(env, to, &g->inputs[i]),
                                                     f->features, f->mean, f->std, &e))
            return fail(env, env->spec->span, &e);
    }
    return true;
}
