// kernel.h -- what a graph becomes before code is made of it: loop nests over buffers.
//
// A kernel is either
//   loops     an iteration space, some of whose axes may be reduced. The values of a kernel live at
//             three levels: once a run (uniform), once a point of the axes that are not reduced
//             (outer), once a point of the whole space (full). Reductions lead from full to outer;
//             what follows a reduction and is full again needs another pass over the reduced axes.
//             So softmax is one kernel of three passes over a row, and batch normalization with
//             all that is element-wise around it one kernel of passes over a column of the batch.
//   contract  a sum of products of two buffers: matmul in all its forms; with code, which is run at
//             each point of the result while it is in registers: bias, activation, residual, the
//             optimizer's step. Its axes are those of the result.
//   scan      a plan of its own, whose kernels run once a step (scan.c).
//
//   %4 = contract %0, %1        kernel 0: contract
//   %5 = max %4, 0        -->   kernel 1: loops [batch * 128]  load, max, store
//
// Buffers stand in one arena at offsets planned by lifetime, in the block of variables, or are
// inputs and outputs of the run. Everything here lives in the module arena.

#ifndef NNC_KERNEL_H
#define NNC_KERNEL_H

#include "graph/graph.h"

typedef enum BufferKind {
    BUFFER_ARENA,
    BUFFER_VARIABLE,  // .index: in the table of variables
    BUFFER_INPUT,     // .index: the graph's input
    BUFFER_OUTPUT,    // .index: the graph's output
} BufferKind;

typedef struct Buffer {
    BufferKind kind;
    int index;
    Type type;         // of the value it holds
    const Node *node;  // ARENA: the value; NULL: of no node
    size_t offset;     // ARENA: in bytes, a multiple of the plan's alignment
    size_t bytes;      // ARENA: at the most, for max_batch examples
    int first, last;   // ARENA: the kernels that write it and read it last
    bool pinned;       // ARENA: an invariant kernel wrote it: it lives in all steps
    int place;         // ARENA: the buffer in whose place it stands, or itself
} Buffer;

typedef enum Level { LEVEL_UNIFORM, LEVEL_OUTER, LEVEL_FULL } Level;

typedef enum InstrKind {
    INSTR_CONST,    // node's constant
    INSTR_SCALAR,   // node's number of the run
    INSTR_LOAD,     // buffer[index]
    INSTR_GATHER,   // buffer[row args[0], index]: rows are `row_stride` apart, `rows` of them
    INSTR_IOTA,     // index, as an i32
    INSTR_RANDOM,   // element number `index` of node's stream
    INSTR_APPLY,    // node's element-wise operation on args
    INSTR_REDUCE,   // node's reduction of args[0]: from full to outer
    INSTR_ARGMAX,   // index along the reduced axes where args[0] is largest, the first among equals
    INSTR_PRODUCT,  // the contraction's result at this point
    INSTR_STORE,    // buffer[index] = args[0], or += if `adds`; in row args[1] if there is one
} InstrKind;

// One value of a kernel. `index` is `offset` and the sum over the kernel's axes of stride times
// position.
typedef struct Instr {
    InstrKind kind;
    Level level;
    DType dtype;
    // full: the pass it is first computed in; outer: how many passes are over before it.
    int pass;
    const Node *node;
    int args[3];
    int arg_count;
    int slot;                   // LOAD, STORE: index in Kernel.buffers
    int64_t strides[MAX_RANK];  // LOAD, GATHER, STORE, IOTA, RANDOM
    int64_t offset;             // the same
    int64_t row_stride, rows;   // GATHER; STORE with a row
    bool adds;                  // STORE
    int reload;  // full: slot from which later passes read it instead of computing it
                 // again; -1: they compute it again
} Instr;

typedef struct KernelAxis {
    int64_t size;  // a constant, or DIM_BATCH times `factor`
    int64_t factor;
    bool reduced;
} KernelAxis;

#define MAX_CLIPS 2  // padded axes of an operand

// An axis of a contraction, with its strides in elements; 0 where an operand has not got it.
typedef struct ContractAxis {
    int64_t size;  // a constant, or DIM_BATCH times `factor`
    int64_t factor;
    int64_t left, right, out;
    int axis;  // the kernel's axis that it is of, for code behind the contraction; -1: of the depth
    int label;                // of the contraction
    int64_t clip[MAX_CLIPS];  // how far it goes along each clip of the kernel
} ContractAxis;

// A padded axis of the left operand that is not padded in memory: what lies at `offset` and the sum
// of position times ContractAxis.clip is `value` below 0 and from `size` on.
typedef struct Clip {
    int64_t size, offset;
    double value;
} Clip;

