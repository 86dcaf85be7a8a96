// quantize.c -- --quantize int8, as a user does it.

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "end_to_end/harness.h"

static void expect_done(const Run *r)
{
    cr_expect_eq(r->code, 0, "exit code %d\n%s", r->code, r->err);
}

static void expect_success(Run r)
{
    expect_done(&r);
    run_free(&r);
}

static char *digits_folder(const char *setting)
{
    char *folder = folder_new();
    copy_example(folder, "digits.nn");
    Run r = setting ? NNC(folder, "digits.nn", "--train", "-q", "--set", setting)
                    : NNC(folder, "digits.nn", "--train", "-q");
    expect_done(&r);
    run_free(&r);
    return folder;
}

// "int8   accuracy 0.9777, f32 0.9749: +0.28 points"
static void expect_accuracy_kept(const Run *r)
{
    const char *line = strstr(r->out, "int8   accuracy ");
    cr_assert_not_null(line, "%s", r->out);
    const double whole = number_after(line, "accuracy"), real = number_after(line, "f32");
    cr_expect(real > 0.95, "%g", real);
    cr_expect(whole >= real - 0.005, "int8 %g, f32 %g", whole, real);
}

Test(quantize, digits_lose_at_most_half_a_point)
{
    static const char *const methods[] = {"min_max", "percentile", "mse"};
    char *folder = digits_folder(NULL);
    for (int i = 0; i < 3; i++) {
        Run r = NNC(folder, "digits.nn", "--eval", "--quantize", "int8", "--calibrate", methods[i]);
        expect_done(&r);
        expect_accuracy_kept(&r);
        run_free(&r);
    }
    folder_free(folder);
}

