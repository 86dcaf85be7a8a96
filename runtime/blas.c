// blas.c -- OpenBLAS on pieces fixed by the shape.

#include "blas.h"

#include <cblas.h>
#include <pthread.h>
#include <sys/mman.h>

// The pieces: blocks of rows of c, or of columns when c is wider than tall. Short blocks give the
// threads of a small product something to share, at 90 % of OpenBLAS's speed for the whole; long
// ones keep 95 %.
#define SHORT_BLOCK 64
#define LONG_BLOCK 128
#define LONG_SIDE 512

// What OpenBLAS maps for each thread that computes a product. Refused, it asks for ever.
#define BUFFER_BYTES ((size_t)129 << 20)

// Products below this many multiplications are not worth a wake-up of the pool.
#define SMALL (1 << 21)

typedef struct Product {
    CBLAS_TRANSPOSE transa, transb;
    int64_t m, n, k;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
    int64_t stride_a, stride_b, stride_c;
    float beta;
} Product;

static void one_thread(void)
{
    openblas_set_num_threads(1);
}

static void start_blas(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, one_thread);
}

bool nnrt_blas_fits(int threads, NnrtError *e)
{
    const size_t size = (size_t)threads * BUFFER_BYTES;
    void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return nnrt_fail(e, "out of memory: OpenBLAS wants %zu MiB of addresses for %d threads",
                         size >> 20, threads);
    munmap(probe, size);
    return true;
}

static void compute(const Product *p, int64_t m, int64_t n, const float *a, const float *b,
                    float *c)
{
    cblas_sgemm(CblasRowMajor, p->transa, p->transb, (blasint)m, (blasint)n, (blasint)p->k, 1, a,
                (blasint)p->lda, b, (blasint)p->ldb, p->beta, c, (blasint)p->ldc);
}

static void compute_rows(void *arg, int64_t lo, int64_t hi)
{
    const Product *p = arg;
    const int64_t step = p->transa == CblasTrans ? 1 : p->lda;
    compute(p, hi - lo, p->n, p->a + lo * step, p->b, p->c + lo * p->ldc);
}

static void compute_columns(void *arg, int64_t lo, int64_t hi)
{
    const Product *p = arg;
    const int64_t step = p->transb == CblasTrans ? p->ldb : 1;
    compute(p, p->m, hi - lo, p->a, p->b + lo * step, p->c + lo);
}

static void compute_members(void *arg, int64_t lo, int64_t hi)
{
    const Product *p = arg;
    for (int64_t i = lo; i < hi; i++)
        compute(p, p->m, p->n, p->a + i * p->stride_a, p->b + i * p->stride_b,
                p->c + i * p->stride_c);
}

static int64_t block_of(int64_t side)
{
    return side < LONG_SIDE ? SHORT_BLOCK : LONG_BLOCK;
}

static CBLAS_TRANSPOSE transposed(bool yes)
{
    return yes ? CblasTrans : CblasNoTrans;
}

void nnrt_sgemm(NnrtPool *pool, bool transa, bool transb, int64_t m, int64_t n, int64_t k,
                const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                int64_t ldc)
{
    if (m <= 0 || n <= 0)
        return;
    start_blas();
    Product p = {.transa = transposed(transa),
                 .transb = transposed(transb),
                 .m = m,
                 .n = n,
                 .k = k,
                 .a = a,
                 .b = b,
                 .c = c,
                 .lda = lda,
                 .ldb = ldb,
                 .ldc = ldc,
                 .beta = beta};
    if (m * n < SMALL / (k > 0 ? k : 1))
        compute_rows(&p, 0, m);
    else if (m >= n)
        nnrt_pool_run(pool, compute_rows, &p, m, block_of(m));
    else
        nnrt_pool_run(pool, compute_columns, &p, n, block_of(n));
}

void nnrt_sgemm_batch(NnrtPool *pool, bool transa, bool transb, int64_t batch, int64_t m, int64_t n,
                      int64_t k, const float *a, int64_t lda, int64_t stride_a, const float *b,
                      int64_t ldb, int64_t stride_b, float beta, float *c, int64_t ldc,
                      int64_t stride_c)
{
    if (m <= 0 || n <= 0)
        return;
    start_blas();
    Product p = {.transa = transposed(transa),
                 .transb = transposed(transb),
                 .m = m,
                 .n = n,
                 .k = k,
                 .a = a,
                 .b = b,
                 .c = c,
                 .lda = lda,
                 .ldb = ldb,
                 .ldc = ldc,
                 .stride_a = stride_a,
                 .stride_b = stride_b,
                 .stride_c = stride_c,
                 .beta = beta};
    const int64_t work = m * n * (k > 0 ? k : 1);
    const int64_t members = work >= SMALL ? 1 : SMALL / work;
    nnrt_pool_run(pool, compute_members, &p, batch, members);
}
