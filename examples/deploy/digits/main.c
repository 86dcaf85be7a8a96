// main.c -- reads tables of digits, as examples/data/digits.csv is one, and says what they are.

#include <stdio.h>

#define DIGITS_IMPLEMENTATION
#define DIGITS_STATIC_ARENA
#include <digits.h>  // of the build at hand (-I), not what stands beside this file

static int largest(const float *values, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        best = values[i] > values[best] ? i : best;
    return best;
}

int main(void)
{
    float pixels[DIGITS_PIXELS_SIZE], output[DIGITS_OUTPUT_SIZE];
    int count = 0, right = 0, digit, read = 0;
    scanf("%*[^\n]");  // the names of the columns
    for (;;) {
        for (read = 0; read < DIGITS_PIXELS_SIZE; read++)
            if (scanf("%f,", &pixels[read]) != 1)
                break;
        if (read < DIGITS_PIXELS_SIZE || scanf("%d", &digit) != 1)
            break;
        digits_predict_static(pixels, output);
        const int found = largest(output, DIGITS_OUTPUT_SIZE);
        if (count < 10)
            printf("a %d: %s, %.3f\n", digit, digits_classes[found], (double)output[found]);
        right += found == digit;
        count++;
    }
    printf("%d of %d are right\n", right, count);
    return count > 0 ? 0 : 1;
}
