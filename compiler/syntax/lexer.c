// lexer.c -- ends of statements, brackets, words that start an item.
//
//   model m {           MODEL NAME {
//       dense(10,           NAME ( INT ,
//             20)                  INT ) END         no end inside ( )
//       relu                NAME END
//   }                   }

#include "syntax/lexer.h"

#include <string.h>

#include "grammar.tab.h"
#include "syntax/encoding.h"
#include "syntax/tokens.h"

// How far a search for a closing bracket goes, so that many mistakes in a large file stay cheap.
enum { LOOK_AHEAD_TOKENS = 4000 };

void lexer_init(Lexer *lx, const Source *source, Diags *diags, int start)
{
    const size_t mark = byte_order_mark_size(source->text, source->size);
    const unsigned char *text = (const unsigned char *)source->text;
    *lx = (Lexer){
        .source = source,
        .diags = diags,
        .scan = {text + mark, text + source->size, text},
        .last = start,
        .last_span = {source->base + (uint32_t)mark, 0},
        .close_to = -1,
    };
}

// --- tokens -----------------------------------------------------------------------------------

static Span span_of(const Lexer *lx, const unsigned char *start, const unsigned char *end)
{
    const size_t offset = (size_t)(start - (const unsigned char *)lx->source->text);
    return (Span){lx->source->base + (uint32_t)offset, (uint32_t)(end - start)};
}

static Token take(Lexer *lx, int kind)
{
    lx->last = kind;
    lx->last_span = span_of(lx, lx->scan.start, lx->scan.cursor);
    return (Token){.kind = kind, .span = lx->last_span, .text = (const char *)lx->scan.start};
}

// A token that is not in the text, right after the last one.
static Token mend(Lexer *lx, int kind)
{
    lx->last = kind;
    lx->last_span = (Span){lx->last_span.pos + lx->last_span.len, 0};
    return (Token){.kind = kind, .span = lx->last_span, .text = "", .mended = true};
}

static bool is_statement_start(const Lexer *lx)
{
    return lx->last == TOK_END || lx->last == TOK_OPEN_BLOCK || lx->last == TOK_START_FILE;
}

static bool is_first_on_line(const Lexer *lx, const unsigned char *start)
{
    return start == (const unsigned char *)lx->source->text || start[-1] == '\n';
}

// --- brackets ---------------------------------------------------------------------------------

static int closer_of(int open)
{
    switch (open) {
    case TOK_OPEN_PAREN:
        return TOK_CLOSE_PAREN;
    case TOK_OPEN_LIST:
        return TOK_CLOSE_LIST;
    default:
        return TOK_CLOSE_BLOCK;
    }
}

static bool is_opener(int kind)
{
    return kind == TOK_OPEN_PAREN || kind == TOK_OPEN_LIST || kind == TOK_OPEN_BLOCK;
}

static bool is_closer(int kind)
{
    return kind == TOK_CLOSE_PAREN || kind == TOK_CLOSE_LIST || kind == TOK_CLOSE_BLOCK;
}

static bool inside_parens(const Lexer *lx)
{
    return lx->depth > 0 && lx->open[lx->depth - 1].kind != TOK_OPEN_BLOCK;
}

void lexer_stop(Lexer *lx, Span span)
{
    if (lx->diags && !lx->stopped)
        diag_report(lx->diags, DIAG_nesting_too_deep, span, PARSE_MAX_DEPTH);
    lx->stopped = true;
    lx->depth = 0;
    lx->close_to = -1;
    lx->scan.cursor = lx->scan.limit;
}

static void report_unclosed(Lexer *lx, Span at)
{
    const Bracket *b = &lx->open[lx->depth - 1];
    lx->mistaken = true;
    if (!lx->diags || lx->recovering)
        return;
    const char *closer = token_rows[token_id(closer_of(b->kind))].text;
    const bool block = b->kind == TOK_OPEN_BLOCK;
    Diag *d = diag_report(lx->diags, block ? DIAG_unclosed_block : DIAG_unclosed_bracket, at,
                          closer, token_rows[token_id(b->kind)].text);
    diag_label(d, "`%s` is missing %s", closer, at.len ? "before this" : "here");
    diag_note(d, b->span, "opened here");
}

static Token open_bracket(Lexer *lx, int kind)
{
    const Token token = take(lx, kind);
    if (lx->depth == PARSE_MAX_DEPTH) {
        lexer_stop(lx, token.span);
        return (Token){.kind = TOK_YYEOF, .span = token.span, .text = "", .mended = true};
    }
    lx->open[lx->depth++] = (Bracket){kind, token.span};
    return token;
}

