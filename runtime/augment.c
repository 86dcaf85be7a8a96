// augment.c -- the table of augmentations, and each of them on one image.

#include "augment.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "random.h"
#include "tensor.h"

static const float PI = 3.14159265f;

// An image being changed, and the random numbers it has.
struct NnrtAugmentImage {
    int64_t height, width, channels;
    float *pixels;  // f32[height, width, channels]
    float *copy;    // of the same size, to read from
    uint64_t seed, step;
    uint32_t stream, row;
};

typedef NnrtAugmentImage Image;

static float draw(const Image *m, uint64_t i)
{
    return nnrt_random_f32(m->seed, m->stream, m->step, (uint64_t)m->row << 32 | i);
}

// In [-1, 1).
static float draw_signed(const Image *m, uint64_t i)
{
    return 2 * draw(m, i) - 1;
}

static int64_t draw_below(const Image *m, uint64_t i, int64_t limit)
{
    const int64_t drawn = (int64_t)(draw(m, i) * (float)limit);
    return drawn < limit ? drawn : limit - 1;  // the product may round up
}

static size_t elements(const Image *m)
{
    return (size_t)(m->height * m->width * m->channels);
}

static float *pixel(const Image *m, int64_t y, int64_t x)
{
    return m->pixels + (y * m->width + x) * m->channels;
}

static void keep_copy(const Image *m)
{
    memcpy(m->copy, m->pixels, elements(m) * sizeof *m->copy);
}

// The copy's pixel, which may lie outside; NULL: it does, and outside is zero.
static const float *source(const Image *m, int64_t y, int64_t x, bool zero)
{
    const bool inside = y >= 0 && y < m->height && x >= 0 && x < m->width;
    if (!inside && zero)
        return NULL;
    y = y < 0 ? 0 : y < m->height ? y : m->height - 1;
    x = x < 0 ? 0 : x < m->width ? x : m->width - 1;
    return m->copy + (y * m->width + x) * m->channels;
}

// --- flips ------------------------------------------------------------------------------------

