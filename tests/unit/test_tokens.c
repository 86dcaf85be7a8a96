// test_tokens.c -- the scanner knows every token of tokens.def, and nothing else.

#include <criterion/criterion.h>
#include <string.h>

#include "grammar.tab.h"
#include "syntax/lexer.h"
#include "syntax/tokens.h"

static int first_kind(Arena *a, const char *text)
{
    Sources *sources = sources_new(a);
    Lexer lexer;
    lexer_init(&lexer, sources_add(sources, "t", text, strlen(text)), NULL, TOK_START_FILE);
    return lexer_next(&lexer).kind;
}

// A closing bracket alone is passed over, so that it never comes first.
static bool is_closer(TokenId id)
{
    return id == T_CLOSE_PAREN || id == T_CLOSE_LIST || id == T_CLOSE_BLOCK;
}

Test(tokens, every_row_is_scanned_as_itself)
{
    Arena *a = arena_new(NULL);
    for (TokenId id = 0; id < T_COUNT; id++) {
        const TokenRow *row = &token_rows[id];
        cr_expect_eq(token_id(row->token), id);
        if (!(row->flags & TOKEN_CLASS) && !is_closer(id))
            cr_expect_eq(first_kind(a, row->text), row->token, "`%s`", row->text);
    }
    arena_free(a);
}

Test(tokens, classes)
{
    static const struct {
        const char *text;
        int kind;
    } cases[] = {
        {"he_normal", TOK_NAME},
        {"_x1", TOK_NAME},
        {"modelled", TOK_NAME},
        {"12", TOK_INT},
        {"1_000", TOK_INT},
        {"64 KiB", TOK_INT},
        {"2MiB", TOK_INT},
        {"0.5", TOK_REAL},
        {"1e-3", TOK_REAL},
        {"1_0.2_5e+10", TOK_REAL},
        {"\"a \\\" b\"", TOK_STRING},
        {"0..n", TOK_INT},
        {"1.", SCAN_BAD_NUMBER},
        {".5", SCAN_BAD_NUMBER},
        {"1_", SCAN_BAD_NUMBER},
        {"1__0", SCAN_BAD_NUMBER},
        {"0x1f", SCAN_BAD_NUMBER},
        {"1e", SCAN_BAD_NUMBER},
        {"\"abc", SCAN_OPEN_STRING},
        {"\"abc\\\"", SCAN_OPEN_STRING},
        {"$", SCAN_BAD_CHARACTER},
        {"\u2212", SCAN_BAD_CHARACTER},
        {"# only a comment", TOK_YYEOF},
        {"", TOK_YYEOF},
        {"\xef\xbb\xbfx", TOK_NAME},
    };
    Arena *a = arena_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text =
            arena_printf(a, "%s%s", cases[i].text, cases[i].kind == SCAN_BAD_NUMBER ? " " : "");
        cr_expect_eq(first_kind(a, text), cases[i].kind, "`%s`", cases[i].text);
    }
    arena_free(a);
}
