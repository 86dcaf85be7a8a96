// nest.h -- what is known while a loop kernel's code is written (inside codegen/llvm only).
//
// elements.c writes the values of a strip, sums.c its reductions, loops.c the loops around both.

#ifndef NNC_NEST_H
#define NNC_NEST_H

#include "codegen/llvm/gen.h"

#define MAX_UNROLL 4
#define MAX_TOGETHER 2

typedef struct Nest {
    Gen *g;
    const Kernel *k;
    Val context;
    Val seed, step;
    Val *buffers;
    Val index[MAX_RANK];  // where the loops are
    Val lo, hi;           // the part to do of the split axis
    bool vector_outer;    // the vector axis is not reduced
    bool asks_ahead;      // what is summed comes from a far cache, or from memory
    int strip;            // unroll of full strips
    int unroll;           // of the strip at hand
    Val mask;             // of the strip at hand, or NULL
    Val product;          // of a contraction, at the point at hand
    int pass;
    Val (*value)[MAX_UNROLL];  // by instruction: a part for each vector of the strip
    bool *known;
    // Points of the outer axes that are done at the same time, itself the first; the others stand
    // 1, 2, ... behind it on axis `together`.
    struct Nest *points[MAX_TOGETHER];
    int point_count, together;
} Nest;

// --- values (elements.c) ------------------------------------------------------------------------

// Reads the buffers, and what the run was given, from what a kernel is given.
void nest_load_arguments(Nest *n, Val args);
// Lanes of a value of this level, and how many vectors of them the strip at hand has.
int nest_width_at(const Nest *n, Level level);
int nest_parts_at(const Nest *n, Level level);
// One vector of a value, as `width` lanes: a scalar is splatted.
Val nest_part_of(Nest *n, int instr, int part, int width);
// The numbers (i64) of the elements that the lanes of a part have by an instruction's strides.
Val nest_position_lanes(Nest *n, const Instr *c, int part);
// Where a load or store is done, for the first lane of the strip.
Val nest_address(Nest *n, const Instr *c);
void nest_store_part(Nest *n, const Instr *c, int part);
// Writes a value whose operands are there; demand writes these too, where they are full.
void nest_define(Nest *n, int instr);
void nest_demand(Nest *n, int instr);
// Values of this level belong to a strip that is over.
void nest_forget(Nest *n, Level level);

// The code behind a contraction: what it needs, to be written where the function begins; and the
// code itself, for a vector of products.
void nest_open(Nest *n, Gen *g, const Kernel *k, Val args);
void nest_run_code(Nest *n);

// --- reductions (sums.c) ------------------------------------------------------------------------
// Of the pass at hand. The accumulators are carried by the loops over the reduced axes: `strip` for
// each reduction, twice as many (values, then indices) for an argmax.

bool nest_is_reduction(const Instr *c);
bool nest_ends_in_pass(const Nest *n, const Instr *c);
int nest_accumulator_count(const Nest *n);
void nest_start_accumulators(Nest *n, Val *acc);
bool nest_ends_argmax(const Nest *n);
// acc = `ways` sets of `count` accumulators in one, in pairs. None is an argmax's.
void nest_join(Nest *n, Val *all, int count, int ways, Val *acc);
void nest_accumulate(Nest *n, Val *acc);
// Gives the reductions their values, which are outer ones.
void nest_finish_reductions(Nest *n, const Val *acc);

#endif
