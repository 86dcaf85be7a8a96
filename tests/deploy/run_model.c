// run_model.c -- a header's model (or an object's), run on all examples of the file `inputs`; what
// it gives goes to `outputs`. Compiled with
//
//   -D MODEL=digits -D CAPITALS=DIGITS -D INPUT=PIXELS -I FOLDER     of its model.h
//
// for a header with -D DIGITS_IMPLEMENTATION, and with -D WHOLE for predict_i8. Files are the
// board's: board_stdio.c where there is a C library, else semihosting.

#include "board.h"
#include "model.h"

#define JOIN(a, b) a##_##b
#define NAME(a, b) JOIN(a, b)

#ifdef WHOLE
typedef int8_t Number;
#define RUN NAME(MODEL, predict_i8)
#else
typedef float Number;
#define RUN NAME(MODEL, predict)
#endif

static float arena[NAME(CAPITALS, ARENA_FLOATS)];
static Number input[NAME(NAME(CAPITALS, INPUT), SIZE)];
static Number output[NAME(CAPITALS, OUTPUT_SIZE)];

int main(void)
{
    const int from = board_open("inputs", false), to = board_open("outputs", true);
    if (from < 0 || to < 0)
        board_exit(false);
    while (board_read(from, input, sizeof input)) {
        RUN(arena, input, output);
        if (!board_write(to, output, sizeof output))
            board_exit(false);
    }
    board_exit(true);
}
