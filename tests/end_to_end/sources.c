// sources.c -- the sources of data with small files made here, and augmentation, as a user has
// them.

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "end_to_end/harness.h"
#include "images.h"
#include "npy.h"

#define TRAIN                                                                             \
    "train { loss = cross_entropy; optimizer = adam(learning_rate = 0.02); epochs = 30; " \
    "metrics = [accuracy]; seed = 1; batch_size = 8 }\n"
#define IMAGE_MODEL(dims, classes) \
    "model m {\n    input image[" dims "]\n    flatten\n    dense(" classes ")\n    softmax\n}\n"

// Two classes of images: bright on the left, bright on the right.
static void draw_side(uint8_t *pixels, int height, int width, int channels, bool right, int shade)
{
    for (int i = 0; i < height * width * channels; i++) {
        const bool on_right = i / channels % width >= width / 2;
        pixels[i] = (uint8_t)(on_right == right ? 200 + shade : shade);
    }
}

static void make_images(const char *folder)
{
    static const char *const classes[] = {"left", "right"};
    uint8_t pixels[8 * 8 * 3];
    char name[64];
    char *root = path_in_folder(folder, "sides");
    mkdir(root, 0700);
    free(root);
    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "sides/%s", classes[i % 2]);
        char *class = path_in_folder(folder, name);
        mkdir(class, 0700);
        free(class);
        size_t size;
        const bool jpeg = i % 4 < 2;
        draw_side(pixels, 8, 8, 3, i % 2, i);
        uint8_t *bytes =
            jpeg ? jpeg_bytes(pixels, 8, 8, 3, &size) : png_bytes(pixels, 8, 8, 3, &size);
        snprintf(name, sizeof name, "sides/%s/%d.%s", classes[i % 2], i, jpeg ? "jpg" : "png");
        char *path = path_in_folder(folder, name);
        bytes_write(path, bytes, size);
        free(path);
        free(bytes);
    }
}

// Trains m.nn of `text`, and evaluates it with the weights.
static double trained_value(const char *folder, const char *text, const char *metric)
{
    write_text(folder, "m.nn", text);
    Run train = NNC(folder, "m.nn", "--train", "-q");
    cr_expect_eq(train.code, 0, "exit code %d\n%s", train.code, train.err);
    Run eval = NNC(folder, "m.nn", "--eval");
    cr_expect_eq(eval.code, 0, "exit code %d\n%s", eval.code, eval.err);
    const double value = number_after(eval.out, metric);
    run_free(&train);
    run_free(&eval);
    return value;
}

Test(sources, images)
{
    char *folder = folder_new();
    make_images(folder);
    const char *text = IMAGE_MODEL("4, 6, 1", "2")  //
        "data { train = images(\"sides\", size = [4, 6], channels = 1, scale = 1/255)\n"
        "test = images(\"sides\", size = [4, 6], channels = 1, scale = 1/255) }\n" TRAIN;
    cr_expect_eq(trained_value(folder, text, "accuracy"), 1);
    Run eval = NNC(folder, "m.nn", "--eval");
    cr_expect(strstr(eval.out, "left") && strstr(eval.out, "right"), "%s", eval.out);
    run_free(&eval);
    folder_free(folder);
}

// Records of CIFAR-10 whose label is told by their colour.
static void make_cifar10(const char *folder, const char *name)
{
    uint8_t *bytes = calloc(40, 3073);
    for (int i = 0; i < 40; i++) {
        uint8_t *record = bytes + i * 3073;
        record[0] = (uint8_t)(i % 3);
        memset(record + 1 + record[0] * 1024, 255, 1024);
    }
    char *path = path_in_folder(folder, name);
    bytes_write(path, bytes, 40 * 3073);
    free(path);
    free(bytes);
}

Test(sources, cifar10)
{
    char *folder = folder_new();
    make_cifar10(folder, "a.bin");
    make_cifar10(folder, "b.bin");
    make_cifar10(folder, "test_batch.bin");
    const char *text = IMAGE_MODEL("32, 32, 3", "10")  //
        "data { train = cifar10(\"a.bin\", \"b.bin\", scale = 1/255)\n"
        "test = cifar10(scale = 1/255) }\n" TRAIN;
    cr_expect_eq(trained_value(folder, text, "accuracy"), 1);
    folder_free(folder);
}

