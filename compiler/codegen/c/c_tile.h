// c_tile.h -- a contraction that is being written: its axes, its tile (inside codegen/c only).

#ifndef NNC_C_TILE_H
#define NNC_C_TILE_H

#include "codegen/c/c_writer.h"

// What is written of results of which some see beyond an image.
typedef enum ContractPart {
    PART_BOTH,
    PART_INNER,  // those that see none of it
    PART_BORDER
} ContractPart;

typedef struct Contract {
    CWriter *w;
    const Kernel *k;
    ContractAxis axes[3 * MAX_RANK + 1];  // of the result
    const char *index[3 * MAX_RANK + 1];
    int axis_count;
    int row, column;  // the axes that a tile lies on; -1: none
    int tile_rows, tile_columns;
    int lanes;  // most floats of a vector, of which the tile's columns are; 0: they are scalars
    ContractPart part;
    int chains;
    bool pairs;   // four neighbours of the depth are multiplied at a time, where a processor can
    int clipped;  // the one of them that goes along a clip, or the row axis
    int64_t low, high;  // of that: where a tile does not reach beyond its ends
    CCode *code;        // behind the results; NULL: they go to memory as they are
} Contract;

// Where the left operand's element for t->index is, the depth aside (c_contract.c).
const char *c_left_position(const Contract *t);

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
// The place on a clip of the first element of a window.
const char *c_clip_start(const Contract *t, int clip);
bool c_clip_is_zero(const Contract *t);
// Makes of `t` one for the places on an axis where all is inside along it. Depth axes that run on
// through memory are one there.
void c_clip_drop(Contract *t, int axis);

// --- of i8 with the kit (c_blocks.c, c_depthwise.c) ---------------------------------------------

// Whether the right operand is worth standing in blocks; a contraction of which it does.
bool c_blocks_serve(Arena *a, const Kernel *k);
void c_blocks(CWriter *w, const Kernel *k);
// The same of one with a window for each channel.
bool c_depthwise_serves(Arena *a, const Kernel *k);
void c_depthwise(CWriter *w, const Kernel *k);

// --- what follows its sums (c_finish.c) ---------------------------------------------------------

typedef struct CFinish {
    int instr;               // the cast to i8
    int offset, multiplier;  // slots, of a number for each channel
    int zero;
} CFinish;

// False: the kit cannot do it. `axis` of the kernel is that of the channels.
bool c_finish_of(Arena *a, const Kernel *k, int axis, CFinish *f);
// How many points the other axes of the result have; `point` as places on them, which are declared.
int64_t c_points(const Contract *t);
void c_point_index(Contract *t, const char *point);
// Where the kit may write the results of a point and those after it; NULL: into an array `y`, which
// c_follow makes the results of.
const char *c_results(const Contract *t, const CFinish *f, int64_t channels, const char *point);
// first: the point of the first row of `y`; NULL: there is one. rows: how many; NULL: one.
void c_follow(Contract *t, int64_t channels, const char *first, const char *rows);

// --- windows (c_window.c) -----------------------------------------------------------------------

bool c_window_serves(const Kernel *k);
// Whether all runs of a window are fours.
bool c_window_in_fours(const Contract *t);
// Gathers at `to` the window of the result at t->index, as the kit's tiles want it or as bytes.
void c_window(const Contract *t, bool wide);

// --- the tile (c_tile.c) ------------------------------------------------------------------------

// Which axes a tile lies on, and its size.
void c_tile_choose(Contract *t);
// The axes of the result that are longer than 1.
void c_tile_axes(Contract *t);
// Along which an operand stands still that moves along the columns; -1: none.
int c_tile_row(const Contract *t);
// Whether computing a result again would be wrong: it is made from what it replaces.
bool c_tile_once(const Contract *t);

// --- tiles of vectors (c_vectors.c) -------------------------------------------------------------

// Makes of a contraction with its axes one of vectors. False: it has none.
bool c_vectors_choose(Contract *t);
// The same for its results at the border, which are few.
void c_vectors_border(Contract *t);
// "model_load8"
const char *c_vectors_name(const Contract *t, const char *function);
// "2 * lanes"
const char *c_vectors_width(const Contract *t, int vectors);
void c_vectors_declare(const Contract *t);
// One step of the depth. With a pad it is all that is read of the left operand.
void c_vectors_products(const Contract *t, const char *const *index, const char *pad);
// The tile goes to memory, at `at` where no code is behind it.
void c_vectors_store(Contract *t, const char *at);

// --- its sums (c_sums.c) ------------------------------------------------------------------------

enum { FOUR = 4 };

// An operand of the products: how far its address moves along the tile's two axes.
typedef struct Operand {
    const char *name;   // of a loaded element: x0, x1, ...
    int rows, columns;  // how many different elements a tile has along each
    int64_t row_stride, column_stride;
} Operand;

Operand c_tile_operand(const Contract *t, bool right);
// Number of the element of an operand that a result of the tile needs.
int c_tile_element(const Operand *o, int row, int column);
// The operand's array, and where it stands in it at a place of the depth.
const char *c_tile_array(const Contract *t, bool right);
const char *c_tile_position(const Contract *t, bool right, const char *const *index);

// Whether neighbours of the depth are neighbours in both operands, four at least.
bool c_tile_in_pairs(const Contract *t);
// The loops of the depth from axis `level` on, of which index[] is known.
void c_tile_sums(const Contract *t, const char **index, int level);
// "at + 3"
const char *c_tile_ahead(const Contract *t, const char *at, int64_t ahead);

#endif
