// models.c -- models quantized with their initial weights: near to what they were in f32, the same
// bits on every engine, no real number left inside.

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "quantize/check.h"

Test(quantize, dense_layers)
{
    check("input x[20]\n dense(30); relu\n dense(7)", 0);
    check("input x[20]\n dense(30, bias = false)", 0);
    check("input x[20]\n dense(30); relu\n dense(10); softmax", 0);
    check("input x[20]\n dense(10); log_softmax", 0);
    check("input x[5, 20]\n dense(9); tanh; dense(4); sigmoid", 0);
    check("input x[16]\n dense(16); relu as skip\n dense(16); relu\n add(skip)\n dense(3)", 0);
    check("input x[16]\n residual_dense(24)\n dense(3)", 0);
}

Test(quantize, convolutions)
{
    check("input x[8, 8, 3]\n conv2d(5); relu\n max_pool(2)\n conv2d(6, kernel = 1)\n flatten\n "
          "dense(4)",
          0);
    check("input x[9, 9, 4]\n conv2d(8, bias = false)\n batchnorm\n relu\n depthwise_conv2d(3)\n "
          "batchnorm\n relu",
          0);
    check("input x[8, 8, 4]\n separable_conv2d(6, stride = 2)\n relu\n global_avg_pool\n dense(5)",
          0);
    check("input x[8, 8, 4]\n conv2d(8, groups = 2)\n relu\n avg_pool(2)\n flatten\n dense(5)", 0);
    check("input x[16, 4]\n conv1d(8, kernel = 3, padding = valid)\n relu\n global_max_pool\n "
          "dense(5)",
          0);
    check("input x[8, 8, 3]\n batchnorm\n conv2d(4)\n upsample\n conv2d(2)", 0);
    check("input x[8, 8, 3]\n conv2d(4, dilation = 2, stride = 1)\n max_pool(3, stride = 2, "
          "padding = same)",
          0);
    check("input x[4, 4, 3]\n conv2d_transpose(5, stride = 2)\n relu\n conv2d(2)", 0);
    check("input x[4, 4, 3]\n conv2d_transpose(5)\n relu", 0);
    check("input x[8, 8, 4]\n residual_block(8, stride = 2)\n global_avg_pool\n dense(3)", 0);
}

Test(quantize, activations)
{
    static const char *const names[] = {
        "relu",       "leaky_relu", "elu",      "selu", "gelu",     "gelu(approximate = true)",
        "swish",      "silu",       "softplus", "mish", "softsign", "hard_sigmoid",
        "hard_swish", "sigmoid",    "tanh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[200];
        snprintf(text, sizeof text, "input x[12]\n dense(20); %s\n dense(5)", names[i]);
        check(text, 0);
        snprintf(text, sizeof text, "input x[12]\n dense(20); %s", names[i]);
        check(text, 0);
    }
}

Test(quantize, shapes)
{
    check("input x[4, 6]\n transpose(1, 0)\n dense(5); relu\n reshape(30)\n dense(3)", 0);
    check("input x[12]\n dense(6) as a\n relu\n concat(a)\n dense(3)", 0);
    check("input x[12]\n dense(6); sigmoid as gate\n dense(6)\n it * gate\n dense(3)", 0);
    check("input x[12]\n 2 * x - 1\n min(max(it, -0.5), 0.75)", 0);
    check("input x[12]\n dense(8)\n 3 - it\n max(it, 1)", 0);
    check("input x[12]\n dense(8); relu as a\n dense(8)\n it + a + 1000", 0);
    check("input x[12]\n dense(8); relu as a\n dense(8)\n 0 * (it - a) + 2", 0);
    check("input x[12]\n dense(8)\n min(max(it, -0.25), 0.5)\n 0.5 * it / 3 + 0.1", 0);
}

Test(quantize, recurrent_layers)
{
    check("input x[6, 8]\n rnn(5)\n dense(4)", 0);
    check("input x[6, 8]\n rnn(5, sequence = true)\n dense(4)", 0);
    check("input x[6, 8]\n rnn(5, reverse = true)", 0);
    check("input x[6, 8]\n rnn(5, separate_bias = true, sequence = true)\n rnn(7)\n dense(4)", 0);
    check("input x[1, 8]\n rnn(5)\n dense(4)", 0);
    check("input x[1, 8]\n lstm(5)\n dense(4)", 0);
    check("input x[100, 3]\n rnn(5)\n dense(4)", 0);
    check("input x[6, 8]\n gru(5)\n dense(4)", 0);
    check("input x[6, 8]\n gru(5, reset_after = false, sequence = true)\n dense(4)", 0);
    check("input x[6, 8]\n lstm(5)\n dense(4)", 0);
    check("input x[6, 8]\n lstm(5, separate_bias = true, sequence = true)\n lstm(6)", 0);
    check("input x[6, 8]\n bidirectional(lstm, 5)\n dense(4)", 0);
    check("input x[6, 8]\n bidirectional(gru, 5, sequence = true)\n dense(4)", 0);
    check("input x[64, 8]\n lstm(5, reverse = true)\n dense(4)", 0);
    check("input x[1, 8]\n gru(5)", 0);
    check("input x[1000, 2]\n gru(3)\n dense(2)", 0);
}

