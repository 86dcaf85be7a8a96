// syntax_error.c -- what to say about a token that cannot stand where it does.
//
// The grammar gives the tokens it could go on with. The known mistakes are tried one after the
// other, the surest first; what is none of them is "expected this and found that".

#include <string.h>
#include <strings.h>

#include "grammar.tab.h"
#include "syntax/build.h"

enum { SHOWN_TOKEN_BYTES = 40, SHOWN_CHOICES = 4 };

typedef struct Mistake {
    Parser *parser;
    Diags *diags;
    Token found;
    TokenId id;  // of found
    const bool *expected;
} Mistake;

// --- words ------------------------------------------------------------------------------------

static char *quoted_row(Arena *a, TokenId id)
{
    const TokenRow *row = &token_rows[id];
    return arena_printf(a, row->flags & TOKEN_CLASS ? "%s" : "`%s`", row->text);
}

static bool is_written_out(TokenId id)
{
    return id != T_END && id != T_YYEOF && id != T_STRING;
}

static const char *found_text(const Mistake *m)
{
    Arena *a = m->parser->env->arena;
    if (m->id == T_END && m->found.span.len && m->found.text[0] == ';')
        return "`;`";
    if (!is_written_out(m->id))
        return token_rows[m->id].text;
    const int shown = (int)m->found.span.len;
    if (shown > SHOWN_TOKEN_BYTES)
        return arena_printf(a, "`%.*s...`", SHOWN_TOKEN_BYTES, m->found.text);
    return arena_printf(a, "`%.*s`", shown, m->found.text);
}

static bool is_expression_expected(const Mistake *m)
{
    return m->expected[T_NAME] && m->expected[T_INT];
}

static bool is_operator(TokenId id)
{
    return id >= T_AND && id <= T_RANGE && id != T_ARROW && id != T_ASSIGN;
}

// Not worth a mention: what any expression could go on with, and trailing commas.
static bool is_mere_continuation(const Mistake *m, TokenId id)
{
    const bool after_value = m->expected[T_CARET] || m->expected[T_PLUS];
    return is_operator(id) || (after_value && (id == T_OPEN_PAREN || id == T_OPEN_LIST)) ||
           id == T_DOT || id == T_YYEOF || (id == T_CLOSE_BLOCK && m->expected[T_END]);
}

// "`,` or `)`"
static const char *choices_text(const Mistake *m)
{
    TokenId choices[T_COUNT];
    int n = 0;
    for (TokenId id = 0; id < T_COUNT; id++)
        if (m->expected[id] && !is_mere_continuation(m, id))
            choices[n++] = id;
    if (n == 0 || n > SHOWN_CHOICES)
        return "something else";
    Arena *a = m->parser->env->arena;
    Text text = text_in(a);
    for (int i = 0; i < n; i++) {
        text_add(&text, i == 0 ? "" : i == n - 1 ? " or " : ", ");
        text_add(&text, quoted_row(a, choices[i]));
    }
    return text_str(&text);
}

static const char *expected_text(const Mistake *m)
{
    if (is_expression_expected(m))
        return "an expression";
    if (m->expected[T_END] && m->id != T_END)
        return "the end of the statement";
    return choices_text(m);
}

static Name word_of(const Mistake *m, Token token)
{
    return intern_n(m->parser->env->names, token.text, token.span.len);
}

// The nearest of the words with one of `flags`.
static Name nearest_word(const Mistake *m, Token token, unsigned flags)
{
    Name words[T_COUNT];
    size_t n = 0;
    for (TokenId id = 0; id < T_COUNT; id++)
        if (token_rows[id].flags & flags)
            words[n++] = token_rows[id].text;
    return token.kind == TOK_NAME ? nearest_name(word_of(m, token), words, n) : NULL;
}

static bool has_flag(TokenId id, unsigned flag)
{
    return id < T_COUNT && (token_rows[id].flags & flag);
}

// --- known mistakes: each tells whether it was the one, and has reported it then --------------

// `dense(10` and the next statement below it.
static bool is_bracket_left_open(const Mistake *m)
{
    const Lexer *lx = &m->parser->lexer;
    const Bracket *b = lexer_bracket(lx, m->found);
    if (!b || b->kind == TOK_OPEN_BLOCK || lexer_closes(lx))
        return false;
    if (m->id != T_END && !lexer_is_first_on_line(lx, m->found))
        return false;
    const bool list = b->kind == TOK_OPEN_LIST;
    const Span before = m->parser->before.span;
    const Span end = {before.pos + before.len, 0};
    Diag *d = diag_report(m->diags, DIAG_unclosed_bracket, end, list ? "]" : ")", list ? "[" : "(");
    diag_label(d, "`%s` is missing here", list ? "]" : ")");
    diag_note(d, b->span, "opened here");
    return true;
}

