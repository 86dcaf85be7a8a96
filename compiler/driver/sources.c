// sources.c -- a table of sources, their arguments checked by name, and the reader of each.

#include "driver/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cifar10.h"
#include "driver/shapes.h"
#include "driver/source_call.h"
#include "driver/synthetic.h"
#include "idx.h"
#include "image.h"
#include "npy.h"
#include "npz.h"

static const char FASHION_FOLDER[] = "/usr/share/datasets/fashion-mnist";

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
        return source_argument_error(c, c->value->span, "separator is one character");
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
        return source_file_error(c, &e);
    const bool ok = nnrt_table_select(&table, &select, out, &e);
    if (ok && c->env->table)
        *c->env->table = table;
    else
        nnrt_table_free(&table);
    return ok || source_file_error(c, &e);
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
    return source_file_error(c, &e);
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
        return source_argument_error(c, c->value->span, "part is \"train\" or \"test\"");
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

// --- npz --------------------------------------------------------------------------------------

static bool add_member(const SourceCall *c, const char *file, const char *member, const char *name,
                       NnrtDataset *out)
{
    NnrtError e;
    NnrtTensor tensor = {0};
    NnrtField field = {0};
    if (nnrt_npz_read(file, member, &tensor, &e) && nnrt_field_take(&field, name, &tensor, &e) &&
        nnrt_dataset_add(out, &field, &e))
        return true;
    nnrt_tensor_free(&tensor);
    nnrt_field_free(&field);
    return source_file_error(c, &e);
}

static bool read_npz(const SourceCall *c, NnrtDataset *out)
{
    const char *file;
    const char *input = NULL;
    const char *target = NULL;
    return wanted_path(c, "file", &file) && text_argument(c, "input", &input) &&
           text_argument(c, "target", &target) && add_member(c, file, input, "input", out) &&
           (!target || add_member(c, file, target, "target", out));
}

// --- CIFAR-10 ---------------------------------------------------------------------------------