// What a model does by itself in each step.
Test(quantize, scans)
{
    check("input x[20, 8]\n scan v in x with s = zeros([8]) { s <- s + v } yield s as y\n y.last",
          0);
    check("input x[20, 8]\n scan v in x with s = ones([8]) { s <- 0.9 * s + 0.1 * v } yield s as "
          "y\n y",
          0);
    check("input x[9, 8]\n scan v in x with a = zeros([8]), b = zeros([8]) { a <- v; b <- a } "
          "yield b "
          "as y\n y",
          0);
    check(
        "input x[9, 4]\n dense(4) as k\n scan v in k with a = zeros([4]), b = ones([4]) { a <- b * "
        "v; b <- 0.5 * (a + b) } yield b as y\n y",
        0);
    check("input x[9, 4]\n scan v in x with s = zeros([4]) { s <- s + softmax(v) } yield s as y\n "
          "y.last",
          0);
    // each row of an image, and in it each number
    check("input x[5, 6, 3]\n scan row in x with s = zeros([3]) { scan v in row with t = s { t <- "
          "0.5 "
          "* t + v } yield t as u; s <- tanh(u.last) } yield s as y\n y",
          0);
    check("input x[5, 6, 3]\n scan row in x with s = zeros([3]) { scan v in row with t = s { t <- "
          "0.5 "
          "* t + v } yield t as u; s <- s + 0.1 * u.last } yield s as y\n y.last",
          0);
}

// Sequences and first values that are learned, or computed.
Test(quantize, scans_that_begin_with_something)
{
    check(
        "input x[6, 4]\n param p[6, 4] = uniform(-1, 1)\n scan v, w in (x, p) with s = zeros([4]) "
        "{ s <- 0.5 * s + v * w } yield s as y\n y",
        0);
    check(
        "input x[6, 4]\n param p[4] = uniform(-1, 1)\n scan v in x with s = p { s <- 0.5 * s + v } "
        "yield s as y\n y",
        0);
    check(
        "input x[6, 4]\n dense(4) as k\n scan v in x with s = k[0] { s <- 0.5 * s + v } yield s as "
        "y\n y",
        0);
}

static void check_mixed(const char *text)
{
    Scene s = scene_new(text);
    const float *real = scene_run(&s, NNC_PREDICT);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX), "%s", text);
    cr_expect_geq(s.m.plan->real_count, 1, "%s", text);
    const double db = decibels(real, scene_run(&s, NNC_INT8), scene_output_count(&s));
    cr_expect_geq(db, LEAST_DECIBELS, "%.1f dB of\n%s", db, text);
    scene_free(&s);
}

// What has no form in a body is computed in f32 there, what has one is not.
Test(quantize, scans_that_stay_real_in_part)
{
    check_mixed(
        "input x[6, 4]\n scan v in x with s = zeros([4]) { s <- (v * v + 1) ^ tanh(s) } yield "
        "s as y\n y\n dense(3)");
    check_mixed(
        "input x[6, 4]\n scan v in x with s = ones([4]), t = zeros([4]) { s <- 0.5 * s + v; t "
        "<- 3 * s + (s * s + 1) ^ v } yield t as y\n y.last\n dense(3)");
    check_mixed(
        "input x[6, 4]\n scan v in x with s = zeros([4]) { s <- tanh(dense(v, 4) + s); z = (s "
        "* s + 1) ^ v } yield z as y\n y\n dense(3)");
}

static void fill(const Scene *s, const char *path, const float *values)
{
    int64_t count;
    float *w = scene_weights(s, path, &count);
    memcpy(w, values, (size_t)count * sizeof *w);
}

