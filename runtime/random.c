// random.c -- Philox4x32-10 and what is drawn with it.

#include "random.h"

#include <string.h>

// The multipliers and the key's increments (golden ratio, sqrt(3) - 1) of the paper's section 4.3.
#define MULTIPLIER_0 UINT32_C(0xD2511F53)
#define MULTIPLIER_1 UINT32_C(0xCD9E8D57)
#define WEYL_0 UINT32_C(0x9E3779B9)
#define WEYL_1 UINT32_C(0xBB67AE85)

static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    const uint64_t p0 = (uint64_t)MULTIPLIER_0 * c[0];
    const uint64_t p1 = (uint64_t)MULTIPLIER_1 * c[2];
    const uint32_t mixed[4] = {
        (uint32_t)(p1 >> 32) ^ c[1] ^ k[0],
        (uint32_t)p1,
        (uint32_t)(p0 >> 32) ^ c[3] ^ k[1],
        (uint32_t)p0,
    };
    memcpy(c, mixed, sizeof mixed);
}

void nnrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4];
    uint32_t k[2] = {key[0], key[1]};
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        philox_round(c, k);
        k[0] += WEYL_0;
        k[1] += WEYL_1;
    }
    memcpy(out, c, sizeof c);
}

uint32_t nnrt_random_u32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element)
{
    const uint64_t number = (element >> 6) << 4 | (element & 15);
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), (uint32_t)step,
                                 stream};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    nnrt_philox(counter, key, out);
    return out[element >> 4 & 3];
}

float nnrt_random_f32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element)
{
    return (float)(nnrt_random_u32(seed, stream, step, element) >> 8) * 0x1p-24f;
}

void nnrt_permutation(uint64_t seed, uint32_t stream, uint64_t epoch, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = i;
    for (uint32_t i = n; i-- > 1;) {
        const uint64_t u = nnrt_random_u32(seed, stream, epoch, i);
        const uint32_t j = (uint32_t)(u * ((uint64_t)i + 1) >> 32);
        const uint32_t swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}
