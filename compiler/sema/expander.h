// expander.h -- what the files of sema share: the program, the expansion under way, its frames.
//
// Read in this order: names.c, values.c, load.c, settings.c (a program is made of files),
// evaluate.c, fold.c, builtins*.c, tensors.c, matmul.c, reduce.c (expressions), patterns.c, call.c,
// statements.c, variables.c (definitions), model.c, objective.c, optimize.c (graphs), blocks.c,
// document.c.
//
// Mistakes of the user are reported where they are found; what could not be made is a poison value
// (or NULL, or false), and whoever meets one passes it on in silence.

#ifndef NNC_EXPANDER_H
#define NNC_EXPANDER_H

#include "graph/ops/ops.h"
#include "sema/sema.h"

#define MAX_ELEMENTS (MAX_EXAMPLE_BYTES / 4)
#define MAX_LAYERS 100000
#define MAX_STEPS 1000000  // statements, once loops are unrolled
#define MAX_NODES 20000  // of a graph without its gradients: later stages take their time over each
#define MAX_CALL_DEPTH 256
#define MAX_EVAL_DEPTH 2000  // bounds the C stack: calls and brackets together
#define MAX_FILES 256
#define MAX_USE_DEPTH 32
#define MAX_FILE_BYTES (16u << 20)

// --- names.c ----------------------------------------------------------------------------------

// A map from names that keeps the order of insertion.
typedef struct NameMap {
    struct NameEntry {
        Name name;
        void *value;
    } * entries;
    int count, capacity;
    int32_t *slots;  // entry + 1, or 0; a power of two of them
    uint32_t slot_count;
} NameMap;

void *names_get(const NameMap *m, Name name);
bool names_has(const NameMap *m, Name name);
void names_put(Arena *a, NameMap *m, Name name, void *value);

// A growing list of names from which the nearest to a wrong one is chosen.
typedef struct Candidates {
    Arena *arena;
    Name *names;
    size_t count, capacity;
} Candidates;

void candidates_add(Candidates *c, Name name);
void candidates_add_map(Candidates *c, const NameMap *m);
// Adds "did you mean `x`?" when one is near enough.
void help_nearest(Diag *d, Name wrong, const Candidates *c);

typedef struct Binding Binding;
struct Binding {
    Name name;
    Value *value;
    Span span;
    int variable;  // index of the variable that it reads, or -1
    bool is_axis;  // bound by a shape pattern: an axis name
    int axis;      // which: from the last, -1, -2, ...
    int carried;   // 1 + which value that the scan at hand carries it is; 0: none
    Binding *next;
};

typedef struct Scope Scope;
struct Scope {
    Scope *parent;
    bool closed;  // what is assigned in it stays in it: the body of a scan
    Binding *bindings;
};

Binding *scope_find(const Scope *s, Name name);
Binding *scope_find_open(const Scope *s, Name name);  // up to the closed one
Binding *scope_define(Arena *a, Scope *s, Name name, Value *value, Span span);
void candidates_add_scope(Candidates *c, const Scope *s);

// --- the program ------------------------------------------------------------------------------

typedef struct Definition {
    const Item *item;
    bool library;
} Definition;

typedef struct Let {
    const Item *item;
    const Expr *expr;  // as written, or what --set says
    Value *value;      // NULL before the first use
    bool busy;         // being evaluated: meeting it again is a cycle
    bool library;
} Let;

// One output's loss or metric.
typedef struct Objective {
    Value *call;  // VALUE_DEFINITION or VALUE_CALL
    Name output;  // NULL: every output
    Span span;
} Objective;

// What the train block says beyond TrainSpec, as values.
typedef struct TrainPlan {
    Objective *losses, *metrics;
    int loss_count, metric_count;
    Value *optimizer, *schedule, *regularizer;
    Value *learning_rate;          // the key of the block; NULL: the optimizer's own
    Value *label_smoothing;        // handed to the loss
    Value *weight_decay;           // handed to the optimizer
    double clip_norm, clip_value;  // 0: none
} TrainPlan;

