// tokens.h -- what grammar/tokens.def says about each token.

#ifndef NNC_TOKENS_H
#define NNC_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum TokenId {
#define TOKEN(id, text, flags) T_##id,
#include "tokens.def"
#undef TOKEN
    T_COUNT
} TokenId;

enum {
    TOKEN_CLASS = 1 << 0,
    TOKEN_WORD = 1 << 1,
    TOKEN_STATEMENT = 1 << 2,
    TOKEN_ITEM = 1 << 3,
    TOKEN_CONTINUES = 1 << 4,
    TOKEN_VALUE = 1 << 5,
};

typedef struct TokenRow {
    const char *text;
    unsigned flags;
    int token;  // the parser's number, TOK_...
} TokenRow;

extern const TokenRow token_rows[T_COUNT];

// The row of a parser's token number; T_COUNT when there is none.
TokenId token_id(int token);

// The row of a word that has one of `flags`; T_COUNT when it is an ordinary name.
TokenId token_of_word(const char *s, size_t n, unsigned flags);

#endif
