// gather.c -- rows of a field, wherever they are, converted one after another into a batch.
//
// The loops are compiled for the processor's vectors; a conversion and each product round alike in
// all of them, so they give the same bits. What takes the time is the way to memory: shuffled rows
// are out of reach of the processor's own prefetching, so a few rows ahead are asked for.

#include <string.h>

#include "dataset.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    LINE = 64,                // bytes
    MOST_BYTES = 2 * 1024,    // of a row: further on it is prefetched as it is read
    AHEAD_BYTES = 24 * 1024,  // at once: half of the first cache
    MOST_AHEAD = 32           // rows
};

// ---- one row

#define ROW_LOOPS(T)                                                                         \
    INLINE void scale_##T(const NnrtField *f, const T *restrict in, float *restrict out)     \
    {                                                                                        \
        const int64_t width = f->width;                                                      \
        const float scale = f->scale;                                                        \
        for (int64_t i = 0; i < width; i++)                                                  \
            out[i] = (float)in[i] * scale;                                                   \
    }                                                                                        \
                                                                                             \
    INLINE void normalize_##T(const NnrtField *f, const T *restrict in, float *restrict out) \
    {                                                                                        \
        const int64_t width = f->width;                                                      \
        const float scale = f->scale;                                                        \
        const float *restrict centre = f->centre;                                            \
        const float *restrict inverse = f->inverse;                                          \
        for (int64_t i = 0; i < width; i++)                                                  \
            out[i] = ((float)in[i] * scale - centre[i]) * inverse[i];                        \
    }

ROW_LOOPS(uint8_t)
ROW_LOOPS(int32_t)
ROW_LOOPS(float)

INLINE void convert_row(const NnrtField *f, int64_t row, float *out)
{
    const int64_t at = row * f->width;
    const bool normalized = f->features > 0;
    const uint8_t *u8 = f->data;
    const int32_t *i32 = f->data;
    const float *f32 = f->data;
    if (f->dtype == NNRT_U8)
        normalized ? normalize_uint8_t(f, u8 + at, out) : scale_uint8_t(f, u8 + at, out);
    else if (f->dtype == NNRT_I32)
        normalized ? normalize_int32_t(f, i32 + at, out) : scale_int32_t(f, i32 + at, out);
    else
        normalized ? normalize_float(f, f32 + at, out) : scale_float(f, f32 + at, out);
}

// ---- many

INLINE int64_t row_bytes(const NnrtField *f)
{
    return f->width * (f->dtype == NNRT_U8 ? 1 : 4);
}

static int64_t asked_bytes(const NnrtField *f)
{
    const int64_t bytes = row_bytes(f);
    return bytes < MOST_BYTES ? bytes : MOST_BYTES;
}

static int64_t rows_ahead(const NnrtField *f)
{
    const int64_t rows = AHEAD_BYTES / asked_bytes(f);
    return rows < MOST_AHEAD ? rows : MOST_AHEAD;
}

static void prefetch_row(const NnrtField *f, int64_t row)
{
    const char *start = (const char *)f->data + row * row_bytes(f);
    const int64_t asked = asked_bytes(f);
    for (int64_t i = 0; i < asked; i += LINE)
        __builtin_prefetch(start + i);
}

// Asks for the first rows; how many are to be asked for from then on.
static int64_t prefetch_first(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi)
{
    const int64_t ahead = rows_ahead(f);
    for (int64_t r = lo; r < hi && r < lo + ahead; r++)
        prefetch_row(f, indices[r]);
    return ahead;
}

INLINE void convert_rows(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi,
                         float *out)
{
    const int64_t ahead = prefetch_first(f, indices, lo, hi);
    for (int64_t r = lo; r < hi; r++) {
        if (r + ahead < hi)
            prefetch_row(f, indices[r + ahead]);
        convert_row(f, indices[r], out + r * f->width);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void convert_avx2(const NnrtField *f,
                                                         const uint32_t *indices, int64_t lo,
                                                         int64_t hi, float *out)
{
    convert_rows(f, indices, lo, hi, out);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
#define convert_avx2 convert_rows

static bool has_avx2(void)
{
    return false;
}
#endif

void nnrt_gather_range(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi,
                       float *out)
{
    if (has_avx2())
        convert_avx2(f, indices, lo, hi, out);
    else
        convert_rows(f, indices, lo, hi, out);
}

void nnrt_gather(const NnrtField *f, const uint32_t *indices, int64_t n, float *out)
{
    nnrt_gather_range(f, indices, 0, n, out);
}

static void widen_row(const uint8_t *restrict in, int64_t width, int32_t *restrict out)
{
    for (int64_t i = 0; i < width; i++)
        out[i] = in[i];
}

void nnrt_gather_i32_range(const NnrtField *f, const uint32_t *indices, int64_t lo, int64_t hi,
                           int32_t *out)
{
    const uint8_t *u8 = f->data;
    const int32_t *i32 = f->data;
    const int64_t ahead = prefetch_first(f, indices, lo, hi);
    for (int64_t r = lo; r < hi; r++) {
        const int64_t at = indices[r] * f->width;
        if (r + ahead < hi)
            prefetch_row(f, indices[r + ahead]);
        if (f->dtype == NNRT_I32)
            memcpy(out + r * f->width, i32 + at, (size_t)f->width * sizeof *out);
        else
            widen_row(u8 + at, f->width, out + r * f->width);
    }
}

void nnrt_gather_i32(const NnrtField *f, const uint32_t *indices, int64_t n, int32_t *out)
{
    nnrt_gather_i32_range(f, indices, 0, n, out);
}
