// odd_ranges.h -- values that a calibration finds 8 bits to serve badly, as warnings.

#ifndef NNC_ODD_RANGES_H
#define NNC_ODD_RANGES_H

#include "nnc.h"

// What has been seen of a value: its histogram, and how often each power of two was its magnitude.
typedef struct Watched {
    Histogram histogram;
    int64_t exponents[256];  // of f32, as its bits have them
} Watched;

void watched_note(Watched *w, const float *values, int64_t count);

// Warns of values that were the same for all examples, and of ranges so wide that nearly all in
// them becomes 0. `watched` is by output of the watch graph.
void report_odd_ranges(NncModel *m, const Watched *watched, Calibration method);

#endif
