// test_windows.c -- convolutions, pools and attention against loops that follow their formulas, and
// the functions that take tensors apart and put them together.

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

#include "model.h"

enum { BATCH = 2, MOST = 4096 };

// A sequence of numbers in -1 .. 1 that is the same in each run; no two near each other are equal.
static void fill(double *to, int64_t count, int seed)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = sin((double)(i * 7 + seed) * 1.3);
}

static void expect_near(const double *got, const double *want, int count, const char *what)
{
    for (int i = 0; i < count; i++)
        if (fabs(got[i] - want[i]) > 1e-9 * (1 + fabs(want[i])))
            cr_assert_fail("%s: element %d is %g, not %g", what, i, got[i], want[i]);
}

// One model of one input, run; its weight, if it has one, is filled first.
static double *run_model(Model *m, const char *text, double *x, const char *weight, double *w,
                         int64_t weights)
{
    *m = model_load(text);
    Graph *g = sema_predict(m->program);
    diags_print(m->session->diags, stderr, false);
    cr_assert(g, "%s", text);
    model_start(m, 1);
    for (int64_t i = 0; weight && i < weights; i++)
        model_variable(m, weight)[i] = w[i];
    return model_run(m, g, BATCH, &x, (RunArgs){.step = 1})[0];
}

// --- convolutions -----------------------------------------------------------------------------

// One direction: sizes, and the padding before, as the formulas have it.
typedef struct Direction {
    int in, kernel, stride, dilation;
    int before, out;
} Direction;

typedef enum Padding { SAME, VALID, ONE } Padding;
static const char *const padding_words[] = {"same", "valid", "1"};

static Direction direction(int in, int kernel, int stride, int dilation, Padding padding)
{
    int span = dilation * (kernel - 1) + 1;
    Direction d = {in, kernel, stride, dilation, 0, (in - span) / stride + 1};
    if (padding == ONE) {
        d.before = 1;
        d.out = (in + 2 - span) / stride + 1;
    } else if (padding == SAME) {
        d.out = (in + stride - 1) / stride;
        int missing = (d.out - 1) * stride + span - in;
        d.before = missing > 0 ? missing / 2 : 0;
    }
    return d;
}

// Where element i of window o reads; -1: in the padding.
static int place(const Direction *d, int o, int i)
{
    int at = o * d->stride - d->before + i * d->dilation;
    return at < 0 || at >= d->in ? -1 : at;
}

typedef struct Conv {
    int h, w, c, kh, kw, out, groups, sh, sw, dh, dw;
    Padding padding;
} Conv;

static const Conv convs[] = {
    {5, 6, 3, 3, 3, 4, 1, 1, 1, 1, 1, SAME},  {7, 5, 2, 3, 2, 3, 1, 2, 2, 1, 1, SAME},
    {8, 8, 4, 3, 3, 6, 2, 1, 2, 1, 1, VALID}, {7, 9, 3, 3, 3, 3, 3, 2, 1, 1, 1, SAME},
    {7, 9, 3, 3, 3, 6, 3, 1, 1, 2, 1, ONE},   {6, 6, 5, 1, 1, 2, 1, 1, 1, 1, 1, SAME},
    {6, 5, 2, 1, 1, 3, 1, 2, 3, 1, 1, SAME},  {9, 4, 4, 1, 3, 4, 2, 3, 1, 1, 1, SAME},
    {9, 8, 1, 4, 4, 2, 1, 3, 3, 2, 2, SAME},  {5, 5, 1, 5, 5, 1, 1, 1, 1, 1, 1, VALID},
};

static double conv_at(const Conv *k, const Direction *v, const Direction *u, const double *x,
                      const double *w, int y, int z, int o)
{
    int per_group = k->c / k->groups, group = o / (k->out / k->groups);
    double sum = 0;
    for (int i = 0; i < k->kh; i++)
        for (int j = 0; j < k->kw; j++)
            for (int c = 0; c < per_group; c++) {
                int row = place(v, y, i), column = place(u, z, j);
                if (row < 0 || column < 0)
                    continue;
                sum += x[(row * k->w + column) * k->c + group * per_group + c] *
                       w[((i * k->kw + j) * per_group + c) * k->out + o];
            }
    return sum;
}

