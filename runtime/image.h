// image.h -- folders of PNG and JPEG images, a folder a class.
//
//   birds/robin/a.png  birds/robin/b.jpg  birds/wren/c.png   ->  classes robin, wren
//
// Classes are the folders by name, files are read by name, both sorted bytewise. What begins with a
// dot is passed over, and so is a file beside the folders; in a folder of a class everything must
// be an image, and one that cannot be read is an error that names it. What a file is its first
// bytes say, not its name. Samples of 16 bits come down to 8, transparency lies on black, a colour
// image becomes grey (libpng's and libjpeg's own weights) or a grey one coloured as `channels`
// says. A cut or damaged JPEG is refused where libjpeg would fill in grey. Notes on rotation (EXIF)
// are not followed.
// Limits: 64 Mpixel and 1 GiB a file, 16 GiB of pixels in all.

#ifndef NNRT_IMAGE_H
#define NNRT_IMAGE_H

#include "dataset.h"

#define NNRT_MAX_PIXELS ((int64_t)64 << 20)

typedef enum NnrtResize { NNRT_BILINEAR, NNRT_NEAREST } NnrtResize;

typedef struct NnrtImageOptions {
    int64_t height, width;  // all become this; 0: all must have the first one's size
    NnrtResize resize;
    int channels;                // 1 or 3; 0: as the first image
    const char *const *classes;  // of the training part, when there is one; others are an error
    int64_t class_count;
} NnrtImageOptions;

// Decodes an image of at most `pixels` into u8[height, width, channels]; channels 0: its own.
bool nnrt_image_parse(const char *file, const uint8_t *bytes, size_t size, int channels,
                      int64_t pixels, NnrtTensor *out, NnrtError *e);

// Reads a folder into fields "input", u8[height, width, channels], and "target", class codes with
// their names. `options` may be NULL: defaults.
bool nnrt_images_read(const char *folder, const NnrtImageOptions *options, NnrtDataset *out,
                      NnrtError *e);

// in: u8[h, w, c] to out: u8[height, width, c]. Pixel (y, x) is what lies at
//
//   v = (y + 0.5) h / height - 0.5,  u = (x + 0.5) w / width - 0.5
//
// cut to the image: the nearest pixel (of two equally near the later one), or the four around it
// weighted by nearness in f32, rounded half up. A smaller image is sampled, not averaged: scale
// photographs down beforehand.
void nnrt_resize_image(const uint8_t *in, int64_t h, int64_t w, int64_t c, NnrtResize how,
                       uint8_t *out, int64_t height, int64_t width);

#endif