// A leaky sum: c_n = v (1 - 0.98^n). In 8 bits it would stop where its updates are less than half a
// step, a tenth of its range too early.
Test(quantize, small_updates_are_kept)
{
    enum { STEPS = 100 };
    Scene s =
        scene_new("input x[100, 1]\n scan v in x with c = zeros([1]) { c <- 0.98 * c + 0.02 * v } "
                  "yield c as y\n y.last");
    float *x = (float *)s.inputs[0];
    for (int i = 0; i < SCENE_BATCH * STEPS; i++)
        x[i] = (float)(i / STEPS) / (SCENE_BATCH - 1);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    const float *y = scene_run(&s, NNC_INT8);
    for (int i = 0; i < SCENE_BATCH; i++) {
        const double want = (double)x[i * STEPS] * (1 - pow(0.98, STEPS));
        cr_expect_float_eq((double)y[i], want, 0.006, "%g, not %g", (double)y[i], want);
    }
    scene_free(&s);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

// A cell of one unit, by its equations.
Test(quantize, one_unit_is_what_it_should_be)
{
    enum { STEPS = 30 };
    static const float w[] = {0.5f, -0.25f, 1, 0.75f}, u[] = {0.5f, 0.25f, -0.5f, 1},
                       b[] = {0.25f, 1, 0, 0.5f};
    Scene s = scene_new("input x[30, 1]\n lstm(1)");
    fill(&s, "lstm.w", w);
    fill(&s, "lstm.u", u);
    fill(&s, "lstm.b", b);
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    const float *y = scene_run(&s, NNC_INT8);
    for (int i = 0; i < SCENE_BATCH; i++) {
        double h = 0, c = 0, a[4];
        for (int t = 0; t < STEPS; t++) {
            for (int k = 0; k < 4; k++)
                a[k] = (double)w[k] * (double)((const float *)s.inputs[0])[i * STEPS + t] +
                       (double)u[k] * h + (double)b[k];
            c = sigmoid(a[1]) * c + sigmoid(a[0]) * tanh(a[2]);
            h = sigmoid(a[3]) * tanh(c);
        }
        cr_expect_float_eq((double)y[i], h, 0.015, "%g, not %g", (double)y[i], h);
    }
    scene_free(&s);
}

// Whatever is beside it in the batch.
Test(quantize, an_example_of_a_sequence_has_its_own_bits)
{
    Scene s =
        scene_new("input x[7, 3]\n bidirectional(lstm, 4, sequence = true)\n gru(5)\n dense(2)");
    cr_assert(scene_quantize(&s, CALIBRATE_MSE));
    const float *all = scene_run(&s, NNC_INT8);
    Executable *alone = interpret_new(s.m.graphs[NNC_INT8], 1, false);
    for (int i = 0; i < SCENE_BATCH; i++) {
        float y[2];
        executable_run(alone,
                       &(RunArgs){.variables = s.m.block,
                                  .inputs = (const void *[]){(const float *)s.inputs[0] + i * 21},
                                  .outputs = (void *[]){y},
                                  .batch = 1});
        cr_expect_arr_eq(y, all + 2 * i, sizeof y, "example %d", i);
    }
    executable_free(alone);
    scene_free(&s);
}

Test(quantize, products_of_two_values)
{
    check("input x[6, 8]\n it @ transpose(it)", 0);
    check("input x[6, 8]\n dense(5); relu as a\n x @ transpose(x)\n it @ a / 3\n dense(4)", 0);
    check("input x[6, 8]\n dense(8) as a\n reshape(x, 6, 1, 8) * reshape(a, 1, 6, 8)\n dense(2)",
          0);
    check("input x[6, 8]\n input y[5, 8]\n cross_attention(x, y, heads = 2)\n dense(4)", 0);
    check("input x[4, 6]\n multi_head_attention(heads = 3)\n flatten\n dense(4); softmax", 0);
}

// Shares of 1/400 have steps of their own.
Test(quantize, attention_over_many)
{
    check("input x[400, 2]\n attention(it, it, it)\n dense(3)", 0);
}

Test(quantize, places_of_the_largest)
{
    check("input x[5]\n one_hot(argmax(it), 5) * it\n dense(4)", 0);
    check("input x[2, 4]\n softmax(9 * x) as y\n one_hot(argmax(y), 4) * y\n dense(4)", 0);
}

Test(quantize, masks)
{
    check("input x[6, 8]\n multi_head_attention(heads = 2, causal = true)\n dense(4)", 0);
    check("input x[5, 8]\n input y[3, 8]\n attention(x, y, y, causal = true)",
          0);  // empty rows
    check("input x[6, 8]\n where(iota(8) > 5, -1e9, 4 * x)\n softmax", 0);
    check("input x[6, 8]\n where(reshape(iota(6), 6, 1) > 1, 4 * x, -1e9)\n softmax", 0);
}

Test(quantize, standardized_values)
{
    static const char *const layers[] = {
        "layernorm",
        "rmsnorm",
        "groupnorm(groups = 2)",
        "groupnorm(groups = 8)",
        "layernorm(epsilon = 0.1); relu",
        "it * (2 / sqrt(mean(it ^ 2, over = 2) + 0.01)) * 3",
        "(it - mean(it, over = 0)) * ((2 - iota(8)) / sqrt(sum(it ^ 2, over = 0)))",
        "it * iota(8) * ((iota(8) - 3) / sqrt(mean(it ^ 2, over = [0, 2])))",
        "it / sqrt(sum(it ^ 2, over = 2))  ",
        "x - mean(x, over = 1)\n 3 * it / sqrt(2 * mean(it ^ 2, over = 1) + 0.01) + 1"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char text[200];
        snprintf(text, sizeof text, "input x[6, 5, 8]\n %s", layers[i]);
        check(text, 0);
        snprintf(text, sizeof text, "input x[6, 5, 3]\n dense(8)\n %s\n dense(4)", layers[i]);
        check(text, 0);
    }
    check("input x[60, 60, 12]\n layernorm(epsilon = 1)\n reshape(-1) \n layernorm", 0);
}

Test(quantize, choices)
{
    check("input x[12]\n dense(20); prelu\n dense(5)", 0);
    check("input x[12]\n dense(20); prelu", 0);
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n max(it, a)\n min(it, 2 * a)", 0);
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n where(it > a, it, 3 * a)", 0);
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n where(0.3 <= it and not (a < -1), it, "
          "2)\n "
          "max(it, 0.5)",
          0);
    check("input x[12]\n dense(9)\n where(iota(9) % 2 > 0, it, -it * it)", 0);
    check("input x[12]\n dense(9)\n where(it > iota(9) / 4, iota(9) - 3, it) * 2", 0);
    check("input x[12]\n dense(9)\n max(it, iota(9) / 8)", 0);
    check("input x[12]\n dense(9) as a\n where(a > 1e6 or a <= -1e6, a, it * iota(9))", 0);
}

Test(quantize, quotients)
{
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n a / (2 + abs(it))", 0);
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n 3 - a / (-2 - it ^ 2)", 0);
    check("input x[12]\n dense(9)\n it / (1 + sum(abs(it)))", 0);
    check("input x[12]\n dense(9)\n (iota(9) - 2) / (2 + abs(it))", 0);
}

Test(quantize, examples)
{
    static const char *const files[] = {
        "lenet5.nn",      "kws_ds_cnn.nn",          "resnet8.nn",
        "fashion_mlp.nn", "anomaly_autoencoder.nn", "sunspots_gru.nn"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check_scene(scene_load(files[i]), files[i], 0);
}

// Nothing to quantize, or nothing but the output.
Test(quantize, models_of_hardly_anything)
{
    check("input x[4]\n linear", 0);
    check("input x[4]\n layernorm", 0);
    check("input x[4]\n relu", 0);
    check("input x[1]\n dense(1)", 0);
}

// What has no form in whole numbers is named, and the rest is quantized around it: here the
// absolute value, the sum, the quotient and the power.
Test(quantize, layers_that_stay_real)
{
    check("input x[6, 8]\n dense(8); abs(it) + 1 as a\n a ^ (x / 4)\n dense(4)", 4);
}

Test(quantize, every_method_serves)
{
    for (int method = 0; method < CALIBRATE_COUNT; method++) {
        Scene s = scene_new("input x[20]\n dense(30); relu\n dense(7)");
        const float *real = scene_run(&s, NNC_PREDICT);
        cr_assert(scene_quantize(&s, (Calibration)method));
        const double db = decibels(real, scene_run(&s, NNC_INT8), scene_output_count(&s));
        cr_expect_geq(db, LEAST_DECIBELS, "%s: %.1f dB", calibration_name(method), db);
        scene_free(&s);
    }
}

Test(quantize, weights_take_a_quarter)
{
    Scene s = scene_new("input x[200]\n dense(300)");
    cr_assert(scene_quantize(&s, CALIBRATE_MIN_MAX));
    cr_expect_leq(s.m.quantized.bytes_after * 10, s.m.quantized.bytes_before * 3);
    cr_expect_geq(s.m.quantized.bytes_after, 200 * 300);
    scene_free(&s);
}
