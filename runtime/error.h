// error.h -- how the runtime tells its caller what is wrong.
//
// The runtime never prints and never exits. A function that can fail takes an `NnrtError *`, fills
// it when it fails, and returns false or NULL; the caller shows it in its own form. Texts come from
// files too (column names, class names), so control characters are replaced by '?' on the way in.

#ifndef NNRT_ERROR_H
#define NNRT_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NnrtError {
    char message[512];  // one sentence in the user's terms, without the place
    char help[256];     // how to mend it; "" when there is nothing to say
    char file[1024];    // as the caller named it; "" when no file is concerned
    int64_t line;       // from 1; 0: none
    int64_t column;     // from 1, of a table or in bytes; 0: none
    int64_t offset;     // in bytes from the start of the file; -1: none
} NnrtError;

// Each fills `e` anew (place and help included) and returns false, so that it can be returned.
bool nnrt_fail(NnrtError *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool nnrt_fail_file(NnrtError *e, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool nnrt_fail_line(NnrtError *e, const char *file, int64_t line, int64_t column,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
bool nnrt_fail_offset(NnrtError *e, const char *file, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Adds the help to an error that has been filled; returns false too.
bool nnrt_fail_help(NnrtError *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

// "file:line:column: message" (or "file: byte N: message") for logs and tests; NUL-terminated and
// cut to `size`.
void nnrt_error_text(const NnrtError *e, char *out, size_t size);

#endif
