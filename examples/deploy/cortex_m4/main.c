// main.c -- keyword spotting on a Cortex-M4: three made-up seconds of sound, and which of twelve
// words each of them is.
//
// A real board computes the 49 x 10 MFCC from its microphone. The weights here are of a training on
// made-up data, so that the words mean nothing; the work is that of the real ones.

#include "board.h"

#define KWS_DS_CNN_IMPLEMENTATION
#include <kws_ds_cnn.h>  // of the build at hand (-I), not what stands beside this file

enum { SECONDS = 3 };

static float arena[KWS_DS_CNN_ARENA_FLOATS];
static float mfcc[KWS_DS_CNN_MFCC_SIZE];
static float words[KWS_DS_CNN_OUTPUT_SIZE];

static void listen(uint32_t second)
{
    uint32_t state = second + 1;
    for (int i = 0; i < KWS_DS_CNN_MFCC_SIZE; i++) {
        state = state * 1664525u + 1013904223u;
        mfcc[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}

static int likeliest(void)
{
    int best = 0;
    for (int i = 1; i < KWS_DS_CNN_OUTPUT_SIZE; i++)
        best = words[i] > words[best] ? i : best;
    return best;
}

static void say_percent(float share)
{
    char text[] = "   %\n";
    int percent = (int)(share * 100.0f + 0.5f);
    for (int at = 2; at == 2 || percent > 0; at--, percent /= 10)
        text[at] = (char)('0' + percent % 10);
    board_text(text);
}

int main(void)
{
    for (uint32_t second = 0; second < SECONDS; second++) {
        listen(second);
        kws_ds_cnn_predict(arena, mfcc, words);
        const int word = likeliest();
        board_text(kws_ds_cnn_classes[word]);
        say_percent(words[word]);
    }
    return 0;
}
