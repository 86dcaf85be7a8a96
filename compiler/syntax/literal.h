// literal.h -- the values of numbers, strings and documentation lines.

#ifndef NNC_LITERAL_H
#define NNC_LITERAL_H

#include "syntax/lexer.h"

// The value of TOK_INT: `1_000`, `64 KiB`. False when it is reported to be out of range.
bool literal_int(Diags *diags, Token token, int64_t *value);
// The value of TOK_REAL.
bool literal_real(Diags *diags, Token token, double *value);
// The text of TOK_STRING, NULL when it is reported to be wrong.
const char *literal_string(Arena *a, Diags *diags, Token token);
// The lines of a run of `##` comments without marks and indentation; NULL for NO_SPAN.
const char *literal_doc(Arena *a, const Source *source, Span doc);

#endif
