// run_model.c -- a header's model (or an object's), run on all examples of the file `inputs`; what
// it gives goes to `outputs`. Compiled with
//
//   -D MODEL=digits -D CAPITALS=DIGITS -D INPUT=PIXELS -I FOLDER     of its model.h
//
// and for a header with -D DIGITS_IMPLEMENTATION. Files are the board's: board_stdio.c where there
// is a C library, else semihosting.

#include "board.h"
#include "model.h"

#define JOIN(a, b) a##_##b
#define NAME(a, b) JOIN(a, b)

static float arena[NAME(CAPITALS, ARENA_FLOATS)];
static float input[NAME(NAME(CAPITALS, INPUT), SIZE)];
static float output[NAME(CAPITALS, OUTPUT_SIZE)];

int main(void)
{
    const int from = board_open("inputs", false), to = board_open("outputs", true);
    if (from < 0 || to < 0)
        board_exit(false);
    while (board_read(from, input, sizeof input)) {
        NAME(MODEL, predict)(arena, input, output);
        if (!board_write(to, output, sizeof output))
            board_exit(false);
    }
    board_exit(true);
}