static bool is_misplaced_else(const Mistake *m)
{
    if (m->id != T_ELSE || m->parser->first.span.pos != m->found.span.pos)
        return false;
    Diag *d = diag_report(m->diags, DIAG_misplaced_else, m->found.span);
    diag_help(d, "it stands on the line of the `}` before it: `} else {`");
    return true;
}

static bool is_unknown_item(const Mistake *m)
{
    if (!m->expected[T_MODEL])
        return false;
    Diag *d = diag_report(m->diags, DIAG_unknown_item, m->found.span, found_text(m));
    Name near = nearest_word(m, m->found, TOKEN_ITEM);
    if (near)
        diag_help(d, "did you mean `%s`?", near);
    else if (has_flag(m->id, TOKEN_VALUE | TOKEN_STATEMENT))
        diag_help(d, "statements stand inside the braces of an item: `model name { ... }`");
    return true;
}

static void report_reserved(const Mistake *m, Token token)
{
    diag_report(m->diags, DIAG_reserved_word, token.span, word_of(m, token));
}

// `let state = 1`, `state = 1`
static bool is_reserved_word(const Mistake *m)
{
    const Token before = m->parser->before;
    const bool sets = m->id == T_ASSIGN || m->id == T_ARROW;
    if (m->expected[T_NAME] && has_flag(m->id, TOKEN_WORD) && !has_flag(m->id, TOKEN_VALUE) &&
        (!is_expression_expected(m) || has_flag(m->id, TOKEN_STATEMENT)))
        report_reserved(m, m->found);
    else if (m->expected[T_NAME] && m->id == T_INPUT && !is_expression_expected(m))
        report_reserved(m, m->found);
    else if (sets && has_flag(token_id(before.kind), TOKEN_WORD))
        report_reserved(m, before);
    else
        return false;
    return true;
}

// `if x = 3 {`
static bool is_misplaced_assignment(const Mistake *m)
{
    if (m->id != T_ASSIGN || !m->expected[T_EQ])
        return false;
    Diag *d = diag_report(m->diags, DIAG_misplaced_assignment, m->found.span);
    diag_help(d, "`==` compares; `=` gives a value to the name before it");
    return true;
}

// `let width == 32`
static bool is_misplaced_comparison(const Mistake *m)
{
    if (m->id != T_EQ || !m->expected[T_ASSIGN])
        return false;
    Diag *d = diag_report(m->diags, DIAG_misplaced_comparison, m->found.span, expected_text(m));
    diag_help(d, "`=` gives a value to the name before it");
    return true;
}

// `a < b < c`
static bool is_chained_comparison(const Mistake *m)
{
    if (m->id < T_EQ || m->id > T_GE || !m->expected[T_AND] || m->expected[T_EQ])
        return false;
    Diag *d = diag_report(m->diags, DIAG_chained_comparison, m->found.span);
    diag_help(d, "join two of them: `a < b and b < c`");
    return true;
}

// `let x = 1` inside a block
static bool is_misplaced_item(const Mistake *m)
{
    const Token first = m->parser->first;
    if (m->parser->lexer.depth == 0 || m->parser->before.span.pos != first.span.pos ||
        first.kind != TOK_NAME || m->id != T_NAME ||
        token_of_word(first.text, first.span.len, TOKEN_ITEM) == T_COUNT)
        return false;
    Diag *d = diag_report(m->diags, DIAG_misplaced_item, first.span, word_of(m, first));
    diag_help(d, "it stands outside of all braces");
    return true;
}

static bool is_early_end(const Mistake *m)
{
    if (m->id != T_END && m->id != T_YYEOF)
        return false;
    diag_report(m->diags, DIAG_statement_ends_early, m->found.span, expected_text(m));
    return true;
}

// As people write units, and the language's; NULL: there is none, a number is of bytes.
static const struct {
    const char *written, *meant;
} units[] = {
    {"K", "KiB"},   {"M", "MiB"},   {"G", "GiB"},   {"KB", "KiB"},   {"MB", "MiB"},  {"GB", "GiB"},
    {"KiB", "KiB"}, {"MiB", "MiB"}, {"GiB", "GiB"}, {"bytes", NULL}, {"byte", NULL}, {"B", NULL},
};

