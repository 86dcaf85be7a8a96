// weights.c -- variables to a file and back.

#include "driver/weights.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "driver/fields.h"

static bool is_saved(const Variable *v)
{
    return v->kind == VARIABLE_PARAM || v->kind == VARIABLE_STATE;
}

static NnrtDtype dtype_of(const Variable *v)
{
    static const NnrtDtype dtypes[DTYPE_COUNT] = {NNRT_F32, NNRT_I32, NNRT_U8, NNRT_I8};
    return dtypes[v->type.dtype];
}

static NnrtTensor tensor_of(const Job *j, const Variable *v)
{
    NnrtTensor t = {
        .name = (char *)v->path,
        .dtype = dtype_of(v),
        .rank = v->type.rank,
        .data = (uint8_t *)j->model.block + v->offset,
    };
    memcpy(t.dims, v->type.dims, sizeof t.dims);
    return t;
}

// --- metadata ---------------------------------------------------------------------------------

// What the model computes, as far as its layers are written: another activation, another hash.
static const char *model_hash(const Job *j)
{
    Arena *a = j->model.arena;
    Text text = text_in(a);
    int count;
    const LayerRow *rows = sema_layers(j->model.program, &count);
    for (int i = 0; i < count; i++) {
        text_addf(&text, "%d %s ", rows[i].depth, rows[i].call);
        type_print(&text, &rows[i].output);
        text_add(&text, "\n");
    }
    const XXH128_hash_t h = XXH3_128bits(text_str(&text), text.size);
    return arena_printf(a, "%016llx%016llx", (unsigned long long)h.high64,
                        (unsigned long long)h.low64);
}

static json_t *floats(const float *values, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static json_t *texts(char *const *items, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

// Class names, or the codes themselves.
static json_t *class_texts(const NnrtField *target, int64_t classes)
{
    if (target->classes && target->class_count == classes)
        return texts(target->classes, classes);
    json_t *list = json_array();
    for (int64_t i = 0; i < classes; i++)
        json_array_append_new(list, i < target->class_count && target->classes
                                        ? json_string(target->classes[i])
                                        : json_sprintf("%lld", (long long)i));
    return list;
}

static json_t *normalization(const Job *j)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    const NnrtExamples x = data_examples(&j->data, &j->request, PART_TRAIN, g);
    json_t *all = json_object();
    for (int i = 0; i < g->input_count; i++) {
        const NnrtField *f = x.fields[i];
        if (f->features > 0)
            json_object_set_new(all, g->inputs[i].name,
                                json_pack("{s:o, s:o}", "mean", floats(f->mean, f->features), "std",
                                          floats(f->std, f->features)));
    }
    return all;
}

typedef struct MetaList {
    NnrtMeta items[8];
    int count;
} MetaList;

static void add_text(MetaList *m, const char *key, const char *value)
{
    m->items[m->count++] = (NnrtMeta){(char *)key, (char *)value};
}

static void add_json(MetaList *m, Arena *a, const char *key, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (text && json_array_size(value) + json_object_size(value) > 0)
        add_text(m, key, arena_strdup(a, text));
    free(text);
    json_decref(value);
}

static MetaList metadata(const Job *j)
{
    Arena *a = j->model.arena;
    const int64_t classes = class_outputs(&j->model);
    const NnrtField *input = nnrt_dataset_field(j->data.parts[PART_TRAIN].set, "input");
    MetaList m = {0};
    add_text(&m, "nnc", NNC_VERSION);
    add_text(&m, "model", sema_model_name(j->model.program));
    add_text(&m, "model_hash", model_hash(j));
    add_text(&m, "seed", arena_printf(a, "%llu", (unsigned long long)j->train.seed));
    if (classes > 0)
        add_json(&m, a, "classes",
                 class_texts(data_target(&j->data, &j->request, PART_TRAIN), classes));
    if (input && input->columns)
        add_json(&m, a, "columns", texts(input->columns, input->width));
    add_json(&m, a, "normalization", normalization(j));
    return m;
}

bool weights_save(Job *j, const char *path)
{
    const Variables *vs = j->model.variables;
    MetaList meta = metadata(j);
    NnrtTensorFile file = {
        .tensors = arena_array(j->model.arena, NnrtTensor, (size_t)vs->count + 1),
        .meta = meta.items,
        .meta_count = meta.count,
    };
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i]))
            file.tensors[file.tensor_count++] = tensor_of(j, &vs->items[i]);
    NnrtError e;
    if (nnrt_safetensors_write(path, &file, &e))
        return true;
    job_say_error(j, &e);
    return false;
}

