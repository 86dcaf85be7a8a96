// augment.h -- training examples changed at random as they are gathered.
//
// A list of augmentations is applied in order to each image of a batch, f32[h, w, c], after scaling
// and normalization. What is drawn is a function of what it is for:
//
//   u(i) = nnrt_random_f32(seed, NNRT_STREAM_AUGMENT + place in the list, step, row << 32 | i)
//
// row being the example's in its data set and step the training's, from 1. So a training that is
// resumed sees what it would have seen, on any number of threads; s(i) = 2 u(i) - 1 below.
//
//   flip_horizontal(probability = 0.5)  columns in reverse order, if u(0) < probability
//   flip_vertical(probability = 0.5)    rows in reverse order, likewise
//   shift(share = 0.1, fill)            by round(s(0) share h) rows and round(s(1) share w) columns
//   rotate(degrees = 10, fill)          by s(0) degrees about the centre, bilinear
//   zoom(share = 0.1, fill)             by the factor 1 + s(0) share about the centre, bilinear
//   crop(pad = 4, fill = "zero")        out of the image with `pad` pixels on each side: shifted by
//                                       -pad .. pad rows, by u(0), and columns, by u(1)
//   cutout(size = 8)                    a square of `size` pixels, its middle at any pixel, by u(0)
//                                       and u(1), what is outside cut off, becomes 0 (DeVries and
//                                       Taylor 2017, "Improved Regularization ... with Cutout")
//   noise(std = 0.1)                    a normal number times std is added to every element (Box
//                                       and Muller 1958, of u(2k) and u(2k + 1) for elements 2k and
//                                       2k + 1)
//   brightness(share = 0.1)             s(0) share is added to every element
//
// std and brightness are in units of what the model gets. fill says what lies outside the image:
// "nearest", the pixel at its edge (unless told), or "zero". Sizes are in pixels, 0 means no
// change; a NaN stays one.

#ifndef NNRT_AUGMENT_H
#define NNRT_AUGMENT_H

#include "pool.h"

enum { NNRT_AUGMENT_PARAMETERS = 2, NNRT_MAX_AUGMENTS = 64 };

typedef struct NnrtAugmentParameter {
    const char *name;    // NULL: there is none
    double usual;        // where it is not given
    double least, most;  // the range, both ends in it
    bool fill;           // "nearest" (0) or "zero" (1)
} NnrtAugmentParameter;

typedef struct NnrtAugmentKind NnrtAugmentKind;

// One of a list.
typedef struct NnrtAugment {
    const NnrtAugmentKind *kind;
    float values[NNRT_AUGMENT_PARAMETERS];
} NnrtAugment;

typedef struct NnrtAugmentImage NnrtAugmentImage;

struct NnrtAugmentKind {
    const char *name;
    NnrtAugmentParameter parameters[NNRT_AUGMENT_PARAMETERS];  // in order
    bool corrupts;  // takes something away: a target that is the input itself does not follow
    void (*apply)(const NnrtAugmentImage *image, const float *values);
    const char *doc;
};

// The table of all there are.
const NnrtAugmentKind *nnrt_augment_kinds(int *count);

typedef struct NnrtAugmenter {
    NnrtAugment *list;  // owned
    int count;
    int64_t height, width, channels;  // of an image
    int64_t capacity;                 // images of a batch
    float *scratch;                   // owned; f32[capacity, height, width, channels]
} NnrtAugmenter;

// Values must be in their parameters' ranges and count <= NNRT_MAX_AUGMENTS (asserted); the list is
// copied.
bool nnrt_augmenter_new(NnrtAugmenter *a, const NnrtAugment *list, int count, int64_t height,
                        int64_t width, int64_t channels, int64_t capacity, NnrtError *e);
void nnrt_augmenter_free(NnrtAugmenter *a);

// Changes images: f32[count, h, w, c], count <= capacity, of examples rows: u32[count]; `target`:
// they are the targets, the inputs as they were, which only follow what does not corrupt. Nothing
// is allocated.
void nnrt_augment(const NnrtAugmenter *a, NnrtPool *pool, uint64_t seed, uint64_t step,
                  const uint32_t *rows, int64_t count, bool target, float *images);
// Images lo .. hi-1 of the same batch: rows and images are still the start of the whole batch.
void nnrt_augment_range(const NnrtAugmenter *a, uint64_t seed, uint64_t step, const uint32_t *rows,
                        int64_t lo, int64_t hi, bool target, float *images);

#endif
