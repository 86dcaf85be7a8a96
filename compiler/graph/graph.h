// graph.h -- the intermediate representation: SSA of primitive operations on tensors.
//
// Semantics, before any node
//   Shapes   Static but for the batch. A value that has the batch has it as axis 0, of size
//            DIM_BATCH; no other axis is ever the batch. Rank 0 is a scalar. Sizes are >= 1.
//   Types    f32; i32 for class targets, indices and argmax; bool for comparisons and masks; i8 for
//            what is quantized, whose sums are i32. An i32 or i8 never turns into f32 but by
//            `cast`.
//   Values   Element-wise operations take inputs of one and the same shape; `broadcast` is
//            written out. Nothing aliases: a node is a value. The order of a float operation is
//            fixed; nothing is reassociated. `reduce` and `contract` have an order of summation
//            that depends on shapes alone.
//   Effects  None, but for the updates listed at the end of a graph: each gives a variable its
//            next value. Reads (`variable`) see the value before the run, whatever the order.
//   Random   `random` is a pure function of (seed, its stream, step, element): reading it twice
//            gives the same numbers.
//
// Nodes stand in topological order in graph->nodes: inputs before users. Passes rebuild the
// array; node ids are positions in it and may change in any pass. Memory: the module arena.

#ifndef NNC_GRAPH_H
#define NNC_GRAPH_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/source.h"
#include "base/text.h"

#define MAX_RANK 8
#define DIM_BATCH ((int64_t)-1)
#define NO_LABEL ((int8_t)-1)
#define LABEL_COUNT 26
#define MAX_EXAMPLE_BYTES ((int64_t)1 << 40)  // of one value, without the batch

typedef enum DType { DTYPE_F32, DTYPE_I32, DTYPE_BOOL, DTYPE_I8, DTYPE_COUNT } DType;

typedef struct Type {
    DType dtype;
    int rank;                // axes, the batch among them
    int64_t dims[MAX_RANK];  // dims[0] may be DIM_BATCH
} Type;

typedef enum OpId {
#define OP(id, arity, properties) OP_##id,
#include "graph/ops/ops.def"
#undef OP
    OP_COUNT
} OpId;

typedef enum ReduceKind { REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_KIND_COUNT } ReduceKind;

// Numbers that the run gives, the same for all elements: f32 scalars.
typedef enum ScalarKind {
    SCALAR_BATCH,            // examples in this batch
    SCALAR_STEP,             // steps done, this one included: 1, 2, ...
    SCALAR_EPOCH,            // epochs done, a real number: 1.5 is half way through the second
    SCALAR_VALIDATION_LOSS,  // of the last epoch; +inf before there is one
    SCALAR_KIND_COUNT
} ScalarKind;

// What the attributes of an operation are depends on its family; see ops.def. Bytes that nothing
// below gives a meaning to are zero, so that two attributes of one operation are equal when memcmp
// says so.
typedef union Attr {
    struct ScanBody *scan;  // scan: what a step does
    double value;           // const
    int index;              // input: slot of graph->inputs; variable: index in the variable table;
                            // scan_result: which of the results
    ScalarKind scalar;      // scalar
    uint32_t stream;        // random: which stream of numbers
    int axis;               // iota, argmax
    struct {
        uint32_t axes;  // bit i: axis i of the input is reduced, and dropped from the result
        ReduceKind kind;
    } reduce;
    // broadcast: axis i of the input is axis map[i] of the result, map is increasing; an input axis
    // of size 1 may meet any size. transpose: axis i of the result is axis map[i] of the input.
    int8_t map[MAX_RANK];
    // contract: the label of every axis, as in einsum. A label in both inputs and the result is a
    // batch of products; in both inputs only, it is summed over; in one input and the result, free.
    // Labels are 0 to 25, each at most once in an array; past the rank stands NO_LABEL.
    struct {
        int8_t left[MAX_RANK];
        int8_t right[MAX_RANK];
        int8_t out[MAX_RANK];
        // 0, but inside kernel/, which may sum over the batch in so many parts: they are axis 0 of
        // the result, whose label is NO_LABEL, and part p has the examples from p * ceil(batch /
        // parts) on.
        int8_t parts;
    } contract;
    // slice: element i of an axis is element start + step * i of the input's; step may be negative,
    // never 0. The batch has start 0 and step 1. The result's sizes are stated.
    struct {
        int32_t start[MAX_RANK];
        int32_t step[MAX_RANK];
    } slice;
    // pad: element i of an axis of the input is element low + (interior + 1) * i of the result's;
    // all else is `value`. The result's sizes are stated.
    struct {
        int32_t low[MAX_RANK];
        int32_t interior[MAX_RANK];
        float value;
    } pad;
    // join: the inputs' number, and the axis along which they follow each other.
    struct {
        int32_t axis, count;
    } join;
    // window: axis `axis` of the input, of size n, becomes two: its (n - dilation (size - 1) - 1) /
    // stride + 1 positions, and behind them the `size` elements at each. Element (o, j) is element
    // o * stride + j * dilation of the input's.
    // unwindow: the other way round; what meets at one element is added up. The result's size n is
    // stated.
    struct {
        int32_t axis, size, stride, dilation;
    } window;
} Attr;

