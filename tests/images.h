// images.h -- small PNG and JPEG files, made by the formats' own libraries.

#ifndef NNC_TEST_IMAGES_H
#define NNC_TEST_IMAGES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

// pixels: u8[height, width, channels], channels 1 or 3. The encoded bytes are to be freed.
static inline uint8_t *png_bytes(const uint8_t *pixels, int height, int width, int channels,
                                 size_t *size)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *bytes = malloc(room);
    if (!png_image_write_to_memory(&image, bytes, &room, 0, pixels, 0, NULL))
        abort();
    *size = room;
    return bytes;
}

static inline uint8_t *jpeg_bytes(const uint8_t *pixels, int height, int width, int channels,
                                  size_t *size)
{
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct out = {.err = jpeg_std_error(&errors)};
    unsigned char *bytes = NULL;
    unsigned long length = 0;
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &bytes, &length);
    out.image_width = (JDIMENSION)width;
    out.image_height = (JDIMENSION)height;
    out.input_components = channels;
    out.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&out);
    jpeg_set_quality(&out, 95, TRUE);
    jpeg_start_compress(&out, TRUE);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (uint8_t *)(uintptr_t)(pixels + (size_t)(y * width * channels));
        jpeg_write_scanlines(&out, &row, 1);
    }
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    *size = length;
    return bytes;
}

static inline void bytes_write(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
        abort();
}

#endif
