// random.h -- random numbers that are a function of what they are for.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011. There is no generator with a state: a number is computed from (seed, stream, step,
// element), so it is the same whatever thread or vector lane asks for it, and in whatever order.
//
//   block   = element / 64, lane = element mod 16, word = element / 16 mod 4
//   number  = 16 block + lane
//   counter = { lo32(number), hi32(number), lo32(step), stream }
//   key     = { lo32(seed), hi32(seed) }
//   result  = word `word` of philox4x32-10(counter, key)
//
// So sixteen neighbours are the same word of sixteen counters, and the four words of these counters
// are four vectors in a row: none is thrown away. Code generators repeat this definition as vector
// code: it is part of the runtime's interface.

#ifndef NNRT_RANDOM_H
#define NNRT_RANDOM_H

#include <stdint.h>

// What a number is for. The compiler numbers its own streams (dropout, initial weights, ...) from
// 0; the runtime's start here, where those never come. Augmentation has a stream for each place in
// its list: NNRT_STREAM_AUGMENT + 0 .. 255.
#define NNRT_STREAM_AUGMENT UINT32_C(0xFFFFFE00)     // changes of training examples
#define NNRT_STREAM_SHUFFLE UINT32_C(0xFFFFFF00)     // order of the examples; step is the epoch
#define NNRT_STREAM_TEST UINT32_C(0xFFFFFF01)        // rows held out for the test
#define NNRT_STREAM_VALIDATION UINT32_C(0xFFFFFF02)  // rows held out for validation
#define NNRT_STREAM_SAMPLE UINT32_C(0xFFFFFF04)      // sampling in tools: gradient checks, probes

// The block function: ten rounds on `counter` under `key`; `out` may be `counter`.
void nnrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// 32 uniform bits. `step` is taken modulo 2^32.
uint32_t nnrt_random_u32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);

// Uniform in [0, 1): (u >> 8) * 2^-24, so every value is exact in f32 and 1 is never reached.
float nnrt_random_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);

// out: u32[n], a permutation of 0 .. n-1 by Fisher and Yates: for i from n-1 down to 1, element i
// changes places with element (u * (i + 1)) >> 32, u being random number i of the stream. An
// order's probability is off its 1/n! by at most a factor (1 +- n / 2^32)^n: nothing a training can
// notice.
void nnrt_permutation(uint64_t seed, uint32_t stream, uint64_t epoch, uint32_t n, uint32_t *out);

#endif
