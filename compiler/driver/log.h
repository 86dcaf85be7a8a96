// log.h -- FILE.jsonl: a line an epoch, and one for the test.
//
//   {"epoch": 3, "loss": 0.41, "accuracy": 0.86, "validation_loss": 0.44, ..., "examples": 1438,
//    "seconds": 0.02}
//   {"test_loss": 0.43, "test_accuracy": 0.85, "test_examples": 359}
//
// What was not measured, or is no number, is null.

#ifndef NNC_LOG_H
#define NNC_LOG_H

#include <stdio.h>

#include "fit.h"

typedef struct Log {
    FILE *out;  // NULL: nobody asked for it
    const char *path;
    const char *const *names;  // [value_count]
    int value_count;
    bool validation;
} Log;

// False when the file cannot be written; errno says why. A path of NULL opens nothing.
bool log_open(Log *l, const char *path);
void log_epoch(Log *l, const NnrtEpoch *epoch);
void log_test(Log *l, const double *values, int64_t examples);
// False when anything could not be written.
bool log_close(Log *l);

#endif