typedef struct Node Node;
struct Node {
    uint32_t id;  // position in graph->nodes
    OpId op;
    int input_count;
    Node **in;
    Type type;
    Attr attr;
    Span span;      // the expression it comes from
    Name path;      // of the layer instance it comes from: "conv_block_2.batchnorm"; may be NULL
    Node *forward;  // scratch of passes: what replaces this node; NULL between passes
    uint32_t mark;  // scratch of passes: 0 between passes
};

// --- variables: what lives from run to run ----------------------------------------------------

typedef enum VariableKind {
    VARIABLE_PARAM,   // learned
    VARIABLE_STATE,   // a layer's: running statistics
    VARIABLE_SLOT,    // an optimizer's, one for each parameter
    VARIABLE_METRIC,  // sums of a metric, reset before each evaluation
    VARIABLE_FOLDED,  // computed from the others by a "fold" graph once they are loaded; no init
    VARIABLE_KIND_COUNT
} VariableKind;

typedef struct Graph Graph;

typedef struct Variable {
    Name path;  // "dense_1.w"; unique
    VariableKind kind;
    Type type;      // never batched
    bool frozen;    // a parameter that is not trained
    Graph *init;    // one output named "value" of the variable's type
    size_t offset;  // in bytes, in the block of all variables; a multiple of 64
    Span span;
} Variable;

// The variables of a model, shared by all its graphs; grows while graphs are built.
typedef struct Variables {
    Arena *arena;
    Variable *items;
    int count, capacity;
    size_t bytes;  // of the whole block
} Variables;

Variables *variables_new(Arena *a);
// Adds a variable; its index. The path must be new.
int variables_add(Variables *vs, Variable v);
int variables_find(const Variables *vs, Name path);  // -1: none

// --- graphs -----------------------------------------------------------------------------------

typedef struct Port {
    Name name;
    Type type;   // inputs
    Node *node;  // outputs: the value
} Port;

typedef struct Update {
    int variable;
    Node *value;
} Update;

struct Graph {
    Name name;  // "train", "evaluate", "predict", ...
    Arena *arena;
    Interner *names;
    Variables *variables;
    Node **nodes;
    int node_count, node_capacity;
    Port *inputs;
    int input_count, input_capacity;
    Port *outputs;
    int output_count, output_capacity;
    Update *updates;
    int update_count, update_capacity;
};

// A loop over the steps of sequences. A sequence has its steps along axis 1 when it has the batch,
// else along axis 0: [batch, length, ...] or [length, ...]; one step of it is [batch, ...] or
// [...]. The inputs of a scan node are the sequences, the first of each carried value, and the
// captured values, which all steps see; the inputs of the body are a step of each sequence, each
// carried value and each captured value. The outputs of the body are the next of each carried
// value, then what the step adds to each stacked result. The results of the node, read by
// scan_result nodes, are the last of each carried value, then the stacked results, which are
// sequences. The node itself has a type that says nothing, a scalar f32.
//
// A body reads no variable and makes no update; the numbers of a `random` in it are the same in
// every step. It belongs to its node alone: who copies the node copies it (scan_clone).
typedef struct ScanBody {
    Graph *graph;
    int64_t length;  // how many steps
    int sequences;
    int carried;
    bool reverse;  // from the last step of the sequences to the first; results stand likewise
} ScanBody;

Graph *graph_new(Arena *a, Interner *names, Variables *vs, const char *name);
// A deep copy in the same arena, on the same variables.
Graph *graph_clone(const Graph *g);

// --- types ------------------------------------------------------------------------------------

Type type_of(DType dtype, int rank, const int64_t *dims);
Type type_scalar(DType dtype);
bool type_equal(const Type *a, const Type *b);
bool type_same_shape(const Type *a, const Type *b);
bool type_batched(const Type *t);
// Elements of one example (the batch left out); bytes likewise. Products were checked by sema.
int64_t type_elements(const Type *t);
size_t dtype_size(DType dtype);
const char *dtype_name(DType dtype);
// Whether rank, dtype and sizes are legal and the bytes of one example fit MAX_EXAMPLE_BYTES.
bool type_valid(const Type *t);
void type_print(Text *out, const Type *t);  // f32[batch, 28, 28, 1]

// The axis that has a label of a contraction's, among `rank` of them; -1: none.
int label_axis(const int8_t *labels, int rank, int label);