size_t weights_bytes(const Job *j)
{
    const Variables *vs = j->model.variables;
    size_t bytes = 0;
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i])) {
            const NnrtTensor t = tensor_of(j, &vs->items[i]);
            bytes += nnrt_tensor_bytes(&t);
        }
    return bytes;
}

// --- loading ----------------------------------------------------------------------------------

static bool same_tensor(const NnrtTensor *a, const NnrtTensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static const char *tensor_text(Arena *a, const NnrtTensor *t)
{
    char shape[160];
    return arena_printf(a, "%s%s", nnrt_dtype_name(t->dtype),
                        nnrt_shape_text(t->dims, t->rank, shape, sizeof shape));
}

// The differences between a file and the model: a line each, as notes of one diagnostic.
typedef struct Differences {
    Job *job;
    const char *path;
    const NnrtTensorFile *file;
    Diag *diag;  // NULL: only count
    int count;
} Differences;

static void compare_variable(Differences *d, const Variable *v)
{
    Arena *a = d->job->model.arena;
    const NnrtTensor *have = nnrt_safetensors_find(d->file, v->path);
    const NnrtTensor want = tensor_of(d->job, v);
    if (have && same_tensor(have, &want))
        return;
    d->count++;
    if (d->diag)
        diag_note(d->diag, v->span, "%s is %s in the model and %s in the file", v->path,
                  tensor_text(a, &want), have ? tensor_text(a, have) : "absent");
}

static void compare_tensor(Differences *d, const NnrtTensor *t)
{
    const Variables *vs = d->job->model.variables;
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i]) && strcmp(vs->items[i].path, t->name) == 0)
            return;
    d->count++;
    if (d->diag)
        diag_help(d->diag, "the file's %s is not in the model", t->name);
}

static int compare(Differences *d)
{
    const Variables *vs = d->job->model.variables;
    d->count = 0;
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i]))
            compare_variable(d, &vs->items[i]);
    for (int i = 0; i < d->file->tensor_count; i++)
        compare_tensor(d, &d->file->tensors[i]);
    return d->count;
}

static bool is_range(const char *path)
{
    const size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".high") == 0;
}

// Of weights that were trained for whole numbers, or of a model that is, and the other is not.
static void help_ranges(const Differences *d)
{
    const Variables *vs = d->job->model.variables;
    bool file = false, model = false;
    for (int i = 0; i < d->file->tensor_count; i++)
        file |= is_range(d->file->tensors[i].name);
    for (int i = 0; i < vs->count; i++)
        model |= is_saved(&vs->items[i]) && is_range(vs->items[i].path);
    if (file && !model)
        diag_help(d->diag, "the weights were trained with `quantize = int8` in the train block, "
                           "which the file does not have");
    if (model && !file)
        diag_help(d->diag,
                  "the file has `quantize = int8` in the train block, and the weights were "
                  "trained without");
}

static bool check_weights(Job *j, const char *path, const NnrtTensorFile *file)
{
    Differences d = {.job = j, .path = path, .file = file};
    const int count = compare(&d);
    if (count == 0)
        return true;
    d.diag = diag_report(j->session->diags, DIAG_weights_mismatch, NO_SPAN, path, count);
    compare(&d);
    help_ranges(&d);
    return false;
}

static void copy_weights(Job *j, const NnrtTensorFile *file)
{
    const Variables *vs = j->model.variables;
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i])) {
            const NnrtTensor *t = nnrt_safetensors_find(file, vs->items[i].path);
            memcpy((uint8_t *)j->model.block + vs->items[i].offset, t->data, nnrt_tensor_bytes(t));
        }
}

// --- what is no number --------------------------------------------------------------------------