typedef struct ContractAxes {
    ContractAxis axes[MAX_RANK];
    int count;
} ContractAxes;

typedef enum KernelKind { KERNEL_LOOPS, KERNEL_CONTRACT, KERNEL_SCAN } KernelKind;

typedef struct Kernel {
    KernelKind kind;
    int *buffers;  // slots: index in Plan.buffers
    int buffer_count, buffer_capacity;
    // loops
    KernelAxis axes[MAX_RANK];
    int axis_count;
    int vector_axis;  // the one that runs in vectors; -1: a kernel of scalars
    int passes;
    Instr *code;  // operands before users
    int count, capacity;
    // contract: slots 0 left, 1 right, 2 out; with code the stores tell what is out
    ContractAxes batch, rows, columns, depth;
    ContractAxis parts;                 // of the batch, the first depth axis; .size 0: none
    int64_t left_offset, right_offset;  // of the first elements
    Clip clips[MAX_CLIPS];              // of a compact plan
    int clip_count;
    bool blocks;       // the right operand stands in blocks (codegen/c/c_layout.c)
    const Node *node;  // contract, scan
    // scan: slots the body's inputs in order, the stacked results, the body's arena
    struct Plan *body;
    int chain;  // so many, this one the first, may run example by example; 0: it is not the first
    bool invariant;  // in the body of a scan: the same in every step, so it runs before the first
} Kernel;

typedef struct Plan {
    const Graph *graph;
    int64_t max_batch;
    size_t alignment;  // of buffers in the arena, in bytes
    bool compact;      // buffers may take the place of others
    Kernel **kernels;  // in order of execution
    int kernel_count, kernel_capacity;
    Buffer *buffers;
    int buffer_count, buffer_capacity;
    size_t arena_bytes;
    size_t live_bytes;  // what lives at once at the most: no placement can do with less than this,
                        // but for chains, which take a little more
} Plan;

// Fuses, lowers and plans the memory of `g`, for batches of at most `max_batch` examples.
Plan *plan_new(Arena *a, const Graph *g, int64_t max_batch);
// The same in as little memory as can be: buffers aligned to 4 bytes, and a kernel's result in the
// place of what it reads for the last time, element for element. With `clips` what a contraction
// reads is not padded in memory: the kernel has to see where it ends.
Plan *plan_new_compact(Arena *a, const Graph *g, int64_t max_batch, bool clips);

// What belongs to an example of so many kernels that run example by example.
int64_t chain_example_bytes(const Plan *p, int first, int count);

// Size of an axis for `batch` examples.
int64_t axis_size(int64_t size, int64_t factor, int64_t batch);

// Whether the results of a contraction have neighbours in memory that one operand has, too: they
// are worked on in vectors, along the last of the columns, or else (*swapped) of the rows.
bool contract_in_vectors(const Kernel *k, bool *swapped);
// Merges the depth axes of a contraction that run on through memory.
void contract_merge_depth(Kernel *k);
// Whether so many products make up each result that they are added up in parts, in memory.
bool contract_is_deep(const Kernel *k, int64_t max_batch);

// The store of a value in a slot: where a later pass reads it back. NULL: there is none.
const Instr *kernel_store_of(const Kernel *k, int instr, int slot);

// Whether a value of a kernel differs along an axis.
bool instr_moves(const Kernel *k, int instr, int axis);
// A buffer of the body of scan `k`: the slot of `k` in which it stands, and how far its address
// moves from step to step.
int scan_slot(const Kernel *k, const Buffer *b);
int64_t scan_step_bytes(const Kernel *k, const Buffer *b);

// Work of a kernel for one batch of `batch` examples, at the least (work.c).
typedef struct KernelBytes {
    double moved;      // read and written
    double footprint;  // in so many different places
} KernelBytes;

double kernel_flops(const Kernel *k, int64_t batch);
KernelBytes kernel_bytes(const Plan *p, const Kernel *k, int64_t batch);

// What a kernel takes and what it could take at best, in seconds.
typedef struct KernelTime {
    double measured;  // 0: too short for that
    // Its FLOP at the machine's peak, NAN where that is none of theirs; its bytes at the machine's
    // bandwidth.
    double compute, memory;
} KernelTime;

// `--emit kernels`. times: NULL, or one for each kernel.
void plan_print(Text *out, const Plan *p, const KernelTime *times);

// A text equal for kernels that need the same code: everything but which buffers they work on.
const char *kernel_key(Arena *a, const Kernel *k);

#endif
