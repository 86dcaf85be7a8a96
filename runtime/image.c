// image.c -- decodes PNG through libpng and JPEG through libjpeg, and resizes.

#include "image.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// After stdio.h, which it needs and does not include.
#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

#include "alloc.h"

// What is being decoded, and into what.
typedef struct Decoder {
    const char *file;
    const uint8_t *bytes;
    size_t size;
    int channels;  // 0: the image's own
    int64_t pixels;
    NnrtTensor *out;
    NnrtError *e;
} Decoder;

// Room for the image, once its header has said how large it is.
static bool make_image(const Decoder *d, int64_t height, int64_t width, int channels)
{
    if (height < 1 || width < 1 || height > d->pixels / width)
        return nnrt_fail_file(d->e, d->file,
                              "an image of %" PRId64 " x %" PRId64 " pixels; the limit is %" PRId64,
                              width, height, d->pixels);
    *d->out = (NnrtTensor){.dtype = NNRT_U8, .rank = 3, .dims = {height, width, channels}};
    d->out->data = nnrt_alloc((size_t)(height * width), (size_t)channels, d->e);
    return d->out->data != NULL;
}

// ---- PNG

static bool png_failure(const Decoder *d, const png_image *image)
{
    return nnrt_fail_file(d->e, d->file, "the PNG image is damaged: %s", image->message);
}

// libpng stops at the last row; a file that ends there has lost something all the same.
static bool png_has_end(const Decoder *d)
{
    static const uint8_t end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    if (d->size >= sizeof end && memcmp(d->bytes + d->size - sizeof end, end, sizeof end) == 0)
        return true;
    return nnrt_fail_file(d->e, d->file, "the PNG image is damaged: its end is missing");
}

static bool png_rows(const Decoder *d, png_image *image)
{
    static const png_color black = {0, 0, 0};
    const bool colour = image->format & PNG_FORMAT_FLAG_COLOR;
    const int channels = d->channels ? d->channels : colour ? 3 : 1;
    if (!make_image(d, image->height, image->width, channels))
        return false;
    image->format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    return png_image_finish_read(image, &black, d->out->data, 0, NULL) || png_failure(d, image);
}

static bool decode_png(const Decoder *d)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_has_end(d))
        return false;
    const bool ok = png_image_begin_read_from_memory(&image, d->bytes, d->size)
                        ? png_rows(d, &image)
                        : png_failure(d, &image);
    png_image_free(&image);
    return ok;
}

// ---- JPEG

// libjpeg reports by these, the first member of each being libjpeg's.
typedef struct JpegErrors {
    struct jpeg_error_mgr manager;
    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];
} JpegErrors;

static void jpeg_escape(j_common_ptr c)
{
    JpegErrors *errors = (JpegErrors *)(void *)c->err;
    c->err->format_message(c, errors->text);
    longjmp(errors->escape, 1);
}

// A warning is damage that libjpeg would patch over; bytes between markers harm nothing.
static void jpeg_message(j_common_ptr c, int level)
{
    if (level < 0 && c->err->msg_code != JWRN_EXTRANEOUS_DATA)
        jpeg_escape(c);
}

// A progressive image may claim any number of scans over all its pixels: hours for few bytes.
static void jpeg_limit_scans(j_common_ptr c)
{
    enum { SCANS = 200 };
    const struct jpeg_decompress_struct *in = (const struct jpeg_decompress_struct *)(void *)c;
    if (in->input_scan_number <= SCANS)
        return;
    JpegErrors *errors = (JpegErrors *)(void *)c->err;
    snprintf(errors->text, sizeof errors->text, "more than %d scans", SCANS);
    longjmp(errors->escape, 1);
}