static int naive_conv(const Conv *k, const double *x, const double *w, double *y)
{
    Direction v = direction(k->h, k->kh, k->sh, k->dh, k->padding);
    Direction u = direction(k->w, k->kw, k->sw, k->dw, k->padding);
    int n = 0;
    for (int b = 0; b < BATCH; b++, x += k->h * k->w * k->c)
        for (int i = 0; i < v.out; i++)
            for (int j = 0; j < u.out; j++)
                for (int o = 0; o < k->out; o++)
                    y[n++] = conv_at(k, &v, &u, x, w, i, j, o);
    return n;
}

Test(windows, conv_is_its_formula)
{
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) {
        const Conv *k = &convs[i];
        char text[512];
        double x[MOST], w[MOST], want[MOST];
        int weights = k->kh * k->kw * (k->c / k->groups) * k->out;
        fill(x, BATCH * k->h * k->w * k->c, 1);
        fill(w, weights, 2);
        snprintf(text, sizeof text,
                 "model m { input x[%d, %d, %d]; conv2d(%d, kernel = [%d, %d], stride = [%d, %d], "
                 "dilation = [%d, %d], groups = %d, padding = %s, bias = false) }",
                 k->h, k->w, k->c, k->out, k->kh, k->kw, k->sh, k->sw, k->dh, k->dw, k->groups,
                 padding_words[k->padding]);
        Model m;
        double *y = run_model(&m, text, x, "conv2d.w", w, weights);
        expect_near(y, want, naive_conv(k, x, w, want), text);
        model_free(&m);
    }
}

Test(windows, conv1d_is_conv2d_of_a_row)
{
    const Conv row = {1, 11, 3, 1, 4, 2, 1, 1, 2, 1, 2, SAME};
    double x[MOST], w[MOST], want[MOST];
    fill(x, BATCH * 11 * 3, 3);
    fill(w, 4 * 3 * 2, 4);
    Model m;
    double *y = run_model(&m,
                          "model m { input x[11, 3]\n"
                          "conv1d(2, kernel = 4, stride = 2, dilation = 2, bias = false) }",
                          x, "conv1d.w", w, 4 * 3 * 2);
    expect_near(y, want, naive_conv(&row, x, w, want), "conv1d");
    model_free(&m);
}

Test(windows, depthwise_conv_keeps_channels_apart)
{
    const Conv k = {6, 5, 3, 3, 3, 6, 3, 2, 2, 1, 1, SAME};
    double x[MOST], w[MOST], want[MOST];
    fill(x, BATCH * 6 * 5 * 3, 5);
    fill(w, 3 * 3 * 6, 6);
    Model m;
    double *y = run_model(&m,
                          "model m { input x[6, 5, 3]\n"
                          "depthwise_conv2d(stride = 2, multiplier = 2, bias = false) }",
                          x, "depthwise_conv2d.w", w, 3 * 3 * 6);
    expect_near(y, want, naive_conv(&k, x, w, want), "depthwise_conv2d");
    model_free(&m);
}

// Each element of x puts a kernel down; `k` is the convolution that goes the other way.
static int naive_transpose(const Conv *k, const double *x, const double *w, double *y)
{
    Direction v = direction(k->h, k->kh, k->sh, 1, k->padding);
    Direction u = direction(k->w, k->kw, k->sw, 1, k->padding);
    int size = BATCH * k->h * k->w * k->out;
    for (int n = 0; n < size; n++)
        y[n] = 0;
    for (int n = 0; n < BATCH * v.out * u.out * k->c * k->kh * k->kw * k->out; n++) {
        int o = n % k->out, j = n / k->out % k->kw, i = n / k->out / k->kw % k->kh;
        int at = n / k->out / k->kw / k->kh, z = at / k->c % u.out, t = at / k->c / u.out % v.out;
        int row = place(&v, t, i), column = place(&u, z, j), b = at / k->c / u.out / v.out;
        if (row >= 0 && column >= 0)
            y[((b * k->h + row) * k->w + column) * k->out + o] +=
                x[at] * w[((i * k->kw + j) * k->c + at % k->c) * k->out + o];
    }
    return size;
}

