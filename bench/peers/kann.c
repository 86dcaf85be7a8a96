// kann.c -- training steps in KANN, https://github.com/attractivechaos/kann: kann MODEL BATCH
// THREADS
//
// KANN has a dense layer, dropout and a long short-term memory of its own; batch normalization is
// made of its operations, Adam and gradient descent of a loop. Its products of matrices are
// OpenBLAS's. More threads share the batch, as kann_mt does it: each normalizes its part.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kann.h"

enum { LETTERS = 96, LSTM_STEPS = 64 };

typedef struct Net {
    kann_t *whole;    // as described
    kann_t *trained;  // the same unrolled, or the same
    int inputs;       // numbers that each of the `steps` takes
    int classes;
    int steps;
    float *m, *v;  // Adam's; NULL: gradient descent
    long step;
} Net;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// --- models -----------------------------------------------------------------------------------

static kad_node_t *mlp(void)
{
    return kad_relu(kann_layer_dense(kann_layer_input(784), 128));
}

static kad_node_t *dense_without_bias(kad_node_t *x, int inputs, int units)
{
    return kad_cmul(x, kann_new_weight(units, inputs));
}

// gamma (x - mu) / sqrt(var + epsilon) + beta, 1 / sqrt as exp(-log / 2)
static kad_node_t *batch_norm(kad_node_t *x, int width)
{
    kad_node_t *centred = kad_sub(x, kad_reduce_mean(x, 0));
    kad_node_t *epsilon = kann_new_leaf(KAD_CONST, 1e-5f, 1, width);
    kad_node_t *half = kann_new_leaf(KAD_CONST, -0.5f, 1, width);
    kad_node_t *var = kad_add(kad_reduce_mean(kad_square(centred), 0), epsilon);
    kad_node_t *scale =
        kad_mul(kad_exp(kad_mul(kad_log(var), half)), kann_new_leaf(KAD_VAR, 1, 1, width));
    return kad_add(kad_mul(centred, scale), kann_new_leaf(KAD_VAR, 0, 1, width));
}

static kad_node_t *bn_mlp(void)
{
    kad_node_t *x = kann_layer_input(784);
    for (int inputs = 784; inputs >= 512; inputs -= 272) {
        x = batch_norm(dense_without_bias(x, inputs, 512), 512);
        x = kann_layer_dropout(kad_relu(x), 0.2f);
    }
    return x;
}

// KANN has no tables: the letters' rows are their product with a one among zeros.
static kad_node_t *lstm(void)
{
    kad_node_t *letter = kann_layer_input(LETTERS);
    return kann_layer_lstm(dense_without_bias(letter, LETTERS, 128), 128, 0);
}

static const struct {
    const char *name;
    kad_node_t *(*make)(void);
    int inputs;
    int classes;
    int steps;
    int adam;
} models[] = {
    {"mlp", mlp, 784, 10, 1, 0},
    {"bn_mlp", bn_mlp, 784, 10, 1, 1},
    {"lstm", lstm, LETTERS, LETTERS, LSTM_STEPS, 1},
};

// --- data and steps ---------------------------------------------------------------------------

static float *one_hot(int batch, int classes)
{
    float *x = calloc((size_t)(batch * classes), sizeof *x);
    for (int i = 0; i < batch; i++)
        x[i * classes + rand() % classes] = 1;
    return x;
}

static float *uniform(int count)
{
    float *x = malloc((size_t)count * sizeof *x);
    for (int i = 0; i < count; i++)
        x[i] = (float)kad_drand(NULL);
    return x;
}

static void bind(Net *n, int batch)
{
    float **x = malloc((size_t)n->steps * sizeof *x);
    float **y = malloc((size_t)n->steps * sizeof *y);
    for (int t = 0; t < n->steps; t++) {
        x[t] = n->inputs == LETTERS ? one_hot(batch, LETTERS) : uniform(batch * n->inputs);
        y[t] = one_hot(batch, n->classes);
    }
    kann_feed_bind(n->trained, KANN_F_IN, 0, x);
    kann_feed_bind(n->trained, KANN_F_TRUTH, 0, y);
}

static int make(Net *n, const char *name, int batch, int threads)
{
    size_t i = 0;
    while (i < sizeof models / sizeof *models && strcmp(models[i].name, name) != 0)
        i++;
    if (i == sizeof models / sizeof *models)
        return 0;
    n->inputs = models[i].inputs;
    n->classes = models[i].classes;
    n->steps = models[i].steps;
    n->whole = kann_new(kann_layer_cost(models[i].make(), n->classes, KANN_C_CEM), 0);
    n->trained = n->steps > 1 ? kann_unroll(n->whole, n->steps) : n->whole;
    kann_set_batch_size(n->trained, batch);
    if (threads > 1)
        kann_mt(n->trained, threads, batch);
    if (models[i].adam) {
        n->m = calloc((size_t)kann_size_var(n->whole), sizeof *n->m);
        n->v = calloc((size_t)kann_size_var(n->whole), sizeof *n->v);
    }
    bind(n, batch);
    kann_switch(n->trained, 1);
    return 1;
}

static void descend(float *restrict w, const float *restrict g, int count)
{
    for (int i = 0; i < count; i++)
        w[i] -= 0.01f * g[i];
}

static void adam(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                 int count, long step)
{
    const float first = 1 / (1 - powf(0.9f, (float)step));
    const float second = 1 / (1 - powf(0.999f, (float)step));
    for (int i = 0; i < count; i++) {
        m[i] = 0.9f * m[i] + 0.1f * g[i];
        v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
        w[i] -= 0.001f * (m[i] * first) / (sqrtf(v[i] * second) + 1e-8f);
    }
}

static float train(Net *n)
{
    kann_t *a = n->trained;
    const int count = kann_size_var(n->whole);
    const float loss = kann_cost(a, 0, 1);
    n->step++;
    if (n->m)
        adam(a->x, a->g, n->m, n->v, count, n->step);
    else
        descend(a->x, a->g, count);
    return loss;
}

int main(int argc, char **argv)
{
    Net n = {0};
    long steps;
    if (argc != 4 || !make(&n, argv[1], atoi(argv[2]), atoi(argv[3]))) {
        fprintf(stderr, "usage: kann mlp|bn_mlp|lstm BATCH THREADS\n");
        return 2;
    }
    train(&n);
    printf("{\"parameters\": %d}\n", kann_size_var(n.whole));
    fflush(stdout);
    while (scanf("%ld", &steps) == 1) {
        const double start = seconds();
        float loss = 0;
        for (long i = 0; i < steps; i++)
            loss = train(&n);
        printf("%.9f %.6g\n", seconds() - start, (double)loss);
        fflush(stdout);
    }
    return 0;
}
