// layers.c -- random rows of layers: whatever stands behind what, all of it is whole numbers, near
// to f32, and the same bits on every engine. A failure prints the model; NNC_SEED=n runs one alone.

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/text.h"
#include "quantize/check.h"
#include "support/random_graph.h"

#define MODELS 40
#define MOST_LAYERS 5

// Of a sequence of 6 rows of 8; each keeps that shape, and none leaps: a leap is elsewhere after
// rounding.
static const char *const layers[] = {
    "layernorm",
    "rmsnorm",
    "prelu",
    "dense(8)",
    "gelu",
    "it + x",
    "it * x",
    "max(it, x)",
    "min(it, 0.5 * x)",
    "where(it > x, it, 0.5 * x)",
    "where(it < 1 and not (it <= -1), it, min(max(it, -1), 1))",
    "where(iota(8) > 3, it, x)",
    "it / (1 + abs(x))",
    "it / sqrt(sum(it ^ 2, over = 1) + 0.1)",
    "it - mean(it, over = 0)",
    "softmax",
    "0.2 * it @ transpose(x) @ x",
    "attention(it, x, x)",
    "attention(it, it, x, causal = true)",
    "multi_head_attention(heads = 2, causal = true)",
    "reshape(6, 2, 4); groupnorm(groups = 2); reshape(6, 8)",
    "transformer_block(heads = 4, hidden = 12)",
};
enum { LAYERS = sizeof layers / sizeof *layers };

static void check_seed(uint64_t seed)
{
    Rng r = {seed};
    Arena *a = arena_new(NULL);
    Text t = text_in(a);
    text_add(&t, "input x[6, 8]\n dense(8)\n");
    for (int i = rng_below(&r, MOST_LAYERS); i >= 0; i--)
        text_addf(&t, " %s\n", layers[rng_below(&r, LAYERS)]);
    text_addf(&t, " # seed %d", (int)seed);
    check(text_str(&t), 0);
    arena_free(a);
}

Test(layers, in_any_order)
{
    const char *only = getenv("NNC_SEED");
    if (only) {
        check_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= MODELS; seed++)
        check_seed(seed);
}