Test(windows, transposed_conv_puts_kernels_down)
{
    static const Conv cases[] = {
        {6, 8, 3, 3, 3, 2, 1, 2, 2, 1, 1, SAME},  {7, 9, 2, 3, 3, 3, 1, 2, 2, 1, 1, VALID},
        {6, 6, 2, 2, 2, 2, 1, 3, 3, 1, 1, SAME},  {5, 4, 2, 3, 2, 2, 1, 1, 1, 1, 1, SAME},
        {7, 5, 2, 3, 3, 1, 1, 2, 2, 1, 1, ONE},   {6, 4, 3, 1, 1, 2, 1, 2, 2, 1, 1, SAME},
        {4, 12, 1, 4, 5, 1, 1, 2, 3, 1, 1, SAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Conv *k = &cases[i];
        Direction v = direction(k->h, k->kh, k->sh, 1, k->padding);
        Direction u = direction(k->w, k->kw, k->sw, 1, k->padding);
        double x[MOST], w[MOST], want[MOST];
        char text[512];
        int weights = k->kh * k->kw * k->c * k->out;
        fill(x, BATCH * v.out * u.out * k->c, 7);
        fill(w, weights, 8);
        snprintf(text, sizeof text,
                 "model m { input x[%d, %d, %d]; conv2d_transpose(%d, kernel = [%d, %d], "
                 "stride = [%d, %d], padding = %s, bias = false) }",
                 v.out, u.out, k->c, k->out, k->kh, k->kw, k->sh, k->sw, padding_words[k->padding]);
        Model m;
        double *y = run_model(&m, text, x, "conv2d_transpose.w", w, weights);
        expect_near(y, want, naive_transpose(k, x, w, want), text);
        model_free(&m);
    }
}

// --- pools ------------------------------------------------------------------------------------

static double pool_at(const Conv *k, const Direction *v, const Direction *u, const double *x, int y,
                      int z, int c, bool largest)
{
    double most = -INFINITY, sum = 0;
    int count = 0;
    for (int i = 0; i < k->kh; i++)
        for (int j = 0; j < k->kw; j++) {
            int row = place(v, y, i), column = place(u, z, j);
            if (row < 0 || column < 0)
                continue;
            double value = x[(row * k->w + column) * k->c + c];
            most = fmax(most, value);
            sum += value;
            count++;
        }
    return largest ? most : sum / count;
}

static int naive_pool(const Conv *k, const double *x, double *y, bool largest)
{
    Direction v = direction(k->h, k->kh, k->sh, 1, k->padding);
    Direction u = direction(k->w, k->kw, k->sw, 1, k->padding);
    int n = 0;
    for (int b = 0; b < BATCH; b++, x += k->h * k->w * k->c)
        for (int i = 0; i < v.out; i++)
            for (int j = 0; j < u.out; j++)
                for (int c = 0; c < k->c; c++)
                    y[n++] = pool_at(k, &v, &u, x, i, j, c, largest);
    return n;
}

Test(windows, pools_see_what_is_no_padding)
{
    static const Conv cases[] = {
        {6, 8, 3, 2, 2, 0, 1, 2, 2, 1, 1, VALID}, {7, 5, 2, 3, 2, 0, 1, 2, 2, 1, 1, SAME},
        {7, 5, 2, 3, 3, 0, 1, 1, 1, 1, 1, SAME},  {7, 5, 2, 2, 3, 0, 1, 3, 1, 1, 1, ONE},
        {5, 7, 2, 1, 1, 0, 1, 2, 3, 1, 1, SAME},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const Conv *k = &cases[i / 2];
        Padding padding = k->padding;
        bool largest = i % 2;
        double x[MOST], want[MOST];
        char text[256];
        if (padding == ONE && (k->kh < 2 || k->kw < 2))
            continue;
        fill(x, BATCH * k->h * k->w * k->c, 9);
        snprintf(text, sizeof text,
                 "model m { input x[%d, %d, %d]; %s([%d, %d], stride = [%d, %d], padding = %s) }",
                 k->h, k->w, k->c, largest ? "max_pool" : "avg_pool", k->kh, k->kw, k->sh, k->sw,
                 padding_words[padding]);
        Model m;
        double *y = run_model(&m, text, x, NULL, NULL, 0);
        expect_near(y, want, naive_pool(k, x, want, largest), text);
        model_free(&m);
    }
}

// --- attention --------------------------------------------------------------------------------

enum { T = 5, D = 4 };

static void naive_attention(const double *x, double *y, bool causal)
{
    for (int t = 0; t < T; t++) {
        double weight[T], sum = 0;
        for (int s = 0; s < T; s++) {
            double product = 0;
            for (int d = 0; d < D; d++)
                product += x[t * D + d] * x[s * D + d];
            weight[s] = causal && s > t ? 0 : exp(product / sqrt(D));
            sum += weight[s];
        }
        for (int d = 0; d < D; d++) {
            y[t * D + d] = 0;
            for (int s = 0; s < T; s++)
                y[t * D + d] += weight[s] / sum * x[s * D + d];
        }
    }
}

Test(windows, attention_is_a_weighted_mean_of_what_is_seen)
{
    double x[BATCH * T * D], want[BATCH * T * D];
    fill(x, BATCH * T * D, 10);
    for (int causal = 0; causal < 2; causal++) {
        Model m;
        double *y =
            run_model(&m,
                      causal ? "model m { input x[5, 4]; attention(x, x, x, causal = true) }"
                             : "model m { input x[5, 4]; attention(x, x, x) }",
                      x, NULL, NULL, 0);
        for (int b = 0; b < BATCH; b++)
            naive_attention(x + b * T * D, want + b * T * D, causal);
        expect_near(y, want, BATCH * T * D, "attention");
        model_free(&m);
    }
}

// Two heads on projections that change nothing are attention on the halves, side by side.
Test(windows, heads_are_attention_on_parts_of_the_last_axis)
{
    double x[BATCH * T * 2 * D], half[T * D], out[T * D], want[BATCH * T * 2 * D];
    fill(x, BATCH * T * 2 * D, 11);
    Model m = model_load("model m { input x[5, 8]; multi_head_attention(heads = 2) }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    model_start(&m, 1);
    static const char *const names[] = {"query", "key", "value", "output"};
    for (int n = 0; n < 4; n++) {
        char path[80];
        snprintf(path, sizeof path, "multi_head_attention.cross_attention.%s.w", names[n]);
        for (int i = 0; i < 4 * D * D; i++)
            model_variable(&m, path)[i] = i / (2 * D) == i % (2 * D);
    }
    double *in[] = {x}, *y = model_run(&m, g, BATCH, in, (RunArgs){.step = 1})[0];
    for (int n = 0; n < BATCH * 2; n++) {
        int b = n / 2, head = n % 2;
        for (int i = 0; i < T * D; i++)
            half[i] = x[(b * T + i / D) * 2 * D + head * D + i % D];
        naive_attention(half, out, false);
        for (int i = 0; i < T * D; i++)
            want[(b * T + i / D) * 2 * D + head * D + i % D] = out[i];
    }
    expect_near(y, want, BATCH * T * 2 * D, "heads");
    model_free(&m);
}

Test(windows, positions_are_waves)
{
    double x[BATCH * 3 * 5] = {0}, want[BATCH * 3 * 5];
    for (int n = 0; n < BATCH * 3 * 5; n++) {
        int t = n / 5 % 3, i = n % 5;
        double angle = t / pow(10000, (i - i % 2) / 5.0);
        want[n] = i % 2 ? cos(angle) : sin(angle);
    }
    Model m;
    double *y = run_model(&m, "model m { input x[3, 5]; positional_encoding }", x, NULL, NULL, 0);
    expect_near(y, want, BATCH * 3 * 5, "positional_encoding");
    model_free(&m);
}

// --- parts ------------------------------------------------------------------------------------

typedef struct Part {
    const char *body;  // of a layer of x[2, 3], which holds 1 to 6
    int count;
    double want[16];
} Part;

static const Part parts[] = {
    {"x[1]", 3, {4, 5, 6}},
    {"x[-1, -1]", 1, {6}},
    {"x[0..2, 1..3]", 4, {2, 3, 5, 6}},
    {"x[w = 1..-1]", 2, {2, 5}},
    {"x[w = 2, h = 0..1]", 1, {3}},
    {"slice(x, 0, 2)", 4, {1, 2, 4, 5}},
    {"slice(x, 1, 2, axis = h)", 3, {4, 5, 6}},
    {"slice(0, 2)", 4, {1, 2, 4, 5}},
    {"reverse(x)", 6, {4, 5, 6, 1, 2, 3}},
    {"reverse(axis = w)", 6, {3, 2, 1, 6, 5, 4}},
    {"concat(x, x)", 12, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
    {"concat(-x, axis = 0)", 12, {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}},
    {"concat([x, reshape(iota(2), 2, 1)])", 8, {1, 2, 3, 0, 4, 5, 6, 1}},
    {"concat(iota(2), argmax(x), 2 * iota(1) + 7) + 0.5", 5, {0.5, 1.5, 2.5, 2.5, 7.5}},
    {"concat(argmax(x), iota(3)) == iota(5)", 5, {0, 0, 0, 0, 0}},
    {"a, b = split(x, 2, axis = h); concat(b, a)", 6, {4, 5, 6, 1, 2, 3}},
    {"a, b = split(x, [2, 1]); concat(b, a)", 6, {3, 1, 2, 6, 4, 5}},
    {"pad(x, 0, (1, 0))", 8, {0, 1, 2, 3, 0, 4, 5, 6}},
    {"pad(1, 0, value = 9)", 12, {9, 9, 9, 1, 2, 3, 4, 5, 6, 9, 9, 9}},
    {"gather(reshape(10 * iota(4) + 0.5, 4, 1), argmax(x))", 2, {20.5, 20.5}},
    {"upsample(reshape(x, 2, 3, 1), [1, 2])", 12, {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
    {"global_avg_pool", 3, {2.5, 3.5, 4.5}},
    {"global_max_pool", 3, {4, 5, 6}},
};

Test(windows, parts_of_tensors)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char text[512];
        double x[] = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}, want[32];
        snprintf(text, sizeof text, "model m { input x[2, 3]; try }\nlayer try(x[h, w]) { %s }",
                 parts[i].body);
        for (int n = 0; n < 2 * parts[i].count; n++)
            want[n] = parts[i].want[n % parts[i].count];
        Model m;
        double *y = run_model(&m, text, x, NULL, NULL, 0);
        expect_near(y, want, 2 * parts[i].count, parts[i].body);
        model_free(&m);
    }
}

// --- what is learned and measured -------------------------------------------------------------

// Columns, or rows where these are fewer, whose products are those of the unit matrix.
Test(windows, orthogonal_weights_keep_lengths)
{
    static const int sizes[][2] = {{12, 5}, {5, 12}, {24, 24}, {1, 7}};
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        int rows = sizes[n][0], columns = sizes[n][1], least = rows < columns ? rows : columns;
        char text[128];
        snprintf(text, sizeof text, "model m { input x[%d]; dense(%d, init = orthogonal) }", rows,
                 columns);
        Model m = model_load(text);
        cr_assert(sema_predict(m.program));
        model_start(&m, 5);
        const double *w = model_variable(&m, "dense.w");
        for (int i = 0; i < least * least; i++) {
            double product = 0;
            for (int k = 0; k < (rows < columns ? columns : rows); k++)
                product += rows < columns ? w[i / least * columns + k] * w[i % least * columns + k]
                                          : w[k * columns + i / least] * w[k * columns + i % least];
            cr_expect(fabs(product - (i / least == i % least)) < 1e-6, "%s: %g", text, product);
        }
        model_free(&m);
    }
}

#define LINE "model m { input x[1]; dense(1, bias = false, init = constant(3)) }\n"

// The loss falls once, then stays: after two more epochs the rate is halved.
Test(windows, reduce_on_plateau_waits_for_the_validation_loss)
{
    Model m = model_load(LINE "train { loss = mean_squared_error; optimizer = sgd(1)\n"
                              "schedule = reduce_on_plateau(factor = 0.5, patience = 2) }");
    Graph *train = model_train(&m);
    diags_print(m.session->diags, stderr, false);
    cr_assert(train);
    model_start(&m, 1);
    static const float losses[] = {INFINITY, 5, 4, 4, 4, 4, 4, 4, 3};
    static const double want[] = {1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5};
    double *in[] = {(double[]){0}, (double[]){0}};
    for (int i = 0; i < 9; i++) {
        RunArgs args = {.step = i + 1, .epoch = (float)i, .validation_loss = losses[i]};
        model_run(&m, train, 1, in, args);
        cr_expect_float_eq(model_variable(&m, "schedule/scale")[0], want[i], 1e-12, "epoch %d: %g",
                           i, model_variable(&m, "schedule/scale")[0]);
    }
    model_free(&m);
}

Test(windows, auc_counts_pairs_in_the_right_order)
{
    Model m = model_load("model m { input x[1]; sigmoid }\n"
                         "train { loss = binary_cross_entropy; optimizer = sgd; metrics = [auc] }");
    Graph *g = sema_evaluate(m.program), *end = sema_finish(m.program);
    diags_print(m.session->diags, stderr, false);
    cr_assert(g && end);
    model_start(&m, 1);
    // Of six pairs of a yes (2, -1, 0) and a no (-2, 0): four are in order, one is even.
    double *in[] = {(double[]){2, -1, 0, -2, 0}, (double[]){1, 1, 1, 0, 0}};
    model_run(&m, g, 5, in, (RunArgs){.step = 1});
    double **out = model_run(&m, end, 1, NULL, (RunArgs){.step = 1});
    cr_expect_float_eq(out[0][0], 4.5 / 6, 1e-9, "%g", out[0][0]);
    model_free(&m);
}
