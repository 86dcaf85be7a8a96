// test_graph_text.c -- print, read, print again; and texts that are wrong.

#include <criterion/criterion.h>
#include <string.h>

#include "graph/graph.h"
#include "support/random_graph.h"
#include "support/run_graph.h"
#include "support/scan_models.h"

#define SEEDS 400

static const char *print(Scene *s, const Graph *g)
{
    Text text = text_in(s->arena);
    graph_print(&text, g);
    return text_str(&text);
}

static void expect_identity(Scene *s, const char *text, const char *what)
{
    const char *error = NULL;
    Graph *g = graph_read(s->arena, s->names, text, &error);
    cr_assert(g, "%s: %s\n%s", what, error, text);
    cr_expect_str_eq(print(s, g), text, "%s", what);
}

Test(graph_text, every_kind_of_statement_survives)
{
    Scene s = scene_new();
    expect_identity(&s,
                    "graph train {\n"
                    "  param \"dense.w\" f32[784, 10]\n"
                    "  param \"old.w\" f32 frozen\n"
                    "  state \"bn.mean\" f32[10]\n"
                    "  slot \"dense.w.m\" f32[784, 10]\n"
                    "  metric \"a \\\"b\\\\\\x09\" f32\n"
                    "  %0 = input \"image\" : f32[batch, 784]\n"
                    "  %1 = variable \"dense.w\" : f32[784, 10]\n"
                    "  %2 = contract %0, %1 {ab,bc->ac} : f32[batch, 10]\n"
                    "  %3 = reduce %2 {max 0, 1} : f32\n"
                    "  %4 = const 0.10000000000000001 : f32\n"
                    "  %5 = const -inf : f32\n"
                    "  %6 = const nan : f32\n"
                    "  %7 = scalar validation_loss : f32\n"
                    "  %8 = iota 1 : i32[batch, 3]\n"
                    "  %9 = random 4294967295 : f32[2]\n"
                    "  %10 = broadcast %3 {} : f32[3, 2]\n"
                    "  %11 = transpose %10 {1, 0} : f32[2, 3]\n"
                    "  %12 = reshape %11 : f32[6, 1]\n"
                    "  %13 = argmax %2 {1} : i32[batch]\n"
                    "  %14 = lt %4, %5 : bool\n"
                    "  %15 = where %14, %6, %7 : f32\n"
                    "  %16 = contract %15, %15 {,->} : f32\n"
                    "  %17 = reduce %9 {sum} : f32[2]\n"
                    "  %18 = variable \"bn.mean\" : f32[10]\n"
                    "  %19 = slice %2 {0:1, 9:-3} : f32[batch, 4]\n"
                    "  %20 = pad %19 {0:0, 2:1; -inf} : f32[batch, 10]\n"
                    "  %21 = pad %14 {; 1} : bool\n"
                    "  %22 = window %20 {axis 1, size 3, stride 2, dilation 1} : f32[batch, 4, 3]\n"
                    "  %23 = unwindow %22 {axis 1, size 3, stride 2, dilation 1} : f32[batch, 9]\n"
                    "  %24 = gather %1, %13 : f32[batch, 10]\n"
                    "  %25 = scatter_add %24, %13 : f32[784, 10]\n"
                    "  %26 = join %19, %20, %23 {axis 1, of 3} : f32[batch, 23]\n"
                    "  update \"dense.w.m\" = %1\n"
                    "  update \"old.w\" = %16\n"
                    "  update \"a \\\"b\\\\\\x09\" = %3\n"
                    "  update \"bn.mean\" = %18\n"
                    "  output \"loss\" = %15\n"
                    "}\n",
                    "all statements");
    scene_free(&s);
}

Test(graph_text, random_graphs_survive)
{
    for (int seed = 0; seed < SEEDS; seed++) {
        Scene s = scene_new();
        Graph *g = random_graph(
            s.arena, s.names, (uint64_t)seed,
            (RandomGraphOptions){.nodes = 30, .batch = true, .variables = true, .loss = seed % 2});
        const char *wrong = graph_verify(g, s.arena);
        cr_assert_null(wrong, "seed %d: %s\n%s", seed, wrong, print(&s, g));
        expect_identity(&s, print(&s, g), arena_printf(s.arena, "seed %d", seed));
        scene_free(&s);
    }
}

Test(graph_text, attributes_are_read_back_to_the_last_byte)
{
    for (int seed = 0; seed < SEEDS; seed++) {
        Scene s = scene_new();
        Graph *g = random_graph(s.arena, s.names, (uint64_t)seed,
                                (RandomGraphOptions){.nodes = 30, .batch = true});
        const char *error;
        Graph *again = graph_read(s.arena, s.names, print(&s, g), &error);
        cr_assert_not_null(again);
        for (int i = 0; i < g->node_count; i++)  // the attribute of a scan is a pointer
            cr_expect(g->nodes[i]->op == OP_scan ||
                          !memcmp(&g->nodes[i]->attr, &again->nodes[i]->attr, sizeof(Attr)),
                      "seed %d, %%%d", seed, i);
        scene_free(&s);
    }
}

