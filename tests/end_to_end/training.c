// training.c -- models are trained, evaluated, used, as a user does it.

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "end_to_end/harness.h"
#include "npy.h"
#include "safetensors.h"

// A model that trains in milliseconds.
static const char SMALL[] = "model small {\n"
                            "    input flower[4]\n"
                            "    dense(8)\n"
                            "    relu\n"
                            "    dropout(0.2)\n"
                            "    dense(3)\n"
                            "    softmax\n"
                            "}\n"
                            "data {\n"
                            "    train      = csv(\"data/iris.csv\", target = \"species\")\n"
                            "    test       = 0.2\n"
                            "    validation = 0.25\n"
                            "    normalize  = standard\n"
                            "}\n"
                            "train {\n"
                            "    loss       = cross_entropy\n"
                            "    optimizer  = adam(learning_rate = 0.01)\n"
                            "    batch_size = 16\n"
                            "    epochs     = 5\n"
                            "    metrics    = [accuracy]\n"
                            "    seed       = 3\n"
                            "}\n";

static char *small_folder(void)
{
    char *folder = folder_new();
    write_text(folder, "small.nn", SMALL);
    return folder;
}

static void expect_done(const Run *r)
{
    cr_expect_eq(r->code, 0, "exit code %d\n%s", r->code, r->err);
}

// --- figures ----------------------------------------------------------------------------------

// What the examples promise about their test data; `epochs` is fewer where it takes long.
static const struct {
    const char *file, *epochs, *metric;
    double low, high;
} figures[] = {
    {"linear_regression.nn", NULL, "loss", 3890.4, 3890.5},
    {"logistic_regression.nn", NULL, "loss", 0.1028, 0.10285},
    {"iris.nn", NULL, "accuracy", 0.93, 1},
    {"diabetes.nn", NULL, "r2", 0.4, 0.7},
    {"digits.nn", "train.epochs=10", "accuracy", 0.95, 1},
};

Test(training, examples_reach_their_figures)
{
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        char *folder = folder_new();
        copy_example(folder, figures[i].file);
        Run r = figures[i].epochs
                    ? NNC(folder, figures[i].file, "--train", "-q", "--set", figures[i].epochs)
                    : NNC(folder, figures[i].file, "--train", "-q");
        expect_done(&r);
        const double value = number_after(r.out, figures[i].metric);
        cr_expect(value >= figures[i].low && value <= figures[i].high, "%s: %s is %g",
                  figures[i].file, figures[i].metric, value);
        run_free(&r);
        folder_free(folder);
    }
}

// Trained with nothing in the cache, with all in it, without one, and where none can be: the same.
Test(training, the_cache_changes_nothing)
{
    char *folder = small_folder();
    char *cache = path_in_folder(folder, "cache");
    char *nowhere = path_in_folder(folder, "small.nn");
    setenv("XDG_CACHE_HOME", cache, 1);
    Run first = NNC(folder, "small.nn", "--train", "-o", "first", "--no-cache");
    cr_expect_eq(folder_entries(folder), 2, "--no-cache keeps something");
    Run cold = NNC(folder, "small.nn", "--train", "-o", "cold");
    char *objects = path_in_folder(cache, "nnc");
    const int kept = folder_entries(objects);
    cr_expect(kept > 0);
    Run warm = NNC(folder, "small.nn", "--train", "-o", "warm", "--threads", "2");
    cr_expect_eq(folder_entries(objects), kept);
    setenv("XDG_CACHE_HOME", nowhere, 1);
    Run none = NNC(folder, "small.nn", "--train", "-o", "none");
    static const char *const weights[] = {"first", "cold", "warm", "none"};
    size_t size = 0, other = 0;
    char *expected = read_bytes(folder, weights[0], &size);
    for (int i = 1; i < 4; i++) {
        char *bytes = read_bytes(folder, weights[i], &other);
        cr_expect(bytes && size == other && memcmp(bytes, expected, size) == 0, "%s", weights[i]);
        free(bytes);
    }
    Run *const runs[] = {&first, &cold, &warm, &none};
    for (int i = 0; i < 4; i++) {
        expect_done(runs[i]);
        cr_expect_str_eq(runs[i]->out, first.out);
    }
    for (int i = 0; i < 4; i++)
        run_free(runs[i]);
    Run clean = run_program(folder, "rm", (const char *const[]){"-r", "cache", NULL});
    cr_expect_eq(clean.code, 0);
    run_free(&clean);
    free(expected);
    free(objects);
    free(nowhere);
    free(cache);
    folder_free(folder);
}

