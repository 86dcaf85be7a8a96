// tiles.h -- a contraction laid out as loops around register tiles (inside codegen/llvm only).
//
// tile_shape.c decides, tiles.c writes the code.

#ifndef NNC_TILES_H
#define NNC_TILES_H

#include "codegen/llvm/nest.h"

#define MAX_ROWS 32
#define MAX_COLUMNS 8
#define MAX_TAPS 7

// What stands still while the tiles of a block are done.
typedef enum Blocks { BLOCKS_NONE, BLOCKS_OF_DEPTH, BLOCKS_OF_PRODUCTS, BLOCKS_OF_ROWS } Blocks;

// What a block reads of an operand: `runs` of `lines` lines of the cache each.
typedef struct Run {
    int64_t size, stride;  // stride: bytes
} Run;
typedef struct Area {
    int64_t first, lines;
    int64_t share, spacing;  // so many lines are asked for at a time, one time out of `spacing`
    Run runs[3 * MAX_RANK];
    int count;
} Area;

typedef struct Tiles {
    Gen *g;
    const Plan *plan;
    const Kernel *k;
    DType factor, sum;  // of the operands, of the result: f32, or i8 and i32
    Val context;
    ContractAxis vector;
    ContractAxis outer[2 * MAX_RANK], rows[MAX_RANK], depth[MAX_RANK + 1];
    int outer_count, row_count, depth_count;
    int hoisted;        // so many depth axes run outside of the tiles
    ContractAxis taps;  // done in one step of depth; .size 1: nothing to gain
    bool swapped;       // left and right have changed places
    bool rows_outside;  // of the panels
    // From one vector of a tile to the next: along the vector axis, `column_step` elements of it;
    // or where that fits one vector (stacked) along another axis.
    ContractAxis column;
    int column_step;
    bool stacked;
    int tile_rows, tile_columns;
    ContractAxis
        fold;  // a short axis of the rows, all of which each row of a tile has; .size 1: none
    const ContractAxis *split;  // one of outer or rows, or the parts; the last of the rows in units
                                // of its tiles
    Val lo, hi;                 // the part to do of the split axis
    Val depth_lo, depth_hi;     // of the first depth axis, in a part of the batch; else NULL
    // the tile at hand
    int rows_now, columns_now;  // those of the fold among the rows
    Val mask;                   // of its last vector (stacked: of all), or NULL
    // the block after the one at hand
    Blocks blocks;
    bool asks_in_steps;  // of the innermost loops, or before them
    Area areas[2];       // of the left operand, and of the right one
    int area_count;
    Val after[2], asked, number;  // asked: how often, on the stack; number: that, here
    // the code behind the contraction, if there is any
    Nest nest;
    Val scratch;  // a tile on the stack
} Tiles;

// Lays out the loops of t->k. False: the strides are none for vectors.
bool tiles_prepare(Tiles *t);
// Chooses the axis along which threads share the work, and how long a piece is.
Split tiles_split(Tiles *t);
// The mask of one of the vectors of the tile at hand.
Val tiles_mask(const Tiles *t, int column);
// The most elements of an axis.
int64_t tiles_most(const Tiles *t, const ContractAxis *x);

// Whether the left operand stays in the core's own cache.
bool tiles_left_is_near(const Tiles *t);

// Asking ahead (ask.c). For rows of the left operand that lie pages apart, a dozen steps of depth
// before they are needed: `reach` elements from `at` on.
void ask_rows(const Tiles *t, Val at, int64_t stride, int64_t reach);
// For the next block: what it takes; where the function begins; where a block of this kind begins,
// with the addresses of the next; before an innermost loop over depth, and in a step of that.
void ask_prepare(Tiles *t);
void ask_open(Tiles *t);
void ask_block(Tiles *t, Blocks blocks, Val left, Val right);
void ask_before_loop(Tiles *t);
void ask_in_step(const Tiles *t, Val step);

// The code behind the contraction (epilogue.c): what it needs, to be written where the function
// begins; where the loops stand on an axis; and the code for a tile whose sums are complete.
void epilogue_open(Tiles *t, Val args);
void epilogue_at(Tiles *t, const ContractAxis *x, Val index);
// Asks for what the code will read: before the sums are begun, or a vector at a time while they
// grow, where all steps of depth are one loop.
void epilogue_ask_ahead(Tiles *t);
void epilogue_ask_in_step(Tiles *t, Val step);
void epilogue_tile(Tiles *t, const Val *acc);

#endif
