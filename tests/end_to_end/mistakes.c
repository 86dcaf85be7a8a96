// mistakes.c -- wrong programs, data and weights: exit code 1, a message with its place, nothing
// written.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "end_to_end/harness.h"

#define MODEL(width, units) \
    "model m {\n    input x[" width "]\n    dense(" units ")\n    softmax\n}\n"
#define DATA "data { train = csv(\"data/iris.csv\", target = \"species\") }\n"
#define TRAIN "train { loss = cross_entropy; optimizer = adam; epochs = 1 }\n"

// Each is trained; the message must have the code, the place, and the words.
static const struct {
    const char *name, *text, *code, *words[3];
} mistakes[] = {
    {"wrong input", MODEL("5", "3") DATA TRAIN, "data-shape", {"[4]", "[5] here", "m.nn:6:16"}},
    {"too few outputs", MODEL("4", "2") DATA TRAIN, "too-many-classes", {"3 classes", "2 outputs"}},
    {"bad token", MODEL("4", "3") "data { train = csv(`) }\n" TRAIN, NULL, {"m.nn:6"}},
    {"unclosed brace", "model m {\n    input x[4]\n", NULL, {"m.nn:"}},
    {"unknown layer", "model m {\n    input x[4]\n    dens(3)\n}\n", NULL, {"dens", "dense"}},
    {"unknown key", MODEL("4", "3") DATA "train { los = cross_entropy }\n", NULL, {"los"}},
    {"wrong shape",
     "model m {\n    input x[4]\n    dense(3)\n    reshape([5])\n}\n" DATA TRAIN,
     NULL,
     {"m.nn:4"}},
    {"layers in a circle",
     "layer a(x) { b }\nlayer b(x) { a }\nmodel m {\n    input x[4]\n    a\n}\n",
     NULL,
     {"m.nn:"}},
    {"absurd size", MODEL("4", "4000000000000") DATA TRAIN, NULL, {"m.nn:3"}},
    {"large for any memory", MODEL("4", "900000000000") DATA TRAIN, NULL, {""}},
    {"no data", MODEL("4", "3") TRAIN, "missing-data", {"data"}},
    {"no train", MODEL("4", "3") DATA, "missing-block", {"train"}},
    {"missing file",
     MODEL("4", "3") "data { train = csv(\"none.csv\") }\n" TRAIN,
     "data-file",
     {"none.csv", "m.nn:6:16"}},
    {"no such column",
     MODEL("4", "3") "data { train = csv(\"data/iris.csv\", target = \"kind\") }\n" TRAIN,
     "data-file",
     {"kind", "m.nn:6:16"}},
    {"ragged table",
     MODEL("2", "3") "data { train = csv(\"ragged.csv\") }\n" TRAIN,
     "data-file",
     {"ragged.csv:3", "m.nn:6:16"}},
    {"truncated idx",
     MODEL("4", "3") "data { train = idx(\"short.idx\", \"short.idx\") }\n" TRAIN,
     "data-file",
     {"short.idx", "m.nn:6:16"}},
    {"unknown source",
     MODEL("4", "3") "data { train = cvs(\"data/iris.csv\") }\n" TRAIN,
     "unknown-source",
     {"csv"}},
    {"unknown argument",
     MODEL("4", "3") "data { train = csv(\"data/iris.csv\", tarjet = \"a\") }\n" TRAIN,
     "source-argument",
     {"tarjet"}},
    {"wrong share",
     MODEL("4", "3") "data { train = csv(\"data/iris.csv\"); test = 1.5 }\n" TRAIN,
     "data-share",
     {"1.5"}},
    {"class names",
     MODEL("4", "3") "data { train = csv(\"data/iris.csv\"); classes = [\"a\", \"b\"] }\n" TRAIN,
     "class-names",
     {"m.nn:6"}},
    {"no targets",
     MODEL("4", "3") "data { train = idx(\"four.idx\") }\n" TRAIN,
     "data-field",
     {"target", "m.nn:6:16"}},
    {"a class that is no whole number",
     MODEL("2", "3") "data { train = csv(\"halves.csv\") }\n" TRAIN,
     "data-type",
     {"0.5", "m.nn:6:16"}},
    {"unknown normalization",
     MODEL("4", "3") "data { train = csv(\"data/iris.csv\"); normalize = \"x\" }\n" TRAIN,
     NULL,
     {"m.nn:6"}},
    {"no Fashion-MNIST",
     MODEL("4", "3") "data { train = fashion_mnist(folder = \"none\") }\n" TRAIN,
     "data-file",
     {"dataset-fashion-mnist"}},
    {"early stopping on nothing",
     MODEL("4", "3") DATA
     "train { loss = cross_entropy; optimizer = adam; early_stopping = patience(2) }\n",
     "train-setting",
     {"validation"}},
    {"a plateau of nothing",
     MODEL("4", "3") DATA
     "train { loss = cross_entropy; optimizer = adam; schedule = reduce_on_plateau }\n",
     "train-setting",
     {"no validation data"}},
    {"a metric of yes and no for classes",
     MODEL("4", "3") DATA "train { loss = cross_entropy; optimizer = adam; metrics = [auc] }\n",
     "shape-mismatch",
     {"auc expects", "m.nn:7"}},
    {"more than all of a label",
     MODEL("4", "3") DATA "train { loss = cross_entropy; optimizer = adam; label_smoothing = 1 }\n",
     "require-failed",
     {"below 1"}},
    {"less than no clipping",
     MODEL("4", "3") DATA "train { loss = cross_entropy; optimizer = adam; clip_norm = -1 }\n",
     "bad-setting",
     {"clip_norm", "m.nn:7"}},
    {"a source for nothing",
     MODEL("4", "3") "data { train = [x: csv(\"data/iris.csv\", target = \"species\"), y: "
                     "csv(\"data/iris.csv\")] }\n" TRAIN,
     "source-argument",
     {"called y", "m.nn:6"}},
    {"a batch of none",
     MODEL("4", "3") DATA "train { loss = cross_entropy; optimizer = adam; batch_size = 0 }\n",
     NULL,
     {"m.nn:7"}},
    {"no epoch",
     MODEL("4", "3") DATA "train { loss = cross_entropy; optimizer = adam; epochs = 0 }\n",
     NULL,
     {"m.nn:7"}},
};

