// split.h -- rows held out by the seed, and statistics of the rows that are kept.

#ifndef NNRT_SPLIT_H
#define NNRT_SPLIT_H

#include "dataset.h"
#include "error.h"

typedef struct NnrtSplit {
    uint32_t *kept;  // owned; ascending
    uint32_t *held;  // owned; ascending
    int64_t kept_count;
    int64_t held_count;
} NnrtSplit;

// Holds out round(share * n) of `rows` (u32[n]; NULL: rows 0 .. n-1), 0 <= share < 1, drawn with
// (seed, stream). Where `target` holds class codes (it may be NULL, or hold none) each class gives
// its share to within one row. At least one row must be kept, and held out when share > 0.
bool nnrt_holdout(const uint32_t *rows, int64_t n, const NnrtField *target, double share,
                  uint64_t seed, uint32_t stream, NnrtSplit *out, NnrtError *e);
// Holds out the last round(share * n) of `rows` and leaves `gap` rows before them out of both: what
// follows in time, or in a text, is held out as it will be met. As above at least one row must be
// kept, and held out when share > 0.
bool nnrt_hold_tail(const uint32_t *rows, int64_t n, double share, int64_t gap, NnrtSplit *out,
                    NnrtError *e);
void nnrt_split_free(NnrtSplit *s);

// Normalizes a field by the mean and standard deviation (division by the count) of its scaled
// values in `rows` (u32[n], n > 0) only. `features` divides the field's width: width itself for
// each element on its own, the channels for an image by channel, 1 for one pair. Sums are made in
// f64, in row order. A constant feature gets std 1; a value that is not finite is an error naming
// row and column.
bool nnrt_standardize(NnrtField *f, const uint32_t *rows, int64_t n, int64_t features,
                      NnrtError *e);

#endif
