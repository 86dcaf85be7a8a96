// blas.h -- matrix products by OpenBLAS, the same bits for every number of threads.
//
// OpenBLAS's own threads change results (its split depends on their number), so it runs on one; the
// matrix is cut into pieces fixed by its shape, and the pool computes these. Row-major, f32:
//
//   c = op(a) op(b) + beta c,  op(a): f32[m, k], op(b): f32[k, n], c: f32[m, n]
//
// A leading dimension is the distance in elements between the rows of a matrix as stored: `a` is
// [m, k], or [k, m] when transposed. Zero m or n does nothing; k = 0 leaves beta c. With beta = 0,
// c is not read.

#ifndef NNRT_BLAS_H
#define NNRT_BLAS_H

#include "pool.h"

// pool: NULL for this thread only (same pieces, same bits).
void nnrt_sgemm(NnrtPool *pool, bool transa, bool transb, int64_t m, int64_t n, int64_t k,
                const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                int64_t ldc);

// Whether OpenBLAS's buffers for so many threads find room, under a limit on memory: to be asked
// first, since OpenBLAS does not fail but tries for ever.
bool nnrt_blas_fits(int threads, NnrtError *e);

// `batch` products, operand i at a + i * stride_a and so on; a stride of 0 shares a or b. The batch
// is what is split.
void nnrt_sgemm_batch(NnrtPool *pool, bool transa, bool transb, int64_t batch, int64_t m, int64_t n,
                      int64_t k, const float *a, int64_t lda, int64_t stride_a, const float *b,
                      int64_t ldb, int64_t stride_b, float beta, float *c, int64_t ldc,
                      int64_t stride_c);

#endif
