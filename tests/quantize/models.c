// models.c -- models quantized with their initial weights: near to what they were in f32, the same
// bits on every engine, no real number left inside.

#include <criterion/criterion.h>

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

Test(quantize, products_of_two_values)
{
    check("input x[6, 8]\n it @ transpose(it)", 0);
    check("input x[6, 8]\n dense(5); relu as a\n x @ transpose(x)\n it @ a / 3\n dense(4)", 0);
    check("input x[6, 8]\n dense(8) as a\n reshape(x, 6, 1, 8) * reshape(a, 1, 6, 8)\n dense(2)",
          0);
    check("input x[6, 8]\n input y[5, 8]\n cross_attention(x, y, heads = 2)\n dense(4)", 0);
    check("input x[4, 6]\n multi_head_attention(heads = 3)\n flatten\n dense(4); softmax", 0);
}

Test(quantize, masks)
{
    check("input x[6, 8]\n multi_head_attention(heads = 2, causal = true)\n dense(4)", 0);
    check("input x[5, 8]\n input y[3, 8]\n attention(x, y, y, causal = true)", 0);  // empty rows
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
    check("input x[12]\n dense(9) as a\n dense(x, 9)\n where(0.3 <= it and not (a < -1), it, 2)\n "
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
    static const char *const files[] = {"lenet5.nn", "kws_ds_cnn.nn", "resnet8.nn",
                                        "fashion_mlp.nn", "anomaly_autoencoder.nn"};
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

// What has no form in whole numbers is named, and the rest is quantized around it.
Test(quantize, layers_that_stay_real)
{
    check("input x[6, 8]\n lstm(5)\n dense(4)", 1);
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
