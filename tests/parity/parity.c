// parity.c -- nnc beside PyTorch: what whole models give, and the gradients they learn by.
//
//   parity FOLDER
//
// FOLDER holds MODEL.nn and MODEL.safetensors, which make_fixtures.py made. Each model runs in
// double, by the interpreter, which shows that nnc means what PyTorch means; and in f32, by the
// JIT, which shows that its code computes that.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nnc.h"
#include "safetensors.h"

static const char *const models[] = {"lenet5", "resnet8",     "ds_cnn", "lstm",
                                     "gru",    "transformer", "unet"};
enum { MODEL_COUNT = sizeof models / sizeof *models };

// Differences are of the largest element of a tensor. In double they are of rounding alone, some
// thousand operations deep; in f32 the same, 2^29 times as coarse, where sums of gradients cancel.
static const struct {
    bool f64;
    double output, gradient;
} limits[] = {{true, 1e-9, 1e-9}, {false, 1e-5, 1e-4}};
enum { PRECISION_COUNT = sizeof limits / sizeof *limits };

// A gradient this much below the greatest of its model is 0 but for rounding: that of a bias which
// a batchnorm takes away again. It is measured by the greatest.
static const double NOTHING = 1e-12;

typedef struct Worst {
    double difference, limit;
} Worst;

typedef struct Trial {
    NncModel model;
    NnrtTensorFile file;
    const char *name;
    int64_t batch;
    double greatest;  // element of any gradient
    bool f64;
    void *block;
    Worst output, gradient;
    bool failed;
} Trial;

static void fail(Trial *t, const char *what, const char *which)
{
    fprintf(stderr, "%s: %s %s\n", t->name, what, which);
    t->failed = true;
}

// --- numbers ----------------------------------------------------------------------------------

static double element(const NnrtTensor *t, int64_t i)
{
    if (t->dtype == NNRT_I32)
        return ((const int32_t *)t->data)[i];
    return ((const double *)t->data)[i];
}

static double magnitude(const NnrtTensor *t)
{
    double most = 0;
    for (int64_t i = 0; i < nnrt_tensor_elements(t); i++)
        most = fmax(most, fabs(element(t, i)));
    return most;
}

static void store(const Trial *t, const NnrtTensor *from, void *to)
{
    for (int64_t i = 0; i < nnrt_tensor_elements(from); i++) {
        if (from->dtype == NNRT_I32)
            ((int32_t *)to)[i] = (int32_t)element(from, i);
        else if (t->f64)
            ((double *)to)[i] = element(from, i);
        else
            ((float *)to)[i] = (float)element(from, i);
    }
}

static double difference(const Trial *t, const NnrtTensor *want, const void *got, double scale)
{
    double worst = 0;
    for (int64_t i = 0; i < nnrt_tensor_elements(want); i++) {
        const double y = t->f64 ? ((const double *)got)[i] : (double)((const float *)got)[i];
        const double d = fabs(y - element(want, i));
        worst = d <= worst ? worst : d;  // NaN counts as worst
    }
    return worst / scale;
}

// --- the fixture ------------------------------------------------------------------------------

static bool same_shape(const Trial *t, const Type *type, const NnrtTensor *x)
{
    bool same = x->rank == type->rank && (x->dtype == NNRT_I32) == (type->dtype == DTYPE_I32);
    for (int i = 0; same && i < x->rank; i++)
        same = x->dims[i] == (type->dims[i] == DIM_BATCH ? t->batch : type->dims[i]);
    return same;
}