// Depth of the bracket that `closer` closes, brackets left open above it; 0 when there is none.
// A `)` or `]` does not reach beyond the innermost block.
static int depth_closed_by(const Lexer *lx, int closer)
{
    for (int depth = lx->depth; depth > 0; depth--) {
        const int open = lx->open[depth - 1].kind;
        if (closer_of(open) == closer)
            return depth;
        if (open == TOK_OPEN_BLOCK)
            return 0;
    }
    return 0;
}

static void report_unmatched(Lexer *lx, int kind)
{
    lx->mistaken = true;
    if (!lx->diags || lx->recovering)
        return;
    const Span span = span_of(lx, lx->scan.start, lx->scan.cursor);
    Diag *d = diag_report(lx->diags, DIAG_unmatched_bracket, span, token_rows[token_id(kind)].text);
    diag_label(d, "nothing is open here");
}

// Takes a closing bracket; false when there is nothing to give to the parser yet, because the
// bracket was passed over or because others have to be closed before it.
static bool close_bracket(Lexer *lx, int kind, Token *token)
{
    const int depth = depth_closed_by(lx, kind);
    if (depth && depth == lx->depth) {
        lx->depth--;
        *token = take(lx, kind);
        return true;
    }
    const Span span = span_of(lx, lx->scan.start, lx->scan.cursor);
    if (depth) {
        report_unclosed(lx, span);
        lx->close_to = depth;
        lx->scan.cursor = lx->scan.start;
        return false;
    }
    if (!inside_parens(lx) || kind == TOK_CLOSE_BLOCK) {
        report_unmatched(lx, kind);
        return false;
    }
    // `[1, 2)`: the wrong one of a pair.
    report_unclosed(lx, span);
    *token = take(lx, closer_of(lx->open[--lx->depth].kind));
    return true;
}

// The next of the brackets to be closed by mending; the end of the statement after the last one.
static Token close_by_mending(Lexer *lx)
{
    if (lx->depth > lx->close_to)
        return mend(lx, closer_of(lx->open[--lx->depth].kind));
    lx->close_to = -1;
    lx->pending_end = false;
    return mend(lx, TOK_END);
}

static void mend_all(Lexer *lx, Span at)
{
    report_unclosed(lx, at);
    lx->close_to = 0;
    lx->pending_end = true;
}

// --- words ------------------------------------------------------------------------------------

// Whether the word just read, first on its line and without indentation, can only start an item:
// `model m`, `use "x"`, `train {`; of a layer also the parenthesis, for `layer a = dense(1)` is a
// statement.
static bool starts_item_for_sure(const Lexer *lx, TokenId id)
{
    if (!is_first_on_line(lx, lx->scan.start))
        return false;
    Scan ahead = lx->scan;
    const int next = scan_token(&ahead);
    const size_t size = (size_t)(ahead.cursor - ahead.start);
    if (next == TOK_NAME && token_of_word((const char *)ahead.start, size, TOKEN_WORD) != T_COUNT)
        return false;
    if (id == T_LAYER)
        return next == TOK_NAME && scan_token(&ahead) == TOK_OPEN_PAREN;
    return next == TOK_NAME || next == TOK_STRING || next == TOK_OPEN_BLOCK;
}

static int word_kind(const Lexer *lx, TokenId id)
{
    if (id == T_COUNT)
        return TOK_NAME;
    const bool item_place = lx->depth == 0 && is_statement_start(lx);
    const bool reserved = token_rows[id].flags & TOKEN_WORD;
    return reserved || item_place ? token_rows[id].token : TOK_NAME;
}

// An item starts where the statement before it should go on: lets the parser see the end first.
static Token end_before_item(Lexer *lx)
{
    lx->scan.cursor = lx->scan.start;
    Token end = mend(lx, TOK_END);
    end.mended = false;  // the parser is to complain
    return end;
}

// Takes a word; false when blocks have to be closed before it, because it starts an item.
static bool take_word(Lexer *lx, Token *token)
{
    const char *s = (const char *)lx->scan.start;
    const size_t size = (size_t)(lx->scan.cursor - lx->scan.start);
    const TokenId id = token_of_word(s, size, TOKEN_WORD | TOKEN_ITEM);
    const bool item = id != T_COUNT && (token_rows[id].flags & TOKEN_ITEM);
    if (item && lx->depth > 0 && starts_item_for_sure(lx, id)) {
        mend_all(lx, span_of(lx, lx->scan.start, lx->scan.cursor));
        lx->scan.cursor = lx->scan.start;
        return false;
    }
    if (item && !is_statement_start(lx) && starts_item_for_sure(lx, id)) {
        *token = end_before_item(lx);
        return true;
    }
    const bool documented = item && lx->depth == 0 && is_statement_start(lx);
    *token = take(lx, word_kind(lx, id));
    if (documented && lx->lines_after_doc == 1)
        token->doc = lx->doc;
    return true;
}

// --- lines ------------------------------------------------------------------------------------

