// test_graph.c -- types, variables, builders, copies and cleaning.

#include <criterion/criterion.h>
#include <string.h>

#include "graph/ops/ops.h"
#include "support/random_graph.h"
#include "support/run_graph.h"

Test(graph, types_are_printed_and_measured)
{
    Scene s = scene_new();
    Text text = text_in(s.arena);
    Type t = type_f32(3, (int64_t[]){DIM_BATCH, 28, 3});
    type_print(&text, &t);
    cr_expect_str_eq(text_str(&text), "f32[batch, 28, 3]");
    cr_expect_eq(type_elements(&t), 84);
    cr_expect(type_batched(&t));
    Type scalar = type_scalar(DTYPE_BOOL);
    cr_expect_eq(type_elements(&scalar), 1);
    cr_expect_eq(dtype_size(DTYPE_BOOL), 1);
    cr_expect(!type_equal(&t, &scalar));
    scene_free(&s);
}

Test(graph, types_that_cannot_be_are_refused)
{
    Type later_batch = type_f32(2, (int64_t[]){3, DIM_BATCH});
    Type empty = type_f32(1, (int64_t[]){0});
    Type huge = type_f32(2, (int64_t[]){INT64_MAX, INT64_MAX});
    Type edge = type_f32(2, (int64_t[]){DIM_BATCH, MAX_EXAMPLE_BYTES / 4});
    cr_expect(!type_valid(&later_batch));
    cr_expect(!type_valid(&empty));
    cr_expect(!type_valid(&huge));
    cr_expect(type_valid(&edge));
    edge.dims[1]++;
    cr_expect(!type_valid(&edge));
}

Test(graph, variables_lie_apart_on_cache_lines)
{
    Scene s = scene_new();
    Variables *vs = s.builder.graph->variables;
    for (int i = 0; i < 20; i++) {
        Name path = intern(s.names, arena_printf(s.arena, "v%d", i));
        Type t = type_f32(1, (int64_t[]){i + 1});
        cr_expect_eq(variables_add(vs, (Variable){.path = path, .type = t}), i);
        cr_expect_eq(variables_find(vs, path), i);
        cr_expect_eq(vs->items[i].offset % 64, 0);
    }
    cr_expect_eq(vs->items[16].offset + 128, vs->items[17].offset);
    cr_expect_eq(vs->bytes % 64, 0);
    cr_expect_eq(variables_find(vs, intern(s.names, "none")), -1);
    scene_free(&s);
}

static const char *print(Scene *s, const Graph *g)
{
    Text text = text_in(s->arena);
    graph_print(&text, g);
    return text_str(&text);
}

Test(graph, a_copy_is_equal_and_shares_no_node)
{
    for (int seed = 0; seed < 100; seed++) {
        Scene s = scene_new();
        Graph *g =
            random_graph(s.arena, s.names, (uint64_t)seed,
                         (RandomGraphOptions){.nodes = 20, .batch = true, .variables = true});
        Graph *copy = graph_clone(g);
        cr_expect_null(graph_verify(copy, s.arena), "seed %d", seed);
        cr_expect_str_eq(print(&s, copy), print(&s, g));
        for (int i = 0; i < g->node_count; i++)
            cr_expect_neq(copy->nodes[i], g->nodes[i]);
        scene_free(&s);
    }
}

// Forwarding to a node that stands later, and through two steps.
Test(graph, clean_follows_forwards_and_drops_the_dead)
{
    Scene s = scene_new();
    Builder *b = &s.builder;
    Node *x = scene_input(&s, type_scalar(DTYPE_F32));
    Node *unused = scene_input(&s, type_scalar(DTYPE_F32));
    Node *doubled = build_binary(b, OP_add, x, x);
    Node *user = build_unary(b, OP_neg, doubled);
    Node *middle = build_unary(b, OP_abs, x);
    Node *later = build_unary(b, OP_sin, x);
    scene_output(&s, user);
    node_forward(doubled, middle);
    node_forward(middle, later);
    cr_expect_eq(graph_clean(b->graph), 2);
    cr_expect_null(graph_verify(b->graph, s.arena));
    cr_expect_str_eq(print(&s, b->graph), "graph test {\n"
                                          "  %0 = input \"x0\" : f32\n"
                                          "  %1 = input \"x1\" : f32\n"
                                          "  %2 = sin %0 : f32\n"
                                          "  %3 = neg %2 : f32\n"
                                          "  output \"y0\" = %3\n"
                                          "}\n");
    cr_expect_eq(unused->id, 1);
    cr_expect_eq(graph_clean(b->graph), 0);
    scene_free(&s);
}

Test(graph, clean_replaces_outputs_and_updates)
{
    Scene s = scene_new();
    Builder *b = &s.builder;
    Type scalar = type_scalar(DTYPE_F32);
    variables_add(b->graph->variables, (Variable){.path = intern(s.names, "v"), .type = scalar});
    Node *x = scene_input(&s, scalar);
    Node *old = build_unary(b, OP_neg, x);
    scene_output(&s, old);
    graph_update(b->graph, 0, old);
    node_forward(old, x);
    cr_expect_eq(graph_clean(b->graph), 1);
    cr_expect_eq(b->graph->outputs[0].node, x);
    cr_expect_eq(b->graph->updates[0].value, x);
    scene_free(&s);
}

// A chain much longer than a stack of calls would bear.
Test(graph, clean_is_not_recursive)
{
    Scene s = scene_new();
    Node *n = scene_input(&s, type_scalar(DTYPE_F32));
    for (int i = 0; i < 1000000; i++)
        n = build_unary(&s.builder, OP_neg, n);
    scene_output(&s, n);
    cr_expect_eq(graph_clean(s.builder.graph), 0);
    cr_expect_eq(s.builder.graph->node_count, 1000001);
    scene_free(&s);
}

Test(graph, random_graphs_reach_the_whole_roster)
{
    bool seen[OP_COUNT] = {false};
    Scene s = scene_new();
    for (uint64_t seed = 0; seed < 300; seed++) {
        Graph *g =
            random_graph(s.arena, s.names, seed,
                         (RandomGraphOptions){.nodes = 40, .batch = true, .variables = true});
        for (int i = 0; i < g->node_count; i++)
            seen[g->nodes[i]->op] = true;
    }
    for (int op = 0; op < OP_COUNT; op++)
        cr_expect(seen[op], "no random graph has %s", op_name((OpId)op));
    scene_free(&s);
}
