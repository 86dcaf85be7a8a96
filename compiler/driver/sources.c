// sources.c -- a table of sources, their arguments checked by name, and the reader of each.

#include "driver/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "driver/synthetic.h"
#include "idx.h"
#include "npy.h"

enum { MAX_ARGUMENTS = 9 };  // of a kind, and an end
static const char FASHION_FOLDER[] = "/usr/share/datasets/fashion-mnist";

typedef struct SourceKind SourceKind;

// A call whose arguments have been sorted into the places of its kind.
typedef struct SourceCall {
    const SourceEnv *env;
    const Value *value;
    const SourceKind *kind;
    const Value *arguments[MAX_ARGUMENTS];  // NULL: not given
    double scale;
} SourceCall;

struct SourceKind {
    const char *name;
    const char *arguments[MAX_ARGUMENTS];  // in order; all may be named
    bool (*read)(const SourceCall *c, NnrtDataset *out);
};

// --- paths and errors -------------------------------------------------------------------------

const char *folder_of(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
}

const char *path_in(Arena *a, const char *folder, const char *path)
{
    return path[0] == '/' ? path : arena_printf(a, "%s%s", folder, path);
}

void report_file_error(Session *s, Span span, const NnrtError *e)
{
    char text[sizeof *e];
    nnrt_error_text(e, text, sizeof text);
    Diag *d = diag_report(s->diags, DIAG_data_file, span, text);
    if (e->help[0])
        diag_help(d, "%s", e->help);
}

static bool file_error(const SourceCall *c, const NnrtError *e)
{
    report_file_error(c->env->session, c->value->span, e);
    return false;
}

// --- arguments --------------------------------------------------------------------------------

static const Value *argument(const SourceCall *c, const char *name)
{
    for (int i = 0; i < MAX_ARGUMENTS && c->kind->arguments[i]; i++)
        if (strcmp(c->kind->arguments[i], name) == 0)
            return c->arguments[i];
    return NULL;
}

static bool argument_error(const SourceCall *c, Span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool argument_error(const SourceCall *c, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->env->arena, format, args);
    va_end(args);
    diag_report(c->env->session->diags, DIAG_source_argument, span, c->kind->name, text);
    return false;
}

// The accessors leave *out alone when the argument is not given.

static bool text_argument(const SourceCall *c, const char *name, const char **out)
{
    const Value *v = argument(c, name);
    if (v && v->kind != VALUE_STRING)
        return argument_error(c, v->span, "%s is a text in quotes", name);
    if (v)
        *out = v->string;
    return true;
}

static bool number_argument(const SourceCall *c, const char *name, double *out)
{
    const Value *v = argument(c, name);
    if (v && v->kind != VALUE_INT && v->kind != VALUE_REAL)
        return argument_error(c, v->span, "%s is a number", name);
    if (v)
        *out = v->kind == VALUE_INT ? (double)v->integer : v->real;
    return true;
}

static bool flag_argument(const SourceCall *c, const char *name, bool *out)
{
    const Value *v = argument(c, name);
    if (v && v->kind != VALUE_BOOL)
        return argument_error(c, v->span, "%s is true or false", name);
    if (v)
        *out = v->boolean;
    return true;
}

// A text, or a list of them.
static bool texts_argument(const SourceCall *c, const char *name, const char *const **out,
                           int *count)
{
    const Value *v = argument(c, name);
    if (!v)
        return true;
    const bool single = v->kind == VALUE_STRING;
    const int n = single ? 1 : v->kind == VALUE_LIST || v->kind == VALUE_TUPLE ? v->count : 0;
    const char **texts = arena_array(c->env->arena, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        const Value *item = single ? v : v->items[i].value;
        if (item->kind != VALUE_STRING)
            return argument_error(c, item->span, "%s holds texts in quotes", name);
        texts[i] = item->string;
    }
    if (n == 0)
        return argument_error(c, v->span, "%s is a text in quotes, or a list of them", name);
    *out = texts;
    *count = n;
    return true;
}

static bool path_argument(const SourceCall *c, const char *name, const char **out)
{
    if (!text_argument(c, name, out))
        return false;
    if (*out)
        *out = path_in(c->env->arena, c->env->folder, *out);
    return true;
}

static bool wanted_path(const SourceCall *c, const char *name, const char **out)
{
    *out = NULL;
    if (!path_argument(c, name, out))
        return false;
    return *out || argument_error(c, c->value->span, "which file?");
}

// --- csv --------------------------------------------------------------------------------------

