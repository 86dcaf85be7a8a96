// models.c -- whole training steps in the JIT against the interpreter.

#include <criterion/criterion.h>

#include "codegen/llvm/jit.h"
#include "jit/descent.h"
#include "pass/models.h"
#include "pass/pass.h"
#include "support/compare.h"

static void check_model(const char *text, const CompareOptions *o)
{
    Arena *a = arena_new(NULL);
    Interner *names = interner_new(a);
    const char *error = NULL, *what = NULL;
    Graph *g = graph_read(a, names, text, &error);
    cr_assert(g, "%s", error);
    if (g->updates == NULL && g->variables->count && g->outputs[0].node->type.rank == 0)
        add_descent(g, 0.1);
    passes_run(g, &(PassOptions){.verify = true});
    double d = compare_engines(a, g, o, &what);
    cr_expect(d >= 0 && d < 2e-6, "%s is off by %g (batch %d, width %d)", what, d, (int)o->batch,
              o->vector_width);
    arena_free(a);
}

static const char *const models[] = {model_softmax, model_batchnorm, model_predict};

Test(jit, trains_as_the_interpreter)
{
    static const int64_t batches[] = {1, 3, 16, 37};
    static const int widths[] = {1, 4, 8, 16};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                check_model(models[m], &(CompareOptions){.vector_width = widths[w],
                                                         .batch = batches[b],
                                                         .max_batch = 37,
                                                         .seed = 7});
}
