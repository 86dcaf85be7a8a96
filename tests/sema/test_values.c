// test_values.c -- what expanded graphs compute, against numbers worked out by hand.

#include <criterion/criterion.h>

#include <math.h>

#include "model.h"

#define NEAR(actual, expected) \
    cr_expect(is_near((actual), (expected)), #actual " = %g, not %g", (actual), (expected))

// Constants in a graph are double in these runs, so only rounding in double is left.
static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static void fill(double *to, int count, const double *values)
{
    for (int i = 0; i < count; i++)
        to[i] = values[i];
}

Test(values, dense_is_x_w_plus_b)
{
    Model m = model_load("model m { input x[2]; dense(3) }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    model_start(&m, 1);
    fill(model_variable(&m, "dense.w"), 6, (double[]){1, 2, 3, 4, 5, 6});
    fill(model_variable(&m, "dense.b"), 3, (double[]){10, 20, 30});
    double **y = model_run(&m, g, 2, (double *[]){(double[]){1, 1, 2, -1}}, (RunArgs){.step = 1});
    const double expected[] = {15, 27, 39, 8, 19, 30};
    for (int i = 0; i < 6; i++)
        NEAR(y[0][i], expected[i]);
    model_free(&m);
}

static const char batchnorm[] = "model m { input x[1]; batchnorm }\n"
                                "train { loss = mean_squared_error; optimizer = sgd }";

Test(values, batchnorm_uses_the_batch_in_training_and_keeps_running_means)
{
    Model m = model_load(batchnorm);
    Graph *train = model_train(&m), *predict = sema_predict(m.program);
    cr_assert(train && predict);
    model_start(&m, 1);
    double *x[] = {(double[]){1, 3}, (double[]){0, 0}};
    double **out = model_run(&m, train, 2, x, (RunArgs){.step = 1});
    NEAR(out[0][0], 1 / (1 + 1e-5));  // mean 2, variance 1: -1 and 1, each over sqrt(1 + epsilon)
    NEAR(model_variable(&m, "batchnorm.running_mean")[0], 0.1 * 2);
    NEAR(model_variable(&m, "batchnorm.running_var")[0], 0.9 + 0.1 * 1);
    NEAR(model_variable(&m, "batchnorm.gamma")[0], 1 - 0.01 * 2 / (1 + 1e-5));
    fill(model_variable(&m, "batchnorm.gamma"), 1, (double[]){2});
    fill(model_variable(&m, "batchnorm.beta"), 1, (double[]){5});
    out = model_run(&m, predict, 1, x, (RunArgs){.step = 1});
    NEAR(out[0][0], 2 * (1 - 0.2) / sqrt(1 + 1e-5) + 5);
    model_free(&m);
}

#define LINE "model m { input x[1]; dense(1, bias = false, init = constant(3)) }\n"

// One example x = 2, target 1, w = 3: the gradient of (2 w - 1)^2 is 2 (2 w - 1) 2 = 20.
static Model one_step(const char *text, RunArgs args)
{
    Model m = model_load(text);
    Graph *train = model_train(&m);
    diags_print(m.session->diags, stderr, false);
    cr_assert(train);
    model_start(&m, 1);
    model_run(&m, train, 1, (double *[]){(double[]){2}, (double[]){1}}, args);
    return m;
}

static double weight(const Model *m)
{
    return model_variable(m, "dense.w")[0];
}

Test(values, a_frozen_layer_keeps_its_states)
{
    Model m = model_load("model m { input x[1]; batchnorm(frozen = true); dense(1) }\n"
                         "train { loss = mean_squared_error; optimizer = sgd }\n");
    Graph *train = model_train(&m);
    cr_assert(train);
    model_start(&m, 1);
    double *x[] = {(double[]){1, 3}, (double[]){0, 0}};
    model_run(&m, train, 2, x, (RunArgs){.step = 1});
    NEAR(model_variable(&m, "batchnorm.running_mean")[0], 0);
    NEAR(model_variable(&m, "batchnorm.running_var")[0], 1);
    NEAR(model_variable(&m, "batchnorm.gamma")[0], 1);
    model_free(&m);
}

Test(values, sgd_steps_against_the_gradient)
{
    Model m =
        one_step(LINE "train { loss = mean_squared_error; optimizer = sgd(learning_rate = 0.1) }",
                 (RunArgs){.step = 1});
    NEAR(weight(&m), 3 - 0.1 * 20);
    model_free(&m);
}

Test(values, sgd_keeps_momentum_in_a_slot)
{
    Model m =
        one_step(LINE "train { loss = mean_squared_error; optimizer = sgd(0.1, momentum = 0.5) }",
                 (RunArgs){.step = 1});
    NEAR(weight(&m), 1.0);
    NEAR(model_variable(&m, "dense.w/velocity")[0], 20.0);
    model_free(&m);
}

Test(values, adam_takes_two_corrected_steps)
{
    Model m = model_load(
        LINE "train { loss = mean_squared_error; optimizer = adam(learning_rate = 0.1) }");
    Graph *train = model_train(&m);
    cr_assert(train);
    model_start(&m, 1);
    double *in[] = {(double[]){2}, (double[]){1}};
    double w = 3, mean = 0, square = 0;
    for (int step = 1; step <= 2; step++) {
        double g = 4 * (2 * w - 1);
        mean = 0.9 * mean + 0.1 * g;
        square = 0.999 * square + 0.001 * g * g;
        double m1 = mean / (1 - pow(0.9, step)), v1 = square / (1 - pow(0.999, step));
        w -= 0.1 * m1 / (sqrt(v1) + 1e-8);
        model_run(&m, train, 1, in, (RunArgs){.step = step});
        NEAR(weight(&m), w);
    }
    NEAR(model_variable(&m, "dense.w/v")[0], square);
    model_free(&m);
}

Test(values, learning_rate_follows_its_table_and_schedule)
{
    Model m = one_step(LINE "train { loss = mean_squared_error; optimizer = sgd\n"
                            "learning_rate = [(0, 0.5), (12, 0.25), (24, 0.1)]; epochs = 100\n"
                            "schedule = polynomial }",
                       (RunArgs){.step = 1, .epoch = 20});
    NEAR(weight(&m), 3 - 0.25 * 0.8 * 20);
    model_free(&m);
}

Test(values, gradients_are_clipped_by_value_and_norm)
{
    Model m =
        one_step(LINE "train { loss = mean_squared_error; optimizer = sgd(0.1); clip_value = 5 }",
                 (RunArgs){.step = 1});
    NEAR(weight(&m), 3 - 0.1 * 5);
    model_free(&m);
    m = one_step(LINE "train { loss = mean_squared_error; optimizer = sgd(0.1); clip_norm = 2 }",
                 (RunArgs){.step = 1});
    NEAR(weight(&m), 3 - 0.1 * 2);
    model_free(&m);
}

Test(values, weights_decay_apart_from_the_gradient)
{
    Model m = one_step(
        LINE "train { loss = mean_squared_error; optimizer = sgd(0.1); weight_decay = 0.5 }",
        (RunArgs){.step = 1});
    NEAR(weight(&m), 3 - 0.1 * 20 - 0.1 * 0.5 * 3);
    model_free(&m);
}

Test(values, penalty_is_of_weights_without_a_regularizer_of_their_own)
{
    Model m =
        model_load("model m { input x[1]; dense(1, init = constant(3))\n"
                   "dense(1, init = constant(2), regularizer = l1(1))\n"
                   "dense(1, init = constant(9), frozen = true) }\n"
                   "train { loss = mean_squared_error; optimizer = sgd; regularizer = l2(0.5) }");
    Graph *train = model_train(&m);
    cr_assert(train);
    model_start(&m, 1);
    double **out =
        model_run(&m, train, 1, (double *[]){(double[]){0}, (double[]){0}}, (RunArgs){.step = 1});
    NEAR(out[1][0], 0.5 * 9 + 2);
    NEAR(out[0][0], out[1][0]);
    NEAR(model_variable(&m, "dense_3.w")[0], 9.0);
    model_free(&m);
}

Test(values, metrics_are_means_or_kept_sums)
{
    Model m = model_load("model m { input x[1]; sum(x, keep = batch) as s; reshape(x, 1) }\n"
                         "train { loss = mean_squared_error; optimizer = sgd\n"
                         "metrics = [mean_absolute_error, r2] }");
    Graph *evaluate = sema_evaluate(m.program), *finish = sema_finish(m.program);
    diags_print(m.session->diags, stderr, false);
    cr_assert(evaluate && finish);
    model_start(&m, 1);
    double *first[] = {(double[]){1, 2}, (double[]){1, 3}},
           *second[] = {(double[]){4}, (double[]){5}};
    double **out = model_run(&m, evaluate, 2, first, (RunArgs){.step = 1});
    NEAR(out[0][0], 0.5);
    NEAR(out[1][0], 0.5);
    cr_expect(evaluate->output_count == 2);
    model_run(&m, evaluate, 1, second, (RunArgs){.step = 1});
    out = model_run(&m, finish, 1, NULL, (RunArgs){.step = 1});
    NEAR(out[0][0], 1 - 2.0 / 8);
    model_free(&m);
}

Test(values, cross_entropy_and_accuracy_take_classes)
{
    Model m = model_load("model m { input x[3]; softmax }\n"
                         "train { loss = cross_entropy; optimizer = sgd; metrics = [accuracy] }");
    Graph *g = sema_evaluate(m.program);
    cr_assert(g);
    cr_assert(g->inputs[1].type.dtype == DTYPE_I32 && g->inputs[1].type.rank == 1);
    double *in[] = {(double[]){0, 0, 0, 0, 1, 0}, (double[]){2, 1}};
    double **out = model_run(&m, g, 2, in, (RunArgs){.step = 1});
    NEAR(out[0][0], (log(3) + log(2 + M_E) - 1) / 2);
    NEAR(out[1][0], 0.5);
    model_free(&m);
}

Test(values, matmul_shares_leading_axes)
{
    Model m = model_load("model m { input a[2, 1, 2]; input b[2, 2, 1]; a @ b }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    double *in[] = {(double[]){1, 2, 3, 4}, (double[]){5, 6, 7, 8}};
    double **out = model_run(&m, g, 1, in, (RunArgs){.step = 1});
    NEAR(out[0][0], 17.0);
    NEAR(out[0][1], 53.0);
    model_free(&m);
}

// The same path draws the same numbers, whatever else the model has.
Test(values, arithmetic_of_whole_numbers_is_real)
{
    Model m = model_load("model m { input x[2]: int; 3 * x - 1 }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    model_start(&m, 1);
    double **y = model_run(&m, g, 1, (double *[]){(double[]){2, 5}}, (RunArgs){.step = 1});
    NEAR(y[0][0], 5.0);
    NEAR(y[0][1], 14.0);
    model_free(&m);
}

Test(values, causal_attention_sees_nothing_that_comes_later)
{
    Model m = model_load("model m { input q[2, 1]; input v[3, 1]; attention(0 * q, v, v, causal = "
                         "true) }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    model_start(&m, 1);
    double *in[] = {(double[]){1, 1}, (double[]){2, 4, 9}};
    double **y = model_run(&m, g, 1, in, (RunArgs){.step = 1});
    NEAR(y[0][0], 3.0);  // the last row sees all: of 3 values, the first of 2 rows sees 2
    NEAR(y[0][1], 5.0);
    model_free(&m);
}

Test(values, first_values_depend_on_the_path_alone)
{
    Model a = model_load("model m { input x[4]; dense(4, name = \"top\") }");
    Model b = model_load("model m { input x[4]; dense(4); dense(4, name = \"top\"); dense(4) }");
    cr_assert(sema_predict(a.program) && sema_predict(b.program));
    model_start(&a, 7);
    model_start(&b, 7);
    for (int i = 0; i < 16; i++)
        cr_expect(model_variable(&a, "top.w")[i] == model_variable(&b, "top.w")[i]);
    cr_expect(model_variable(&b, "top.w")[0] != model_variable(&b, "dense.w")[0]);
    model_free(&a);
    model_free(&b);
}

Test(values, normal_numbers_have_mean_0_and_variance_1)
{
    Model m = model_load("init standard(shape) = normal(shape)\n"
                         "model m { input x[100]; dense(100, init = standard) }");
    cr_assert(sema_predict(m.program));
    model_start(&m, 3);
    const double *w = model_variable(&m, "dense.w");
    double sum = 0, squares = 0;
    for (int i = 0; i < 10000; i++) {
        sum += w[i];
        squares += w[i] * w[i];
    }
    // Four standard errors: 1 / sqrt(n) of the mean, sqrt(2 / n) of the variance.
    cr_expect(fabs(sum / 10000) < 0.04);
    cr_expect(fabs(squares / 10000 - 1) < 0.057);
    model_free(&m);
}
