// engines.h -- a graph, from its text, in the JIT: as in the interpreter, and the same bits on any
// number of threads.

#ifndef NNC_TEST_ENGINES_H
#define NNC_TEST_ENGINES_H

#include "support/compare.h"

typedef struct EnginesCase {
    const char *text;
    bool passes;    // the graph goes through them first
    uint64_t seed;  // of the comparison with the interpreter
} EnginesCase;

// At several widths, threads and two batches, no output is off by more than `bound`. Fails the
// Criterion test that calls it.
void expect_as_interpreted(const EnginesCase *c, double bound);
// One to four threads give the same bits.
void expect_same_on_threads(const EnginesCase *c);

#endif