// States may begin with an infinity, as one that keeps a least value does.
static bool is_wrong(const Variable *v, float value)
{
    return v->kind == VARIABLE_PARAM || v->kind == VARIABLE_FOLDED ? !isfinite(value)
                                                                   : isnan(value);
}

typedef struct Wrong {
    const Variable *first;
    int64_t element;
    int64_t count;
} Wrong;

// Those of a kind that is not there yet are 0.
static void find_wrong(const Job *j, const Variable *v, Wrong *w)
{
    const float *values = (const float *)((const char *)j->model.block + v->offset);
    for (int64_t i = 0; v->type.dtype == DTYPE_F32 && i < type_elements(&v->type); i++) {
        if (!is_wrong(v, values[i]))
            continue;
        if (w->count++ == 0) {
            w->first = v;
            w->element = i;
        }
    }
}

static const char *place_text(Arena *a, const Variable *v, int64_t element)
{
    int64_t place[NNRT_MAX_RANK];
    char text[160];
    for (int i = v->type.rank; i-- > 0; element /= v->type.dims[i])
        place[i] = element % v->type.dims[i];
    return arena_printf(a, "%s%s", v->path,
                        v->type.rank > 0 ? nnrt_shape_text(place, v->type.rank, text, sizeof text)
                                         : "");
}

bool weights_finite(Job *j, const char *path)
{
    const Variables *vs = j->model.variables;
    const Command c = j->options->command;
    const bool deploys = c == COMMAND_EMIT_C || c == COMMAND_VERIFY || emits_object(j->options);
    Wrong w = {0};
    for (int i = 0; i < vs->count; i++)
        find_wrong(j, &vs->items[i], &w);
    if (!w.first)
        return true;
    const float value =
        ((const float *)((const char *)j->model.block + w.first->offset))[w.element];
    Diag *d = diag_report(j->session->diags, deploys ? DIAG_weights_value : DIAG_weights_not_finite,
                          w.first->span, path, place_text(j->model.arena, w.first, w.element),
                          isnan(value) ? "NaN" : "infinite", (long long)w.count);
    diag_help(d, "train anew: what such weights give means nothing");
    j->told_not_finite = true;
    return !deploys;
}

bool weights_read(Job *j, const char *path, NnrtTensorFile *file)
{
    NnrtError e;
    *file = (NnrtTensorFile){0};
    if (nnrt_safetensors_read(path, file, &e))
        return true;
    char text[sizeof e];
    nnrt_error_text(&e, text, sizeof text);
    Diag *d = diag_report(j->session->diags, DIAG_weights_file, NO_SPAN, text);
    if (e.help[0])
        diag_help(d, "%s", e.help);
    diag_help(d, "nnc %s --train makes the weights; --weights names another file",
              j->options->file);
    return false;
}

bool weights_apply(Job *j, const char *path, const NnrtTensorFile *file)
{
    if (!check_weights(j, path, file) || !nnc_initialize(&j->model, j->train.seed))
        return false;
    copy_weights(j, file);
    if (!weights_finite(j, path))
        return false;
    const char *hash = nnrt_safetensors_meta(file, "model_hash");
    if (hash && strcmp(hash, model_hash(j)) != 0 && !j->options->quiet)
        job_say(j, "%s: the layers have changed since these weights were made", path);
    return true;
}

bool weights_load(Job *j, const char *path, NnrtTensorFile *file)
{
    path = path ? path : job_weights_path(j);
    if (!weights_read(j, path, file))
        return false;
    if (weights_apply(j, path, file))
        return true;
    nnrt_safetensors_free(file);
    return false;
}

// --- weights to begin a training with ------------------------------------------------------------

// The file's tensor for a variable, when it fits.
static const NnrtTensor *fitting(const Job *j, const NnrtTensorFile *file, const Variable *v)
{
    const NnrtTensor *have = nnrt_safetensors_find(file, v->path);
    const NnrtTensor want = tensor_of(j, v);
    return have && same_tensor(have, &want) ? have : NULL;
}

