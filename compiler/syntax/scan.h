// scan.h -- tokens, and the scanner that re2c makes from grammar/lexer.re.

#ifndef NNC_SCAN_H
#define NNC_SCAN_H

// What the scanner finds beside the tokens of the grammar, whose numbers (TOK_NAME, ...) are
// positive.
enum {
    SCAN_NEWLINE = -1,
    SCAN_SEMICOLON = -2,
    SCAN_DOC = -3,            // a `##` line
    SCAN_BAD_NUMBER = -4,     // 1. or .5 or 12abc
    SCAN_OPEN_STRING = -5,    // a string that the line ends in
    SCAN_BAD_CHARACTER = -6,  // a character that the language has no use for
};

// A place in a text. Copying it is looking ahead.
typedef struct Scan {
    const unsigned char *cursor;  // the next byte to read
    const unsigned char *limit;   // the text's end, where a NUL stands
    const unsigned char *start;   // the token found last
} Scan;

// Moves past the next token, from `start` to `cursor`; returns its number. Spaces and comments are
// passed over; words are all TOK_NAME.
int scan_token(Scan *s);

#endif
