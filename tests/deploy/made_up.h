// made_up.h -- inputs of any model and what becomes of its outputs, for the programs of host.sh.

#include <stdint.h>
#include <stdio.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define FILL(array)                        \
    for (int i = 0; i < COUNT(array); i++) \
    (array)[i] = (float)(i * 37 % 101) / 50 - 1
#define FILL_INDICES(array)                \
    for (int i = 0; i < COUNT(array); i++) \
    (array)[i] = i * 7 % 23
// A number a line, or with an argument of the program as f32.
#define SHOW(array)                        \
    for (int i = 0; i < COUNT(array); i++) \
    show((float)(array)[i], argc > 1)

static void show(float x, int raw)
{
    if (raw)
        fwrite(&x, sizeof x, 1, stdout);
    else
        printf("%.9g\n", (double)x);
}