static bool is_word(const Token *t, const char *word)
{
    return t->span.len == strlen(word) && strncasecmp(t->text, word, t->span.len) == 0;
}

static bool is_exactly(const Token *t, const char *word)
{
    return t->span.len == strlen(word) && strncmp(t->text, word, t->span.len) == 0;
}

// `64 MB`, `64 kib`, `1.5 KiB`
static bool help_unit(Diag *d, const Token *t)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const char *meant = units[i].meant;
        if (!is_word(t, units[i].written))
            continue;
        if (meant && !is_exactly(t, meant))
            diag_help(d, "did you mean `%s`?", meant);
        diag_help(d, "a size is a whole number of bytes, KiB, MiB or GiB: `1536`, `64 KiB`");
        return true;
    }
    return false;
}

// `x = if c { a }`, `repaet 3 {`
static bool is_unexpected(const Mistake *m)
{
    Diag *d = diag_report(m->diags, DIAG_unexpected_token, m->found.span, expected_text(m),
                          found_text(m));
    const Token first = m->parser->first;
    Name near = nearest_word(m, first, TOKEN_STATEMENT);
    if (m->id == T_OPEN_BLOCK && m->expected[T_THEN])
        diag_help(d, "in an expression: `if condition then a else b`");
    else if (!help_unit(d, &m->found) && near && m->parser->before.span.pos == first.span.pos)
        diag_help(d, "did you mean `%s`?", near);
    return true;
}

static bool (*const mistakes[])(const Mistake *) = {
    is_bracket_left_open,  is_misplaced_else,       is_unknown_item,
    is_reserved_word,      is_misplaced_assignment, is_misplaced_comparison,
    is_chained_comparison, is_misplaced_item,       is_early_end,
    is_unexpected,
};

void report_syntax_error(Parser *p, const bool expected[T_COUNT])
{
    const Token found = p->found;
    const Mistake m = {p, p->env->diags, found, token_id(found.kind), expected};
    p->failed = true;
    // A token that mends brackets comes with a message of its own.
    const bool told = found.mended || p->lexer.stopped;
    for (size_t i = 0; !told && !mistakes[i](&m); i++)
        ;
    lexer_recover(&p->lexer, found);
}

// --- tokens that are none ---------------------------------------------------------------------

typedef struct Confusion {
    const char *text;
    const char *help;
} Confusion;

static const Confusion confusions[] = {
    {"&&", "write `and`"},
    {"||", "write `or`"},
    {"!", "write `not`"},
    {"**", "a power is written with `^`"},
    {"'", "a string stands in double quotes"},
    {"\u201c", "a string stands in straight double quotes"},
    {"\u201d", "a string stands in straight double quotes"},
    {"\u2212", "a minus is written `-`"},
    {"\u00d7", "a product is written with `*`"},
    {"\u2264", "write `<=`"},
    {"\u2265", "write `>=`"},
    {"\u2260", "write `!=`"},
};

static void report_character(Parser *p, Token token)
{
    // All of a string in single quotes is found, and one of the quotes is what is wrong.
    const uint32_t shown = token.text[0] == '\'' ? 1 : token.span.len;
    const char *text = arena_strndup(p->env->arena, token.text, shown);
    Diag *d = diag_report(p->env->diags, DIAG_unexpected_character, token.span, text);
    for (size_t i = 0; i < sizeof confusions / sizeof *confusions; i++)
        if (strcmp(confusions[i].text, text) == 0)
            diag_help(d, "%s", confusions[i].help);
}

static void report_number(Parser *p, Token token)
{
    const int shown = token.span.len < SHOWN_TOKEN_BYTES ? (int)token.span.len : SHOWN_TOKEN_BYTES;
    Diag *d = diag_report(p->env->diags, DIAG_invalid_number, token.span,
                          arena_printf(p->env->arena, "%.*s", shown, token.text));
    if (token.text[0] == '.' || token.text[token.span.len - 1] == '.')
        diag_help(d, "digits stand on both sides of the point: `0.5`, `1.0`");
    else
        diag_help(d, "numbers are written `12`, `1_000`, `0.5`, `1e-3`, `64 KiB`");
}

void report_bad_token(Parser *p, Token token)
{
    if (token.kind == SCAN_BAD_CHARACTER)
        report_character(p, token);
    else if (token.kind == SCAN_BAD_NUMBER)
        report_number(p, token);
    else
        diag_help(diag_report(p->env->diags, DIAG_unterminated_string, token.span),
                  "close it with `\"`; a newline in it is written `\\n`");
}
