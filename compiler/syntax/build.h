// build.h -- what the actions of grammar/parser.y call: the state of a parse, and tree nodes.

#ifndef NNC_BUILD_H
#define NNC_BUILD_H

#include "syntax/lexer.h"
#include "syntax/literal.h"
#include "syntax/tokens.h"

typedef struct Parser {
    ParseEnv *env;
    Lexer lexer;
    int start;     // TOK_START_..., until it has been given to the grammar; then 0
    Token found;   // the token read last
    Token before;  // and the one before it
    Token first;   // of the statement or item at hand
    bool failed;   // a syntax error was reported
    Item *items;   // result of a file
    Expr *expr;    // result of an expression
} Parser;

// A list while it grows.
typedef struct ArgList {
    Arg *first, *last;
} ArgList;
typedef struct DimList {
    Dim *first, *last;
} DimList;
typedef struct NameListEnds {
    NameList *first, *last;
} NameListEnds;
typedef struct ParamList {
    Param *first, *last;
} ParamList;
typedef struct StmtList {
    Stmt *first, *last;
} StmtList;
typedef struct ItemList {
    Item *first, *last;
} ItemList;

#define LIST_ADD(list, node)                     \
    do {                                         \
        if ((list).last) {                       \
            (list).last->next = (node);          \
            (list).last = (list).last->next;     \
        } else {                                 \
            (list).first = (list).last = (node); \
        }                                        \
    } while (0)

// The word that starts a definition, and the documentation above it.
typedef struct ItemStart {
    ItemKind kind;
    const char *doc;
} ItemStart;

// The axes after a name; absent is not the same as empty.
typedef struct Shape {
    bool present;
    Dim *dims;
} Shape;

Expr *build_expr(Parser *p, Expr e);  // a copy in the arena, its nesting checked
Arg *build_arg(Parser *p, Arg arg);
Dim *build_dim(Parser *p, Dim dim);
NameList *build_name(Parser *p, Name name, Span span);
Param *build_param(Parser *p, Param param);
Stmt *build_stmt(Parser *p, Stmt s);
Item *build_item(Parser *p, Item item);

// Statements that need a look at what was written.
Stmt *build_flow(Parser *p, Span span, Expr *value, const NameList *as);
Stmt *build_input_stmt(Parser *p, Span span, Name name, Span name_span, Shape shape, Name type,
                       Span type_span);
Stmt *build_block(Parser *p, Span span, Name name, Span name_span, Stmt *body);
// data, train and deploy: all statements must be settings, `key = value`.
Item *build_section(Parser *p, Span span, ItemKind kind, const char *doc, Stmt *body);

// The next token, and its value. What is wrong with it is reported; parser_next gives a kind that
// is no token's then, the others a value to go on with.
Token parser_next(Parser *p);
int64_t parser_int(Parser *p, Token token);
double parser_real(Parser *p, Token token);
const char *parser_string(Parser *p, Token token);

// Reports what cannot stand where it does. `expected[id]`: the grammar could go on with this token.
void report_syntax_error(Parser *p, const bool expected[T_COUNT]);
// Reports a token that the scanner could not make.
void report_bad_token(Parser *p, Token token);

#endif