// The published files of a part.
static const char *const *part_files(const char *part, int *count)
{
    static const char *const train[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"};
    static const char *const test[] = {"test_batch.bin"};
    const bool is_test = strcmp(part, "test") == 0;
    *count = is_test ? 1 : 5;
    return is_test ? test : train;
}

static bool read_cifar10(const SourceCall *c, NnrtDataset *out)
{
    const char *const *files = NULL;
    const char *folder = c->env->folder;
    int count = 0;
    if (!texts_argument(c, "files", &files, &count) || !path_argument(c, "folder", &folder))
        return false;
    if (count == 0)
        files = part_files(c->env->part, &count);
    else if (count == 1 && (strcmp(files[0], "train") == 0 || strcmp(files[0], "test") == 0))
        files = part_files(files[0], &count);
    Arena *a = c->env->arena;
    const bool slash = !folder[0] || folder[strlen(folder) - 1] == '/';
    const char **paths = arena_array(a, const char *, (size_t)count);
    for (int i = 0; i < count; i++)
        paths[i] = path_in(a, slash ? folder : arena_printf(a, "%s/", folder), files[i]);
    NnrtError e;
    return nnrt_cifar10_read(paths, count, out, &e) || source_file_error(c, &e);
}

// --- images -----------------------------------------------------------------------------------

static bool image_options(const SourceCall *c, NnrtImageOptions *o)
{
    const char *resize = "bilinear";
    int64_t channels = 0;
    if (!size_argument(c, "size", &o->height, &o->width) || !text_argument(c, "resize", &resize) ||
        !count_argument(c, "channels", &channels))
        return false;
    o->resize = strcmp(resize, "nearest") == 0 ? NNRT_NEAREST : NNRT_BILINEAR;
    if (o->resize == NNRT_BILINEAR && strcmp(resize, "bilinear") != 0)
        return source_argument_error(c, source_argument(c, "resize")->span,
                                     "resize is \"bilinear\" or \"nearest\"");
    if (channels != 0 && channels != 1 && channels != 3)
        return source_argument_error(c, source_argument(c, "channels")->span,
                                     "channels is 1, grey, or 3, red, green and blue");
    o->channels = (int)channels;
    const NnrtField *like = c->env->train ? nnrt_dataset_field(c->env->train, "target") : NULL;
    if (like && like->classes) {
        o->classes = (const char *const *)like->classes;
        o->class_count = like->class_count;
    }
    return true;
}

static bool read_images(const SourceCall *c, NnrtDataset *out)
{
    NnrtImageOptions options = {0};
    const char *folder;
    if (!wanted_path(c, "folder", &folder) || !image_options(c, &options))
        return false;
    NnrtError e;
    return nnrt_images_read(folder, &options, out, &e) || source_file_error(c, &e);
}

// --- text -------------------------------------------------------------------------------------

static bool read_text(const SourceCall *c, NnrtDataset *out)
{
    SourceText *text = c->env->text;
    NnrtTextOptions options = {.length = 64};
    NnrtAlphabet own = {0};
    const char *file;
    if (!text)
        return source_argument_error(c, c->value->span, "a text cannot be one of several sources");
    if (!wanted_path(c, "file", &file) || !count_argument(c, "length", &options.length) ||
        !count_argument(c, "stride", &options.stride))
        return false;
    options.like = text->alphabet.count > 0 ? &text->alphabet : NULL;
    NnrtError e;
    if (!nnrt_text_read(file, &options, out, &own, &e))
        return source_file_error(c, &e);
    nnrt_alphabet_free(&text->alphabet);
    text->alphabet = own;
    text->gap = nnrt_text_gap(options.length, options.stride ? options.stride : options.length);
    return true;
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
    if (kind && !synthetic_exists(kind))
        return source_argument_error(c, c->value->span, "kind is one of %s",
                                     synthetic_names(c->env->arena));
    if (!(examples >= 1 && examples <= 1e9) || !(seed >= 0 && seed < 1e15) || !isfinite(noise))
        return source_argument_error(c, c->value->span, "examples or seed is out of range");
    NnrtError e;
    const SyntheticOptions options = {
        .kind = kind,
        .examples = (int64_t)examples,
        .noise = noise,
        .seed = (uint64_t)seed,
        .part = (uint64_t)c->env->part[0],  // other examples for training than for the test
    };
    return (kind ? synthetic_make(&options, out, &e)
                 : shapes_make(&options, c->env->model, out, &e)) ||
           source_file_error(c, &e);
}

// --- the table --------------------------------------------------------------------------------

#define CIFAR10_PLACE "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"

static const SourceKind kinds[] = {
    {"csv",
     {"file", "target", "scale", "ignore", "separator", "header", "missing", "drop_missing",
      "from"},
     .read = read_csv,
     .doc = "A table with a header; a column that is not of numbers is a category.",
     .example = "csv(\"data/iris.csv\", target = \"species\")"},
    {"idx",
     {"inputs", "targets", "scale", "from"},
     .read = read_idx,
     .doc = "MNIST's format, gzipped or not.",
     .example = "idx(\"images.idx\", \"labels.idx\", scale = 1/255)"},
    {"npy",
     {"inputs", "targets", "scale", "from"},
     .read = read_npy,
     .doc = "NumPy's arrays.",
     .example = "npy(\"inputs.npy\", \"targets.npy\")"},
    {"npz",
     {"file", "input", "target", "scale", "from"},
     .read = read_npz,
     .doc = "Arrays of NumPy's archives, by name.",
     .example = "npz(\"file.npz\", input = \"x\", target = \"y\")"},
    {"cifar10",
     {"files", "folder", "scale", "from"},
     .read = read_cifar10,
     .many = true,
     .published = CIFAR10_PLACE,
     .doc = "CIFAR-10's binary batches, u8[32, 32, 3]: a part's, or files by name.",
     .example = "cifar10(\"train\", folder = \"cifar-10-batches-bin\")"},
    {"images",
     {"folder", "size", "resize", "channels", "scale", "from"},
     .read = read_images,
     .doc = "PNG and JPEG images, a folder a class; all of one size, unless `size` makes them so.",
     .example = "images(\"folder\", size = [96, 96])"},
    {"text",
     {"file", "length", "stride", "from"},
     .read = read_text,
     .doc = "UTF-8 characters: windows of `length`; the target is the window one character on.",
     .example = "text(\"file.txt\", length = 64)"},
    {"fashion_mnist",
     {"part", "folder", "scale"},
     .read = read_fashion_mnist,
     .doc = "The files of Debian's package dataset-fashion-mnist, or of `folder`.",
     .example = "fashion_mnist(\"train\")"},
    {"synthetic",
     {"kind", "examples", "noise", "seed", "scale"},
     .read = read_synthetic,
     .doc = "Made-up examples: line, sine, xor, circles, moons, spirals, or random ones in the "
            "model's shapes.",
     .example = "synthetic(\"moons\", examples = 1000, noise = 0.1, seed = 0)"},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static const char *kind_names(Arena *a)
{
    Text t = text_in(a);
    for (int i = 0; i < KIND_COUNT; i++)
        text_addf(&t, "%s%s", i == 0 ? "" : i + 1 < KIND_COUNT ? ", " : " and ", kinds[i].name);
    return text_str(&t);
}

bool source_doc(const char *name, Text *out)
{
    int i = 0;
    while (i < KIND_COUNT && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == KIND_COUNT)
        return false;
    text_addf(out, "source %s(", name);
    for (int p = 0; p < MAX_ARGUMENTS && kinds[i].arguments[p]; p++)
        text_addf(out, "%s%s", p > 0 ? ", " : "", kinds[i].arguments[p]);
    text_addf(out, ")\n\n%s\n\nExample:\n    train = %s\n", kinds[i].doc, kinds[i].example);
    return true;
}

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
        diag_help(d, "there are %s", kind_names(env->arena));
    return NULL;
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
    return c->kind && source_place_arguments(c);
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
