// golden.h -- pairs of graphs, before and after a pass, in tests/golden/pass.
//
// A file PASS.CASE.graph holds the graph before, a line "-->" and the graph after. With the
// environment variable NNC_REGENERATE set, what comes out is written there instead of compared.

#ifndef NNC_TEST_GOLDEN_PASS_H
#define NNC_TEST_GOLDEN_PASS_H

#include "pass/pass.h"

typedef bool PassRun(Pass *p, Graph *g);

// Runs all cases of a pass. Checks the text, that the result verifies, and that a second run
// reports no change and makes none. Fails the Criterion test that calls it.
void golden_pass(const char *name, PassRun *run);

// A graph from text, which must be right. The arena has no guard.
Graph *graph_from(Arena *a, const char *text);

// The graph before the pass, of a file in tests/golden/pass.
Graph *golden_before(Arena *a, const char *file);

// The text of a graph.
const char *graph_text(Arena *a, const Graph *g);

#endif
