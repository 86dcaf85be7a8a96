// test_verify.c -- graphs broken in one place each; the verifier names the place.

#include <criterion/criterion.h>
#include <string.h>

#include "support/run_graph.h"

// %0 = input x0: f32[batch, 4]; %1 = variable w: f32[4]; %2 = broadcast %1; %3 = mul %0, %2;
// %4 = reduce %3 {sum 0}: f32[4]; output y0 = %3; update w = %4
static Graph *good_graph(Scene *s)
{
    *s = scene_new();
    Builder *b = &s->builder;
    Graph *g = b->graph;
    Type wide = type_f32(2, (int64_t[]){DIM_BATCH, 4}), narrow = type_f32(1, (int64_t[]){4});
    variables_add(g->variables, (Variable){.path = intern(s->names, "w"), .type = narrow});
    Node *x = scene_input(s, wide);
    Node *w = build_broadcast(b, build_variable(b, 0), wide, (int8_t[]){1});
    Node *product = build_binary(b, OP_mul, x, w);
    scene_output(s, product);
    graph_update(g, 0, build_reduce(b, REDUCE_SUM, product, 1));
    return g;
}

static void break_id(Graph *g)
{
    g->nodes[2]->id = 7;
}
static void break_op(Graph *g)
{
    g->nodes[3]->op = OP_COUNT;
}
static void break_arity(Graph *g)
{
    g->nodes[3]->input_count = 1;
}
static void break_order(Graph *g)
{
    g->nodes[2]->in[0] = g->nodes[3];
}
static void break_shape(Graph *g)
{
    g->nodes[3]->in[1] = g->nodes[1];
}
static void break_stored_type(Graph *g)
{
    g->nodes[4]->type.dims[0] = 5;
}
static void break_rank(Graph *g)
{
    g->nodes[4]->type.rank = MAX_RANK + 1;
}
static void break_attribute(Graph *g)
{
    g->nodes[2]->attr.map[0] = 0;
}
static void break_kind(Graph *g)
{
    g->nodes[4]->attr.reduce.kind = REDUCE_KIND_COUNT;
}
static void break_scratch(Graph *g)
{
    g->nodes[1]->mark = 1;
}
static void break_forward(Graph *g)
{
    g->nodes[1]->forward = g->nodes[1];
}
static void break_variable(Graph *g)
{
    g->nodes[1]->attr.index = 3;
}
static void break_slot(Graph *g)
{
    g->nodes[0]->attr.index = 1;
}
static void break_port_type(Graph *g)
{
    g->inputs[0].type.dims[1] = 3;
}
static void break_port(Graph *g)
{
    g->input_count = 2;
    g->inputs[1] = g->inputs[0];
}
static void break_output(Graph *g)
{
    static Node stray;
    g->outputs[0].node = &stray;
}
static void break_output_name(Graph *g)
{
    g->outputs[1] = g->outputs[g->output_count++ - 1];
}
static void break_update(Graph *g)
{
    g->updates[0].value = g->nodes[0];
}
static void break_update_variable(Graph *g)
{
    g->updates[0].variable = 1;
}
static void break_update_count(Graph *g)
{
    g->updates[1] = g->updates[g->update_count++ - 1];
}

static const struct {
    void (*apply)(Graph *);
    const char *says;
} breaks[] = {
    {break_id, "node 2 has number 7"},
    {break_op, "%3 = ?: is no operation"},
    {break_arity, "%3 = mul: has 1 inputs, not 2"},
    {break_order, "%2 = broadcast: input 0 does not stand before it"},
    {break_shape, "%3 = mul: shapes differ, f32[batch, 4] and f32[4] (2 axes and 1)"},
    {break_stored_type, "%4 = reduce: has type f32[5], which should be f32[4]"},
    {break_rank, "%4 = reduce: has no legal type"},
    {break_attribute, "%2 = broadcast: sizes differ, 4 (axis 0 of f32[4]) and batch (axis 0 of "
                      "f32[batch, 4])"},
    {break_kind, "%4 = reduce: there is no reduction 3"},
    {break_scratch, "%1 = variable: was left with the scratch fields of a pass set"},
    {break_forward, "%1 = variable: was left with the scratch fields of a pass set"},
    {break_variable, "%1 = variable: has not the type of a variable"},
    {break_slot, "%0 = input: has not the type of an input"},
    {break_port_type, "%0 = input: has not the type of an input"},
    {break_port, "an input has no node"},
    {break_output, "output y0 is no node"},
    {break_output_name, "two outputs are named y0"},
    {break_update, "the update of w has not its type"},
    {break_update_variable, "update 0 is of no variable"},
    {break_update_count, "w is updated twice"},
};

Test(verify, each_broken_graph_is_told)
{
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        Scene s;
        Graph *g = good_graph(&s);
        cr_assert_null(graph_verify(g, s.arena));
        breaks[i].apply(g);
        const char *wrong = graph_verify(g, s.arena);
        cr_assert_not_null(wrong, "break %d", (int)i);
        cr_expect_str_eq(wrong, breaks[i].says);
        scene_free(&s);
    }
}
