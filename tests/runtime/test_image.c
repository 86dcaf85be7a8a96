#include <sys/stat.h>

#include "image.h"
#include "images.h"
#include "sample.h"

enum { SIDE = 8 };

// Red grows to the right, green downwards.
static void fill_colours(uint8_t *pixels)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        pixels[3 * i] = (uint8_t)(20 * (i % SIDE));
        pixels[3 * i + 1] = (uint8_t)(20 * (i / SIDE));
        pixels[3 * i + 2] = 128;
    }
}

static bool parse(const uint8_t *bytes, size_t size, int channels, NnrtTensor *t, NnrtError *e)
{
    uint8_t *copy = exact_copy(bytes, size);
    const bool ok = nnrt_image_parse("t.png", copy, size, channels, NNRT_MAX_PIXELS, t, e);
    free(copy);
    return ok;
}

static void expect_near(const NnrtTensor *t, const uint8_t *pixels, int off)
{
    cr_assert(t->rank == 3 && t->dims[0] == SIDE && t->dims[1] == SIDE && t->dims[2] == 3);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        cr_expect(abs(((const uint8_t *)t->data)[i] - pixels[i]) <= off, "element %d", i);
}

Test(image, png_is_exact_and_jpeg_near)
{
    uint8_t pixels[SIDE * SIDE * 3];
    NnrtError e;
    NnrtTensor t;
    size_t size;
    fill_colours(pixels);
    uint8_t *bytes = png_bytes(pixels, SIDE, SIDE, 3, &size);
    cr_assert(parse(bytes, size, 0, &t, &e), "%s", e.message);
    expect_near(&t, pixels, 0);
    nnrt_tensor_free(&t);
    free(bytes);
    bytes = jpeg_bytes(pixels, SIDE, SIDE, 3, &size);
    cr_assert(parse(bytes, size, 0, &t, &e), "%s", e.message);
    expect_near(&t, pixels, 40);
    nnrt_tensor_free(&t);
    free(bytes);
}

typedef uint8_t *Encoder(const uint8_t *pixels, int height, int width, int channels, size_t *size);
static Encoder *const encoders[] = {png_bytes, jpeg_bytes};

Test(image, channels)
{
    uint8_t grey[SIDE * SIDE];
    NnrtError e;
    NnrtTensor t;
    memset(grey, 77, sizeof grey);
    for (int i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = encoders[i](grey, SIDE, SIDE, 1, &size);
        for (int channels = 0; channels <= 3; channels += channels ? 2 : 1) {
            cr_assert(parse(bytes, size, channels, &t, &e), "%s", e.message);
            cr_assert_eq(t.dims[2], channels ? channels : 1);
            cr_expect(abs(((const uint8_t *)t.data)[9] - 77) <= 1);
            nnrt_tensor_free(&t);
        }
        free(bytes);
    }
}

Test(image, every_truncation_is_refused)
{
    uint8_t pixels[SIDE * SIDE * 3];
    NnrtError e;
    NnrtTensor t;
    fill_colours(pixels);
    for (int i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = encoders[i](pixels, SIDE, SIDE, 3, &size);
        for (size_t n = 0; n < size; n++) {
            cr_assert_not(parse(bytes, n, 0, &t, &e), "cut to %zu of %zu", n, size);
            expect_error(&e, "t.png: ");
        }
        free(bytes);
    }
}

Test(image, any_changed_byte_is_survived)
{
    uint8_t pixels[SIDE * SIDE * 3];
    NnrtError e;
    NnrtTensor t;
    fill_colours(pixels);
    for (int i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = encoders[i](pixels, SIDE, SIDE, 3, &size);
        for (size_t n = 0; n < size; n++) {
            bytes[n] ^= 0xFF;
            if (nnrt_image_parse("t.png", bytes, size, 0, 1 << 16, &t, &e))
                nnrt_tensor_free(&t);
            else
                expect_error(&e, "t.png: ");
            bytes[n] ^= 0xFF;
        }
        free(bytes);
    }
}

Test(image, limits)
{
    uint8_t pixels[SIDE * SIDE] = {0};
    NnrtError e;
    NnrtTensor t;
    for (int i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = encoders[i](pixels, SIDE, SIDE, 1, &size);
        cr_assert_not(nnrt_image_parse("t.png", bytes, size, 0, SIDE * SIDE - 1, &t, &e));
        expect_error(&e, "t.png: an image of 8 x 8 pixels; the limit is 63");
        SWEEP_ALLOCATIONS(nnrt_image_parse("t.png", bytes, size, 0, 100, &t, &e), &e);
        nnrt_tensor_free(&t);
        free(bytes);
    }
}