// Adds x, f32[30, 2], or y, u8[30], to an archive: y is whether x[0] is above x[1].
static void add_array(zip_t *zip, const char *folder, bool target)
{
    NnrtError e;
    float x[30][2];
    uint8_t y[30];
    for (int i = 0; i < 30; i++) {
        x[i][0] = (float)(i % 2 * 4);
        x[i][1] = (float)(i % 3) * 0.5f + 1.5f;
        y[i] = x[i][0] > x[i][1];
    }
    const NnrtTensor t = {.dtype = target ? NNRT_U8 : NNRT_F32,
                          .rank = target ? 1 : 2,
                          .dims = {30, 2},
                          .data = target ? (void *)y : (void *)x};
    char *path = path_in_folder(folder, target ? "y.npy" : "x.npy");
    cr_assert(nnrt_npy_write(path, &t, &e), "%s", e.message);
    cr_assert(zip_file_add(zip, target ? "y.npy" : "x.npy", zip_source_file(zip, path, 0, -1), 0) >=
              0);
    free(path);
}

Test(sources, npz_and_several_inputs)
{
    char *folder = folder_new();
    char *path = path_in_folder(folder, "xy.npz");
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE, &code);
    cr_assert_not_null(zip);
    add_array(zip, folder, false);
    add_array(zip, folder, true);
    cr_assert_eq(zip_close(zip), 0);
    free(path);
    const char *text = "model m {\n    input x[2]\n    dense(2)\n    softmax\n}\n"
                       "data { train = npz(\"xy.npz\", input = \"x\", target = \"y\") }\n" TRAIN;
    cr_expect(trained_value(folder, text, "accuracy") > 0.9);
    const char *several = "model m {\n    input a[2]\n    input b[2]\n    concat(a, b)\n    "
                          "dense(2)\n    softmax\n}\n"
                          "data { train = [a: npz(\"xy.npz\", input = \"x\"), b: npy(\"x.npy\"),\n"
                          "                target: npy(\"y.npy\")] }\n" TRAIN;
    cr_expect(trained_value(folder, several, "accuracy") > 0.9);
    folder_free(folder);
}

// x, f32[40, 2, 3], and y, u8[40], with one value of x that is no number.
static void make_arrays(const char *folder, int row, int element, float value)
{
    NnrtError e;
    float x[40][6];
    uint8_t y[40];
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 6; k++)
            x[i][k] = (float)(i * 7 % 11 + k) / 8;
        y[i] = (uint8_t)(i % 2);
    }
    x[row][element] = value;
    const NnrtTensor tx = {.dtype = NNRT_F32, .rank = 3, .dims = {40, 2, 3}, .data = x};
    const NnrtTensor ty = {.dtype = NNRT_U8, .rank = 1, .dims = {40}, .data = y};
    char *path = path_in_folder(folder, "x.npy");
    cr_assert(nnrt_npy_write(path, &tx, &e), "%s", e.message);
    free(path);
    path = path_in_folder(folder, "y.npy");
    cr_assert(nnrt_npy_write(path, &ty, &e), "%s", e.message);
    free(path);
}

// The data is named, not the learning rate, whatever the threads.
Test(sources, a_value_that_is_no_number_is_named)
{
    static const char *const spellings[] = {"nan", "inf", "infinite once it is scaled"};
    const float values[] = {NAN, INFINITY, 3e38f};
    char *folder = folder_new();
    write_text(folder, "m.nn",
               "model m {\n    input x[2, 3]\n    flatten\n    dense(2)\n    softmax\n}\n"
               "data { train = [x: npy(\"x.npy\", scale = 10), target: npy(\"y.npy\")] }\n" TRAIN);
    for (int i = 0; i < 3; i++) {
        make_arrays(folder, 17, 4, values[i]);
        Run r = NNC(folder, "m.nn", "--train", "-j", i == 1 ? "1" : "2");
        char *wanted = NULL;
        cr_assert(asprintf(&wanted, "row 17 of the training data, counted from 0: x[1, 1] is %s\n",
                           spellings[i]) > 0);
        cr_expect_eq(r.code, 1);
        cr_expect(strstr(r.err, wanted) && strstr(r.err, "train = [x: npy(\"x.npy\""), "%s", r.err);
        cr_expect_not(strstr(r.err, "learning rate"), "%s", r.err);
        free(wanted);
        run_free(&r);
    }
    folder_free(folder);
}