// Between start and finish; what fails inside libjpeg leaves by the jump.
static bool jpeg_rows(const Decoder *d, struct jpeg_decompress_struct *in)
{
    jpeg_read_header(in, TRUE);
    const int channels = d->channels ? d->channels : in->num_components == 1 ? 1 : 3;
    in->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    in->dct_method = JDCT_ISLOW;  // the same bits on every machine
    if (!make_image(d, in->image_height, in->image_width, channels))
        return false;
    jpeg_start_decompress(in);
    const size_t row = (size_t)(d->out->dims[1] * channels);
    while (in->output_scanline < in->output_height) {
        JSAMPROW line = (uint8_t *)d->out->data + in->output_scanline * row;
        jpeg_read_scanlines(in, &line, 1);
    }
    jpeg_finish_decompress(in);
    return true;
}

static bool decode_jpeg(const Decoder *d)
{
    JpegErrors errors = {0};
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_limit_scans};
    struct jpeg_decompress_struct in = {.err = jpeg_std_error(&errors.manager)};
    errors.manager.error_exit = jpeg_escape;
    errors.manager.emit_message = jpeg_message;
    if (setjmp(errors.escape)) {
        jpeg_destroy_decompress(&in);
        return nnrt_fail_file(d->e, d->file, "the JPEG image is damaged: %s", errors.text);
    }
    jpeg_create_decompress(&in);
    in.progress = &progress;
    jpeg_mem_src(&in, d->bytes, d->size);
    const bool ok = jpeg_rows(d, &in);
    jpeg_destroy_decompress(&in);
    return ok;
}

// ---- either

static bool begins_with(const Decoder *d, const char *signature, size_t size)
{
    return d->size >= size && memcmp(d->bytes, signature, size) == 0;
}

bool nnrt_image_parse(const char *file, const uint8_t *bytes, size_t size, int channels,
                      int64_t pixels, NnrtTensor *out, NnrtError *e)
{
    const Decoder d = {file, bytes, size, channels, pixels, out, e};
    *out = (NnrtTensor){0};
    bool ok;
    if (begins_with(&d, "\x89PNG\r\n\x1A\n", 8))
        ok = decode_png(&d);
    else if (begins_with(&d, "\xFF\xD8\xFF", 3))
        ok = decode_jpeg(&d);
    else
        ok = nnrt_fail_offset(e, file, 0, "neither a PNG nor a JPEG image");
    if (!ok)
        nnrt_tensor_free(out);
    return ok;
}

// ---- sizes

// What lies at a place along one axis: two neighbours, and how near the second one is.
typedef struct Place {
    int64_t first, second;
    float weight;
} Place;

static Place place_at(int64_t i, int64_t from, int64_t to, NnrtResize how)
{
    float at = ((float)i + 0.5f) * (float)from / (float)to - 0.5f;
    at = fminf(fmaxf(at, 0), (float)(from - 1));
    if (how == NNRT_NEAREST) {
        const int64_t nearest = (int64_t)(at + 0.5f);
        return (Place){nearest, nearest, 0};
    }
    const int64_t first = (int64_t)at;
    return (Place){first, first + 1 < from ? first + 1 : first, at - (float)first};
}

static uint8_t mix(const uint8_t *in, int64_t w, int64_t c, Place y, Place x)
{
    const float a = in[(y.first * w + x.first) * c];
    const float b = in[(y.first * w + x.second) * c];
    const float p = in[(y.second * w + x.first) * c];
    const float q = in[(y.second * w + x.second) * c];
    const float upper = a + (b - a) * x.weight;
    const float lower = p + (q - p) * x.weight;
    return (uint8_t)(upper + (lower - upper) * y.weight + 0.5f);
}

void nnrt_resize_image(const uint8_t *in, int64_t h, int64_t w, int64_t c, NnrtResize how,
                       uint8_t *out, int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const Place py = place_at(y, h, height, how);
            const Place px = place_at(x, w, width, how);
            for (int64_t k = 0; k < c; k++)
                out[(y * width + x) * c + k] = mix(in + k, w, c, py, px);
        }
}
