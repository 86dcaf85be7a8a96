// sample.h -- what the runtime's tests share: scratch files, and sweeps over bad input.

#ifndef NNRT_TEST_SAMPLE_H
#define NNRT_TEST_SAMPLE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

// A fresh directory; the path lives in `out`. Remove it with scratch_remove.
static inline void scratch_make(char out[64])
{
    strcpy(out, "/tmp/nnrt-test-XXXXXX");
    cr_assert_not_null(mkdtemp(out));
}

static inline void scratch_remove(const char *directory)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    cr_assert_eq(system(command), 0);
}

// The error has a sentence, and `part` is in its text with the place.
static inline void expect_error(const NnrtError *e, const char *part)
{
    char text[2048];
    nnrt_error_text(e, text, sizeof text);
    cr_expect(e->message[0] != '\0', "an error without a message");
    cr_expect(strstr(text, part) != NULL, "expected '%s' in: %s", part, text);
}

// An exact copy on the heap, so that AddressSanitizer sees a read past the end.
static inline void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    cr_assert_not_null(copy);
    for (size_t i = 0; i < size; i++)
        ((char *)copy)[i] = ((const char *)data)[i];
    return copy;
}

// Runs `call` (an expression of type bool) with its 1st, 2nd, ... allocation failing, until none is
// left to fail; each failure must say so.
#define SWEEP_ALLOCATIONS(call, error)          \
    for (long nth = 1;; nth++) {                \
        nnrt_alloc_fail_after(nth);             \
        const bool ok = (call);                 \
        nnrt_alloc_fail_after(0);               \
        if (ok)                                 \
            break;                              \
        expect_error((error), "out of memory"); \
        cr_assert(nth < 10000);                 \
    }

#endif