struct Program {
    Session *session;
    Arena *arena;
    Variables *variables;
    NameMap variable_index;                         // by path: int, the variable's index
    NameMap user[ITEM_COUNT], library[ITEM_COUNT];  // Definition, a name space a kind
    NameMap lets;                                   // Let
    const Item *model, *data, *train, *deploy;
    NameMap overrides;  // full key path -> Expr, from --set
    TrainSpec train_spec;
    TrainPlan plan;
    DataSpec data_spec;
    DeploySpec deploy_spec;
    LayerRow *rows;
    int row_count, row_capacity;
};

// The definition of that name and kind as code of the library, or of the user, sees it: the user's
// own stand before the library's, and the library never sees them.
const Definition *program_find(const Program *p, ItemKind kind, Name name, bool library);
Let *program_let(const Program *p, Name name, bool library);
void candidates_add_kind(Candidates *c, const Program *p, ItemKind kind);
Name program_intern(const Program *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The text at a span, as written.
const char *program_text(const Program *p, Span span);

// --- expansion --------------------------------------------------------------------------------

// Options that a call hands down to the layers in it.
typedef struct Inherited {
    Value *init;         // NULL: the layer's own
    Value *regularizer;  // NULL: the train block's
    bool frozen;
} Inherited;

typedef struct Frame Frame;
struct Frame {
    Frame *caller;
    const Definition *definition;  // NULL: the model, a let, a block
    const char *title;             // for messages: "dense", "model fashion"
    ItemKind kind;
    bool library;
    Name path;  // of the variables declared in it; "" for the model
    Span call;  // where it was called
    Scope *scope;
    Value *flow;       // NULL: nothing flows
    Span flow_span;    // the statement that made it
    NameMap children;  // names of layer calls that are taken
    NameMap declared;  // names of parameters and states of this frame
    Inherited inherited;
    VariableKind state_kind;
    const char *separator;    // between path and state: "." or "/"
    const Type *state_shape;  // of a state written without one; NULL: must be written
    bool ended;               // a requirement does not hold: what follows would only repeat it
    int declared_count;       // variables declared here and below
};

// A layer's result, for `require softmax(y)`: which definitions made this node.
typedef struct Origin {
    const Node *node;
    const Item *item;
} Origin;

// A parameter of the expansion under way.
typedef struct Parameter {
    int variable;
    Node *node;
    Value *regularizer;
} Parameter;

typedef struct Scan Scan;

typedef enum MetricPhase { METRIC_NONE, METRIC_UPDATE, METRIC_FINISH } MetricPhase;

typedef struct Expander {
    Program *program;
    Arena *arena;
    Builder builder;  // .graph NULL: compile-time values only
    Frame *frame;
    bool training;
    bool asking;     // inside `require`: softmax(y) asks, and makes nothing
    bool recording;  // rows of the summary
    MetricPhase phase;
    Scan *scan;      // whose body is expanded, or NULL
    Node **current;  // by variable: its value so far in this expansion, NULL: not read yet
    bool *updated;
    bool *noted;  // by variable: it is among the parameters
    int current_capacity;
    NameMap counters;  // by path: int64_t, streams of random numbers drawn
    Origin *origins;
    int origin_count, origin_capacity;
    Parameter *parameters;
    int parameter_count, parameter_capacity;
    Port *outputs;  // of the model
    int output_count, output_capacity;
    int depth;  // of C calls
    int call_depth;
    int layers;
    int steps;
    bool stopped;  // a limit was passed: nothing more is expanded
} Expander;

Expander expander_new(Program *p, Graph *g, bool training);

static inline Diags *diags_of(const Expander *e)
{
    return e->program->session->diags;
}

// --- problems.c -------------------------------------------------------------------------------

// Where to report what is wrong at `span`: there, or, in library code, at the user's call.
Span blame_span(const Expander *e, Span span);
// Adds to a report made at blame_span(e, span) where that is: the library's line, or the call.
Value *poison_after(Expander *e, Diag *d, Span span);
Value *poison_value(Expander *e, Span span);
Value *report_kind(Expander *e, Span span, const char *wanted, const Value *got);
Value *report_not_yet(Expander *e, Span span, const char *what);
Value *report_unknown(Expander *e, Span span, const char *kind, Name name, const Candidates *c);
void note_flow(Expander *e, Diag *d, const Type *t);
// A limit was passed; the expansion ends.
Value *report_limit(Expander *e, Span span, const char *what, long long limit);
// False when the type has too many elements or axes, which is reported.
bool check_size(Expander *e, const Type *t, Span span);

// --- values.c ---------------------------------------------------------------------------------

Value *value_new(Arena *a, ValueKind kind, Span span);
Value *value_int(Arena *a, Span span, int64_t i);
Value *value_real(Arena *a, Span span, double r);
Value *value_bool(Arena *a, Span span, bool b);
Value *value_string(Arena *a, Span span, const char *s);
Value *value_tensor(Arena *a, Span span, Node *n);
const char *value_kind_text(ValueKind k);  // "a whole number", "a tensor"
static inline bool is_poison(const Value *v)
{
    return v->kind == VALUE_POISON;
}
static inline bool is_number(const Value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_REAL || v->kind == VALUE_BOOL;
}
static inline bool is_tensor(const Value *v)
{
    return v->kind == VALUE_TENSOR || v->kind == VALUE_TARGET;
}
double value_as_real(const Value *v);  // of a number
bool name_is(Name name, const char *text);

// Written axes: all but the batch.
static inline int written_rank(const Type *t)
{
    return t->rank - (type_batched(t) ? 1 : 0);
}
static inline const int64_t *written_dims(const Type *t)
{
    return t->dims + (type_batched(t) ? 1 : 0);
}
Type type_written(DType dtype, bool batched, int rank, const int64_t *dims);
const char *shape_text(Arena *a, const Type *t);  // "[28, 28, 1]"

// --- evaluate.c -------------------------------------------------------------------------------

Value *eval_expr(Expander *e, const Expr *x);
// The same where the place says which kind of definition is meant: init = normal(0.05).
Value *eval_as(Expander *e, const Expr *x, ItemKind kind);
// In the place of a statement: a bare name of a layer is a call of it.
Value *eval_flow(Expander *e, const Expr *x);
bool eval_int(Expander *e, const Expr *x, const char *what, int64_t *out);
bool eval_bool(Expander *e, const Expr *x, const char *what, bool *out);
NamedValue *eval_args(Expander *e, const Arg *args, int *count);
// Written shape of a declaration, with the batch or without; false after a report.
bool eval_dims(Expander *e, const Dim *dims, DType dtype, bool batched, Type *out);

// --- fold.c: numbers --------------------------------------------------------------------------

Value *fold_unary(Expander *e, OpKind op, const Value *x, Span span);
Value *fold_binary(Expander *e, OpKind op, const Value *x, const Value *y, Span span);

// --- tensors.c --------------------------------------------------------------------------------

void build_at(Expander *e, Span span);              // span and path of the nodes that follow
Node *to_tensor(Expander *e, Value *v, Span span);  // NULL after a report
Node *to_dtype(Expander *e, Node *n, DType dtype);
Node *to_float(Expander *e, Value *v, Span span);
// The target becomes an input of the graph, of `shape` or the output's.
void resolve_target(Expander *e, Value *target, DType dtype, const Type *shape);
// Broadcasts to the type; NULL when it does not fit (no report).
Node *broadcast_to(Expander *e, Node *n, const Type *to);
// The shape of both together; false when they do not align: *axis, from the last, does not.
bool broadcast_shapes(const Type *a, const Type *b, Type *out, int *axis);
Value *apply_op(Expander *e, OpId op, Value *const *in, int count, Span span);
Value *apply_binary(Expander *e, OpKind op, Value *x, Value *y, Span span);
Value *apply_unary(Expander *e, OpKind op, Value *x, Span span);
Value *apply_matmul(Expander *e, Value *x, Value *y, Span span);

// --- reduce.c ---------------------------------------------------------------------------------

typedef struct Axes {
    bool given;
    bool batch;     // the batch is among them
    uint32_t bits;  // bit i: written axis i
} Axes;

// `over = c`, `keep = [h, w]`, `over = -1`, `over = batch`.
bool eval_axes(Expander *e, const Expr *x, const Node *of, Axes *out);
// One axis, as one of the node's; the written axis `fallback` when `x` is NULL. False after a
// report.
bool eval_axis(Expander *e, const Expr *x, const Node *of, int fallback, Span span, int *out);
Node *sum_all(Expander *e, Node *n);  // over every axis, the batch too
Node *mean_all(Expander *e, Node *n);
typedef enum Reduction { REDUCTION_SUM, REDUCTION_MEAN, REDUCTION_MAX, REDUCTION_MIN } Reduction;
Value *reduce_value(Expander *e, Reduction kind, Node *n, const Axes *over, const Axes *keep,
                    Span span);

// --- builtins ---------------------------------------------------------------------------------

#define MAX_ARGUMENTS 32  // of a built-in function

typedef struct BuiltinCall {
    const struct Builtin *builtin;
    Span span;
    const Arg *args[MAX_ARGUMENTS];  // by parameter, as written; NULL: left out, or the flow
    Value *values[MAX_ARGUMENTS];    // evaluated; NULL for axes and what is left out
    int rest_count;                  // values of a `...` parameter, the last ones
} BuiltinCall;

typedef struct Builtin {
    const char *name;
    // "x, over?, keep?": `?` may be left out, `...` is any number; `axis`, `over`, `keep` and what
    // is marked `=` may be left out too, and are given by name only.
    const char *parameters;
    const char *doc;
    unsigned flags;
    Value *(*call)(Expander *e, BuiltinCall *c);
    OpId op;  // of element-wise ones
} Builtin;

enum {
    FLOW_FIRST = 1 << 0,    // given no tensor it takes the flowing value first
    ELEMENT_MATH = 1 << 1,  // numbers fold
    FLOW_JOINS = 1 << 2,    // it takes two tensors at least
};

extern const Builtin builtins[];
extern const int builtin_count;
const Builtin *builtin_find(Name name);
Value *builtin_call(Expander *e, const Builtin *b, const Arg *args, Span span);
// pi, step, training, ...: NULL when it is none of them.
Value *builtin_constant(Expander *e, Name name, Span span);
bool builtin_is_constant(Name name);
void candidates_add_builtins(Candidates *c, const Program *p);

// The functions of the table's rows.
// The shape that is asked for: a shape, a tensor whose shape it is, or a list of sizes.
bool read_shape(Expander *e, Value *v, Span span, Type *out);
Value *builtin_elementwise(Expander *e, BuiltinCall *c);
Value *builtin_max_min(Expander *e, BuiltinCall *c);
Value *builtin_reduce(Expander *e, BuiltinCall *c);
Value *builtin_argmax(Expander *e, BuiltinCall *c);
Value *builtin_reshape(Expander *e, BuiltinCall *c);
Value *builtin_transpose(Expander *e, BuiltinCall *c);
Value *builtin_one_hot(Expander *e, BuiltinCall *c);
Value *builtin_random(Expander *e, BuiltinCall *c);
Value *builtin_uniform(Expander *e, BuiltinCall *c);
Value *builtin_normal(Expander *e, BuiltinCall *c);
Value *builtin_fan(Expander *e, BuiltinCall *c);
Value *builtin_reverse(Expander *e, BuiltinCall *c);
Value *builtin_slice(Expander *e, BuiltinCall *c);
Value *builtin_split(Expander *e, BuiltinCall *c);
Value *builtin_concat(Expander *e, BuiltinCall *c);
Value *builtin_pad(Expander *e, BuiltinCall *c);
Value *builtin_gather(Expander *e, BuiltinCall *c);
Value *builtin_iota(Expander *e, BuiltinCall *c);
Value *builtin_pair(Expander *e, BuiltinCall *c);
Value *builtin_conv(Expander *e, BuiltinCall *c);
Value *builtin_conv_transpose(Expander *e, BuiltinCall *c);
Value *builtin_pool(Expander *e, BuiltinCall *c);

// x[2], x[1..3, 0], x[h = 1..n] of a tensor.
Value *index_tensor(Expander *e, Value *v, const Expr *x);
// `count` elements of an axis of the node from `start` on, each `step` from the last.
Node *slice_axis(Expander *e, Node *n, int axis, int64_t start, int64_t count, int step);
// The value as a list or tuple of whole numbers, each at least `least`, `count` of them; a number
// stands for all. False after a report.
bool read_sizes(Expander *e, Value *v, const char *what, int64_t least, int count, Span span,
                int64_t *out);

// --- patterns.c -------------------------------------------------------------------------------

// Checks the tensor against the pattern of `p` and binds its axis names in the current frame.
bool match_pattern(Expander *e, const Param *p, const Type *t);

// --- call.c -----------------------------------------------------------------------------------

typedef struct Instance {
    const Definition *definition;
    NamedValue *args;
    int count;
    Name path;
    Inherited inherited;
} Instance;

// One expansion of a definition. Zero is the default of every field but the first three.
typedef struct Call {
    const Definition *definition;
    NamedValue *args;
    int count;
    Span span;
    Name path;
    Inherited inherited;
    VariableKind state_kind;
    const Type *state_shape;
    bool updates_first;  // the first parameter may be updated: it is
    int first_variable;  // this variable
    bool takes_flow;
} Call;

Value *expand_call(Expander *e, const Call *c);
Value *call_layer(Expander *e, const Definition *d, NamedValue *args, int count, Span span);
Value *call_instance(Expander *e, const Instance *instance, NamedValue *args, int count, Span span);
Instance *instance_new(Expander *e, const Stmt *s);
// A VALUE_DEFINITION or VALUE_CALL as a definition of that kind with its arguments, preceded by
// `lead`; NULL after a report.
bool call_prepare(Expander *e, const Value *v, ItemKind kind, const NamedValue *lead,
                  int lead_count, Call *out);
bool is_option(Name name);           // init, regularizer, frozen, name
ItemKind parameter_kind(Name name);  // `init`, `kernel_init`: ITEM_INIT; ITEM_COUNT: a plain value
int row_begin(Expander *e, Name path, Span span);
void row_end(Expander *e, int row, const Value *result);
Name child_path(Expander *e, Name name);
void frame_push(Expander *e, Frame *f);
void frame_pop(Expander *e);

// --- statements.c -----------------------------------------------------------------------------

void stmt_run_all(Expander *e, const Stmt *body);
bool count_step(Expander *e, Span span);

// --- scan.c -----------------------------------------------------------------------------------

Value *scan_value(Expander *e, const Stmt *s);
void scan_update(Expander *e, Binding *b, const Stmt *s);  // of a carried value
// In the body of a scan each step draws numbers of its own. NULL after a report.
Node *scan_random(Expander *e, Type type, uint32_t stream, Span span);

// --- variables.c ------------------------------------------------------------------------------

Node *read_variable(Expander *e, int variable);
void set_variable(Expander *e, int variable, Node *value);
void flush_updates(Expander *e);  // into the graph
void stmt_param(Expander *e, const Stmt *s);
void stmt_state(Expander *e, const Stmt *s);
void stmt_update(Expander *e, const Stmt *s);
uint32_t next_stream(Expander *e);

// --- model.c ----------------------------------------------------------------------------------

// Expands the model's body into the expander's graph; false after a report.
bool expand_model(Expander *e);
void stmt_input(Expander *e, const Stmt *s);
void stmt_output(Expander *e, const Stmt *s);
Graph *program_graph(Program *p, const char *name);

// --- blocks.c, settings.c, check.c ------------------------------------------------------------

void blocks_evaluate(Program *p);
const char *block_key(const char *block,
                      int i);  // key i of "train", "data" or "deploy"; NULL after the last
void settings_apply(Program *p);
void check_names(Program *p);
// The expression that --set gives for `path`, or `written`.
const Expr *setting_find(const Program *p, const char *path, const Expr *written);
// What --set gives for paths one step below `path`: by the last name.
NameMap settings_below(const Program *p, const char *path);

// --- load.c -----------------------------------------------------------------------------------

void program_add_tree(Program *p, const Tree *tree, bool library);

#endif
