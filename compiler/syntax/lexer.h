// lexer.h -- tokens as the parser wants them.
//
// On top of the scanner this decides where statements end, which words start an item, and keeps
// the stack of open brackets. Brackets that do not match are reported here and mended by tokens
// that are not in the text, so that the parser always sees them in pairs.

#ifndef NNC_LEXER_H
#define NNC_LEXER_H

#include "base/diag.h"
#include "syntax/parser.h"
#include "syntax/scan.h"

typedef struct Token {
    int kind;          // TOK_..., or a SCAN_BAD_... that has been reported
    Span span;         // of length 0 when `mended`
    const char *text;  // span.len bytes
    bool mended;       // not in the text
    Span doc;          // of an item's first word: the `##` lines right above
} Token;

typedef struct Bracket {
    int kind;  // TOK_OPEN_...
    Span span;
} Bracket;

typedef struct Lexer {
    const Source *source;
    Diags *diags;  // NULL: nothing is reported
    Scan scan;
    int last;        // kind of the token before
    Span last_span;  // and where it was
    Bracket open[PARSE_MAX_DEPTH];
    int depth;
    int close_to;         // brackets above this depth are to be closed by mending; -1: none
    bool pending_end;     // a statement's end comes next, mended
    bool recovering;      // a syntax error on this line was reported
    bool mistaken;        // brackets were mended
    bool stopped;         // nested too deep: nothing more is read
    Span doc;             // the last run of `##` lines
    int lines_after_doc;  // newlines since
} Lexer;

// `start` is TOK_START_FILE or TOK_START_EXPR. The source has passed check_encoding.
void lexer_init(Lexer *lx, const Source *source, Diags *diags, int start);

Token lexer_next(Lexer *lx);

// Called at a syntax error at `found`, the token read last: makes the end of the line count again
// unless the brackets open there are closed further on.
void lexer_recover(Lexer *lx, Token found);

// The innermost bracket that was open before `found`, the token read last; NULL when there is none.
const Bracket *lexer_bracket(const Lexer *lx, Token found);

// Whether the innermost open bracket is closed further on, and all between is in order.
bool lexer_closes(const Lexer *lx);

// Reads to the end: whether the text stops inside brackets or after a token that wants another.
bool lexer_is_incomplete(Lexer *lx);

// Reports too deep a nesting at `span` and reads nothing more.
void lexer_stop(Lexer *lx, Span span);

// Whether `found` stands on a later line than the token before it.
bool lexer_is_first_on_line(const Lexer *lx, Token found);

#endif