Test(training, evaluation_says_what_training_said)
{
    char *folder = small_folder();
    Run train = NNC(folder, "small.nn", "--train");
    Run eval = NNC(folder, "small.nn", "--eval");
    expect_done(&train);
    expect_done(&eval);
    cr_expect(strncmp(train.out, "test   loss ", 12) == 0, "%s", train.out);
    cr_expect(strncmp(eval.out, train.out, strlen(train.out)) == 0, "%s%s", train.out, eval.out);
    cr_expect(strstr(eval.out, "virginica"), "the confusion matrix names the classes");
    run_free(&train);
    run_free(&eval);
    folder_free(folder);
}

// The seed that held examples out is the weights': evaluating must not see training's examples.
Test(training, evaluation_holds_out_what_training_held_out)
{
    char *folder = small_folder();
    Run train = NNC(folder, "small.nn", "--train", "--seed", "77");
    Run eval = NNC(folder, "small.nn", "--eval");
    expect_done(&train);
    cr_expect(strncmp(eval.out, train.out, strlen(train.out)) == 0, "%s%s", train.out, eval.out);
    run_free(&train);
    run_free(&eval);
    folder_free(folder);
}

Test(training, a_line_an_epoch)
{
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--train");
    expect_done(&r);
    cr_expect(strstr(r.err, " 1/5 ") && strstr(r.err, " 5/5 "), "%s", r.err);
    cr_expect(strstr(r.err, "validation"), "%s", r.err);
    cr_expect(!strchr(r.err, '\033') && !strchr(r.err, '\r'), "plain where there is no terminal");
    run_free(&r);
    folder_free(folder);
}

// --- reproducibility --------------------------------------------------------------------------

static char *weights_of(const char *folder, const char *const *more, size_t *size)
{
    const char *args[MAX_RUN_ARGS] = {"small.nn", "--train", "-q", "-o", "w.safetensors"};
    for (int i = 0; more[i]; i++)
        args[5 + i] = more[i];
    Run r = run_nnc(folder, args);
    expect_done(&r);
    run_free(&r);
    return read_bytes(folder, "w.safetensors", size);
}

#define WEIGHTS(folder, size, ...) \
    weights_of((folder), (const char *const[]){__VA_ARGS__, NULL}, (size))

Test(training, the_same_bits_each_time_and_for_any_threads)
{
    char *folder = small_folder();
    size_t size;
    char *first = WEIGHTS(folder, &size, "--threads", "1");
    static const char *const threads[] = {"1", "2", "3"};
    for (size_t i = 0; i < 3; i++) {
        size_t other_size;
        char *other = WEIGHTS(folder, &other_size, "--threads", threads[i]);
        cr_expect(size == other_size && memcmp(first, other, size) == 0, "%s threads", threads[i]);
        free(other);
    }
    size_t seeded_size;
    char *seeded = WEIGHTS(folder, &seeded_size, "--seed", "4");
    cr_expect(seeded_size != size || memcmp(first, seeded, size) != 0, "another seed, other bits");
    free(seeded);
    free(first);
    folder_free(folder);
}

// Large enough for its kernels to be shared between threads.
Test(training, the_same_bits_for_any_threads_in_large_kernels)
{
    char *folder = folder_new();
    size_t sizes[2];
    char *weights[2];
    copy_example(folder, "digits.nn");
    for (int i = 0; i < 2; i++) {
        Run r = NNC(folder, "digits.nn", "--train", "-q", "--set", "train.epochs=2", "--set",
                    "train.batch_size=256", "--set", "hidden=512", "--threads", i ? "2" : "1");
        expect_done(&r);
        run_free(&r);
        weights[i] = read_bytes(folder, "digits.safetensors", &sizes[i]);
        cr_assert(weights[i]);
    }
    cr_expect(sizes[0] == sizes[1] && memcmp(weights[0], weights[1], sizes[0]) == 0);
    free(weights[0]);
    free(weights[1]);
    folder_free(folder);
}

