// trigram.c -- what a trigram model makes of the text that the character models learn: the mean
// negative log-likelihood of each character of the last tenth, in nats, from counts of the rest.
//
//   trigram FILE [BOUND]     prints it; with BOUND exits 1 unless BOUND is lower
//
// The probability of c after a, b is interpolated with that after b and that of c alone (Witten &
// Bell's form with constant weights, the best of a few tried): p3 = (n(abc) + k3 p2) / (n(ab) +
// k3).

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LETTERS = 128 };

static const double K3 = 10, K2 = 5;

static double one[LETTERS], two[LETTERS][LETTERS], three[LETTERS][LETTERS][LETTERS];

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    static unsigned char text[1 << 20];
    *size = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t i = 0; i < *size; i++)
        text[i] &= LETTERS - 1;
    return text;
}

static void count(const unsigned char *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        one[t[i]]++;
        if (i >= 1)
            two[t[i - 1]][t[i]]++;
        if (i >= 2)
            three[t[i - 2]][t[i - 1]][t[i]]++;
    }
}

static double probability(int a, int b, int c, size_t n)
{
    const double p1 = (one[c] + 1) / ((double)n + (double)LETTERS);
    const double p2 = (two[b][c] + K2 * p1) / (one[b] + K2);
    return (three[a][b][c] + K3 * p2) / (two[a][b] + K3);
}

int main(int argc, char **argv)
{
    size_t size = 0;
    const unsigned char *t = argc > 1 ? read_file(argv[1], &size) : NULL;
    if (!t || size < 100) {
        fprintf(stderr, "usage: trigram FILE [BOUND]\n");
        return 2;
    }
    const size_t n = size - size / 10;
    double sum = 0;
    count(t, n);
    for (size_t i = n; i < size; i++)
        sum -= log(probability(t[i - 2], t[i - 1], t[i], n));
    const double loss = sum / (double)(size - n);
    printf("trigram loss %.4f\n", loss);
    return argc > 2 && !(atof(argv[2]) < loss);
}
