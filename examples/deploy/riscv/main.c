// main.c -- anomaly detection on RISC-V: how badly an autoencoder reproduces what it hears.
//
// It was trained on made-up numbers between -1 and 1; louder ones are strange to it. A recording's
// log-mel energies take their place where there are some.

#include <stdint.h>
#include <stdio.h>

#define ANOMALY_AUTOENCODER_IMPLEMENTATION
#define ANOMALY_AUTOENCODER_STATIC_ARENA
#include <anomaly_autoencoder.h>  // of the build at hand (-I), not what stands beside this file

enum { SIZE = ANOMALY_AUTOENCODER_FRAMES_SIZE };

static void hear(float *frames, float loudness)
{
    uint32_t state = 1;
    for (int i = 0; i < SIZE; i++) {
        state = state * 1664525u + 1013904223u;
        frames[i] = loudness * ((float)(state >> 8) / 8388608.0f - 1.0f);
    }
}

static double score(const float *frames)
{
    static float again[SIZE];
    double sum = 0;
    anomaly_autoencoder_predict_static(frames, again);
    for (int i = 0; i < SIZE; i++)
        sum += (double)(frames[i] - again[i]) * (double)(frames[i] - again[i]);
    return sum / SIZE;
}

int main(void)
{
    static float frames[SIZE];
    hear(frames, 1.0f);
    const double usual = score(frames);
    hear(frames, 3.0f);
    const double strange = score(frames);
    printf("as in the training: %.3f\nstrange: %.3f\n", usual, strange);
    return strange > usual ? 0 : 1;
}
