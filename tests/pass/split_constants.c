// split_constants.c -- tests of graph_split_constants.

#include <criterion/criterion.h>
#include <string.h>

#include "pass/golden.h"
#include "pass/models.h"

static const char folded[] = "graph predict {\n"
                             "  folded \"w.folded\" f32[4, 8]\n"
                             "  folded \"b.folded\" f32[8]\n"
                             "  %0 = input \"x\" : f32[batch, 4]\n"
                             "  %1 = variable \"w.folded\" : f32[4, 8]\n"
                             "  %2 = contract %0, %1 {ab,bc->ac} : f32[batch, 8]\n"
                             "  %3 = variable \"b.folded\" : f32[8]\n"
                             "  %4 = broadcast %3 {1} : f32[batch, 8]\n"
                             "  %5 = add %2, %4 : f32[batch, 8]\n"
                             "  output \"y\" = %5\n"
                             "}\n";

Test(split_constants, dense_and_batchnorm_are_one_contraction)
{
    Arena *a = arena_new(NULL);
    Graph *g = graph_from(a, model_predict);
    passes_run(g, &(PassOptions){.verify = true});
    Graph *fold = graph_split_constants(g);
    cr_expect_str_eq(graph_text(a, g), folded);
    cr_assert(fold);
    cr_expect_null(graph_verify(g, a));
    cr_expect_null(graph_verify(fold, a));
    cr_expect_eq(fold->update_count, 2);
    cr_expect_eq(fold->input_count, 0);
    cr_expect_null(graph_split_constants(g), "there is nothing left to fold");
    arena_free(a);
}

// What a run changes is not fixed, nor is what the batch has.
Test(split_constants, updated_variables_stay)
{
    static const char text[] = "graph train {\n"
                               "  param \"w\" f32[4]\n"
                               "  %0 = variable \"w\" : f32[4]\n"
                               "  %1 = exp %0 : f32[4]\n"
                               "  update \"w\" = %1\n"
                               "}\n";
    Arena *a = arena_new(NULL);
    Graph *g = graph_from(a, text);
    cr_expect_null(graph_split_constants(g));
    cr_expect_str_eq(graph_text(a, g), text);
    arena_free(a);
}

// A second value from the same variable has a name of its own.
Test(split_constants, names_are_unique)
{
    static const char text[] = "graph predict {\n"
                               "  param \"w\" f32[4]\n"
                               "  %0 = variable \"w\" : f32[4]\n"
                               "  %1 = exp %0 : f32[4]\n"
                               "  %2 = tanh %0 : f32[4]\n"
                               "  output \"a\" = %1\n"
                               "  output \"b\" = %2\n"
                               "}\n";
    Arena *a = arena_new(NULL);
    Graph *g = graph_from(a, text);
    cr_assert(graph_split_constants(g));
    cr_expect(strstr(graph_text(a, g), "folded \"w.folded\" f32[4]"));
    cr_expect(strstr(graph_text(a, g), "folded \"w.folded_2\" f32[4]"));
    arena_free(a);
}
