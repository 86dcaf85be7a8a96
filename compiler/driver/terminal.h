// terminal.h -- what a stream can show: colour, redrawing, how wide, which characters.

#ifndef NNC_TERMINAL_H
#define NNC_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct Terminal {
    FILE *out;
    bool tty;      // lines can be drawn again
    bool color;    // escapes are welcome
    bool unicode;  // the locale's characters are UTF-8
    int width;     // cells in a line; 80 where nobody knows
} Terminal;

typedef enum Style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD } Style;

// `when` is "auto", "always" or "never". Auto asks, in this order: NO_COLOR, FORCE_COLOR or
// CLICOLOR_FORCE, CLICOLOR=0, TERM=dumb, and whether `out` is a terminal.
Terminal terminal_of(FILE *out, const char *when);

// The escapes that begin and end a style; "" without colour.
const char *style_on(const Terminal *t, Style style);
const char *style_off(const Terminal *t, Style style);

#endif
