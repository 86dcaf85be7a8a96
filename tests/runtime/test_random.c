#include "random.h"
#include "sample.h"

// Known answers of the authors' Random123 distribution (kat_vectors, philox4x32 10).
Test(random, philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t out[4];
        nnrt_philox(cases[i].counter, cases[i].key, out);
        cr_expect_arr_eq(out, cases[i].want, sizeof out, "case %zu", i);
    }
}

Test(random, words_are_where_the_header_says)
{
    static const uint32_t words[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (uint64_t i = 0; i < 4; i++)
        cr_expect_eq(nnrt_random_u32(0, 0, 0, 16 * i), words[i]);
    const uint32_t counter[4] = {16 * 5 + 3, 0, 0x13198a2e, 0x03707344};
    const uint32_t key[2] = {0xa4093822, 0x299f31d0};
    uint32_t out[4];
    nnrt_philox(counter, key, out);
    cr_expect_eq(nnrt_random_u32(0x299f31d0a4093822, 0x03707344, 0x7713198a2e, 64 * 5 + 32 + 3),
                 out[2], "block 5, lane 3, word 2; the step counts modulo 2^32");
}

Test(random, floats_are_uniform)
{
    double sum = 0;
    int buckets[16] = {0};
    const int n = 160000;
    for (int i = 0; i < n; i++) {
        const float x = nnrt_random_f32(7, 3, 1, (uint64_t)i);
        cr_assert(x >= 0 && x < 1);
        sum += (double)x;
        buckets[(int)(x * 16)]++;
    }
    cr_expect(sum / n > 0.498 && sum / n < 0.502, "mean %g", sum / n);
    double chi = 0;
    for (int i = 0; i < 16; i++)
        chi += (buckets[i] - n / 16.0) * (buckets[i] - n / 16.0) / (n / 16.0);
    cr_expect(chi < 37.7, "chi square %g with 15 degrees is beyond 0.1 %%", chi);
}

Test(random, permutations)
{
    enum { N = 1000 };
    uint32_t a[N], b[N], again[N];
    bool seen[N] = {false};
    nnrt_permutation(1, NNRT_STREAM_SHUFFLE, 0, N, a);
    nnrt_permutation(1, NNRT_STREAM_SHUFFLE, 1, N, b);
    nnrt_permutation(1, NNRT_STREAM_SHUFFLE, 0, N, again);
    cr_expect_arr_eq(a, again, sizeof a);
    cr_expect(memcmp(a, b, sizeof a) != 0);
    for (int i = 0; i < N; i++) {
        cr_assert(a[i] < N && !seen[a[i]]);
        seen[a[i]] = true;
    }
    nnrt_permutation(1, 0, 0, 0, a);
    nnrt_permutation(1, 0, 0, 1, a);
    cr_expect_eq(a[0], 0);
}

// All 24 orders of four elements come equally often.
Test(random, orders_are_uniform)
{
    int counts[256] = {0};
    for (uint64_t epoch = 0; epoch < 24000; epoch++) {
        uint32_t p[4];
        nnrt_permutation(5, NNRT_STREAM_SHUFFLE, epoch, 4, p);
        counts[p[0] << 6 | p[1] << 4 | p[2] << 2 | p[3]]++;
    }
    double chi = 0;
    int orders = 0;
    for (int i = 0; i < 256; i++)
        if (counts[i]) {
            chi += (counts[i] - 1000.0) * (counts[i] - 1000.0) / 1000.0;
            orders++;
        }
    cr_expect_eq(orders, 24);
    cr_expect(chi < 49.7, "chi square %g with 23 degrees is beyond 0.1 %%", chi);
}