// The interpreter is the reference: what the machine code learns is what it learns.
Test(training, the_engines_agree)
{
    static const char *const engines[] = {"jit", "interpret"};
    char *folder = small_folder();
    double losses[2];
    for (int i = 0; i < 2; i++) {
        Run r = NNC(folder, "small.nn", "--train", "-q", "--engine", engines[i]);
        expect_done(&r);
        losses[i] = number_after(r.out, "loss");
        run_free(&r);
    }
    cr_expect_float_eq(losses[0], losses[1], 1e-4 * losses[1]);
    folder_free(folder);
}

// --- what is written --------------------------------------------------------------------------

Test(training, the_weights_file_says_what_it_holds)
{
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--train", "-q");
    char *path = path_in_folder(folder, "small.safetensors");
    NnrtTensorFile file;
    NnrtError e;
    expect_done(&r);
    cr_assert(nnrt_safetensors_read(path, &file, &e), "%s", e.message);
    cr_expect_eq(file.tensor_count, 4);
    const NnrtTensor *w = nnrt_safetensors_find(&file, "dense.w");
    cr_expect(w && w->rank == 2 && w->dims[0] == 4 && w->dims[1] == 8);
    cr_expect_str_eq(nnrt_safetensors_meta(&file, "classes"),
                     "[\"setosa\",\"versicolor\",\"virginica\"]");
    cr_expect_str_eq(nnrt_safetensors_meta(&file, "seed"), "3");
    cr_expect(strstr(nnrt_safetensors_meta(&file, "normalization"), "\"mean\""));
    nnrt_safetensors_free(&file);
    free(path);
    run_free(&r);
    folder_free(folder);
}

Test(training, others_can_read_the_weights)
{
    static const char *const pythons[] = {"/opt/peers/bin/python", "python3"};
    static const char program[] = "from safetensors.numpy import load_file\n"
                                  "w = load_file('small.safetensors')\n"
                                  "assert w['dense.w'].shape == (4, 8), w['dense.w'].shape\n";
    char *folder = small_folder();
    Run train = NNC(folder, "small.nn", "--train", "-q");
    expect_done(&train);
    bool tried = false;
    for (size_t i = 0; i < 2 && !tried; i++) {
        Run has = run_program(folder, pythons[i],
                              (const char *const[]){"-c", "import safetensors.numpy", NULL});
        tried = has.code == 0;
        run_free(&has);
        if (!tried)
            continue;
        Run r = run_program(folder, pythons[i], (const char *const[]){"-c", program, NULL});
        cr_expect_eq(r.code, 0, "%s", r.err);
        run_free(&r);
    }
    if (!tried)
        fprintf(stderr, "skipped: no Python with safetensors to read the weights\n");
    run_free(&train);
    folder_free(folder);
}

// --- from other weights -----------------------------------------------------------------------

static void expect_same_tensor(const NnrtTensorFile *a, const NnrtTensorFile *b, const char *name,
                               bool same)
{
    const NnrtTensor *x = nnrt_safetensors_find(a, name);
    const NnrtTensor *y = nnrt_safetensors_find(b, name);
    cr_assert(x && y, "%s", name);
    cr_expect_eq(memcmp(x->data, y->data, nnrt_tensor_bytes(x)) == 0, same, "%s", name);
}

static void read_tensors(const char *folder, const char *name, NnrtTensorFile *file)
{
    NnrtError e;
    char *path = path_in_folder(folder, name);
    cr_assert(nnrt_safetensors_read(path, file, &e), "%s", e.message);
    free(path);
}

