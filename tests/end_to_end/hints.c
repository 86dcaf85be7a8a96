// hints.c -- what is easily mistyped or misunderstood is answered with what helps.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "end_to_end/harness.h"

static const char HEAD[] = "model small { input flower[4]; dense(8); relu; dense(3); softmax }\n"
                           "data { train = csv(\"data/iris.csv\", target = \"species\") }\n";

static char *folder_with(const char *rest)
{
    char *folder = folder_new(), *text = NULL;
    cr_assert(asprintf(&text, "%s%s", HEAD, rest) > 0);
    write_text(folder, "small.nn", text);
    free(text);
    return folder;
}

static void expect(Run r, int code, const char *said)
{
    cr_expect_eq(r.code, code, "exit code %d\n%s", r.code, r.err);
    cr_expect(strstr(r.err, said), "'%s' is missing from %s", said, r.err);
    run_free(&r);
}

static void expect_silent(Run r)
{
    cr_expect_eq(r.code, 0, "exit code %d\n%s", r.code, r.err);
    cr_expect_str_eq(r.err, "");
    run_free(&r);
}

// A rate of 1e30 diverges: the setting has a say, whichever of the two the file has.
Test(hints, learning_rate_is_the_one_that_counts)
{
    static const char *const trains[] = {
        "train { loss = cross_entropy; optimizer = sgd(learning_rate = 0.1); epochs = 2 }\n",
        "train { loss = cross_entropy; optimizer = sgd; epochs = 2 }\n",
        "train { loss = cross_entropy; optimizer = sgd; learning_rate = 0.1; epochs = 2 }\n"};
    for (int i = 0; i < 3; i++) {
        char *folder = folder_with(trains[i]);
        expect(NNC(folder, "small.nn", "--train", "--set", "learning_rate=1e38"), 1, "diverged");
        folder_free(folder);
    }
}

Test(hints, a_warmup_longer_than_a_trial_is_shortened)
{
    char *folder = folder_with("train { loss = cross_entropy; optimizer = sgd; epochs = 3\n"
                               "schedule = cosine(warmup = 2) }\n");
    expect_silent(NNC(folder, "small.nn", "--train", "-q", "--set", "epochs=1"));
    folder_free(folder);
}

Test(hints, units_of_sizes)
{
    static const char all[] = "a size is a whole number of bytes, KiB, MiB or GiB";
    static const char *const sizes[][2] = {
        {"1.5 KiB", all},
        {"64 MB", "did you mean `MiB`?"},
        {"64 kB", all},
        {"64 kib", "did you mean `KiB`?"},
        {"64 k", "did you mean `KiB`?"},
        {"64 bytes", all},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char rest[64];
        snprintf(rest, sizeof rest, "deploy { ram = %s }\n", sizes[i][0]);
        char *folder = folder_with(rest);
        expect(NNC(folder, "small.nn"), 1, sizes[i][1]);
        folder_free(folder);
    }
}

Test(hints, what_is_no_file_is_called_so)
{
    char *folder = folder_new();
    expect(NNC(folder, "data"), 1, "Is a directory");
    expect(NNC(folder, "/dev/null"), 1, "not a regular file");
    folder_free(folder);
}

Test(hints, quiet_headers_and_standard_output)
{
    char *folder = folder_with("train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    expect_silent(NNC(folder, "small.nn", "--train", "-q"));
    expect_silent(NNC(folder, "small.nn", "--emit-c", "small.h", "-q"));
    expect_silent(NNC(folder, "small.nn", "--emit", "obj", "-q", "-o", "object.o"));
    static const char *const streams[] = {"/dev/null", "/dev/stdout"};
    for (int i = 0; i < 2; i++)
        expect(NNC(folder, "small.nn", "--emit-c", streams[i]), 1,
               "--emit-c - writes to standard output");
    Run r = NNC(folder, "small.nn", "--emit-c", "-");
    cr_expect(strncmp(r.out, "// small -- a neural network", 28) == 0, "%s", r.out);
    cr_expect_eq(folder_entries(folder), 5);
    run_free(&r);
    folder_free(folder);
}

Test(hints, the_compiler_may_be_several_words)
{
    char *folder = folder_with("train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    expect_silent(NNC(folder, "small.nn", "--train", "-q"));
    setenv("CC", "cc  -O1", 1);
    expect_silent(NNC(folder, "small.nn", "--verify"));
    setenv("CC", "g++ -Wpedantic -Wconversion -Werror", 1);
    expect_silent(NNC(folder, "small.nn", "--verify", "--examples", "3"));
    setenv("CC", "false", 1);
    expect(NNC(folder, "small.nn", "--verify"), 1, "false failed and did not compile the header");
    setenv("CC", "true", 1);
    expect(NNC(folder, "small.nn", "--verify"), 1,
           "true ended well and made no program of the header; --verify needs a C compiler");
    setenv("CC", "nothing-of-the-kind", 1);
    expect(NNC(folder, "small.nn", "--verify"), 1, "--verify needs a C compiler");
    unsetenv("CC");
    folder_free(folder);
}

Test(hints, weights_trained_for_whole_numbers)
{
    char *folder = folder_with("train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    expect_silent(NNC(folder, "small.nn", "--train", "-q", "--set", "train.quantize=int8"));
    expect(NNC(folder, "small.nn", "--eval"), 1, "were trained with `quantize = int8`");
    static const char *const hint =
        "this computes in f32: give --quantize int8, or write deploy { quantize = int8 }";
#define AWARE(...) NNC(folder, "small.nn", "--set", "train.quantize=int8", __VA_ARGS__)
    expect(AWARE("--emit-c", "small.h"), 0, hint);
    expect(AWARE("--emit", "obj", "-o", "object.o"), 0, hint);
    expect(AWARE("--verify"), 0, hint);
    expect_silent(AWARE("--emit-c", "small.h", "-q"));
    Run whole = AWARE("--emit-c", "small.h", "--set", "deploy.quantize=int8");
    cr_expect(whole.code == 0 && !strstr(whole.err, "f32"), "%s", whole.err);
    run_free(&whole);
#undef AWARE
    expect_silent(NNC(folder, "small.nn", "--train", "-q"));
    expect(NNC(folder, "small.nn", "--eval", "--set", "train.quantize=int8"), 1,
           "the file has `quantize = int8`");
    folder_free(folder);
}

Test(hints, nothing_to_train_on_the_device)
{
    char *folder = folder_new();
    write_text(folder, "none.nn",
               "model none { input flower[4]; softmax }\n"
               "data { train = csv(\"data/iris.csv\", target = \"species\") }\n"
               "train { loss = cross_entropy; optimizer = sgd; epochs = 1 }\n");
    run_free(&(Run[]){NNC(folder, "none.nn", "--train", "-q")}[0]);
    expect(NNC(folder, "none.nn", "--emit-c", "none.h", "--with-training"), 1,
           "there is nothing to train");
    folder_free(folder);
}
