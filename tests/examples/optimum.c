// optimum.c -- the known best weights of the two regressions among the examples.
//
//   optimum linear DATA.csv MODEL.nn      by the normal equations
//   optimum logistic DATA.csv MODEL.nn    by Newton's method
//
// computes the optimum from the data (a header, numbers, the target last) and compares each figure
// that MODEL.nn's first comment states ("#     w[0] = 5.7545") with it, to the last digit written.
// Exits with 1 when one differs or none is stated.

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INPUTS 8
#define MAX_ROWS 2000
#define MAX_LINE 400

typedef struct Table {
    int rows, inputs;
    double x[MAX_ROWS][MAX_INPUTS + 1];  // the last input is 1: its weight is the bias
    double y[MAX_ROWS];
} Table;

typedef struct Figure {
    char name[16];
    double value;
} Figure;

static bool read_table(const char *path, Table *t)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    char line[MAX_LINE];
    bool header = fgets(line, sizeof line, f) != NULL;
    for (const char *c = line; header && *c; c++)
        t->inputs += *c == ',';
    while (header && t->inputs <= MAX_INPUTS && t->rows < MAX_ROWS && fgets(line, sizeof line, f)) {
        char *at = line;
        double *x = t->x[t->rows];
        for (int i = 0; i < t->inputs; i++, at++)
            x[i] = strtod(at, &at);
        x[t->inputs] = 1;
        t->y[t->rows++] = strtod(at, NULL);
    }
    fclose(f);
    return t->rows > 0;
}

// Solves a x = b of n unknowns by elimination with pivoting; x is left in b.
static void solve(int n, double a[][MAX_INPUTS + 1], double *b)
{
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k]))
                pivot = i;
        for (int j = 0; j < n; j++) {
            double swapped = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swapped;
        }
        double swapped = b[k];
        b[k] = b[pivot];
        b[pivot] = swapped;
        for (int i = k + 1; i < n; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < n; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        for (int j = k + 1; j < n; j++)
            b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
}

static double score(const Table *t, int row, const double *w)
{
    double sum = 0;
    for (int i = 0; i <= t->inputs; i++)
        sum += t->x[row][i] * w[i];
    return sum;
}

// One step of Newton's method, w += (X' D X)^-1 X' r, where r is the residual and D the variance of
// each row's prediction. For the linear model D = 1, and one step from 0 is the normal equations.
static void newton_step(const Table *t, bool logistic, double *w)
{
    double a[MAX_INPUTS + 1][MAX_INPUTS + 1] = {{0}};
    double b[MAX_INPUTS + 1] = {0};
    for (int r = 0; r < t->rows; r++) {
        double z = score(t, r, w);
        double p = logistic ? 1 / (1 + exp(-z)) : z;
        double d = logistic ? p * (1 - p) : 1;
        for (int i = 0; i <= t->inputs; i++) {
            for (int j = 0; j <= t->inputs; j++)
                a[i][j] += d * t->x[r][i] * t->x[r][j];
            b[i] += t->x[r][i] * (t->y[r] - p);
        }
    }
    solve(t->inputs + 1, a, b);
    for (int i = 0; i <= t->inputs; i++)
        w[i] += b[i];
}

static int weights(const Table *t, const double *w, Figure *out)
{
    for (int i = 0; i <= t->inputs; i++) {
        if (i == t->inputs)
            snprintf(out[i].name, sizeof out[i].name, "b");
        else if (t->inputs == 1)
            snprintf(out[i].name, sizeof out[i].name, "w");
        else
            snprintf(out[i].name, sizeof out[i].name, "w[%d]", i);
        out[i].value = w[i];
    }
    return t->inputs + 1;
}

static int linear(const Table *t, Figure *out)
{
    double w[MAX_INPUTS + 1] = {0};
    newton_step(t, false, w);

    double mean = 0, residual = 0, total = 0;
    for (int r = 0; r < t->rows; r++)
        mean += t->y[r] / t->rows;
    for (int r = 0; r < t->rows; r++) {
        double error = score(t, r, w) - t->y[r];
        residual += error * error;
        total += (t->y[r] - mean) * (t->y[r] - mean);
    }
    int n = weights(t, w, out);
    out[n++] = (Figure){"mse", residual / t->rows};
    out[n++] = (Figure){"r2", 1 - residual / total};
    return n;
}

static int logistic(const Table *t, Figure *out)
{
    double w[MAX_INPUTS + 1] = {0};
    for (int step = 0; step < 50; step++)
        newton_step(t, true, w);

    double loss = 0, right = 0;
    for (int r = 0; r < t->rows; r++) {
        double z = score(t, r, w);
        loss += (log1p(exp(-fabs(z))) + fmax(z, 0) - z * t->y[r]) / t->rows;
        right += (z > 0) == (t->y[r] > 0.5);
    }
    int n = weights(t, w, out);
    out[n++] = (Figure){"loss", loss};
    out[n++] = (Figure){"accuracy", right / t->rows};
    return n;
}

// Compares the figures that `path` states with those computed; how many agree, or -1.
static int compare(const char *path, const Figure *figures, int count)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    int agree = 0, differ = 0;
    char line[MAX_LINE], name[16], number[32];
    while (fgets(line, sizeof line, f) && line[0] == '#') {
        if (sscanf(line, "# %15[]a-z0-9[] = %31[-0-9.]", name, number) != 2)
            continue;
        for (int i = 0; i < count; i++) {
            if (strcmp(figures[i].name, name) != 0)
                continue;
            const char *point = strchr(number, '.');
            double last_digit = pow(10, point ? -(double)strlen(point + 1) : 0);
            bool same = fabs(strtod(number, NULL) - figures[i].value) <= 0.5001 * last_digit;
            printf("%-8s %16.10f  %s says %s%s\n", name, figures[i].value, path, number,
                   same ? "" : ": WRONG");
            agree += same;
            differ += !same;
        }
    }
    fclose(f);
    return differ ? -1 : agree;
}

int main(int argc, char **argv)
{
    static Table table;
    Figure figures[MAX_INPUTS + 3];
    if (argc != 4 || !read_table(argv[2], &table)) {
        fprintf(stderr, "usage: optimum linear|logistic DATA.csv MODEL.nn\n");
        return 2;
    }
    int count =
        strcmp(argv[1], "linear") == 0 ? linear(&table, figures) : logistic(&table, figures);
    int agree = compare(argv[3], figures, count);
    if (agree != count) {
        fprintf(stderr, "%d figures were computed, %d agree with %s\n", count, agree, argv[3]);
        return 1;
    }
    return 0;
}