Test(training, goes_on_from_other_weights_and_leaves_what_is_frozen)
{
    char *folder = small_folder();
    write_text(
        folder, "tuned.nn",
        "model m { input flower[4]; dense(8, frozen = true); relu; dense(2, name = \"head\")\n"
        "dense(3, name = \"dense_2\"); softmax }\n"
        "data { train = csv(\"data/iris.csv\", target = \"species\"); test = 0.2 }\n"
        "train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    Run base = NNC(folder, "small.nn", "--train", "-q");
    Run tuned = NNC(folder, "tuned.nn", "--train", "--weights", "small.safetensors");
    expect_done(&base);
    expect_done(&tuned);
    cr_expect(strstr(tuned.err, "3 tensors are from small.safetensors; new: head.w, head.b"), "%s",
              tuned.err);
    NnrtTensorFile a, b;
    read_tensors(folder, "small.safetensors", &a);
    read_tensors(folder, "tuned.safetensors", &b);
    expect_same_tensor(&a, &b, "dense.w", true);
    expect_same_tensor(&a, &b, "dense.b", true);
    expect_same_tensor(&a, &b, "dense_2.b", false);
    nnrt_safetensors_free(&a);
    nnrt_safetensors_free(&b);
    run_free(&base);
    run_free(&tuned);
    folder_free(folder);
}

Test(training, a_frozen_parameter_that_other_weights_lack_is_an_error)
{
    char *folder = small_folder();
    Run base = NNC(folder, "small.nn", "--train", "-q");
    write_text(folder, "tuned.nn",
               "model m { input flower[4]; dense(9, frozen = true); relu; dense(3); softmax }\n"
               "data { train = csv(\"data/iris.csv\", target = \"species\"); test = 0.2 }\n"
               "train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    Run r = NNC(folder, "tuned.nn", "--train", "--weights", "small.safetensors");
    expect_done(&base);
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "dense.w is f32[4, 9] in the model and f32[4, 8] in the file"), "%s",
              r.err);
    run_free(&base);
    run_free(&r);
    folder_free(folder);
}

static void expect_numbers(const json_t *line, const char *const *keys)
{
    for (int i = 0; keys[i]; i++)
        cr_expect(json_is_number(json_object_get(line, keys[i])), "%s", keys[i]);
}

Test(training, the_log_is_a_line_of_json_an_epoch)
{
    static const char *const epoch_keys[] = {
        "epoch",    "loss",    "accuracy", "validation_loss", "validation_accuracy",
        "examples", "seconds", NULL};
    static const char *const test_keys[] = {"test_loss", "test_accuracy", "test_examples", NULL};
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--train", "--log", "log.jsonl");
    char *text = read_bytes(folder, "log.jsonl", NULL);
    expect_done(&r);
    cr_assert(text);
    int lines = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        cr_expect(json, "%s", line);
        expect_numbers(json, ++lines <= 5 ? epoch_keys : test_keys);
        json_decref(json);
    }
    cr_expect_eq(lines, 6);
    free(text);
    run_free(&r);
    folder_free(folder);
}

// --- predictions ------------------------------------------------------------------------------

// The measurements of data/iris.csv as f32[150, 4] in iris.npy.
static void write_npy(const char *folder)
{
    char *text = read_bytes(folder, "data/iris.csv", NULL);
    float *values = calloc(150 * 4, sizeof *values);
    char *at = strchr(text, '\n') + 1;
    for (int row = 0; row < 150; row++) {
        for (int i = 0; i < 4; i++, at++)
            values[4 * row + i] = strtof(at, &at);
        at = strchr(at, '\n') + 1;
    }
    NnrtTensor t = {.dtype = NNRT_F32, .rank = 2, .dims = {150, 4}, .data = values};
    char *path = path_in_folder(folder, "iris.npy");
    NnrtError e;
    cr_assert(nnrt_npy_write(path, &t, &e), "%s", e.message);
    free(path);
    free(values);
    free(text);
}

Test(training, predictions_from_a_table_and_from_an_array_agree)
{
    char *folder = small_folder();
    Run train = NNC(folder, "small.nn", "--train", "-q", "--set", "train.epochs=30");
    write_npy(folder);
    Run csv = NNC(folder, "small.nn", "--predict", "data/iris.csv");
    Run npy = NNC(folder, "small.nn", "--predict", "iris.npy", "-o", "p.csv");
    expect_done(&train);
    expect_done(&csv);
    expect_done(&npy);
    char *written = read_bytes(folder, "p.csv", NULL);
    cr_assert(written);
    cr_expect_str_eq(csv.out, written);
    static const char head[] = "prediction,setosa,versicolor,virginica\nsetosa,";
    cr_expect(strncmp(csv.out, head, strlen(head)) == 0, "%.80s", csv.out);
    free(written);
    run_free(&train);
    run_free(&csv);
    run_free(&npy);
    folder_free(folder);
}

