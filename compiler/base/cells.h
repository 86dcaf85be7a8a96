// cells.h -- text as a terminal shows it: how many cells it fills, with nothing hidden in it.

#ifndef NNC_CELLS_H
#define NNC_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Writes `n` bytes of UTF-8 to `out` (which may be NULL: only count) so that they are safe to show:
// tabs become spaces up to the next multiple of four, control and bidirectional characters and
// bytes that are no UTF-8 become visible escapes. Returns the cells that were filled; a grapheme
// (an accented letter, a flag, a family) counts as what one is shown as.
size_t cells_show(FILE *out, const char *s, size_t n);

// The character that `s` begins with, and its bytes in *size; -1, and 1, when it is no UTF-8.
int32_t utf8_decode(const char *s, size_t n, size_t *size);
// Writes the character to `out`; returns its bytes, 0 when there is no such character.
size_t utf8_encode(char out[4], int32_t c);

// Whether the character reorders the text around it for the eye, but not for a compiler.
bool is_bidi_control(int32_t c);

#endif