static bool csv_options(const SourceCall *c, NnrtCsvOptions *o)
{
    const char *separator = ",";
    bool header = true;
    if (!text_argument(c, "separator", &separator) || !flag_argument(c, "header", &header) ||
        !flag_argument(c, "drop_missing", &o->drop_missing) ||
        !texts_argument(c, "missing", &o->missing, &o->missing_count))
        return false;
    if (strlen(separator) != 1)
        return argument_error(c, c->value->span, "separator is one character");
    o->separator = separator[0];
    o->no_header = !header;
    o->like = c->env->like;
    return true;
}

static bool read_csv(const SourceCall *c, NnrtDataset *out)
{
    static const char *const no_target[] = {""};
    NnrtCsvOptions options = {0};
    NnrtSelect select = {0};
    const char *file;
    if (!wanted_path(c, "file", &file) || !csv_options(c, &options) ||
        !texts_argument(c, "target", &select.targets, &select.target_count) ||
        !texts_argument(c, "ignore", &select.ignored, &select.ignored_count))
        return false;
    if (!select.targets && c->env->explicit_target) {
        select.targets = no_target;
        select.target_count = 1;
        select.allow_absent = true;
    }
    NnrtError e;
    NnrtTable table = {0};
    if (!nnrt_csv_read(file, &options, &table, &e))
        return file_error(c, &e);
    const bool ok = nnrt_table_select(&table, &select, out, &e);
    if (ok && c->env->table)
        *c->env->table = table;
    else
        nnrt_table_free(&table);
    return ok || file_error(c, &e);
}

// --- idx, npy, and sets made of them ----------------------------------------------------------

typedef bool TensorReader(const char *file, NnrtTensor *out, NnrtError *e);

static bool add_tensor(const SourceCall *c, TensorReader *read, const char *file, const char *name,
                       NnrtDataset *out)
{
    NnrtError e;
    NnrtTensor tensor = {0};
    NnrtField field = {0};
    if (read(file, &tensor, &e) && nnrt_field_take(&field, name, &tensor, &e) &&
        nnrt_dataset_add(out, &field, &e))
        return true;
    nnrt_tensor_free(&tensor);
    nnrt_field_free(&field);
    return file_error(c, &e);
}

static bool add_tensors(const SourceCall *c, TensorReader *read, const char *inputs,
                        const char *targets, NnrtDataset *out)
{
    return add_tensor(c, read, inputs, "input", out) &&
           (!targets || add_tensor(c, read, targets, "target", out));
}

static bool read_tensors(const SourceCall *c, TensorReader *read, NnrtDataset *out)
{
    const char *inputs;
    const char *targets = NULL;
    return wanted_path(c, "inputs", &inputs) && path_argument(c, "targets", &targets) &&
           add_tensors(c, read, inputs, targets, out);
}

static bool read_idx(const SourceCall *c, NnrtDataset *out)
{
    return read_tensors(c, nnrt_idx_read, out);
}

static bool read_npy(const SourceCall *c, NnrtDataset *out)
{
    return read_tensors(c, nnrt_npy_read, out);
}

static bool read_fashion_mnist(const SourceCall *c, NnrtDataset *out)
{
    const char *part = strcmp(c->env->part, "test") == 0 ? "test" : "train";
    const char *folder = FASHION_FOLDER;
    if (!text_argument(c, "part", &part) || !path_argument(c, "folder", &folder))
        return false;
    const bool train = strcmp(part, "train") == 0;
    if (!train && strcmp(part, "test") != 0)
        return argument_error(c, c->value->span, "part is \"train\" or \"test\"");
    Arena *a = c->env->arena;
    const char *stem = arena_printf(a, "%s/%s", folder, train ? "train" : "t10k");
    const char *images = arena_printf(a, "%s-images-idx3-ubyte.gz", stem);
    if (access(images, F_OK) != 0) {
        Diag *d = diag_report(c->env->session->diags, DIAG_data_file, c->value->span,
                              arena_printf(a, "Fashion-MNIST is not in %s", folder));
        diag_help(d, "install Debian's package dataset-fashion-mnist, or name another folder: "
                     "fashion_mnist(folder = \"...\")");
        return false;
    }
    return add_tensors(c, nnrt_idx_read, images, arena_printf(a, "%s-labels-idx1-ubyte.gz", stem),
                       out);
}

// --- synthetic --------------------------------------------------------------------------------