// Two examples of four bytes, and no targets.
static void write_idx(const char *folder)
{
    static const unsigned char bytes[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0,
                                          0, 4, 1, 2, 3, 4, 5, 6, 7, 8};
    char *path = path_in_folder(folder, "four.idx");
    FILE *f = fopen(path, "wbe");
    cr_assert(f && fwrite(bytes, 1, sizeof bytes, f) == sizeof bytes && fclose(f) == 0);
    free(path);
}

static char *folder_of(const char *text)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", text);
    write_text(folder, "ragged.csv", "a,b,c\n1,2,3\n1,2\n");
    write_text(folder, "short.idx", "\x08");
    write_text(folder, "halves.csv", "a,b,c\n1,2,0\n1,2,0.5\n");
    write_idx(folder);
    return folder;
}

static void expect_words(const char *name, const char *err, const char *const *words)
{
    for (int i = 0; i < 3 && words[i]; i++)
        cr_expect(strstr(err, words[i]), "%s: '%s' is missing from\n%s", name, words[i], err);
}

Test(mistakes, each_is_located_and_writes_nothing)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        char *folder = folder_of(mistakes[i].text);
        const int entries = folder_entries(folder);
        Run r = NNC(folder, "m.nn", "--train", "--log", "log.jsonl");
        char *code = NULL;
        cr_assert(asprintf(&code, "error[%s", mistakes[i].code ? mistakes[i].code : "") > 0);
        cr_expect_eq(r.code, 1, "%s: exit code %d\n%s", mistakes[i].name, r.code, r.err);
        cr_expect(strstr(r.err, code), "%s: %s is missing from\n%s", mistakes[i].name, code, r.err);
        expect_words(mistakes[i].name, r.err, mistakes[i].words);
        cr_expect(r.out[0] == '\0', "%s: %s", mistakes[i].name, r.out);
        cr_expect_eq(folder_entries(folder), entries, "%s wrote something", mistakes[i].name);
        free(code);
        run_free(&r);
        folder_free(folder);
    }
}

Test(mistakes, a_missing_file)
{
    char *folder = folder_new();
    Run r = NNC(folder, "none.nn");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "none.nn"), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

// --- weights ----------------------------------------------------------------------------------

static void expect_refusal(const char *folder, const char *const *words)
{
    Run r = NNC(folder, "m.nn", "--eval");
    cr_expect_eq(r.code, 1, "%s", r.err);
    expect_words("weights", r.err, words);
    run_free(&r);
}

Test(mistakes, weights_of_another_model)
{
    char *folder = folder_of(MODEL("4", "3") DATA TRAIN);
    Run r = NNC(folder, "m.nn", "--train", "-q");
    cr_expect_eq(r.code, 0, "%s", r.err);
    write_text(
        folder, "m.nn",
        "model m {\n    input x[4]\n    dense(7)\n    dense(3)\n    softmax\n}\n" DATA TRAIN);
    expect_refusal(folder, (const char *const[]){"4 of its variables", "dense.w is f32[4, 7]",
                                                 "f32[4, 3] in the file"});
    run_free(&r);
    folder_free(folder);
}

Test(mistakes, weights_that_are_absent_or_no_weights)
{
    char *folder = folder_of(MODEL("4", "3") DATA TRAIN);
    expect_refusal(folder, (const char *const[]){"m.safetensors", "--train", NULL});
    write_text(folder, "m.safetensors", "{}");
    expect_refusal(folder, (const char *const[]){"m.safetensors", NULL, NULL});
    folder_free(folder);
}

