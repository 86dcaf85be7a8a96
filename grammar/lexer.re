// lexer.re -- the next token of a text, whatever stands around it.
//
// Reentrant and without memory of its own: all state is the Scan. Where statements end, and which
// words start an item, depends on what came before; syntax/lexer.c decides that. The text has
// passed check_encoding: it is UTF-8 without control characters, so a byte of 0x80 and above is
// part of a comment, of a string, or a character that the language has no use for.

#include "syntax/scan.h"

#include "grammar.tab.h"

/*!re2c
    re2c:api:style             = free-form;
    re2c:define:YYCTYPE        = "unsigned char";
    re2c:define:YYCURSOR       = cursor;
    re2c:define:YYMARKER       = marker;
    re2c:define:YYLIMIT        = limit;
    re2c:yyfill:enable         = 0;
    re2c:eof                   = 0;

    digits  = [0-9] ("_"? [0-9])*;
    exp     = [eE] [+-]? [0-9]+;
    word    = [A-Za-z_] [A-Za-z0-9_]*;
    newline = "\r"? "\n";
    char    = [^"\\\r\n] | "\\" [^\r\n];
*/

static int found(Scan *s, const unsigned char *start, const unsigned char *cursor, int token)
{
    s->start = start;
    s->cursor = cursor;
    return token;
}

int scan_token(Scan *s)
{
    const unsigned char *cursor = s->cursor, *marker = cursor, *start;
    const unsigned char *const limit = s->limit;

#define FOUND(token) return found(s, start, cursor, (token))
#define TOKEN(id) return found(s, start, cursor, TOK_##id)
    for (;;) {
        start = cursor;
        /*!re2c
            [ \t]+                      { continue; }
            "##" [^#\r\n] [^\r\n]*      { FOUND(SCAN_DOC); }
            "##"                        { FOUND(SCAN_DOC); }
            "###" [^\r\n]*              { continue; }
            "#" [^#\r\n] [^\r\n]*       { continue; }
            "#"                         { continue; }
            newline                     { FOUND(SCAN_NEWLINE); }
            ";"                         { FOUND(SCAN_SEMICOLON); }
            $                           { FOUND(TOK_YYEOF); }

            word                        { TOKEN(NAME); }
            digits                      { TOKEN(INT); }
            digits [ \t]* [KM] "iB"     { TOKEN(INT); }
            digits "." digits exp?      { TOKEN(REAL); }
            digits exp                  { TOKEN(REAL); }
            digits "." / [^.0-9]        { FOUND(SCAN_BAD_NUMBER); }
            "." digits exp?             { FOUND(SCAN_BAD_NUMBER); }
            digits ("." digits exp?)? [A-Za-z_][A-Za-z0-9_]*
                                        { FOUND(SCAN_BAD_NUMBER); }
            ["] char* ["]               { TOKEN(STRING); }
            ["] char* "\\"?             { FOUND(SCAN_OPEN_STRING); }

            "<-"                        { TOKEN(ARROW); }
            "=="                        { TOKEN(EQ); }
            "!="                        { TOKEN(NE); }
            "<="                        { TOKEN(LE); }
            ">="                        { TOKEN(GE); }
            ".."                        { TOKEN(RANGE); }
            "="                         { TOKEN(ASSIGN); }
            "<"                         { TOKEN(LT); }
            ">"                         { TOKEN(GT); }
            "+"                         { TOKEN(PLUS); }
            "-"                         { TOKEN(MINUS); }
            "*"                         { TOKEN(STAR); }
            "/"                         { TOKEN(SLASH); }
            "%"                         { TOKEN(PERCENT); }
            "@"                         { TOKEN(AT); }
            "^"                         { TOKEN(CARET); }
            "."                         { TOKEN(DOT); }
            ","                         { TOKEN(COMMA); }
            ":"                         { TOKEN(COLON); }
            "("                         { TOKEN(OPEN_PAREN); }
            ")"                         { TOKEN(CLOSE_PAREN); }
            "["                         { TOKEN(OPEN_LIST); }
            "]"                         { TOKEN(CLOSE_LIST); }
            "{"                         { TOKEN(OPEN_BLOCK); }
            "}"                         { TOKEN(CLOSE_BLOCK); }

            "'" [^'\r\n]* "'"           { FOUND(SCAN_BAD_CHARACTER); }
            "&&" | "||" | "**"          { FOUND(SCAN_BAD_CHARACTER); }
            [\x01-\x7f]                 { FOUND(SCAN_BAD_CHARACTER); }
            [\x80-\xff] [\x80-\xbf]*    { FOUND(SCAN_BAD_CHARACTER); }
            *                           { FOUND(SCAN_BAD_CHARACTER); }
        */
    }
}