// What is wrong with a text, and what the reader says of it.
static const struct {
    const char *text, *error;
} broken[] = {
    {"", "line 1: 'graph' is missing here"},
    {"graph {", "line 1: the graph has no name"},
    {"graph g", "line 1: '{' is missing here"},
    {"graph g {\n", "line 2: '' is no statement"},
    {"graph g {}\nx", "line 2: there is text after the graph"},
    {"graph g {\nnew \"x\" f32\n}", "line 2: 'new' is no statement"},
    {"graph g {\n%1 = const 1 : f32", "line 2: the next node is %0, not %1"},
    {"graph g {\n%0 = frob 1 : f32", "line 2: 'frob' is no operation"},
    {"graph g {\n%0 = const x : f32", "line 2: a number is missing here"},
    {"graph g {\n%0 = const 1.5 : i32", "line 2: const: 1.5 is no i32"},
    {"graph g {\n%0 = const 1 : f16", "line 2: 'f16' is no type"},
    {"graph g {\n%0 = const 1 : f32[2]", "line 2: const: a constant is one number, not f32[2]"},
    {"graph g {\n%0 = neg %0 : f32", "line 2: there is no node before this one"},
    {"graph g {\n%0 = scalar wind : f32", "line 2: 'wind' is no number of the run"},
    {"graph g {\n%0 = variable \"w\" : f32", "line 2: the variable \"w\" was not declared"},
    {"graph g {\nparam \"w\" f32\nparam \"w\" f32",
     "line 3: the variable \"w\" was declared before"},
    {"graph g {\nparam \"w\" f32[batch]", "line 2: a variable has no batch axis"},
    {"graph g {\nparam \"w", "line 2: the string has no end"},
    {"graph g {\nparam \"\\q\" f32", "line 2: a backslash is followed by \", \\ or xHH"},
    {"graph g {\nparam \"\\x00\" f32", "line 2: a name cannot hold a NUL"},
    {"graph g {\nparam \"w\" f32[0]",
     "line 2: the number is not between 1 and 9223372036854775807"},
    {"graph g {\nparam \"w\" f32[99999999999999999999]",
     "line 2: the number is not between 1 and 9223372036854775807"},
    {"graph g {\nparam \"w\" f32[1000000, 1000000, 1000000]", "line 2: the type is too large"},
    {"graph g {\nparam \"w\" f32[1,1,1,1,1,1,1,1,1]", "line 2: a type has at most 8 axes"},
    {"graph g {\n%0 = input \"a\" : f32\n%1 = input \"a\" : f32\n}",
     "line 4: two inputs are named a"},
    {"graph g {\n%0 = input \"a\" : f32\noutput \"a\" = %1", "line 3: the number is not between 0 "
                                                             "and 0"},
    {"graph g {\n%0 = input \"a\" : f32[3]\nparam \"w\" f32\nupdate \"w\" = %0",
     "line 4: the value has not the type of the variable"},
    {"graph g {\n%0 = input \"a\" : f32[3]\n%1 = transpose %0 {0, 1} : f32[3]",
     "line 3: transpose: the map is longer than the input has axes"},
    {"graph g {\n%0 = input \"a\" : f32[3]\n%1 = slice %0 {} : f32[3]",
     "line 3: slice: the step along axis 0 of f32[3] is 0"},
    {"graph g {\n%0 = input \"a\" : f32[3]\n%1 = slice %0 {0:1, 0:1} : f32[3]",
     "line 3: slice: f32[3] has no axis 1"},
    {"graph g {\n%0 = input \"a\" : f32[3]\n%1 = window %0 {axis 0, stride 2} : f32[3]",
     "line 3: 'size' is missing here"},
    {"graph g {\n%0 = input \"a\" : f32[3]\n%1 = neg %0 : f32[4]",
     "line 3: neg: the type is f32[3]"},
};

Test(graph_text, wrong_texts_are_told_by_line)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        Scene s = scene_new();
        const char *error = NULL;
        cr_expect_null(graph_read(s.arena, s.names, broken[i].text, &error));
        cr_assert_not_null(error);
        cr_expect_str_eq(error, broken[i].error);
        scene_free(&s);
    }
}

Test(graph_text, scans_survive)
{
    for (int i = 0; i < SCAN_MODEL_COUNT; i++) {
        Scene s = scene_new();
        expect_identity(&s, scan_model(s.arena, (ScanModel)i, 9, true), "scan");
        scene_free(&s);
    }
}

// Bytes of a good text changed, cut out and doubled: the reader answers, whatever comes.
Test(graph_text, no_text_breaks_the_reader)
{
    for (int seed = 0; seed < 5 * SEEDS; seed++) {
        Scene s = scene_new();
        Rng rng = {(uint64_t)seed};
        Graph *g =
            random_graph(s.arena, s.names, (uint64_t)seed,
                         (RandomGraphOptions){.nodes = 10, .batch = true, .variables = true});
        char *text = arena_strdup(s.arena, print(&s, g));
        int size = (int)strlen(text);
        for (int i = rng_below(&rng, 4); i >= 0; i--) {
            static const char bytes[] = "0123456789-,:%{}[]\"\\abz \n#=>\x01\xff";
            text[rng_below(&rng, size)] = bytes[rng_below(&rng, sizeof bytes)];
        }
        const char *error = NULL;
        Graph *read = graph_read(s.arena, s.names, text, &error);
        cr_expect((read == NULL) == (error != NULL), "seed %d", seed);
        if (read)
            expect_identity(&s, print(&s, read), arena_printf(s.arena, "changed, seed %d", seed));
        scene_free(&s);
    }
}
