// fuse.h -- which nodes of a graph share a kernel (inside kernel/ only).
//
// Shapes are compared in canonical form: without their axes of size 1. A group is a kernel in the
// making: its space is the canonical shape of its full level; `reduced` tells which of these axes
// its reductions go along. An axis of a value may be several of the space: what follows a max
// pool's gradient, [batch, 24, 24, 64], is computed at the points of [batch, 12, 2, 12, 2, 64].

#ifndef NNC_FUSE_H
#define NNC_FUSE_H

#include "kernel/kernel.h"

typedef struct Shape {
    int rank;
    int64_t dims[MAX_RANK];  // none is 1
    int axis[MAX_RANK];      // the axis of the type
} Shape;

typedef struct Group {
    Shape space;
    uint32_t reduced;  // bit i: axis i of space
    bool alone;        // a scan, or a contraction that no vectors fit: nothing joins it
    bool contraction;  // begins with one: what joins works on its results while they are at hand
    int order;         // of execution
    Node **nodes;      // in topological order
    int count, capacity;
} Group;

// How a node is read: element i of it is element offset + (strides . i) of base. The base is a
// value that is computed or read from memory, or an iota (the element is the index itself), a
// random node or a uniform value.
typedef struct View {
    Node *base;
    int64_t strides[MAX_RANK];  // for each axis of the node that is viewed
    int64_t offset;
} View;

typedef struct Fusion {
    Arena *arena;
    const ScanBody *scan;  // whose body it is, or NULL
    int64_t max_batch;
    Graph *graph;    // a copy in which every output and update is computed by a kernel
    Group **groups;  // in order of execution
    int count, capacity;
    Group **prelude;  // what depends on leaves alone and fitted nowhere: runs first
    int prelude_count, prelude_capacity;
    Group **home;   // by node: where it is computed; NULL: nowhere of its own
    bool *copied;   // by node: a view or leaf that is made into a value of its own
    bool *kept;     // by node: never computed again by its users, however cheap
    bool *uniform;  // by node: one number for the whole run
    bool *summed;   // by node: nothing but reductions read it
    bool *clipped;  // by node: a pad that is not made, but seen to by who reads it
} Fusion;

// `max_batch`: the examples to be expected in a run; `scan`: NULL, or the scan whose body `g` is.
Fusion *fuse(Arena *a, const Graph *g, int64_t max_batch, const ScanBody *scan);
// The same for a plan whose contractions clip what they read (clip.c).
Fusion *fuse_clipped(Arena *a, const Graph *g, int64_t max_batch);

// Finds the pads that contractions can do without.
void find_clipped(Fusion *f);
// The clips of contraction `k` of node `n`, and of its axes.
void contract_clips(const Fusion *f, Kernel *k, const Node *n);

// Lets contractions read a value inside of the border that another user has put around it
// (inside.c). `clips`: contractions may do without the border.
void read_insides(Graph *g, bool clips);
// Lets the parts of a value be stored each where it belongs (join.c).
void join_parts(Graph *g);
// Splits sums over a large batch and more in two (split.c).
void split_large(Graph *g, int64_t max_batch);

Shape shape_of(const Type *t);
bool shape_equal(const Shape *a, const Shape *b);
// Whether every axis of `s` is one axis of `fine` or some that follow each other; and which these
// are for those of `s` that are set in `axes`.
bool shape_splits(const Shape *fine, const Shape *s);
uint32_t shape_split_axes(const Shape *fine, const Shape *s, uint32_t axes);
// The axes of `space` without those in `reduced`.
Shape shape_outer(const Shape *space, uint32_t reduced);
// Row-major strides of `t`, an entry for each axis of it.
void row_major(const Type *t, int64_t *strides);
bool is_row_major(const View *v, const Type *t);
// Strides of a step of a sequence of the scan, which are further apart from example to example.
void step_strides(const ScanBody *scan, const Type *t, int64_t *strides);

// One node's rule: how it is read when what it is a view of is read so.
View view_step(const View *in, const Node *n);
// How `n` is read by its users; for a copied node the copy itself.
View view_of(const Fusion *f, Node *n);
// How a copied node reads what it copies.
View view_below(const Fusion *f, Node *n);
// What an operand of a node is: view_of(in[i]), or view_below for the one operand of a copied node.
View operand_view(const Fusion *f, Node *n, int i);
int operand_count(const Fusion *f, const Node *n);

// The shape of the points at which a node is computed: its own, or that of what it places
// elsewhere.
const Type *home_type(const Node *n);
// A pad that puts a border around a value and nothing in between its elements.
bool is_frame(const Node *n);
// Full or outer: where a node of this group lives.
Level level_in(const Group *g, const Node *n);

// Strides of an operand on the axes of `g`, for a user of type `user` at `level` (reductions: the
// input's type at full level).
void access_in(const Group *g, const Type *user, Level level, const View *v, int64_t *strides);
// Whether `v`, which has these strides, meets each element where the group itself computes it.
bool access_natural(const Group *g, const View *v, const int64_t *strides);

// A value that is cheaper computed again wherever it is used than kept: a few cheap operations on
// leaves.
bool is_inline(const Fusion *f, const Node *n);
// The axes of a contraction (contract.c).
void contract_axes(const Fusion *f, Kernel *k, Node *n);
// Nothing computes it: its parts are stored where they belong.
bool is_join(const Fusion *f, const Node *n);
// Made by a kernel: an element-wise node, a reduction, a contraction or a copy.
bool is_computed(const Fusion *f, const Node *n);

#endif
