// parser.h -- from text to tree.

#ifndef NNC_PARSER_H
#define NNC_PARSER_H

#include "base/diag.h"
#include "syntax/tree.h"

typedef struct ParseEnv {
    Arena *arena;  // where the tree is made
    Interner *names;
    Diags *diags;
} ParseEnv;

// Parses a whole file. Always returns a tree: of what could be parsed when there were errors
// (tree->failed, and they are reported).
Tree *parse_source(ParseEnv *env, const Source *source);

// Parses one expression (a `--set NAME=VALUE`); NULL when it is wrong, which is reported.
Expr *parse_expression(ParseEnv *env, const Source *source);

// Whether the text so far is the beginning of something longer: an open bracket or brace, a line
// that ends in an operator. A line editor asks for another line then. A NUL follows the text.
bool parse_is_incomplete(const char *text, size_t size);

// Most nesting of brackets, braces and operators that is accepted.
#define PARSE_MAX_DEPTH 256

#endif
