// split.c -- held-out rows and statistics.

#include "split.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "random.h"

void nnrt_split_free(NnrtSplit *s)
{
    free(s->kept);
    free(s->held);
    *s = (NnrtSplit){0};
}

static const int32_t *class_codes(const NnrtField *target)
{
    const bool codes = target && target->class_count > 0 && target->width == 1;
    return codes && target->dtype == NNRT_I32 ? target->data : NULL;
}

// How many of each class to hold out. Rounding the running total instead of each class's own share
// makes the quotas add up to round(share * n), each within one row of its share.
static void set_quotas(const uint32_t *rows, int64_t n, const int32_t *codes, int64_t classes,
                       double share, int64_t *quotas)
{
    for (int64_t i = 0; i < n; i++)
        quotas[codes ? codes[rows[i]] : 0]++;
    int64_t seen = 0;
    int64_t held = 0;
    for (int64_t c = 0; c < classes; c++) {
        seen += quotas[c];
        const int64_t due = (int64_t)llround(share * (double)seen);
        quotas[c] = due - held;
        held = due;
    }
}

// Goes through the rows in random order and marks each while its class's quota lasts.
static int64_t mark_held(const uint32_t *rows, const uint32_t *order, int64_t n,
                         const int32_t *codes, int64_t *quotas, uint8_t *is_held)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t *quota = &quotas[codes ? codes[rows[order[i]]] : 0];
        if (*quota > 0) {
            (*quota)--;
            is_held[order[i]] = 1;
            count++;
        }
    }
    return count;
}

static bool distribute(const uint32_t *rows, const uint8_t *is_held, int64_t n, int64_t held,
                       NnrtSplit *out, NnrtError *e)
{
    NnrtSplit s = {.kept_count = 0};
    s.held = nnrt_alloc((size_t)held, sizeof *s.held, e);
    s.kept = s.held ? nnrt_alloc((size_t)(n - held), sizeof *s.kept, e) : NULL;
    if (!s.kept) {
        nnrt_split_free(&s);
        return false;
    }
    for (int64_t i = 0; i < n; i++)
        if (is_held[i])
            s.held[s.held_count++] = rows[i];
        else
            s.kept[s.kept_count++] = rows[i];
    *out = s;
    return true;
}

// What drawing needs besides the result, one allocation each.
typedef struct Scratch {
    uint32_t *rows;
    uint32_t *order;
    int64_t *quotas;
    uint8_t *is_held;
} Scratch;

static bool scratch_new(Scratch *s, const uint32_t *rows, int64_t n, int64_t classes, NnrtError *e)
{
    s->rows = nnrt_alloc((size_t)n, sizeof *s->rows, e);
    s->order = s->rows ? nnrt_alloc((size_t)n, sizeof *s->order, e) : NULL;
    s->quotas = s->order ? nnrt_alloc((size_t)classes, sizeof *s->quotas, e) : NULL;
    s->is_held = s->quotas ? nnrt_alloc((size_t)n, 1, e) : NULL;
    for (int64_t i = 0; s->is_held && i < n; i++)
        s->rows[i] = rows ? rows[i] : (uint32_t)i;
    return s->is_held;
}

