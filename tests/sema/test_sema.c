// test_sema.c -- names, paths, settings, blocks.

#include <criterion/criterion.h>

#include <string.h>

#include "model.h"

static bool reports(const Model *m, DiagCode code)
{
    for (size_t i = 0; i < diags_count(m->session->diags); i++)
        if (diags_code_at(m->session->diags, i) == code)
            return true;
    return false;
}

static bool has_variable(const Model *m, const char *path)
{
    return variables_find(sema_variables(m->program), intern(m->session->names, path)) >= 0;
}

#define TRAIN "train { loss = mean_squared_error; optimizer = sgd }"

Test(sema, layers_are_numbered_by_name_within_a_body)
{
    Model m = model_load(
        "layer block(x) { dense(2); dense(2) }\n"
        "model m { input x[2]; block; dense(2); block; dense(2); dense(2, name = \"top\") }");
    cr_assert(sema_predict(m.program));
    cr_expect(has_variable(&m, "block.dense.w"));
    cr_expect(has_variable(&m, "block_2.dense_2.b"));
    cr_expect(has_variable(&m, "dense_2.w"));
    cr_expect(has_variable(&m, "top.w"));
    cr_expect(!has_variable(&m, "dense_3.w"));
    model_free(&m);
}

Test(sema, training_declares_the_same_variables)
{
    Model m = model_load("model m { input x[4]; dropout(0.5); dense(2); batchnorm; dropout(0.5); "
                         "dense(1) }\n" TRAIN);
    cr_assert(sema_predict(m.program));
    int count = sema_variables(m.program)->count;
    cr_assert(sema_train(m.program) && sema_evaluate(m.program));
    cr_expect(sema_variables(m.program)->count == count);
    model_free(&m);
}

Test(sema, calls_of_an_instance_share_parameters)
{
    Model m =
        model_load("model m { input x[4]; layer enc = dense(4); enc; enc; a = enc(x); it + a }");
    cr_assert(sema_predict(m.program));
    cr_expect(sema_variables(m.program)->count == 2);
    cr_expect(has_variable(&m, "enc.w"));
    model_free(&m);
}

Test(sema, the_branch_not_taken_makes_nothing)
{
    Model m =
        model_load("model m { input x[4]; if 1 > 2 { dense(4) } else { dense(3, bias = false) } }");
    cr_assert(sema_predict(m.program));
    cr_expect(sema_variables(m.program)->count == 1);
    model_free(&m);
}

Test(sema, set_overrides_lets_and_keys)
{
    static const char text[] = "let width = 4\nmodel m { input x[width]; dense(1) }\n" TRAIN;
    Model m = model_load_with(text, "width=8");
    Graph *g = sema_predict(m.program);
    cr_expect(g && g->inputs[0].type.dims[1] == 8);
    model_free(&m);
    m = model_load_with(text, "epochs=3");
    cr_expect(sema_train_spec(m.program)->epochs == 3);
    model_free(&m);
    m = model_load_with(text, "data.validation=0.25");
    cr_expect(sema_data_spec(m.program)->validation->real == 0.25);
    model_free(&m);
    m = model_load_with(text, "optimizer.learning_rate=0.5");
    cr_expect(diags_errors(m.session->diags) == 0);
    model_free(&m);
}

Test(sema, train_block_has_defaults)
{
    Model m =
        model_load("model m { input x[4]; dense(1) }\ntrain { loss = mean_squared_error\n"
                   "early_stopping = patience(3); seed = 5; shuffle = false; metrics = [r2] }");
    const TrainSpec *t = sema_train_spec(m.program);
    cr_expect(t->given && t->batch_size == 32 && t->epochs == 10 && t->patience == 3);
    cr_expect(t->seed == 5 && !t->shuffle && t->target_error != t->target_error);
    cr_expect(t->metric_count == 1 && strcmp(t->metrics[0], "r2") == 0);
    cr_expect(strcmp(t->loss_text, "mean_squared_error") == 0);
    model_free(&m);
}

