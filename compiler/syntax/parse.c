// parse.c -- from text to tree: what stands around the grammar.

#include "syntax/parser.h"

#include "grammar.tab.h"
#include "syntax/build.h"
#include "syntax/encoding.h"

enum { MAX_FILE_MIB = 16, MAX_TOKEN_BYTES = 4096, MAX_STRING_BYTES = 64 * 1024 };

// --- tokens -----------------------------------------------------------------------------------

static bool is_too_long(Parser *p, Token token)
{
    const bool string = token.kind == TOK_STRING;
    const int most = string ? MAX_STRING_BYTES : MAX_TOKEN_BYTES;
    if (token.kind == TOK_END || token.span.len <= (uint32_t)most)
        return false;
    diag_report(p->env->diags, string ? DIAG_string_too_long : DIAG_token_too_long, token.span,
                token.span.len, most);
    return true;
}

static Token start_token(Parser *p)
{
    const int start = p->start;
    p->start = 0;
    return (Token){.kind = start, .span = p->lexer.last_span, .text = ""};
}

static bool begins_statement(Token before)
{
    return before.kind == TOK_END || before.kind == TOK_OPEN_BLOCK ||
           before.kind == TOK_START_FILE || before.kind == TOK_START_EXPR;
}

Token parser_next(Parser *p)
{
    p->before = p->found;
    p->found = p->start ? start_token(p) : lexer_next(&p->lexer);
    if (begins_statement(p->before))
        p->first = p->found;
    const bool bad = p->found.kind < 0;
    // After a mistake the rest of the statement is passed over, whatever it is made of.
    if (bad && !p->lexer.recovering)
        report_bad_token(p, p->found);
    if (bad || is_too_long(p, p->found)) {
        p->failed = true;
        lexer_recover(&p->lexer, p->found);
        p->found.kind = SCAN_BAD_CHARACTER;
    }
    return p->found;
}

int64_t parser_int(Parser *p, Token token)
{
    int64_t value = 0;
    p->failed |= !literal_int(p->env->diags, token, &value);
    return value;
}

double parser_real(Parser *p, Token token)
{
    double value = 0;
    p->failed |= !literal_real(p->env->diags, token, &value);
    return value;
}

const char *parser_string(Parser *p, Token token)
{
    const char *value = literal_string(p->env->arena, p->env->diags, token);
    p->failed |= !value;
    return value ? value : "";
}

// --- entrances --------------------------------------------------------------------------------

static bool check_source(ParseEnv *env, const Source *source)
{
    if (source->size > MAX_FILE_MIB * 1024u * 1024u) {
        diag_report(env->diags, DIAG_file_too_large, (Span){source->base, 0}, MAX_FILE_MIB);
        return false;
    }
    return check_encoding(env->diags, source->text, source->size, source->base);
}

static Parser *parse(ParseEnv *env, const Source *source, int start)
{
    Parser *p = arena_new_of(env->arena, Parser);
    p->env = env;
    p->start = start;
    p->failed = !check_source(env, source);
    if (p->failed)
        return p;
    lexer_init(&p->lexer, source, env->diags, start);
    p->failed |= nnparse(p) != 0 || p->lexer.mistaken || p->lexer.stopped;
    return p;
}

Tree *parse_source(ParseEnv *env, const Source *source)
{
    const Parser *p = parse(env, source, TOK_START_FILE);
    Tree *tree = arena_new_of(env->arena, Tree);
    tree->items = p->items;
    tree->failed = p->failed;
    return tree;
}

Expr *parse_expression(ParseEnv *env, const Source *source)
{
    const Parser *p = parse(env, source, TOK_START_EXPR);
    return p->failed ? NULL : p->expr;
}

bool parse_is_incomplete(const char *text, size_t size)
{
    if (size > MAX_FILE_MIB * 1024u * 1024u || !check_encoding(NULL, text, size, 1))
        return false;
    const Source source = {.name = "", .text = text, .size = (uint32_t)size, .base = 1};
    Lexer lexer;
    lexer_init(&lexer, &source, NULL, TOK_START_FILE);
    return lexer_is_incomplete(&lexer);
}
