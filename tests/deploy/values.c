// values.c -- inputs for models on other machines, and whether their outputs are nnc's.
//
//   values make FILE.npy FILE.raw COUNT DIM...   COUNT examples of [DIM, ...] between -1 and 1
//   values raw FILE.csv FILE.raw                 a table's numbers, as f32
//   values compare PREDICTIONS.csv OUTPUTS.raw COLUMNS COUNT TOLERANCE
//
// Predictions are those of `nnc --predict`, of which the last COLUMNS numbers of a line are the
// outputs. All f32 are little-endian, as on every machine here.

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 1024, LINE = 32 * MOST_COLUMNS };

static FILE *open_file(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);
    if (!f) {
        perror(path);
        exit(2);
    }
    return f;
}

static int close_file(FILE *f)
{
    const int failed = ferror(f);
    return fclose(f) || failed;
}

// --- inputs -------------------------------------------------------------------------------------

static void write_npy_head(FILE *f, char **dims, int count)
{
    char head[256] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    for (int i = 0; i < count; i++) {
        strcat(head, dims[i]);
        strcat(head, i < count - 1 ? ", " : "), }");
    }
    const int pad = 63 - (int)(10 + strlen(head)) % 64;
    const int size = (int)strlen(head) + pad + 1;
    fwrite("\x93NUMPY\x01\x00", 1, 8, f);
    fputc(size & 255, f);
    fputc(size >> 8, f);
    fprintf(f, "%s%*s\n", head, pad, "");
}

static int make(const char *npy_path, const char *raw_path, char **dims, int count)
{
    FILE *npy = open_file(npy_path, "wb"), *raw = open_file(raw_path, "wb");
    long total = 1;
    uint32_t state = 1;
    write_npy_head(npy, dims, count);
    for (int i = 0; i < count; i++)
        total *= strtol(dims[i], NULL, 10);
    for (long i = 0; i < total; i++) {
        state = state * 1664525U + 1013904223U;  // Numerical Recipes
        const float x = (float)(state >> 8) / (float)(1 << 23) - 1;
        fwrite(&x, sizeof x, 1, npy);
        fwrite(&x, sizeof x, 1, raw);
    }
    return close_file(npy) | close_file(raw);
}

// The numbers of a line; what is no number, as in a head, is NaN.
static int numbers_of(char *line, double *numbers)
{
    int count = 0;
    for (char *cell = strtok(line, ",\n"); cell; cell = strtok(NULL, ",\n")) {
        char *end;
        const double x = strtod(cell, &end);
        if (count < MOST_COLUMNS)
            numbers[count++] = end == cell ? NAN : x;
    }
    return count;
}

static int to_raw(const char *csv_path, const char *raw_path)
{
    static char line[LINE];
    static double numbers[MOST_COLUMNS];
    FILE *csv = open_file(csv_path, "r"), *raw = open_file(raw_path, "wb");
    while (fgets(line, sizeof line, csv)) {
        const int count = numbers_of(line, numbers);
        for (int i = 0; i < count && !isnan(numbers[0]); i++) {
            const float x = (float)numbers[i];
            fwrite(&x, sizeof x, 1, raw);
        }
    }
    return close_file(csv) | close_file(raw);
}

// --- outputs ------------------------------------------------------------------------------------

static int compare(const char *csv_path, const char *raw_path, int columns, int wanted,
                   double tolerance)
{
    static char line[LINE];
    static double numbers[MOST_COLUMNS + 1];
    FILE *csv = open_file(csv_path, "r"), *raw = open_file(raw_path, "rb");
    double largest = 0, magnitude = 0;
    int examples = 0;
    float x;
    if (!fgets(line, sizeof line, csv))  // the head
        return 1;
    while (fgets(line, sizeof line, csv)) {
        const int count = numbers_of(line, numbers);
        for (int i = 0; i < columns; i++) {
            if (count < columns || fread(&x, sizeof x, 1, raw) != 1)
                return printf("%s: too few numbers\n", count < columns ? csv_path : raw_path), 1;
            const double y = numbers[count - columns + i];
            const double off = fabs((double)x - y);
            largest = off <= largest ? largest : off;  // NaN stays
            magnitude = fmax(magnitude, fabs(y));
        }
        examples++;
    }
    const int more = fread(&x, sizeof x, 1, raw) == 1;
    const double relative = magnitude > 0 ? largest / magnitude : largest;
    printf("%d examples, at most %.2g of the largest apart\n", examples, relative);
    return !(relative <= tolerance) || examples != wanted || more;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3], argv + 4, argc - 4);
    if (argc == 4 && strcmp(argv[1], "raw") == 0)
        return to_raw(argv[2], argv[3]);
    if (argc == 7 && strcmp(argv[1], "compare") == 0)
        return compare(argv[2], argv[3], (int)strtol(argv[4], NULL, 10),
                       (int)strtol(argv[5], NULL, 10), strtod(argv[6], NULL));
    fprintf(stderr, "usage: values make|raw|compare ...\n");
    return 2;
}