static void note_doc(Lexer *lx)
{
    const Span span = span_of(lx, lx->scan.start, lx->scan.cursor);
    if (!is_statement_start(lx))
        return;  // behind a statement: an ordinary comment
    lx->doc = lx->lines_after_doc == 1 ? span_join(lx->doc, span) : span;
    lx->lines_after_doc = 0;
}

static bool line_goes_on(const Lexer *lx)
{
    const TokenId id = token_id(lx->last);
    return inside_parens(lx) || (id != T_COUNT && (token_rows[id].flags & TOKEN_CONTINUES));
}

// Whether the newline or semicolon just read ends a statement.
static bool ends_statement(Lexer *lx, int scanned)
{
    lx->lines_after_doc += scanned == SCAN_NEWLINE;
    if (is_statement_start(lx) || lx->last == TOK_START_EXPR)
        return false;
    return scanned == SCAN_SEMICOLON || !line_goes_on(lx);
}

static bool take_end_of_file(Lexer *lx, Token *token)
{
    // Where a reader looks for what is missing: after the last word, not lines below it.
    const Span end = {lx->last_span.pos + (lx->last == TOK_END ? 0 : lx->last_span.len), 0};
    if (lx->depth > 0) {
        mend_all(lx, end);
        return false;
    }
    *token = take(lx, TOK_YYEOF);
    token->span = end;
    return true;
}

static bool take_scanned(Lexer *lx, int scanned, Token *token)
{
    switch (scanned) {
    case SCAN_DOC:
        note_doc(lx);
        return false;
    case SCAN_NEWLINE:
    case SCAN_SEMICOLON:
        if (!ends_statement(lx, scanned))
            return false;
        lx->recovering = false;
        *token = take(lx, TOK_END);
        return true;
    case TOK_YYEOF:
        return take_end_of_file(lx, token);
    case TOK_NAME:
        return take_word(lx, token);
    default:
        break;
    }
    if (is_closer(scanned))
        return close_bracket(lx, scanned, token);
    *token = is_opener(scanned) ? open_bracket(lx, scanned) : take(lx, scanned);
    return true;
}

Token lexer_next(Lexer *lx)
{
    Token token;
    for (;;) {
        if (lx->close_to >= 0 && (lx->depth > lx->close_to || lx->pending_end))
            return close_by_mending(lx);
        lx->close_to = -1;
        if (lx->pending_end) {
            lx->pending_end = false;
            lx->recovering = false;
            return mend(lx, TOK_END);
        }
        if (take_scanned(lx, scan_token(&lx->scan), &token))
            return token;
    }
}

// --- after a syntax error ---------------------------------------------------------------------

const Bracket *lexer_bracket(const Lexer *lx, Token found)
{
    const int depth = lx->depth - (is_opener(found.kind) && !found.mended);
    return depth > 0 ? &lx->open[depth - 1] : NULL;
}

bool lexer_closes(const Lexer *lx)
{
    Lexer ahead = *lx;
    ahead.diags = NULL;
    ahead.mistaken = false;
    for (int i = 0; i < LOOK_AHEAD_TOKENS && !ahead.mistaken && !ahead.stopped; i++) {
        const int kind = lexer_next(&ahead).kind;
        if (ahead.depth < lx->depth && !ahead.mistaken)
            return true;
        if (kind == TOK_YYEOF)
            break;
    }
    return false;
}

bool lexer_is_first_on_line(const Lexer *lx, Token found)
{
    const char *s = found.text;
    if (found.mended || found.kind == TOK_END)
        return false;
    while (s > lx->source->text && (s[-1] == ' ' || s[-1] == '\t'))
        s--;
    return s > lx->source->text && s[-1] == '\n';
}

void lexer_recover(Lexer *lx, Token found)
{
    lx->recovering = found.kind != TOK_END;
    if (!inside_parens(lx) || lexer_closes(lx))
        return;
    const Bracket *before = lexer_bracket(lx, found);
    const bool goes_on = before && before->kind != TOK_OPEN_BLOCK;
    while (inside_parens(lx))
        lx->depth--;
    if (!goes_on || !lexer_is_first_on_line(lx, found))
        return;
    // The token stands in the next statement: read it again after an end.
    lx->scan.cursor = (const unsigned char *)found.text;
    lx->pending_end = true;
}

bool lexer_is_incomplete(Lexer *lx)
{
    int last;
    do {
        last = lx->last;
        lexer_next(lx);
    } while (lx->last != TOK_YYEOF && !lx->mistaken && !lx->stopped);
    const bool at_end = lx->scan.cursor == lx->scan.limit;
    if (lx->mistaken)
        return at_end && lx->close_to >= 0;
    const TokenId id = token_id(last);
    return id != T_COUNT && (token_rows[id].flags & TOKEN_CONTINUES);
}