#define TEXT_MODEL \
    "model m {\n    input letters[4]: int\n    embedding(6, 8)\n    dense(6)\n    softmax\n}\n"

// Of "cdé\nabcdé\nab", windows of 4 and one at the end; too short ones and other letters are
// refused.
static void expect_text_predictions(const char *folder)
{
    static const char *const wrong[][2] = {{"other.txt", "other.txt:1:5"},
                                           {"tiny.txt", "3 characters; the model takes 4 at once"},
                                           {"none.txt", "none.txt: cannot open"}};
    Run r = NNC(folder, "m.nn", "--predict", "short.txt");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect_str_eq(r.out, "prediction_0,prediction_1,prediction_2,prediction_3\n"
                            "d,é,\\n,a\nb,c,d,é\n\\n,a,b,c\n");
    run_free(&r);
    write_text(folder, "tiny.txt", "abc");
    for (int i = 0; i < 3; i++) {
        r = NNC(folder, "m.nn", "--predict", wrong[i][0]);
        cr_expect_eq(r.code, 1);
        cr_expect(strstr(r.err, wrong[i][1]), "%s", r.err);
        run_free(&r);
    }
}

// Each character tells the next one; what validation has is the text's end.
Test(sources, text)
{
    char *folder = folder_new();
    char text[7 * 200 + 1] = "";
    for (int i = 0; i < 200; i++)
        strcat(text, "abcdé\n");
    write_text(folder, "long.txt", text);
    write_text(folder, "short.txt", "cdé\nabcdé\nab");
    write_text(folder, "other.txt", "abcdefgh");
    const char *program =
        TEXT_MODEL "data { train = text(\"long.txt\", length = 4, stride = 2); validation = 0.1\n"
                   "test = text(\"short.txt\", length = 4) }\n" TRAIN;
    cr_expect_eq(trained_value(folder, program, "accuracy"), 1);
    Run eval = NNC(folder, "m.nn", "--eval");
    cr_expect(strstr(eval.out, "é") && strstr(eval.out, "\\n"), "%s", eval.out);
    run_free(&eval);
    const int32_t codes[] = {1, 2, 3, 4};  // \n is 0, a is 1
    const NnrtTensor t = {
        .dtype = NNRT_I32, .rank = 2, .dims = {1, 4}, .data = (void *)(uintptr_t)codes};
    NnrtError e;
    char *path = path_in_folder(folder, "in.npy");
    cr_assert(nnrt_npy_write(path, &t, &e));
    free(path);
    Run csv = NNC(folder, "m.nn", "--predict", "in.npy");
    cr_expect_str_eq(csv.out, "prediction_0,prediction_1,prediction_2,prediction_3\nb,c,d,é\n");
    Run json = NNC(folder, "m.nn", "--predict", "in.npy", "--format", "json");
    cr_expect(strstr(json.out, "{\"prediction\": [\"b\", \"c\", \"d\", \"é\"]}"), "%s", json.out);
    run_free(&csv);
    run_free(&json);
    expect_text_predictions(folder);
    folder_free(folder);
}

