#include <math.h>
#include <stdlib.h>

#include "blas.h"
#include "random.h"
#include "sample.h"

static float *random_matrix(int64_t n, uint32_t stream)
{
    float *x = malloc((size_t)(n ? n : 1) * sizeof *x);
    cr_assert_not_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = nnrt_random_f32(1, stream, 0, (uint64_t)i) - 0.5f;
    return x;
}

typedef struct Case {
    int64_t m, n, k;
    bool ta, tb;
} Case;

static const Case cases[] = {
    {1, 1, 1, 0, 0},      {3, 5, 7, 0, 1},      {129, 64, 33, 1, 0},  {64, 300, 50, 1, 1},
    {300, 257, 64, 0, 0}, {64, 512, 784, 0, 1}, {784, 128, 64, 1, 0}, {5, 4, 0, 0, 0},
};

enum { CASES = sizeof cases / sizeof cases[0] };

// The obvious product, in f64.
static void expect_product(const Case *s, const float *a, const float *b, const float *before,
                           float beta, const float *c)
{
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->n; j++) {
            double sum = 0;
            double size = 0;
            for (int64_t l = 0; l < s->k; l++) {
                const double x = (double)(s->ta ? a[l * s->m + i] : a[i * s->k + l]);
                const double y = (double)(s->tb ? b[j * s->k + l] : b[l * s->n + j]);
                sum += x * y;
                size += fabs(x * y);
            }
            const double old = beta == 0 ? 0 : (double)(beta * before[i * s->n + j]);
            // The classic bound: k roundings of partial sums, none above the sum of magnitudes.
            const double bound = ((double)s->k + 2) * 0x1p-24 * (size + fabs(old));
            cr_assert(fabs((double)c[i * s->n + j] - sum - old) <= bound);
        }
}

static void multiply(NnrtPool *pool, const Case *s, const float *a, const float *b, float beta,
                     float *c)
{
    nnrt_sgemm(pool, s->ta, s->tb, s->m, s->n, s->k, a,
               s->ta  ? s->m
               : s->k ? s->k
                      : 1,
               b, s->tb ? s->k : s->n, beta, c, s->n);
}

Test(blas, right_and_the_same_on_any_threads)
{
    NnrtError e;
    for (int i = 0; i < CASES; i++) {
        const Case *s = &cases[i];
        float *a = random_matrix(s->m * s->k, 1);
        float *b = random_matrix(s->k * s->n, 2);
        float *before = random_matrix(s->m * s->n, 3);
        const size_t bytes = (size_t)(s->m * s->n) * sizeof(float);
        for (float beta = 0; beta < 2; beta++) {
            float *one = exact_copy(before, bytes);
            multiply(NULL, s, a, b, beta, one);
            expect_product(s, a, b, before, beta, one);
            for (int threads = 1; threads <= 4; threads++) {
                NnrtPool *pool = nnrt_pool_new(threads, &e);
                cr_assert_not_null(pool);
                float *c = exact_copy(before, bytes);
                multiply(pool, s, a, b, beta, c);
                cr_expect_arr_eq(c, one, bytes, "case %d on %d threads", i, threads);
                free(c);
                nnrt_pool_free(pool);
            }
            free(one);
        }
        free(a);
        free(b);
        free(before);
    }
}

Test(blas, beta_zero_does_not_read)
{
    float c[4] = {NAN, NAN, NAN, NAN};
    const float a[4] = {1, 0, 0, 1};
    nnrt_sgemm(NULL, false, false, 2, 2, 2, a, 2, a, 2, 0, c, 2);
    cr_expect_arr_eq(c, a, sizeof a);
    nnrt_sgemm(NULL, false, false, 0, 2, 2, a, 2, a, 2, 0, c, 2);
    cr_expect_arr_eq(c, a, sizeof a);
}

Test(blas, batches_and_shared_operands)
{
    NnrtError e;
    enum { BATCH = 70, M = 6, N = 5, K = 4 };
    float *a = random_matrix(BATCH * M * K, 1);
    float *b = random_matrix(K * N, 2);
    float one[M * N], c[BATCH * M * N];
    NnrtPool *pool = nnrt_pool_new(3, &e);
    nnrt_sgemm_batch(pool, false, false, BATCH, M, N, K, a, K, M * K, b, N, 0, 0, c, N, M * N);
    for (int i = 0; i < BATCH; i++) {
        nnrt_sgemm(NULL, false, false, M, N, K, a + i * M * K, K, b, N, 0, one, N);
        cr_expect_arr_eq(c + i * M * N, one, sizeof one);
    }
    nnrt_pool_free(pool);
    free(a);
    free(b);
}
