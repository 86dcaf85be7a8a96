// progress.h -- a line an epoch: on a terminal with a bar that moves, elsewhere plain.
//
//            training            validation
//   epoch      loss  accuracy      loss  accuracy  examples/s
//    1/20    2.1034    0.4510    1.8012    0.4450      12 034

#ifndef NNC_PROGRESS_H
#define NNC_PROGRESS_H

#include "driver/terminal.h"
#include "fit.h"

typedef struct ProgressOptions {
    const char *const *names;  // [value_count]: "loss", then the metrics
    int value_count;
    bool validation;  // there are validation values
    int64_t epochs;
} ProgressOptions;

typedef struct Progress {
    Terminal terminal;
    ProgressOptions options;
    int64_t epoch;  // the one that is running
    double start;   // seconds on a clock that only goes forward
    double epoch_start;
    double drawn;  // when the bar was drawn last
    bool bar;      // one stands on the line
} Progress;

void progress_start(Progress *p, const Terminal *t, const ProgressOptions *options);

// Draws the bar, ten times a second at the most; nothing where lines cannot be drawn again.
void progress_step(Progress *p, int64_t step, int64_t steps, double loss, int64_t examples);
void progress_epoch(Progress *p, const NnrtEpoch *epoch);
// Takes an unfinished bar away.
void progress_stop(Progress *p);

// "0.4512", "1.203e-05", "26004.1": a loss or metric in at most nine characters.
typedef struct ValueText {
    char text[24];
} ValueText;
ValueText value_text(double value);

#endif
