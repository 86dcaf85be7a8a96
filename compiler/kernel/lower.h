// lower.h -- from groups to kernels (inside kernel/ only).

#ifndef NNC_LOWER_H
#define NNC_LOWER_H

#include "kernel/fuse.h"

// Adds a kernel to the plan for every group, in order, and the buffers they work on.
void lower_groups(Arena *a, Plan *p, const Fusion *f);

// The buffer in which a node's value is kept while the run lasts; made on demand.
int plan_arena_buffer(Arena *a, Plan *p, const Node *n);
int plan_buffer(Arena *a, Plan *p, BufferKind kind, int index, const Type *type);

// The buffer from which a value is read that another kernel or nobody computes.
int plan_read_buffer(Arena *a, Plan *p, const Fusion *f, const Node *base);
// Adds a kernel that copies a buffer.
void plan_copy_kernel(Arena *a, Plan *p, int from, int to);

// Adds kernels that fill what a placing operation leaves of its result (fill.c).
void plan_fill(Arena *a, Plan *p, const Node *n);

// Adds the kernel of a scan (scan.c).
void lower_scan(Arena *a, Plan *p, const Fusion *f, Node *n);

// A contraction's axes from its labels and the views of its operands, and the slots of these
// (contract.c). When its code is there axes that run on through memory are merged.
void lower_contract(Arena *a, Plan *p, const Fusion *f, Kernel *k, Node *n);
void contract_merge_axes(Kernel *k);

// Adds a slot for `buffer` to a kernel, or finds it; slots of contractions come in order.
int kernel_slot(Arena *a, Kernel *k, int buffer);
bool kernel_has_buffer(const Kernel *k, int buffer);
// Adds an instruction; its number.
int kernel_add(Arena *a, Kernel *k, Instr i);

// Levels, passes and what is kept between passes (passes.c); then merges axes and chooses the one
// that runs in vectors (axes.c).
void kernel_set_passes(Arena *a, Plan *p, Kernel *k);
void kernel_set_axes(Kernel *k);

// Drops what no store needs (unused.c).
void kernel_drop_unused(Arena *a, Kernel *k);

// Finds the invariant kernels of the body of a scan (invariant.c).
void plan_invariants(Plan *p, const ScanBody *s);

// Finds the kernels that may follow each other example by example, as long as what belongs to an
// example takes no more bytes than these (chains.c).
void plan_chains(Plan *p, int64_t most);

// Arena offsets by lifetime (memory.c).
void plan_memory(Arena *a, Plan *p);
// Offsets of buffers that have bytes and lifetimes; the bytes of all (placement.c).
size_t place_buffers(Arena *a, Buffer **buffers, int count, bool compact);

#endif
