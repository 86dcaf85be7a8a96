// tokens.c -- the table made from grammar/tokens.def.

#include "syntax/tokens.h"

#include <string.h>

#include "grammar.tab.h"

enum {
    CLASS = TOKEN_CLASS,
    WORD = TOKEN_WORD,
    STATEMENT = TOKEN_STATEMENT,
    ITEM = TOKEN_ITEM,
    CONTINUES = TOKEN_CONTINUES,
    VALUE = TOKEN_VALUE,
};

const TokenRow token_rows[T_COUNT] = {
#define TOKEN(id, text, flags) {text, flags, TOK_##id},
#include "tokens.def"
#undef TOKEN
};

TokenId token_id(int token)
{
    TokenId id = 0;
    while (id < T_COUNT && token_rows[id].token != token)
        id++;
    return id;
}

TokenId token_of_word(const char *s, size_t n, unsigned flags)
{
    TokenId id = 0;
    for (; id < T_COUNT; id++) {
        const TokenRow *row = &token_rows[id];
        if ((row->flags & flags) && strlen(row->text) == n && memcmp(row->text, s, n) == 0)
            break;
    }
    return id;
}