// Whether `n` is a broadcast of a value with the shape of `reduce`, a reduction, back along the
// axes that went.
bool is_broadcast_over(const Node *n, const Node *reduce);

// --- building ---------------------------------------------------------------------------------
// The builders check shapes by assertion: callers (sema, autodiff) have made them right.
// `place` is what the new nodes take span and path from; it may be changed at any time.

typedef struct Builder {
    Graph *graph;
    Span span;
    Name path;
} Builder;

// Any node whose type follows from its inputs; attr may be NULL.
Node *build_node(Builder *b, OpId op, int input_count, Node *const *in, const Attr *attr);
// Any node at all: `stated` is the type for the operations that cannot infer it (leaves, cast,
// broadcast, reshape, slice, pad, unwindow, scatter_add), and is not read by the others. A pass
// copies a node with this.
Node *build_typed(Builder *b, OpId op, int input_count, Node *const *in, const Attr *attr,
                  const Type *stated);
Node *build_input(Builder *b, Name name, Type type);  // adds a port too
Node *build_variable(Builder *b, int variable);
Node *build_const(Builder *b, DType dtype, double value);  // rank 0
Node *build_scalar(Builder *b, ScalarKind kind);
Node *build_iota(Builder *b, Type type, int axis);           // i32: the index along `axis`
Node *build_random(Builder *b, Type type, uint32_t stream);  // f32, uniform in [0, 1)
Node *build_unary(Builder *b, OpId op, Node *x);
Node *build_binary(Builder *b, OpId op, Node *x, Node *y);  // one shape
Node *build_where(Builder *b, Node *condition, Node *x, Node *y);
Node *build_cast(Builder *b, Node *x, DType dtype);
// A value of `like`'s shape, every element `value`: a constant broadcast.
Node *build_filled(Builder *b, const Type *like, double value);
Node *build_broadcast(Builder *b, Node *x, Type to, const int8_t *map);
Node *build_reduce(Builder *b, ReduceKind kind, Node *x, uint32_t axes);
Node *build_argmax(Builder *b, Node *x, int axis);
Node *build_reshape(Builder *b, Node *x, Type to);  // the batch stays axis 0
Node *build_transpose(Builder *b, Node *x, const int8_t *map);
Node *build_contract(Builder *b, Node *x, Node *y, const int8_t *left, const int8_t *right,
                     const int8_t *out, int out_rank);
Node *build_slice(Builder *b, Node *x, Type to, const int32_t *start, const int32_t *step);
// Parts that follow each other along `axis`, which is not the batch.
Node *build_join(Builder *b, Node *const *parts, int count, int axis);
Node *build_pad(Builder *b, Node *x, Type to, const int32_t *low, const int32_t *interior,
                double value);
Node *build_window(Builder *b, Node *x, int axis, int size, int stride, int dilation);
Node *build_unwindow(Builder *b, Node *x, int axis, int stride, int dilation, int64_t n);
Node *build_gather(Builder *b, Node *table, Node *index);
Node *build_scatter_add(Builder *b, Node *values, Node *index, Type to);

Node *build_scan(Builder *b, ScanBody *body, Node *const *in);
Node *build_scan_result(Builder *b, Node *scan, int index);

void graph_output(Graph *g, Name name, Node *value);
void graph_update(Graph *g, int variable, Node *value);

// --- scans ------------------------------------------------------------------------------------

ScanBody *scan_clone(const ScanBody *s);
Type scan_sequence_type(const ScanBody *s, const Type *step);  // of sequences of such steps
Type scan_input_type(const ScanBody *s, int input);            // of the node's input
Type scan_result_type(const ScanBody *s, int result);
static inline int scan_captured(const ScanBody *s)
{
    return s->graph->input_count - s->sequences - s->carried;
}

// --- text, checks, housekeeping ---------------------------------------------------------------

// Spans, paths, initial values and variables that the graph does not use are left out.
void graph_print(Text *out, const Graph *g);

// Reads what graph_print wrote, on a new table of variables. NULL with "line 3: ..." in *error when
// the text is wrong; what it returns has passed graph_verify.
Graph *graph_read(Arena *a, Interner *names, const char *text, const char **error);

// Checks everything said above anew, trusting no stored shape. NULL, or what is wrong.
const char *graph_verify(const Graph *g, Arena *scratch);

// Follows Node.forward everywhere, drops the nodes that no output or update needs, renumbers.
// Returns how many were dropped. Inputs stay.
int graph_clean(Graph *g);

// Replaces `old` by `new` for all users when graph_clean is called.
static inline void node_forward(Node *old, Node *new_node)
{
    old->forward = new_node;
}
Node *node_leader(Node *n);  // the end of the forward chain

#endif