Test(quantize, few_examples_are_told)
{
    char *folder = folder_new();
    write_text(folder, "few.csv", "a,b,y\n1,2,0\n2,3,1\n3,1,0\n4,5,1\n2,2,1\n1,5,0\n");
    write_text(folder, "few.nn",
               "model few {\n    input x[2]\n    dense(2)\n    softmax\n}\n"
               "data { train = csv(\"few.csv\", target = \"y\") }\n"
               "train {\n    loss = cross_entropy\n    optimizer = sgd\n    epochs = 1\n}\n");
    Run r = NNC(folder, "few.nn", "--train", "-q");
    expect_done(&r);
    run_free(&r);
    r = NNC(folder, "few.nn", "--emit-c", "few.h", "--quantize", "int8");
    expect_done(&r);
    cr_expect(strstr(r.err, "ranges come from 6 training examples alone"), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

// --eval looks at the test, or at the validation where there is none; nothing else looks at either.
Test(quantize, no_more_data_is_read_than_is_looked_at)
{
    static const char *const test = "data.test=csv(\"few.csv\", target = \"y\")";
    char *folder = folder_new();
    write_text(folder, "few.csv", "a,b,y\n1,2,0\n2,3,1\n3,1,0\n4,5,1\n2,2,1\n1,5,0\n");
    write_text(folder, "few.nn",
               "model few {\n    input x[2]\n    dense(2)\n    softmax\n}\n"
               "data {\n    train = csv(\"few.csv\", target = \"y\")\n"
               "    validation = csv(\"gone.csv\", target = \"y\")\n"
               "    test = csv(\"gone.csv\", target = \"y\")\n}\n"
               "train {\n    loss = cross_entropy\n    optimizer = sgd\n    epochs = 1\n}\n");
#define FEW(...) NNC(folder, "few.nn", __VA_ARGS__)
    expect_success(FEW("--train", "-q", "--set", test, "--set",
                       "data.validation=csv(\"few.csv\", target = \"y\")"));
    expect_success(FEW("--emit-c", "few.h", "--quantize", "int8"));
    expect_success(FEW("--verify", "--quantize", "int8"));
    expect_success(FEW("--emit", "ir", "--quantize", "int8"));
    expect_success(FEW("--predict", "few.csv", "--quantize", "int8"));
    expect_success(FEW("--eval", "--quantize", "int8", "--set", test));
    Run r = FEW("--eval", "--quantize", "int8");
    cr_expect(r.code == 1 && strstr(r.err, "gone.csv"), "%s", r.err);
    run_free(&r);
#undef FEW
    folder_free(folder);
}

// 200 rows of numbers from 0 to 1, but for one; the layers are between two of 4 units.
static char *odd_folder(const char *far, const char *layers)
{
    char *folder = folder_new(), *text = NULL;
    char *rows = strdup("a,b,y\n");
    for (int i = 0; i < 200; i++) {
        char *more = NULL;
        const char *a = i == 77 ? far : "0.5";
        cr_assert(asprintf(&more, "%s%s,%g,%d\n", rows, a, i * 37 % 100 / 100.0, i % 2) > 0);
        free(rows);
        rows = more;
    }
    write_text(folder, "odd.csv", rows);
    cr_assert(asprintf(&text,
                       "layer odd(x) = %s\n"
                       "model m { input x[2]; dense(4); odd; dense(4); dense(1) }\n"
                       "data { train = csv(\"odd.csv\", target = \"y\") }\n"
                       "train { loss = mean_squared_error; optimizer = sgd(learning_rate = 1e-30)\n"
                       "epochs = 1 }\n",
                       layers) > 0);
    write_text(folder, "odd.nn", text);
    Run r = NNC(folder, "odd.nn", "--train", "-q");
    expect_done(&r);
    run_free(&r);
    free(rows), free(text);
    return folder;
}

static void expect_warning(const char *folder, const char *method, const char *words)
{
    Run r = NNC(folder, "odd.nn", "--emit-c", "odd.h", "--quantize", "int8", "--calibrate", method,
                "-q");
    expect_done(&r);
    if (words)
        cr_expect(strstr(r.err, words), "'%s' is missing from %s", words, r.err);
    else
        cr_expect_str_empty(r.err);
    run_free(&r);
}

Test(quantize, values_that_never_change_are_told)
{
    char *folder = odd_folder("0.5", "relu(x - 1e10)");
    expect_warning(folder, "mse", "warning[constant-value]: odd");
    expect_warning(folder, "min_max", "it is 0: the layer has died, the examples are alike");
    folder_free(folder);
}

Test(quantize, numbers_far_beyond_all_others_are_told)
{
    char *folder = odd_folder("1e9", "relu(x)");
    expect_warning(folder, "mse", "warning[wide-range]: input x, ");
    expect_warning(folder, "mse", "input x is up to 1e+09, and half of it within 0.8");
    expect_warning(folder, "mse", "normalize them");
    folder_free(folder);
    folder = odd_folder("1e3", "(x * x) * (x * x)");
    expect_warning(folder, "mse", "warning[wide-range]: odd");
    expect_warning(folder, "mse", "try --calibrate percentile");
    expect_warning(folder, "min_max", "try --calibrate percentile");
    expect_warning(folder, "percentile", "try --calibrate mse");
    folder_free(folder);
    folder = odd_folder("100", "relu(x)");
    expect_warning(folder, "mse", NULL);
    folder_free(folder);
}

Test(quantize, the_report_has_bytes_and_layers)
{
    static const char *const parts[] = {
        "test   loss ", "       weights 19", " KiB, f32 6", "pixels", "relu_2",
        "dense_3",      "softmax",           " dB",         "right"};
    char *folder = digits_folder(NULL);
    Run r = NNC(folder, "digits.nn", "--eval", "--quantize", "int8");
    expect_done(&r);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(r.out, parts[i]), "no %s in\n%s", parts[i], r.out);
    cr_expect_str_empty(r.err);
    run_free(&r);
    folder_free(folder);
}

Test(quantize, threads_change_nothing)
{
    char *folder = digits_folder("train.epochs=3");
    Run jit = NNC(folder, "digits.nn", "--predict", "data/digits.csv", "--quantize", "int8");
    Run threads = NNC(folder, "digits.nn", "--predict", "data/digits.csv", "--quantize", "int8",
                      "--threads", "3");
    expect_done(&jit);
    cr_expect(strlen(jit.out) > 1000);
    cr_expect_str_eq(jit.out, threads.out);
    run_free(&jit);
    run_free(&threads);
    folder_free(folder);
}

Test(quantize, training_can_be_aware)
{
    char *folder = digits_folder("train.quantize=int8");
    Run r =
        NNC(folder, "digits.nn", "--eval", "--quantize", "int8", "--set", "train.quantize=int8");
    expect_done(&r);
    expect_accuracy_kept(&r);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--check-gradients", "--set", "train.quantize=int8");
    expect_done(&r);
    run_free(&r);
    folder_free(folder);
}

// All layers without a form are named, those beside them apart.
Test(quantize, every_layer_without_a_form_is_named)
{
    char *folder = folder_new();
    write_text(folder, "m.nn",
               "layer first(x[.., c]) = x % (1 + iota(c))\n"
               "layer second(x[.., c]) = x % (2 + iota(c))\n"
               "layer third(x[.., c]) = x % (3 + iota(c))\n"
               "model m {\n input x[8, 8, 2]\n conv2d(4, 3); gelu; first\n"
               " conv2d(4, 3); tanh; second; dense(4); third; conv2d(4, 1)\n global_avg_pool; "
               "dense(3); softmax\n}\n"
               "data { train = synthetic(seed = 1, examples = 64); test = 0.25 }\n"
               "train { loss = cross_entropy; optimizer = sgd(); epochs = 1 }\n");
    Run r = NNC(folder, "m.nn", "--train", "-q");
    expect_done(&r);
    run_free(&r);
    r = NNC(folder, "m.nn", "--eval", "--quantize", "int8");
    expect_done(&r);
    cr_expect(strstr(r.err, "warning[stays-real]: first, second and third "
                            "have no form in whole numbers and stay f32\n"
                            "  = help: beside such layers gelu and tanh stay f32, too\n"),
              "%s", r.err);
    cr_expect(strstr(r.out, "global_avg_pool, the sum"), "%s", r.out);
    run_free(&r);
    folder_free(folder);
}

// The peak of f32 is no bound of theirs.
Test(quantize, products_of_whole_numbers_have_a_time_and_no_bound)
{
    char *folder = digits_folder("train.epochs=1");
    Run r = NNC(folder, "digits.nn", "--emit", "kernels", "--quantize", "int8");
    expect_done(&r);
    const char *contract = strstr(r.out, ": contract ");
    cr_assert(contract && strstr(r.out, "sums of i32"), "%.500s", r.out);
    cr_expect(strcspn(contract, "%") > strcspn(contract, "\n"), "%.200s", contract);
    run_free(&r);
    folder_free(folder);
}

Test(quantize, recurrent_layers_are_whole)
{
    char *folder = folder_new();
    copy_example(folder, "sunspots_gru.nn");
    Run r = NNC(folder, "sunspots_gru.nn", "--train", "-q", "--set", "epochs=1");
    expect_done(&r);
    run_free(&r);
    r = NNC(folder, "sunspots_gru.nn", "--eval", "--quantize", "int8");
    expect_done(&r);
    cr_expect_null(strstr(r.err, "stays-real"), "%s", r.err);
    cr_expect(strstr(r.out, "int8   mean squared error"), "%s", r.out);
    run_free(&r);
    folder_free(folder);
}

Test(quantize, mistakes)
{
    char *folder = digits_folder("train.epochs=1");
    Run r = NNC(folder, "digits.nn", "--eval", "--quantize", "int4");
    cr_expect_eq(r.code, 2);
    cr_expect(strstr(r.err, "--quantize takes int8, not 'int4'"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--train", "--quantize", "int8");
    cr_expect_eq(r.code, 2);
    cr_expect(strstr(r.err, "--quantize is for --eval, --predict"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--eval", "--quantize", "int8", "--calibrate", "guess");
    cr_expect_eq(r.code, 2);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--eval", "--calibrate", "mse");
    cr_expect_eq(r.code, 2);
    cr_expect(strstr(r.err, "--calibrate goes with --quantize int8"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--emit-c", "digits.h", "--calibrate", "mse");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "--calibrate is for whole numbers"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "digits.nn", "--train", "--set", "train.quantize=int4");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "expected `int8`, not `int4`"), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

// What --predict says with these options, and with the default.
static char *predicted(const char *folder, const char *option, const char *value)
{
    Run r = NNC(folder, "digits.nn", "--predict", "data/digits.csv", "--quantize", "int8", option,
                value);
    expect_done(&r);
    char *out = strdup(r.out);
    run_free(&r);
    return out;
}

Test(quantize, the_file_says_how_to_calibrate_and_the_option_wins)
{
    char *folder = digits_folder("train.epochs=1");
    char *wide = predicted(folder, "--calibrate", "min_max");
    char *narrow = predicted(folder, "--calibrate", "percentile");
    char *unless_told = predicted(folder, "--calibrate", "mse");
    cr_expect_str_neq(wide, narrow);
    cr_expect_str_neq(wide, unless_told);
    char *by_file = predicted(folder, "--set", "deploy.calibrate=min_max");
    char *by_neither = predicted(folder, "--set", "deploy.quantize=int8");
    cr_expect_str_eq(by_file, wide);
    cr_expect_str_eq(by_neither, unless_told);
    Run r = NNC(folder, "digits.nn", "--predict", "data/digits.csv", "--quantize", "int8",
                "--calibrate", "percentile", "--set", "deploy.calibrate=min_max");
    cr_expect_str_eq(r.out, narrow);
    run_free(&r);
    free(wide), free(narrow), free(unless_told), free(by_file), free(by_neither);
    folder_free(folder);
}

Test(quantize, an_unknown_way_to_calibrate_is_an_error_in_the_file)
{
    char *folder = folder_new();
    write_text(folder, "m.nn",
               "model m { input x[4]; dense(1) }\n"
               "deploy { calibrate = min_mix }\n");
    Run r = NNC(folder, "m.nn");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "there is no way to calibrate `min_mix`"), "%s", r.err);
    cr_expect(strstr(r.err, "m.nn:2:22"), "%s", r.err);
    cr_expect(strstr(r.err, "did you mean `min_max`?"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "m.nn", "--set", "deploy.calibrate=guess");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "there are min_max, percentile, mse"), "%s", r.err);
    run_free(&r);
    r = NNC(folder, "m.nn", "--set", "deploy.calibrate=3");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "expected the name of a method"), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}
