// passes.c -- tests of the manager: order, dumps, stops, counts.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "pass/golden.h"
#include "pass/models.h"

// What the manager writes with these options.
static char *output_of(Arena *a, PassOptions options, const char *model)
{
    char *text = NULL;
    size_t size = 0;
    options.out = open_memstream(&text, &size);
    options.scratch = arena_new(NULL);
    passes_run(graph_from(a, model), &options);
    fclose(options.out);
    arena_free(options.scratch);
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int count = 0;
    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

Test(passes, exist_by_name)
{
    cr_expect(pass_exists("cse"));
    cr_expect(pass_exists("fold_batchnorm"));
    cr_expect(!pass_exists("autodiff"), "it is no row of the pipeline");
}

Test(passes, quiet_unless_asked)
{
    Arena *a = arena_new(NULL);
    char *text = output_of(a, (PassOptions){.verify = true}, model_softmax);
    cr_expect_str_eq(text, "");
    free(text);
    arena_free(a);
}

Test(passes, dump_by_name_and_all)
{
    Arena *a = arena_new(NULL);
    char *text = output_of(a, (PassOptions){.dump = "cse"}, model_softmax);
    cr_expect_eq(occurrences(text, "# train after cse"), 1);
    cr_expect_eq(occurrences(text, "# train after"), 1);
    free(text);
    text = output_of(a, (PassOptions){.dump = "all"}, model_softmax);
    cr_expect_eq(occurrences(text, "# train after simplify"), 1);
    cr_expect_eq(occurrences(text, "# train after dce"), 0, "it changed nothing");
    free(text);
    arena_free(a);
}

Test(passes, times_and_counts)
{
    Arena *a = arena_new(NULL);
    char *text = output_of(a, (PassOptions){.time = true}, model_softmax);
    cr_expect(strstr(text, " ms  train  simplify  "));
    cr_expect(strstr(text, " merged"));
    free(text);
    arena_free(a);
}

Test(passes, stop_after)
{
    Arena *a = arena_new(NULL);
    char *text = output_of(a, (PassOptions){.time = true, .stop = "stabilize"}, model_softmax);
    cr_expect_eq(occurrences(text, "\n"), 3);
    free(text);
    arena_free(a);
}

// The pipeline is idempotent as its passes are.
Test(passes, second_run_changes_nothing)
{
    static const char *const models[] = {model_softmax, model_batchnorm, model_predict, model_read};
    const PassOptions options = {.verify = true};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        Arena *a = arena_new(NULL);
        Graph *g = graph_from(a, models[i]);
        passes_run(g, &options);
        const char *once = graph_text(a, g);
        passes_run(g, &options);
        cr_expect_str_eq(graph_text(a, g), once);
        arena_free(a);
    }
}