// What stays as it is must come from the file, and a file of which nothing fits is the wrong one.
static bool check_start(Job *j, const char *path, const NnrtTensorFile *file)
{
    const Variables *vs = j->model.variables;
    Differences d = {.job = j, .path = path, .file = file};
    int fit = 0;
    int frozen = 0;
    for (int i = 0; i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        fit += is_saved(v) && fitting(j, file, v);
        frozen += v->frozen && !fitting(j, file, v);
    }
    if (fit > 0 && frozen == 0)
        return true;
    const int differences = compare(&d);
    d.diag = diag_report(j->session->diags, DIAG_weights_mismatch, NO_SPAN, path,
                         fit > 0 ? frozen : differences);
    for (int i = 0; i < vs->count; i++)
        if (is_saved(&vs->items[i]) && (fit == 0 || vs->items[i].frozen))
            compare_variable(&d, &vs->items[i]);
    return false;
}

static void copy_start(Job *j, const char *path, const NnrtTensorFile *file)
{
    const Variables *vs = j->model.variables;
    Text anew = text_in(j->model.arena);
    int fit = 0;
    for (int i = 0; i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        const NnrtTensor *t = is_saved(v) ? fitting(j, file, v) : NULL;
        if (t)
            memcpy((uint8_t *)j->model.block + v->offset, t->data, nnrt_tensor_bytes(t));
        else if (is_saved(v))
            text_addf(&anew, "%s%s", anew.size ? ", " : "; new: ", v->path);
        fit += t != NULL;
    }
    if (!j->options->quiet)
        job_say(j, "%d tensors are from %s%s", fit, path, text_str(&anew));
}

bool weights_start(Job *j, const char *path)
{
    NnrtTensorFile file = {0};
    if (!weights_read(j, path, &file))
        return false;
    const bool ok = check_start(j, path, &file);
    if (ok)
        copy_start(j, path, &file);
    nnrt_safetensors_free(&file);
    return ok;
}

// --- metadata of loaded weights ---------------------------------------------------------------

uint64_t weights_seed(const NnrtTensorFile *file, uint64_t otherwise)
{
    const char *text = nnrt_safetensors_meta(file, "seed");
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static json_t *meta_json(const NnrtTensorFile *file, const char *key)
{
    const char *text = nnrt_safetensors_meta(file, key);
    return text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

const char *const *weights_texts(Job *j, const NnrtTensorFile *file, const char *key, int *count)
{
    json_t *list = meta_json(file, key);
    const size_t n = json_array_size(list);
    const char **items = arena_array(j->model.arena, const char *, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text)
            items[(*count)++] = arena_strdup(j->model.arena, text);
    }
    json_decref(list);
    return n > 0 && *count == (int)n ? items : NULL;
}

static float *read_floats(Arena *a, const json_t *list, int64_t *count)
{
    const size_t n = json_array_size(list);
    float *values = arena_array(a, float, n + 1);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)json_number_value(json_array_get(list, i));
    *count = (int64_t)n;
    return values;
}

int64_t weights_statistics(Job *j, const NnrtTensorFile *file, const char *input,
                           const float **mean, const float **std)
{
    json_t *all = meta_json(file, "normalization");
    const json_t *one = json_object_get(all, input);
    int64_t means = 0;
    int64_t stds = 0;
    *mean = read_floats(j->model.arena, json_object_get(one, "mean"), &means);
    *std = read_floats(j->model.arena, json_object_get(one, "std"), &stds);
    json_decref(all);
    return means == stds ? means : 0;
}

bool weights_normalize(Job *j, const NnrtTensorFile *file, const char *input, NnrtField *field)
{
    json_t *all = meta_json(file, "normalization");
    const json_t *one = json_object_get(all, input);
    bool ok = true;
    if (one) {
        int64_t means;
        int64_t stds;
        const float *mean = read_floats(j->model.arena, json_object_get(one, "mean"), &means);
        const float *std = read_floats(j->model.arena, json_object_get(one, "std"), &stds);
        NnrtError e;
        ok = means == stds && means > 0 ? nnrt_field_normalize(field, means, mean, std, &e)
                                        : nnrt_fail(&e, "the normalization is not whole");
        if (!ok)
            diag_report(j->session->diags, DIAG_weights_file, NO_SPAN, e.message);
    }
    json_decref(all);
    return ok;
}
