// not_finite.c -- weights that are no numbers, and classes that no example has: what cannot be
// known is not said.

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "end_to_end/harness.h"
#include "safetensors.h"

static const char SMALL[] = "model small { input flower[4]; dense(8); relu; dense(3); softmax }\n"
                            "data { train = csv(\"data/iris.csv\", target = \"species\") }\n"
                            "train { loss = cross_entropy; optimizer = sgd(); epochs = 1 }\n";

// Trained, then with one weight (all: every one) replaced.
static char *folder_with(float value, bool all)
{
    char *folder = folder_new();
    write_text(folder, "small.nn", SMALL);
    Run r = NNC(folder, "small.nn", "--train", "-q");
    cr_assert_eq(r.code, 0, "%s", r.err);
    run_free(&r);
    char *path = path_in_folder(folder, "small.safetensors");
    NnrtTensorFile file;
    NnrtError e;
    cr_assert(nnrt_safetensors_read(path, &file, &e), "%s", e.message);
    for (int i = 0; i < file.tensor_count; i++) {
        NnrtTensor *t = &file.tensors[i];
        for (size_t k = 0; all && k < nnrt_tensor_bytes(t) / sizeof value; k++)
            ((float *)t->data)[k] = value;
        if (!all && strcmp(t->name, "dense.w") == 0)
            ((float *)t->data)[11] = value;
    }
    cr_assert(nnrt_safetensors_write(path, &file, &e), "%s", e.message);
    nnrt_safetensors_free(&file);
    free(path);
    return folder;
}

static void expect_said(Run r, int code, const char *text)
{
    cr_expect_eq(r.code, code, "exit code %d\n%s", r.code, r.err);
    cr_expect(strstr(r.err, text), "'%s' is missing from %s", text, r.err);
    run_free(&r);
}

Test(not_finite, weights_are_named)
{
    static const char error[] = "error[weights-value]: small.safetensors: dense.w[1, 3] is ";
    static const char warning[] =
        "warning[weights-not-finite]: small.safetensors: dense.w[1, 3] is ";
    static const float values[] = {NAN, -INFINITY};
    for (int i = 0; i < 2; i++) {
        char *folder = folder_with(values[i], false);
        expect_said(NNC(folder, "small.nn", "--emit-c", "small.h"), 1, error);
        expect_said(NNC(folder, "small.nn", "--emit", "obj"), 1, error);
        expect_said(NNC(folder, "small.nn", "--verify"), 1, error);
        cr_expect_eq(folder_entries(folder), 2);
        expect_said(NNC(folder, "small.nn", "--predict", "data/iris.csv"), 0, warning);
        Run r = NNC(folder, "small.nn", "--eval");
        cr_expect(!strstr(r.err, "not-finite]: dense gives"), "%s", r.err);
        expect_said(r, 0, warning);
        folder_free(folder);
    }
}

Test(not_finite, outputs_agree_with_nothing)
{
    char *folder = folder_with(3e38f, true);
    expect_said(NNC(folder, "small.nn", "--verify"), 1, "output output of nnc's own is not finite");
    static const char warning[] = "warning[not-finite]: dense gives numbers that are not finite";
    expect_said(NNC(folder, "small.nn", "--eval"), 0, warning);
    expect_said(NNC(folder, "small.nn", "--predict", "data/iris.csv"), 0, warning);
    expect_said(NNC(folder, "small.nn", "--emit-c", "small.h"), 0, warning);
    folder_free(folder);
}

// A number that is in reach, and too large when it is squared.
Test(not_finite, a_loss_that_overflows_is_said)
{
    char *folder = folder_new();
    write_text(folder, "large.nn",
               "model large { input x[1]; dense(1) }\n"
               "data { train = csv(\"small.csv\", target = \"y\")\n"
               "test = csv(\"large.csv\", target = \"y\") }\n"
               "train { loss = mean_squared_error; optimizer = sgd(); epochs = 1 }\n");
    write_text(folder, "small.csv", "x,y\n1,1\n2,2\n3,1\n4,0\n");
    write_text(folder, "large.csv", "x,y\n1e30,1\n2e30,2\n");
    Run train = NNC(folder, "large.nn", "--train", "-q");
    run_free(&train);
    expect_said(NNC(folder, "large.nn", "--eval"), 0,
                "warning[not-finite]: the loss gives numbers that are not finite");
    folder_free(folder);
}

// Not the weights, then: the row is said, by --eval with its part, by --predict with its input.
Test(not_finite, data_is_told_apart_from_weights)
{
    char *folder = folder_new();
    write_text(folder, "large.nn",
               "model large { input a[1]; dense(1) }\n"
               "data { train = csv(\"small.csv\", target = \"y\", scale = 1e30)\n"
               "test = csv(\"large.csv\", target = \"y\", scale = 1e30) }\n"
               "train { loss = mean_squared_error; optimizer = sgd(); epochs = 1 }\n");
    write_text(folder, "small.csv", "x,y\n0,1\n0,2\n0,1\n0,0\n");
    write_text(folder, "large.csv", "x,y\n1,1\n0,2\n1e30,2\n");
    Run train = NNC(folder, "large.nn", "--train", "-q");
    cr_expect_eq(train.code, 0, "%s", train.err);
    run_free(&train);
    Run eval = NNC(folder, "large.nn", "--eval");
    cr_expect(!strstr(eval.err, "smaller learning rate"), "%s", eval.err);
    expect_said(eval, 0,
                "warning[data-not-finite]: row 2 of the test data, counted from 0: column x is "
                "infinite once it is scaled\n --> large.nn:3:8");
    expect_said(NNC(folder, "large.nn", "--predict", "large.csv"), 0,
                "warning[not-finite]: input a gives numbers that are not finite\n"
                "  = help: a number of the data is not finite");
    folder_free(folder);
}

Test(not_finite, a_class_without_examples_has_no_share)
{
    char *folder = folder_new();
    write_text(folder, "small.nn", SMALL);
    write_text(folder, "one.csv",
               "sepal_length,sepal_width,petal_length,petal_width,species\n"
               "5.9,3.0,5.1,1.8,virginica\n");
    write_text(folder, "one.nn",
               "model small { input flower[4]; dense(8); relu; dense(3); softmax }\n"
               "data { train = csv(\"data/iris.csv\", target = \"species\")\n"
               "test = csv(\"one.csv\", target = \"species\") }\n"
               "train { loss = cross_entropy; optimizer = sgd(); epochs = 1 }\n");
    Run train = NNC(folder, "one.nn", "--train", "-q");
    Run r = NNC(folder, "one.nn", "--eval");
    cr_expect_eq(r.code, 0, "%s", r.err);
    const char *setosa = strstr(r.out, "\n  setosa ");
    cr_assert(setosa, "%s", r.out);
    cr_expect(strcspn(setosa + 1, "%") > strcspn(setosa + 1, "\n"), "%s", r.out);
    run_free(&train);
    run_free(&r);
    folder_free(folder);
}
