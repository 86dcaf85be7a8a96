// interpret.h -- what the interpreter offers beside running graphs (see codegen/engine.h).

#ifndef NNC_INTERPRET_H
#define NNC_INTERPRET_H

#include "codegen/engine.h"

// Runs the `init` graph of every variable into the block of variables, as step 0 of `seed`.
// A variable without one becomes zero. False when memory ran out.
bool interpret_init(const Variables *vs, uint64_t seed, void *block, bool f64);

#endif
