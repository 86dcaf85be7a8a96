// c_tile.h -- a contraction that is being written: its axes, its tile (inside codegen/c only).

#ifndef NNC_C_TILE_H
#define NNC_C_TILE_H

#include "codegen/c/c_writer.h"

typedef struct Contract {
    CWriter *w;
    const Kernel *k;
    ContractAxis axes[3 * MAX_RANK + 1];  // of the result
    const char *index[3 * MAX_RANK + 1];
    int axis_count;
    int row, column;  // the axes that a tile lies on; -1: none
    int tile_rows, tile_columns;
    int chains;
    bool pairs;  // four neighbours of the depth are multiplied at a time, where a processor can
    int64_t low, high;  // of the row axis: where a tile does not reach beyond its ends
    CCode *code;        // behind the results; NULL: they go to memory as they are
} Contract;
// Of i8, into i32; what nnc makes of them stays within 31 bits.
static inline bool is_whole(const Contract *t)
{
    return t->k->node->type.dtype == DTYPE_I32;
}

static inline const char *sum_type(const Contract *t)
{
    return c_types[t->k->node->type.dtype].value;
}

static inline int64_t size_of(const Contract *t, const ContractAxis *x)
{
    return axis_size(x->size, x->factor, t->w->batch);
}

static inline int moves(int64_t stride, int count)
{
    return stride ? count : 1;
}

static inline const ContractAxis *innermost(const Contract *t)
{
    return t->k->depth.count ? &t->k->depth.axes[t->k->depth.count - 1] : NULL;
}

// --- clips (c_clips.c) --------------------------------------------------------------------------

// The places on an axis from which nothing outside is read: from *low, below *high.
void c_clip_range(const Contract *t, int axis, int64_t *low, int64_t *high);
// Whether there are others.
bool c_clip_moves(const Contract *t, int axis);
// Whether the loop of depth axis `level` is the last that a clip goes along.
bool c_clip_ends(const Contract *t, int level);
// Writes the places at0, ... on those clips; the condition that all are inside.
void c_clip_places(const Contract *t, const char *const *depth, int level);
const char *c_clip_test(const Contract *t, int level);
bool c_clip_is_zero(const Contract *t);
// Makes of `t` one for the places on the row axis where all is inside along it. Depth axes that run
// on through memory are one there.
void c_clip_drop(Contract *t);

// --- the tile (c_tile.c) ------------------------------------------------------------------------

// Which axes a tile lies on, and its size.
void c_tile_choose(Contract *t);

// --- its sums (c_sums.c) ------------------------------------------------------------------------

enum { FOUR = 4 };

// Whether neighbours of the depth are neighbours in both operands, four at least.
bool c_tile_in_pairs(const Contract *t);
// The loops of the depth from axis `level` on, of which index[] is known.
void c_tile_sums(const Contract *t, const char **index, int level);
// "at + 3"
const char *c_tile_ahead(const Contract *t, const char *at, int64_t ahead);

#endif