static int compare_rows(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool draw(Scratch *s, int64_t n, const NnrtField *target, double share, uint64_t seed,
                 uint32_t stream, NnrtSplit *out, NnrtError *e)
{
    const int32_t *codes = class_codes(target);
    const int64_t classes = codes ? target->class_count : 1;
    // Rows in ascending order make the draw independent of the order in which they are given.
    qsort(s->rows, (size_t)n, sizeof *s->rows, compare_rows);
    set_quotas(s->rows, n, codes, classes, share, s->quotas);
    nnrt_permutation(seed, stream, 0, (uint32_t)n, s->order);
    const int64_t held = mark_held(s->rows, s->order, n, codes, s->quotas, s->is_held);
    if (held == n || (held == 0 && share > 0))
        return nnrt_fail(
            e, "a share of %g of %" PRId64 " rows leaves %" PRId64 " and holds out %" PRId64, share,
            n, n - held, held);
    return distribute(s->rows, s->is_held, n, held, out, e);
}

bool nnrt_holdout(const uint32_t *rows, int64_t n, const NnrtField *target, double share,
                  uint64_t seed, uint32_t stream, NnrtSplit *out, NnrtError *e)
{
    if (!(share >= 0 && share < 1))
        return nnrt_fail(e, "a share of %g cannot be held out; it must be from 0 to below 1",
                         share);
    if (n < 1 || n > UINT32_MAX)
        return nnrt_fail(e, "%" PRId64 " rows cannot be split", n);
    Scratch s = {0};
    const int64_t classes = class_codes(target) ? target->class_count : 1;
    const bool ok =
        scratch_new(&s, rows, n, classes, e) && draw(&s, n, target, share, seed, stream, out, e);
    free(s.rows);
    free(s.order);
    free(s.quotas);
    free(s.is_held);
    return ok;
}

bool nnrt_hold_tail(const uint32_t *rows, int64_t n, double share, int64_t gap, NnrtSplit *out,
                    NnrtError *e)
{
    if (!(share >= 0 && share < 1))
        return nnrt_fail(e, "a share of %g cannot be held out; it must be from 0 to below 1",
                         share);
    const int64_t held = (int64_t)round(share * (double)n);
    const int64_t kept = held > 0 ? n - held - gap : n;
    if (kept < 1 || (held < 1 && share > 0))
        return nnrt_fail(e,
                         "a share of %g of %" PRId64 " rows in order, %" PRId64
                         " left out before it, leaves too few",
                         share, n, gap);
    NnrtSplit s = {.kept_count = kept, .held_count = held};
    s.held = nnrt_alloc((size_t)held, sizeof *s.held, e);
    s.kept = s.held ? nnrt_alloc((size_t)kept, sizeof *s.kept, e) : NULL;
    if (!s.kept) {
        nnrt_split_free(&s);
        return false;
    }
    for (int64_t i = 0; i < kept; i++)
        s.kept[i] = rows ? rows[i] : (uint32_t)i;
    for (int64_t i = 0; i < held; i++)
        s.held[i] = rows ? rows[n - held + i] : (uint32_t)(n - held + i);
    *out = s;
    return true;
}

// ---- statistics

typedef struct Moments {
    double sum;
    double squares;  // of differences from the mean
    double low;
    double high;
} Moments;

static double scaled_value(const NnrtField *f, int64_t at)
{
    const float raw = f->dtype == NNRT_U8    ? (float)((const uint8_t *)f->data)[at]
                      : f->dtype == NNRT_I32 ? (float)((const int32_t *)f->data)[at]
                                             : ((const float *)f->data)[at];
    return (double)(raw * f->scale);
}

static bool add_up(const NnrtField *f, const uint32_t *rows, int64_t n, int64_t features,
                   Moments *moments, NnrtError *e)
{
    for (int64_t c = 0; c < features; c++)
        moments[c] = (Moments){.low = INFINITY, .high = -INFINITY};
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < f->width; i++) {
            const double value = scaled_value(f, rows[r] * f->width + i);
            Moments *m = &moments[i % features];
            if (!isfinite(value))
                return nnrt_fail(e,
                                 "row %" PRIu32 ", element %" PRId64 " of %s is %g: no mean can "
                                 "be taken",
                                 rows[r], i, f->name, value);
            m->sum += value;
            m->low = fmin(m->low, value);
            m->high = fmax(m->high, value);
        }
    return true;
}

static void add_squares(const NnrtField *f, const uint32_t *rows, int64_t n, int64_t features,
                        Moments *moments)
{
    const double count = (double)n * (double)(f->width / features);
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < f->width; i++) {
            Moments *m = &moments[i % features];
            const double off = scaled_value(f, rows[r] * f->width + i) - m->sum / count;
            m->squares += off * off;
        }
}

// mean, std: f32[features]. A feature is constant when its extremes are equal: rounding could make
// the sum of squares of one a little more than zero.
static bool measure(const NnrtField *f, const uint32_t *rows, int64_t n, int64_t features,
                    Moments *moments, float *mean, float *std, NnrtError *e)
{
    const double count = (double)n * (double)(f->width / features);
    if (!add_up(f, rows, n, features, moments, e))
        return false;
    add_squares(f, rows, n, features, moments);
    for (int64_t c = 0; c < features; c++) {
        const Moments *m = &moments[c];
        mean[c] = (float)(m->low == m->high ? m->low : m->sum / count);
        std[c] = (float)sqrt(m->squares / count);
        if (m->low == m->high || !(std[c] > 0) || !isfinite(1 / std[c]))
            std[c] = 1;
    }
    return true;
}

bool nnrt_standardize(NnrtField *f, const uint32_t *rows, int64_t n, int64_t features, NnrtError *e)
{
    if (n < 1 || features < 1 || f->width % features != 0)
        return nnrt_fail(e,
                         "statistics of %" PRId64 " features over %" PRId64
                         " rows cannot be taken of %s, which has %" PRId64 " elements a row",
                         features, n, f->name, f->width);
    Moments *moments = nnrt_alloc((size_t)features, sizeof *moments, e);
    float *mean = moments ? nnrt_alloc((size_t)features, sizeof *mean, e) : NULL;
    float *std = mean ? nnrt_alloc((size_t)features, sizeof *std, e) : NULL;
    const bool ok = std && measure(f, rows, n, features, moments, mean, std, e) &&
                    nnrt_field_normalize(f, features, mean, std, e);
    free(moments);
    free(mean);
    free(std);
    return ok;
}