Test(training, predictions_as_json)
{
    char *folder = small_folder();
    Run train = NNC(folder, "small.nn", "--train", "-q");
    Run r = NNC(folder, "small.nn", "--predict", "data/iris.csv", "--format", "json");
    expect_done(&r);
    json_t *all = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(all && json_array_size(all) == 150);
    const json_t *one = json_array_get(all, 0);
    cr_expect(json_is_string(json_object_get(one, "prediction")));
    cr_expect_eq(json_object_size(json_object_get(one, "outputs")), 3);
    json_decref(all);
    run_free(&train);
    run_free(&r);
    folder_free(folder);
}

// --- ways in which a training ends --------------------------------------------------------------

static bool says(const char *folder, const char *text)
{
    char *err = read_bytes(folder, "stderr.txt", NULL);
    const bool found = err && strstr(err, text);
    free(err);
    return found;
}

static void interrupt_training(int signal, int code)
{
    char *folder = small_folder();
    const pid_t pid = start_nnc(folder, (const char *const[]){"small.nn", "--train", "--set",
                                                              "train.epochs=100000000", NULL});
    const struct timespec moment = {.tv_nsec = 10000000};
    for (int i = 0; i < 3000 && !says(folder, "1/100000000"); i++)
        nanosleep(&moment, NULL);
    kill(pid, signal);
    cr_expect_eq(wait_nnc(pid), code);
    cr_expect(says(folder, "interrupted after step"));
    Run eval = NNC(folder, "small.nn", "--eval");
    expect_done(&eval);
    run_free(&eval);
    folder_free(folder);
}

Test(training, an_interrupt_saves)
{
    interrupt_training(SIGINT, 130);
    interrupt_training(SIGTERM, 143);
}

Test(training, divergence_is_said_and_saves_nothing_bad)
{
    char *folder = folder_new();
    copy_example(folder, "linear_regression.nn");
    Run r = NNC(folder, "linear_regression.nn", "--train", "--set",
                "train.optimizer.learning_rate=1e30");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "diverged") && strstr(r.err, "at step"), "%s", r.err);
    if (strstr(r.err, "no weights are saved"))
        cr_expect_eq(folder_entries(folder), 1);
    run_free(&r);
    folder_free(folder);
}

Test(training, early_stopping_keeps_the_best)
{
    char *folder = small_folder();
    char *text = NULL;
    const char *end = strrchr(SMALL, '}');
    cr_assert(asprintf(&text, "%.*s    early_stopping = patience(2)\n}\n", (int)(end - SMALL),
                       SMALL) > 0);
    write_text(folder, "small.nn", text);
    Run r = NNC(folder, "small.nn", "--train", "--set", "train.epochs=3000", "--set",
                "train.optimizer.learning_rate=0.2");
    expect_done(&r);
    cr_expect(strstr(r.err, "stopped: the validation loss has not fallen for 2 epochs"), "%s",
              r.err);
    cr_expect(strstr(r.err, "the weights are those of epoch"), "%s", r.err);
    free(text);
    run_free(&r);
    folder_free(folder);
}

Test(training, gradients_are_right)
{
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--check-gradients");
    expect_done(&r);
    cr_expect(strstr(r.out, "right") && !strstr(r.out, "WRONG"), "%s", r.out);
    run_free(&r);
    folder_free(folder);
}

// Not more layers: every step makes the loss larger.
Test(training, a_learning_rate_that_is_too_large_is_named)
{
    char *folder = folder_new();
    write_text(folder, "small.nn",
               "model small { input flower[4]; dense(8); relu; dense(3); softmax }\n"
               "data { train = csv(\"data/iris.csv\", target = \"species\"); test = 0.2 }\n"
               "train { loss = cross_entropy; optimizer = adam(); epochs = 3 }\n");
    Run r = NNC(folder, "small.nn", "--train", "--set", "learning_rate=1e9");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect(strstr(r.err, "\n  the loss grew: training error "), "%s", r.err);
    cr_expect(strstr(r.err, "\n  to try: a smaller learning rate\n"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "small.nn", "--train", "--set", "learning_rate=1e-9");
    cr_expect(strstr(r.err, "or a larger one if the loss hardly changes"), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}