Test(sema, data_sources_are_calls)
{
    Model m = model_load("model m { input x[4]; dense(1) }\n"
                         "data { train = csv(\"a.csv\", target = \"y\", scale = 1/4); test = 0.25\n"
                         "classes = [\"a\", \"b\"]; normalize = standard }");
    const DataSpec *d = sema_data_spec(m.program);
    cr_assert(d->train && d->train->kind == VALUE_CALL && d->train->count == 3);
    cr_expect(strcmp(d->train->name, "csv") == 0);
    cr_expect(d->train->items[2].value->real == 0.25);
    cr_expect(d->test->real == 0.25 && d->classes->count == 2 && d->normalize);
    model_free(&m);
}

Test(sema, deploy_block_is_limits_and_how_to_quantize)
{
    static const char text[] = "model m { input x[4]; dense(1) }\n"
                               "deploy { ram = 2 KiB; quantize = int8; calibrate = percentile }";
    Model m = model_load(text);
    const DeploySpec *d = sema_deploy_spec(m.program);
    cr_expect(d->given && d->ram == 2048 && d->flash == -1 && d->quantize);
    cr_expect_str_eq(d->calibrate, "percentile");
    model_free(&m);
    m = model_load_with(text, "deploy.calibrate=mse");
    cr_expect_str_eq(sema_deploy_spec(m.program)->calibrate, "mse");
    model_free(&m);
    m = model_load("model m { input x[4]; dense(1) }");
    d = sema_deploy_spec(m.program);
    cr_expect(!d->given && d->ram == -1 && !d->quantize && !d->calibrate);
    model_free(&m);
}

Test(sema, several_outputs_have_a_target_each)
{
    Model m = model_load(
        "model m { input x[4]; dense(3); softmax as a; dense(x, 2) as b; output a, b }\n"
        "train { loss = [a: cross_entropy, b: huber]; optimizer = sgd; metrics = [a: accuracy] }");
    Graph *g = sema_evaluate(m.program);
    cr_assert(g && g->input_count == 3);
    cr_expect(strcmp(g->inputs[1].name, "target.a") == 0 && g->inputs[1].type.dtype == DTYPE_I32);
    cr_expect(strcmp(g->inputs[2].name, "target.b") == 0 && g->inputs[2].type.dtype == DTYPE_F32);
    cr_expect(strcmp(g->outputs[1].name, "accuracy.a") == 0);
    cr_expect(strcmp(sema_train_spec(m.program)->metrics[0], "accuracy.a") == 0);
    model_free(&m);
}

Test(sema, a_user_may_redefine_what_the_library_has)
{
    Model m = model_load("layer softmax(x) = x\nlayer relu(x) = 2 * x\n"
                         "model m { input x[4]; residual_dense(4); relu }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    cr_expect(g->outputs[0].node->op == OP_mul);
    model_free(&m);
}

Test(sema, a_graph_needs_its_block)
{
    Model m = model_load("model m { input x[4]; dense(1) }");
    cr_expect(!sema_train(m.program));
    cr_expect(reports(&m, DIAG_missing_block));
    model_free(&m);
}

Test(sema, one_mistake_is_told_once)
{
    Model m = model_load("model m { input x[4]; dence(8); relu; dense(3); softmax }\n" TRAIN);
    cr_expect(!sema_predict(m.program) && !sema_train(m.program) && !sema_evaluate(m.program));
    cr_expect(diags_errors(m.session->diags) == 1);
    model_free(&m);
}

Test(sema, documentation_tells_signature_text_and_place)
{
    Session *s = session_new();
    Text out = text_in(s->arena);
    cr_assert(sema_doc(s, s->arena, "dense", &out));
    cr_expect(strstr(text_str(&out),
                     "layer dense(x[.., features], units, bias = true, init = glorot_uniform)"));
    cr_expect(strstr(text_str(&out), "<stdlib>/layers.nn:"));
    cr_expect(sema_doc(s, s->arena, "where", &out));
    cr_expect(!sema_doc(s, s->arena, "no_such_thing", &out));
    session_free(s);
}

Test(sema, sessions_stand_side_by_side)
{
    Model a = model_load("model m { input x[4]; dense(1) }"),
          b = model_load("model m { input x[4]; dense(2) }");
    cr_expect(sema_predict(a.program) && sema_predict(b.program));
    model_free(&a);
    model_free(&b);
}