static bool read_synthetic(const SourceCall *c, NnrtDataset *out)
{
    const char *kind = NULL;
    double examples = 1000;
    double noise = 0.1;
    double seed = 0;
    if (!text_argument(c, "kind", &kind) || !number_argument(c, "examples", &examples) ||
        !number_argument(c, "noise", &noise) || !number_argument(c, "seed", &seed))
        return false;
    if (!kind || !synthetic_exists(kind))
        return argument_error(c, c->value->span, "kind is one of %s",
                              synthetic_names(c->env->arena));
    if (!(examples >= 1 && examples <= 1e9) || !(seed >= 0 && seed < 1e15) || !isfinite(noise))
        return argument_error(c, c->value->span, "examples or seed is out of range");
    NnrtError e;
    const SyntheticOptions options = {
        .kind = kind,
        .examples = (int64_t)examples,
        .noise = noise,
        .seed = (uint64_t)seed,
        .part = (uint64_t)c->env->part[0],  // other examples for training than for the test
    };
    return synthetic_make(&options, out, &e) || file_error(c, &e);
}

// --- the table --------------------------------------------------------------------------------

static const SourceKind kinds[] = {
    {"csv",
     {"file", "target", "scale", "ignore", "separator", "header", "missing", "drop_missing"},
     read_csv},
    {"idx", {"inputs", "targets", "scale"}, read_idx},
    {"npy", {"inputs", "targets", "scale"}, read_npy},
    {"fashion_mnist", {"part", "folder", "scale"}, read_fashion_mnist},
    {"synthetic", {"kind", "examples", "noise", "seed", "scale"}, read_synthetic},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static const SourceKind *find_kind(const SourceEnv *env, const Value *call)
{
    Name names[KIND_COUNT];
    for (int i = 0; i < KIND_COUNT; i++) {
        names[i] = kinds[i].name;
        if (call->kind == VALUE_CALL && strcmp(call->name, kinds[i].name) == 0)
            return &kinds[i];
    }
    const bool named = call->kind == VALUE_CALL || call->kind == VALUE_DEFINITION;
    const char *name = named ? call->name : "this";
    Diag *d = diag_report(env->session->diags, DIAG_unknown_source, call->span, name);
    const char *near = nearest_name(name, names, KIND_COUNT);
    if (near)
        diag_help(d, "did you mean %s?", near);
    else
        diag_help(d, "there are csv, idx, npy, fashion_mnist and synthetic");
    return NULL;
}

static int argument_place(const SourceKind *kind, const char *name)
{
    for (int i = 0; i < MAX_ARGUMENTS && kind->arguments[i]; i++)
        if (strcmp(kind->arguments[i], name) == 0)
            return i;
    return -1;
}

static bool place_argument(SourceCall *c, const NamedValue *given, int position)
{
    int place = position;
    if (given->name) {
        place = argument_place(c->kind, given->name);
        if (place < 0)
            return argument_error(c, given->span, "there is no argument %s", given->name);
    }
    if (place >= MAX_ARGUMENTS || !c->kind->arguments[place])
        return argument_error(c, given->value->span, "too many arguments");
    if (c->arguments[place])
        return argument_error(c, given->value->span, "%s is given twice",
                              c->kind->arguments[place]);
    c->arguments[place] = given->value;
    return true;
}

static void apply_scale(NnrtDataset *set, double scale)
{
    NnrtField *input = nnrt_dataset_field(set, "input");
    if (input)
        input->scale = (float)scale;
}

static bool sort_arguments(SourceCall *c)
{
    c->kind = find_kind(c->env, c->value);
    if (!c->kind)
        return false;
    for (int i = 0; i < c->value->count; i++)
        if (!place_argument(c, &c->value->items[i], i))
            return false;
    return true;
}

bool source_read(const SourceEnv *env, const Value *call, NnrtDataset *out)
{
    *out = (NnrtDataset){0};
    SourceCall c = {.env = env, .value = call};
    double scale = 1;
    if (sort_arguments(&c) && number_argument(&c, "scale", &scale) && c.kind->read(&c, out)) {
        apply_scale(out, scale);
        return true;
    }
    nnrt_dataset_free(out);
    return false;
}

bool source_csv_options(const SourceEnv *env, const Value *call, NnrtCsvOptions *o)
{
    SourceCall c = {.env = env, .value = call};
    *o = (NnrtCsvOptions){0};
    if (!call || call->kind != VALUE_CALL || strcmp(call->name, "csv") != 0)
        return true;
    return sort_arguments(&c) && csv_options(&c, o);
}

double source_scale(const Value *call)
{
    for (int i = 0; call && i < call->count; i++) {
        const Value *v = call->items[i].value;
        if (call->items[i].name && strcmp(call->items[i].name, "scale") == 0)
            return v->kind == VALUE_INT ? (double)v->integer : v->real;
    }
    return 1;
}