// A second training that fails leaves the first one's weights alone.
Test(mistakes, what_is_saved_stays)
{
    char *folder = folder_of(MODEL("4", "3") DATA TRAIN);
    Run r = NNC(folder, "m.nn", "--train", "-q");
    size_t size;
    char *before = read_bytes(folder, "m.safetensors", &size);
    cr_assert(before);
    run_free(&r);
    r = NNC(folder, "m.nn", "--train", "--set", "train.epochs=0");
    cr_expect_eq(r.code, 1, "%s", r.err);
    run_free(&r);
    r = NNC(folder, "m.nn", "--train", "-o", "nowhere/w.safetensors");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "nowhere"), "%s", r.err);
    size_t after_size;
    char *after = read_bytes(folder, "m.safetensors", &after_size);
    cr_expect(after && size == after_size && memcmp(before, after, size) == 0);
    free(before);
    free(after);
    run_free(&r);
    folder_free(folder);
}

// What is read, or is no file of weights, is not written over.
static const struct {
    const char *args[6];
    int code;
} overwriting[] = {
    {{"iris.nn", "--train", "-o", "iris.nn"}, 2},
    {{"iris.nn", "--train", "--log", "iris.nn"}, 2},
    {{"iris.nn", "--train", "-o", "iris.csv"}, 1},
    {{"iris.nn", "--emit", "ir", "-o", "iris.nn"}, 2},
    {{"iris.nn", "--predict", "iris.csv", "-o", "iris.csv"}, 2},
};

Test(mistakes, inputs_are_not_written_over)
{
    char *folder = folder_new();
    size_t size;
    copy_example(folder, "iris.nn");
    write_text(folder, "iris.csv", "a,b,c,d\n1,2,3,4\n");
    char *model = read_bytes(folder, "iris.nn", &size);
    for (size_t i = 0; i < sizeof overwriting / sizeof *overwriting; i++) {
        Run r = run_nnc(folder, overwriting[i].args);
        cr_expect_eq(r.code, overwriting[i].code, "%zu: exit code %d\n%s", i, r.code, r.err);
        char *now = read_bytes(folder, "iris.nn", &size);
        char *data = read_bytes(folder, "iris.csv", &size);
        cr_expect_str_eq(now, model);
        cr_expect_str_eq(data, "a,b,c,d\n1,2,3,4\n");
        free(data);
        free(now);
        run_free(&r);
    }
    free(model);
    folder_free(folder);
}

// Limits that the system sets: a message, not a signal, and never a wait without end.
Test(mistakes, limits_of_the_system)
{
    char *folder = folder_new();
    copy_example(folder, "iris.nn");
    const char *const size[] = {"-c",
                                "ulimit -f 1; exec \"$0\" iris.nn --train -q --set epochs=1 "
                                "--set test=0.5",
                                BUILD_DIR "/nnc", NULL};
    Run r = run_program(folder, "/bin/sh", size);
    cr_expect(r.code == 1 || r.code == 0, "exit code %d\n%s", r.code, r.err);
    run_free(&r);
    const char *const closed[] = {"-c", "exec \"$0\" iris.nn --train <&- >&- 2>&-",
                                  BUILD_DIR "/nnc", NULL};
    r = run_program(folder, "/bin/sh", closed);
    Run eval = NNC(folder, "iris.nn", "--eval");
    cr_expect_eq(eval.code, 0, "the weights are whole: %s", eval.err);
    run_free(&eval);
    run_free(&r);
    folder_free(folder);
}

// It is said before the training, not after it.
Test(mistakes, an_output_that_cannot_be_written)
{
    static const char *const outputs[] = {"/dev/full", "absent/w.safetensors", "data"};
    char *folder = folder_new();
    copy_example(folder, "iris.nn");
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        Run r = NNC(folder, "iris.nn", "--train", "-o", outputs[i]);
        cr_expect_eq(r.code, 1, "exit code %d", r.code);
        cr_expect(strstr(r.err, outputs[i]) && !strstr(r.err, "1/"), "%s", r.err);
        cr_expect_eq(folder_entries(folder), 1, "nothing is left behind");
        run_free(&r);
    }
    folder_free(folder);
}

Test(mistakes, predictions_for_other_data)
{
    char *folder = folder_of(MODEL("4", "3") DATA TRAIN);
    Run r = NNC(folder, "m.nn", "--train", "-q");
    run_free(&r);
    r = NNC(folder, "m.nn", "--predict", "data/diabetes.csv");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "sepal_length"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "m.nn", "--predict", "none.csv", "-o", "p.csv");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "none.csv"), "%s", r.err);
    char *written = read_bytes(folder, "p.csv", NULL);
    cr_expect(!written);
    run_free(&r);
    folder_free(folder);
}