// NULL, and the trial has failed, when there is none or it is another tensor than nnc's.
static const NnrtTensor *fixture(Trial *t, const char *kind, const char *name, const Type *type)
{
    const char *key = arena_printf(t->model.arena, "%s%s", kind, name);
    const NnrtTensor *x = nnrt_safetensors_find(&t->file, key);
    if (x && same_shape(t, type, x))
        return x;
    fail(t, x ? "PyTorch's has another shape or type:" : "PyTorch has no", key);
    return NULL;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool read_fixture(Trial *t, const char *folder)
{
    NnrtError e;
    const char *path = arena_printf(t->model.arena, "%s/%s.safetensors", folder, t->name);
    if (!nnrt_safetensors_read(path, &t->file, &e)) {
        fail(t, e.message, path);
        return false;
    }
    for (int i = 0; i < t->file.tensor_count; i++) {
        const NnrtTensor *x = &t->file.tensors[i];
        if (starts(x->name, "d."))
            t->greatest = fmax(t->greatest, magnitude(x));
        if (strcmp(x->name, "output") == 0 && x->rank > 0)
            t->batch = x->dims[0];
    }
    return t->batch > 0;
}

// --- a run ------------------------------------------------------------------------------------

static void *value_of(const Trial *t, const Variable *v)
{
    return (char *)t->block + v->offset * (t->f64 ? 2 : 1);
}

static void fill_variables(Trial *t)
{
    const Variables *vs = t->model.variables;
    for (int i = 0; i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        if (v->kind != VARIABLE_PARAM && v->kind != VARIABLE_STATE)
            continue;
        const NnrtTensor *x = fixture(t, "variable.", v->path, &v->type);
        if (x)
            store(t, x, value_of(t, v));
    }
}

static void *memory(Trial *t, const Type *type)
{
    const size_t rows = type_batched(type) ? (size_t)t->batch : 1;
    return arena_calloc(t->model.arena, rows * (size_t)type_elements(type), sizeof(double));
}

static const void **inputs(Trial *t, const Graph *g)
{
    const void **all = arena_array(t->model.arena, const void *, (size_t)g->input_count + 1);
    for (int i = 0; i < g->input_count; i++) {
        void *to = memory(t, &g->inputs[i].type);
        const NnrtTensor *x = fixture(t, "input.", g->inputs[i].name, &g->inputs[i].type);
        if (x)
            store(t, x, to);
        all[i] = to;
    }
    return all;
}

static void execute(Trial *t, NncPurpose purpose, const RunArgs *args)
{
    const Graph *g = t->model.graphs[purpose];
    Executable *exact = t->f64 ? interpret_new(g, t->batch, true) : NULL;
    executable_run(exact ? exact : t->model.executables[purpose], args);
    executable_free(exact);
}

static void **run(Trial *t, NncPurpose purpose)
{
    const Graph *g = t->model.graphs[purpose];
    void **outputs = arena_array(t->model.arena, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = memory(t, &g->outputs[i].node->type);
    const RunArgs args = {.variables = t->block,
                          .inputs = inputs(t, g),
                          .outputs = outputs,
                          .batch = t->batch,
                          .step = 1};
    execute(t, purpose, &args);
    return outputs;
}

static void compare(Trial *t, const char *kind, const char *name, const Type *type, const void *got,
                    Worst *worst)
{
    const NnrtTensor *want = fixture(t, kind, name, type);
    if (!want)
        return;
    const double own = magnitude(want);
    const double d = difference(t, want, got, own > NOTHING * t->greatest ? own : t->greatest);
    if (!(d <= worst->limit)) {
        const char *engine = t->f64 ? "f64" : "f32";
        fail(t, arena_printf(t->model.arena, "%s, off by %.1e:", engine, d),
             arena_printf(t->model.arena, "%s%s", kind, name));
    }
    worst->difference = d <= worst->difference ? worst->difference : d;
}

static void compare_output(Trial *t)
{
    const Port *output = &t->model.graphs[NNC_PREDICT]->outputs[0];
    if (t->model.graphs[NNC_FOLD])
        run(t, NNC_FOLD);
    void **got = run(t, NNC_PREDICT);
    compare(t, "", "output", &output->node->type, got[0], &t->output);
}

static void compare_gradients(Trial *t)
{
    const Graph *g = t->model.graphs[NNC_GRADIENT];
    void **got = run(t, NNC_GRADIENT);
    for (int i = 0; i < g->output_count; i++) {
        const Port *output = &g->outputs[i];  // "loss", "penalty" and all "d.PATH"
        if (strcmp(output->name, "penalty") != 0)
            compare(t, "", output->name, &output->node->type, got[i], &t->gradient);
    }
}

// A step changes the parameters too, by an optimizer: it comes last.
static void compare_statistics(Trial *t)
{
    const Variables *vs = t->model.variables;
    run(t, NNC_TRAIN);
    for (int i = 0; i < vs->count; i++) {
        const Variable *v = &vs->items[i];
        if (v->kind == VARIABLE_STATE)
            compare(t, "after.", v->path, &v->type, value_of(t, v), &t->output);
    }
}

// --- a model ----------------------------------------------------------------------------------

static bool compile(Trial *t, const char *folder)
{
    static const NncPurpose purposes[] = {NNC_PREDICT, NNC_GRADIENT, NNC_TRAIN};
    enum { COUNT = sizeof purposes / sizeof *purposes };
    const NncOptions options = {0};
    NncModel *m = &t->model;
    bool ok = nnc_load(m, arena_printf(m->arena, "%s/%s.nn", folder, t->name));
    for (int i = 0; i < COUNT && ok; i++)
        ok = nnc_compile(m, purposes[i], &options);
    for (int i = 0; i < COUNT && ok; i++)  // when all are compiled no variable is added any more
        ok = nnc_build(m, purposes[i], t->batch, &options);
    return ok;
}

// Parameters of PyTorch's that nnc has not are a mistake as well.
static void check_names(Trial *t)
{
    static const char kind[] = "variable.";
    for (int i = 0; i < t->file.tensor_count; i++) {
        const char *name = t->file.tensors[i].name;
        if (!starts(name, kind))
            continue;
        const char *path = name + strlen(kind);
        if (variables_find(t->model.variables, intern(t->model.session->names, path)) < 0)
            fail(t, "nnc has no", name);
    }
}

static void measure(Trial *t, int precision)
{
    enum { ALIGN = 64 };
    t->f64 = limits[precision].f64;
    t->output = (Worst){.limit = limits[precision].output};
    t->gradient = (Worst){.limit = limits[precision].gradient};
    const size_t bytes = interpret_variable_bytes(t->model.variables, t->f64) + ALIGN;
    t->block = aligned_alloc(ALIGN, bytes / ALIGN * ALIGN);
    if (!t->block) {
        fail(t, "out of memory", "");
        return;
    }
    memset(t->block, 0, bytes / ALIGN * ALIGN);
    fill_variables(t);
    compare_output(t);
    compare_gradients(t);
    compare_statistics(t);
    free(t->block);
    printf("  %10.1e %10.1e", t->output.difference, t->gradient.difference);
}

static void check(Trial *t, const char *folder)
{
    if (!read_fixture(t, folder) || !compile(t, folder)) {
        diags_print(t->model.session->diags, stderr, false);
        fail(t, "there is nothing to compare", "");
        return;
    }
    check_names(t);
    printf("%-12s", t->name);
    for (int p = 0; p < PRECISION_COUNT; p++)
        measure(t, p);
    printf("\n");
}

static bool check_model(const char *folder, const char *name)
{
    Session *s = session_new();
    Trial t = {.name = name, .model = {.session = s, .arena = arena_new(&s->guard)}};
    check(&t, folder);
    nnc_close(&t.model);
    nnrt_safetensors_free(&t.file);
    arena_free(t.model.arena);
    session_free(s);
    return !t.failed;
}

int main(int argc, char **argv)
{
    bool ok = true;
    if (argc != 2) {
        fprintf(stderr, "usage: parity FOLDER\n");
        return 2;
    }
    printf("largest differences; f64: interpreter, f32: JIT\n%-12s  %10s %10s  %10s %10s\n",
           "model", "output f64", "gradient", "output f32", "gradient");
    for (int i = 0; i < MODEL_COUNT; i++)
        ok &= check_model(argv[1], models[i]);
    return !ok;
}