Test(image, resize)
{
    static const uint8_t in[] = {0, 100, 100, 200};
    uint8_t out[16];
    nnrt_resize_image(in, 2, 2, 1, NNRT_NEAREST, out, 4, 4);
    cr_expect_arr_eq(
        out, ((uint8_t[]){0, 0, 100, 100, 0, 0, 100, 100, 100, 100, 200, 200, 100, 100, 200, 200}),
        16);
    nnrt_resize_image(in, 2, 2, 1, NNRT_BILINEAR, out, 4, 4);
    cr_expect_arr_eq(
        out, ((uint8_t[]){0, 25, 75, 100, 25, 50, 100, 125, 75, 100, 150, 175, 100, 125, 175, 200}),
        16);
    nnrt_resize_image(in, 2, 2, 1, NNRT_BILINEAR, out, 1, 1);
    cr_expect_eq(out[0], 100);
    nnrt_resize_image(in, 2, 2, 1, NNRT_BILINEAR, out, 2, 2);
    cr_expect_arr_eq(out, in, 4);
}

// ---- folders

static void add_png(const char *folder, const char *class, const char *name, int side, int value)
{
    char path[160];
    uint8_t pixels[16 * 16];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, class);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", folder, class, name);
    memset(pixels, value, sizeof pixels);
    uint8_t *bytes = png_bytes(pixels, side, side, 1, &size);
    bytes_write(path, bytes, size);
    free(bytes);
}

static void make_folder(char folder[64])
{
    scratch_make(folder);
    add_png(folder, "wren", "b.png", 4, 3);
    add_png(folder, "wren", "a.png", 4, 2);
    add_png(folder, "robin", "z.png", 4, 1);
    add_png(folder, ".hidden", "z.png", 4, 9);
    char path[96];
    snprintf(path, sizeof path, "%s/README", folder);
    bytes_write(path, (const uint8_t *)"notes", 5);
}

Test(folder, classes_in_order)
{
    char folder[64];
    NnrtError e;
    NnrtDataset d;
    make_folder(folder);
    cr_assert(nnrt_images_read(folder, NULL, &d, &e), "%s", e.message);
    const NnrtField *input = nnrt_dataset_field(&d, "input");
    const NnrtField *target = nnrt_dataset_field(&d, "target");
    cr_assert(d.rows == 3 && input->dims[0] == 4 && input->dims[1] == 4 && input->dims[2] == 1);
    cr_expect(target->class_count == 2 && strcmp(target->classes[0], "robin") == 0);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(((const uint8_t *)input->data)[i * 16], i + 1);
        cr_expect_eq(((const int32_t *)target->data)[i], i > 0);
    }
    nnrt_dataset_free(&d);
    SWEEP_ALLOCATIONS(nnrt_images_read(folder, NULL, &d, &e), &e);
    nnrt_dataset_free(&d);
    scratch_remove(folder);
}

Test(folder, sizes)
{
    char folder[64];
    NnrtError e;
    NnrtDataset d;
    make_folder(folder);
    add_png(folder, "robin", "zz.png", 8, 5);
    cr_assert_not(nnrt_images_read(folder, NULL, &d, &e));
    expect_error(&e, "robin/zz.png: an image of 8 x 8 among others of 4 x 4");
    const NnrtImageOptions o = {.height = 2, .width = 6, .channels = 3};
    cr_assert(nnrt_images_read(folder, &o, &d, &e), "%s", e.message);
    const NnrtField *input = nnrt_dataset_field(&d, "input");
    cr_expect(input->dims[0] == 2 && input->dims[1] == 6 && input->dims[2] == 3);
    nnrt_dataset_free(&d);
    const NnrtImageOptions bad = {.height = 2};
    cr_assert_not(nnrt_images_read(folder, &bad, &d, &e));
    expect_error(&e, "2 x 0 is no size");
    scratch_remove(folder);
}

Test(folder, bad_folders)
{
    static const char *const classes[] = {"jay", "robin"};
    const NnrtImageOptions like = {.classes = classes, .class_count = 2};
    char folder[64], path[96];
    NnrtError e;
    NnrtDataset d;
    make_folder(folder);
    cr_assert_not(nnrt_images_read(folder, &like, &d, &e));
    expect_error(&e, "class wren is not among those of the training data");
    snprintf(path, sizeof path, "%s/robin/y.png", folder);
    bytes_write(path, (const uint8_t *)"text", 4);
    cr_assert_not(nnrt_images_read(folder, NULL, &d, &e));
    expect_error(&e, "robin/y.png: byte 0: neither a PNG nor a JPEG image");
    snprintf(path, sizeof path, "%s/wren", folder);
    cr_assert_not(nnrt_images_read(path, NULL, &d, &e));
    expect_error(&e, "there are no images in folders in it");
    scratch_remove(folder);
    cr_assert_not(nnrt_images_read(folder, NULL, &d, &e));
    expect_error(&e, "No such file");
}
