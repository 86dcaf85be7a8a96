// tree.h -- the syntax tree of a .nn file, as the parser makes it and sema reads it.
//
// Nodes live in the module arena and are never changed after parsing. Every node has the span it
// was written at. Lists are linked through `next`, in order of writing. Names are interned.

#ifndef NNC_TREE_H
#define NNC_TREE_H

#include "base/intern.h"
#include "base/source.h"
#include "base/text.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Item Item;
typedef struct Arg Arg;
typedef struct Dim Dim;
typedef struct Param Param;
typedef struct NameList NameList;

// --- expressions ------------------------------------------------------------------------------

typedef enum ExprKind {
    EXPR_INT,     // .integer: 12, 1_000, 64 KiB (already multiplied)
    EXPR_REAL,    // .real: 0.5, 1e-3
    EXPR_STRING,  // .string, escapes resolved
    EXPR_BOOL,    // .boolean
    EXPR_NAME,    // .name; `it` and `training` are names too
    EXPR_LIST,    // .args: [a, b], or labelled [a: x, b: y]
    EXPR_TUPLE,   // .args: (a, b); two elements or more
    EXPR_UNARY,   // .op, .left
    EXPR_BINARY,  // .op, .left, .right
    EXPR_RANGE,   // .left .. .right
    EXPR_IF,      // if .cond then .left else .right
    EXPR_CALL,    // .left ( .args )
    EXPR_INDEX,   // .left [ .args ]: x[axis = 1..n], x[2]
    EXPR_MEMBER,  // .left . .name
} ExprKind;

typedef enum OpKind {
    OPK_OR,
    OPK_AND,
    OPK_NOT,
    OPK_EQ,
    OPK_NE,
    OPK_LT,
    OPK_LE,
    OPK_GT,
    OPK_GE,
    OPK_ADD,
    OPK_SUB,
    OPK_MUL,
    OPK_DIV,
    OPK_MOD,
    OPK_MATMUL,
    OPK_NEG,
    OPK_POW,
    OPK_COUNT
} OpKind;

struct Expr {
    ExprKind kind;
    Span span;
    OpKind op;           // UNARY, BINARY
    Span op_span;        // UNARY, BINARY: the operator itself
    Name name;           // NAME, MEMBER
    const char *string;  // STRING: NUL-terminated, no NUL inside
    int64_t integer;     // INT
    double real;         // REAL
    bool boolean;        // BOOL
    Expr *cond;          // IF
    Expr *left;          // UNARY, BINARY, RANGE, IF, CALL, INDEX, MEMBER
    Expr *right;         // BINARY, RANGE, IF
    Arg *args;           // LIST, TUPLE, CALL, INDEX
    int depth;           // nodes on the longest way down, this one included: <= PARSE_MAX_DEPTH
};

struct Arg {
    Name name;  // NULL: positional
    Span name_span;
    Expr *value;
    Arg *next;
};

// One axis of a shape or a shape pattern.
struct Dim {
    bool rest;    // `..`: any leading axes
    Expr *value;  // NULL when rest; a bare name in a pattern binds the axis or must equal it
    Span span;
    Dim *next;
};

struct NameList {
    Name name;
    Span span;
    NameList *next;
};

// --- statements -------------------------------------------------------------------------------

typedef enum StmtKind {
    STMT_INPUT,   // input .name .dims (int when .is_int)
    STMT_PARAM,   // param .name .dims = .value
    STMT_STATE,   // state .name .dims = .value (.has_dims false: the owner's shape, in optimizers)
    STMT_UPDATE,  // .name <- .value
    STMT_ASSIGN,  // .names = .value (one name or several); keys of data, train and deploy too
    STMT_FLOW,    // .value [as .name]: moves the flow
    STMT_IF,      // if .value { .body } else { .other }
    STMT_REPEAT,  // repeat .value { .body }
    STMT_FOR,     // for .names in .value { .body }
    STMT_SCAN,    // scan .names in .value with .carried { .body } yield .yields [as .name]
    STMT_INSTANCE,  // layer .name = .value (a call)
    STMT_REQUIRE,   // require .value else .message
    STMT_OUTPUT,    // output .names
    STMT_BLOCK,     // update { .body }, in metrics
    STMT_ERROR,     // what error recovery left; sema passes over it in silence
} StmtKind;

struct Stmt {
    StmtKind kind;
    Span span;
    Name name;  // INPUT, PARAM, STATE, UPDATE, INSTANCE, BLOCK; FLOW, SCAN: the one after `as`, or
                // NULL
    Span name_span;
    bool is_int;
    bool has_dims;
    Dim *dims;        // INPUT, PARAM, STATE
    NameList *names;  // ASSIGN, FOR, SCAN (the element's name), OUTPUT
    Expr *value;
    Expr *message;  // REQUIRE
    Arg *carried;   // SCAN: h = init, ...
    Stmt *body;
    Stmt *other;       // IF
    NameList *yields;  // SCAN
    Stmt *next;
};

// --- items ------------------------------------------------------------------------------------

typedef enum ItemKind {
    ITEM_USE,  // .name (library) or .string (path)
    ITEM_LET,  // .name = .expr
    ITEM_LAYER,
    ITEM_LOSS,
    ITEM_METRIC,
    ITEM_INIT,
    ITEM_OPTIMIZER,
    ITEM_SCHEDULE,
    ITEM_REGULARIZER,
    ITEM_AUGMENTATION,  // LAYER to AUGMENTATION: .name(.params) = .expr or { .body }
    ITEM_MODEL,         // .name { .body }
    ITEM_DATA,          // { .body }: assignments
    ITEM_TRAIN,
    ITEM_DEPLOY,
    ITEM_COUNT
} ItemKind;

struct Param {
    Name name;
    Span span;
    bool has_pattern;  // x[...]: a tensor with named axes
    Dim *pattern;
    Expr *value;  // default, or NULL
    Param *next;
};

struct Item {
    ItemKind kind;
    Span span;
    Name name;
    Span name_span;
    const char *string;  // USE of a path
    const char *doc;     // text of the `##` lines above, without the marks, or NULL
    Param *params;
    Expr *expr;  // LET; short definitions
    Stmt *body;  // long definitions, model, data, train, deploy
    Item *next;
};

typedef struct Tree {
    Item *items;
    bool failed;  // at least one syntax error was reported
} Tree;

// The keyword that begins an item of this kind: "layer", "loss", ...
const char *item_kind_text(ItemKind kind);
// The operator as written: "+", "<=", "and".
const char *op_kind_text(OpKind op);

// Prints the tree as .nn source in normal form; parsing that gives the same tree.
void tree_print(Text *out, const Tree *tree);
void expr_print(Text *out, const Expr *e);

#endif