static void swap_pixels(float *a, float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void flip_horizontal(const Image *m, const float *values)
{
    if (draw(m, 0) >= values[0])
        return;
    for (int64_t y = 0; y < m->height; y++)
        for (int64_t x = 0; x < m->width / 2; x++)
            swap_pixels(pixel(m, y, x), pixel(m, y, m->width - 1 - x), m->channels);
}

static void flip_vertical(const Image *m, const float *values)
{
    if (draw(m, 0) >= values[0])
        return;
    for (int64_t y = 0; y < m->height / 2; y++)
        swap_pixels(pixel(m, y, 0), pixel(m, m->height - 1 - y, 0), m->width * m->channels);
}

// --- whole pixels -----------------------------------------------------------------------------

static int64_t clamp(int64_t i, int64_t most)
{
    return i < 0 ? 0 : i < most ? i : most;
}

// Columns from .. to - 1 of a row become the pixel `p`, or 0.
static void fill_columns(const Image *m, int64_t y, int64_t from, int64_t to, const float *p)
{
    const size_t bytes = (size_t)m->channels * sizeof(float);
    for (int64_t x = from; x < to; x++)
        if (p)
            memcpy(pixel(m, y, x), p, bytes);
        else
            memset(pixel(m, y, x), 0, bytes);
}

// Row y of the image becomes row `from` of the copy: a part of it as a whole, and what lies outside
// on either side.
static void move_row(const Image *m, int64_t y, int64_t from, int64_t right, bool zero)
{
    const float *left_edge = m->copy + from * m->width * m->channels;
    const float *right_edge = left_edge + (m->width - 1) * m->channels;
    const int64_t first = clamp(right, m->width);
    const int64_t last = clamp(m->width + right, m->width);
    fill_columns(m, y, 0, first, zero ? NULL : left_edge);
    if (first < last)
        memcpy(pixel(m, y, first), left_edge + (first - right) * m->channels,
               (size_t)((last - first) * m->channels) * sizeof(float));
    fill_columns(m, y, last, m->width, zero ? NULL : right_edge);
}

// out[y, x] = in[y - down, x - right]
static void move_by(const Image *m, int64_t down, int64_t right, bool zero)
{
    if (down == 0 && right == 0)
        return;
    keep_copy(m);
    for (int64_t y = 0; y < m->height; y++) {
        const int64_t from = clamp(y - down, m->height - 1);
        if (zero && from != y - down)
            fill_columns(m, y, 0, m->width, NULL);
        else
            move_row(m, y, from, right, zero);
    }
}

static void shift(const Image *m, const float *values)
{
    const float down = draw_signed(m, 0) * values[0] * (float)m->height;
    const float right = draw_signed(m, 1) * values[0] * (float)m->width;
    move_by(m, lroundf(down), lroundf(right), values[1] != 0);
}

static void crop(const Image *m, const float *values)
{
    const int64_t pad = (int64_t)values[0];
    const int64_t down = draw_below(m, 0, 2 * pad + 1) - pad;
    const int64_t right = draw_below(m, 1, 2 * pad + 1) - pad;
    move_by(m, down, right, values[1] != 0);
}

static void cutout(const Image *m, const float *values)
{
    const int64_t size = (int64_t)values[0];
    const int64_t top = draw_below(m, 0, m->height) - size / 2;
    const int64_t left = draw_below(m, 1, m->width) - size / 2;
    for (int64_t y = top < 0 ? 0 : top; y < top + size && y < m->height; y++)
        for (int64_t x = left < 0 ? 0 : left; x < left + size && x < m->width; x++)
            memset(pixel(m, y, x), 0, (size_t)m->channels * sizeof(float));
}

// --- between pixels ---------------------------------------------------------------------------

// Bilinear: the value of channel `c` of the copy at row y, column x.
static float sample(const Image *m, float y, float x, int64_t c, bool zero)
{
    const float top = floorf(y);
    const float left = floorf(x);
    float corners[4];
    for (int i = 0; i < 4; i++) {
        const float *p = source(m, (int64_t)top + i / 2, (int64_t)left + i % 2, zero);
        corners[i] = p ? p[c] : 0;
    }
    const float upper = corners[0] + (corners[1] - corners[0]) * (x - left);
    const float lower = corners[2] + (corners[3] - corners[2]) * (x - left);
    return upper + (lower - upper) * (y - top);
}

// out[y, x] = in at the centre + [a b; -b a] (y, x from the centre)
static void turn(const Image *m, float a, float b, bool zero)
{
    keep_copy(m);
    const float cy = (float)(m->height - 1) / 2;
    const float cx = (float)(m->width - 1) / 2;
    for (int64_t y = 0; y < m->height; y++)
        for (int64_t x = 0; x < m->width; x++) {
            const float dy = (float)y - cy;
            const float dx = (float)x - cx;
            float *out = pixel(m, y, x);
            for (int64_t c = 0; c < m->channels; c++)
                out[c] = sample(m, cy + a * dy + b * dx, cx - b * dy + a * dx, c, zero);
        }
}

static void rotate(const Image *m, const float *values)
{
    const float angle = draw_signed(m, 0) * values[0] * (PI / 180);
    if (angle != 0)
        turn(m, cosf(angle), sinf(angle), values[1] != 0);
}

static void zoom(const Image *m, const float *values)
{
    const float factor = 1 + draw_signed(m, 0) * values[0];
    if (factor != 1)
        turn(m, 1 / factor, 0, values[1] != 0);
}

// --- values -----------------------------------------------------------------------------------

static void noise(const Image *m, const float *values)
{
    const size_t n = elements(m);
    for (size_t i = 0; i < n; i += 2) {
        const float radius = values[0] * sqrtf(-2 * logf(1 - draw(m, i)));
        const float angle = 2 * PI * draw(m, i + 1);
        m->pixels[i] += radius * cosf(angle);
        if (i + 1 < n)
            m->pixels[i + 1] += radius * sinf(angle);
    }
}

static void brightness(const Image *m, const float *values)
{
    const float more = draw_signed(m, 0) * values[0];
    for (size_t i = 0; i < elements(m); i++)
        m->pixels[i] += more;
}

// --- the table --------------------------------------------------------------------------------

#define FILL_NEAREST          \
    {                         \
        "fill", 0, 0, 1, true \
    }
#define FILL_ZERO             \
    {                         \
        "fill", 1, 0, 1, true \
    }

// zoom stays below 1: a factor of 0 would look at a single point.
static const NnrtAugmentKind kinds[] = {
    {"flip_horizontal",
     {{"probability", 0.5, 0, 1, false}},
     false,
     flip_horizontal,
     "Mirrors the columns with this probability."},
    {"flip_vertical",
     {{"probability", 0.5, 0, 1, false}},
     false,
     flip_vertical,
     "Mirrors the rows with this probability."},
    {"shift",
     {{"share", 0.1, 0, 1, false}, FILL_NEAREST},
     false,
     shift,
     "Moves by whole pixels, up to this share of height and width."},
    {"rotate",
     {{"degrees", 10, 0, 180, false}, FILL_NEAREST},
     false,
     rotate,
     "Turns about the centre by up to so many degrees, bilinear."},
    {"zoom",
     {{"share", 0.1, 0, 0.9, false}, FILL_NEAREST},
     false,
     zoom,
     "Makes larger or smaller about the centre by up to this share, bilinear."},
    {"crop",
     {{"pad", 4, 0, 1024, false}, FILL_ZERO},
     false,
     crop,
     "Pads each side and cuts the size out again anywhere."},
    {"cutout",
     {{"size", 8, 0, 1024, false}},
     true,
     cutout,
     "Makes a square of `size` pixels anywhere 0."},
    {"noise",
     {{"std", 0.1, 0, 1e6, false}},
     true,
     noise,
     "Adds a normal number of this deviation to each element."},
    {"brightness",
     {{"share", 0.1, 0, 1e6, false}},
     false,
     brightness,
     "Adds one number, up to this share of 1 either way, to all elements."},
};

const NnrtAugmentKind *nnrt_augment_kinds(int *count)
{
    *count = sizeof kinds / sizeof *kinds;
    return kinds;
}

// --- a batch ----------------------------------------------------------------------------------

bool nnrt_augmenter_new(NnrtAugmenter *a, const NnrtAugment *list, int count, int64_t height,
                        int64_t width, int64_t channels, int64_t capacity, NnrtError *e)
{
    int64_t room;
    assert(count >= 0 && count <= NNRT_MAX_AUGMENTS);
    *a = (NnrtAugmenter){.count = count,
                         .height = height,
                         .width = width,
                         .channels = channels,
                         .capacity = capacity};
    if (!nnrt_count((const int64_t[]){capacity, height, width, channels}, 4, &room))
        return nnrt_fail(e, "a batch of %lld images is too large", (long long)capacity);
    a->list = nnrt_alloc((size_t)count, sizeof *list, e);
    a->scratch = a->list ? nnrt_alloc((size_t)room, sizeof(float), e) : NULL;
    if (!a->scratch) {
        nnrt_augmenter_free(a);
        return false;
    }
    if (count > 0)
        memcpy(a->list, list, (size_t)count * sizeof *list);
    return true;
}

void nnrt_augmenter_free(NnrtAugmenter *a)
{
    free(a->list);
    free(a->scratch);
    *a = (NnrtAugmenter){0};
}

// What every image of a batch shares.
typedef struct Work {
    const NnrtAugmenter *augmenter;
    uint64_t seed, step;
    const uint32_t *rows;
    bool target;
    float *images;
} Work;

static void augment_one(const Work *w, int64_t i)
{
    const NnrtAugmenter *a = w->augmenter;
    const int64_t size = a->height * a->width * a->channels;
    for (int k = 0; k < a->count; k++) {
        const Image image = {
            .height = a->height,
            .width = a->width,
            .channels = a->channels,
            .pixels = w->images + i * size,
            .copy = a->scratch + i * size,
            .seed = w->seed,
            .step = w->step,
            .stream = NNRT_STREAM_AUGMENT + (uint32_t)k,
            .row = w->rows[i],
        };
        if (!w->target || !a->list[k].kind->corrupts)
            a->list[k].kind->apply(&image, a->list[k].values);
    }
}

static void augment_piece(void *arg, int64_t lo, int64_t hi)
{
    for (int64_t i = lo; i < hi; i++)
        augment_one(arg, i);
}

void nnrt_augment_range(const NnrtAugmenter *a, uint64_t seed, uint64_t step, const uint32_t *rows,
                        int64_t lo, int64_t hi, bool target, float *images)
{
    Work w = {a, seed, step, rows, target, images};
    assert(hi <= a->capacity);
    augment_piece(&w, lo, hi);
}

void nnrt_augment(const NnrtAugmenter *a, NnrtPool *pool, uint64_t seed, uint64_t step,
                  const uint32_t *rows, int64_t count, bool target, float *images)
{
    Work w = {a, seed, step, rows, target, images};
    assert(count <= a->capacity);
    nnrt_pool_run(pool, augment_piece, &w, count, 1);
}