Test(sources, examples_of_the_models_own_shapes)
{
    char *folder = folder_new();
    write_text(folder, "m.nn",
               "model m {\n    input image[6, 6, 1]\n    input age[2]\n    flatten(image) as f\n"
               "    concat(f, age)\n    dense(3)\n    softmax\n}\n"
               "data { train = synthetic(examples = 40) }\n" TRAIN);
    Run r = NNC(folder, "m.nn", "--train", "-q");
    cr_expect_eq(r.code, 0, "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

// --- augmentation -----------------------------------------------------------------------------

static char *trained_weights(const char *augment, const char *threads, size_t *size)
{
    char *folder = folder_new();
    char text[1024];
    make_images(folder);
    snprintf(text, sizeof text,
             IMAGE_MODEL("8, 8, 3", "2") "data { train = images(\"sides\", scale = 1/255)\n"
                                         "augment = %s }\n" TRAIN,
             augment);
    write_text(folder, "m.nn", text);
    Run r = NNC(folder, "m.nn", "--train", "-q", "--threads", threads);
    cr_expect_eq(r.code, 0, "%s", r.err);
    char *bytes = read_bytes(folder, "m.safetensors", size);
    cr_assert_not_null(bytes);
    run_free(&r);
    folder_free(folder);
    return bytes;
}

Test(sources, augmentation_is_the_same_on_any_number_of_threads)
{
    static const char all[] = "[flip_vertical, shift(0.2, fill = \"zero\"), rotate(20), zoom, "
                              "crop(2), cutout(3), noise(0.1), brightness(0.1)]";
    size_t one_size, two_size, plain_size;
    char *one = trained_weights(all, "1", &one_size);
    char *two = trained_weights(all, "2", &two_size);
    char *plain = trained_weights("[]", "1", &plain_size);
    cr_expect(one_size == two_size && memcmp(one, two, one_size) == 0);
    cr_expect(one_size != plain_size || memcmp(one, plain, one_size) != 0);
    free(one);
    free(two);
    free(plain);
}

// --- mistakes ---------------------------------------------------------------------------------

#define FLOWERS "model m {\n    input x[4]\n    dense(3)\n    softmax\n}\n"
#define SIDES IMAGE_MODEL("8, 8, 3", "2")

static const struct {
    const char *text, *words[3];
} mistakes[] = {
    {FLOWERS "data { train = csv(\"none.csv\", from = \"https://a.example/b\") }\n" TRAIN,
     {"error[data-file]", "none.csv", "it is published at https://a.example/b"}},
    {SIDES "data { train = cifar10() }\n" TRAIN,
     {"error[data-file]", "data_batch_1.bin", "https://www.cs.toronto.edu/~kriz"}},
    {SIDES "data { train = cifar10(\"a.bin\", names = 3) }\n" TRAIN, {"no argument names"}},
    {SIDES "data { train = images(\"sides\"); augment = [shfit(0.1)] }\n" TRAIN,
     {"error[unknown-augmentation]", "did you mean shift?", "m.nn:7:"}},
    {SIDES "data { train = images(\"sides\"); augment = shift(1.5) }\n" TRAIN,
     {"error[augmentation]", "share is from 0 to 1, not 1.5"}},
    {SIDES "data { train = images(\"sides\"); augment = [shift(fill = \"wrap\")] }\n" TRAIN,
     {"error[augmentation]", "\"nearest\" or \"zero\""}},
    {SIDES "data { train = images(\"sides\"); augment = [rotate(angle = 3)] }\n" TRAIN,
     {"error[augmentation]", "rotate: there is no argument angle"}},
    {FLOWERS "data { train = csv(\"data/iris.csv\"); augment = [noise] }\n" TRAIN,
     {"error[augmentation]", "no input of the model is an image"}},
    {SIDES "data { train = images(\"sides\", size = 8) }\n" TRAIN,
     {"error[source-argument]", "size is [height, width]"}},
    {SIDES "data { train = images(\"nowhere\") }\n" TRAIN, {"error[data-file]", "nowhere"}},
    {IMAGE_MODEL("4, 4, 3", "2") "data { train = images(\"sides\") }\n" TRAIN,
     {"error[data-shape]", "[8, 8, 3]", "[4, 4, 3]"}},
    {TEXT_MODEL "data { train = text(\"m.nn\", length = 4) }\n" TRAIN,
     {"error[too-many-classes]", "6 outputs"}},
    {TEXT_MODEL "data { train = [letters: text(\"m.nn\", length = 4)] }\n" TRAIN,
     {"error[source-argument]", "one of several"}},
    {TEXT_MODEL "data { train = text(\"m.nn\", length = 0) }\n" TRAIN,
     {"error[source-argument]", "length is a whole number of at least 1"}},
    {FLOWERS "data { train = npz(\"m.nn\") }\n" TRAIN,
     {"error[data-file]", "m.nn: not a readable"}},
};

Test(sources, mistakes)
{
    char *folder = folder_new();
    make_images(folder);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        write_text(folder, "m.nn", mistakes[i].text);
        Run r = NNC(folder, "m.nn", "--train");
        cr_expect_eq(r.code, 1, "%zu: exit code %d\n%s", i, r.code, r.err);
        for (int k = 0; k < 3 && mistakes[i].words[k]; k++)
            cr_expect(strstr(r.err, mistakes[i].words[k]), "%zu: '%s' is missing from\n%s", i,
                      mistakes[i].words[k], r.err);
        run_free(&r);
    }
    folder_free(folder);
}
