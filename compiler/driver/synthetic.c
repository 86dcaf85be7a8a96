// synthetic.c -- made-up examples. Example i of a set depends on (seed, part, i) alone.

#include "driver/synthetic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base/text.h"
#include "random.h"

static const double PI = 3.14159265358979323846;

// The random numbers of one example.
typedef struct Draws {
    uint64_t seed, part, example, next;
} Draws;

enum { DRAWS_PER_EXAMPLE = 16 };

static double uniform(Draws *d)
{
    const uint64_t element = d->example * DRAWS_PER_EXAMPLE + d->next++;
    return nnrt_random_f32(d->seed, NNRT_STREAM_SAMPLE, d->part, element);
}

// Box and Muller 1958.
static double normal(Draws *d)
{
    const double radius = sqrt(-2 * log(1 - uniform(d)));
    return radius * cos(2 * PI * uniform(d));
}

// An example: fills x, returns the target.
typedef double Maker(Draws *d, double noise, double *x);

static double make_line(Draws *d, double noise, double *x)
{
    x[0] = 2 * uniform(d) - 1;
    return 2 * x[0] + 1 + noise * normal(d);
}

static double make_sine(Draws *d, double noise, double *x)
{
    x[0] = 2 * PI * (uniform(d) - 0.5);
    return sin(x[0]) + noise * normal(d);
}

static void shake(Draws *d, double noise, double *x)
{
    x[0] += noise * normal(d);
    x[1] += noise * normal(d);
}

static double make_xor(Draws *d, double noise, double *x)
{
    const bool a = uniform(d) < 0.5;
    const bool b = uniform(d) < 0.5;
    x[0] = a;
    x[1] = b;
    shake(d, noise, x);
    return a != b;
}

static double make_circles(Draws *d, double noise, double *x)
{
    const bool inner = uniform(d) < 0.5;
    const double angle = 2 * PI * uniform(d);
    x[0] = (inner ? 0.5 : 1) * cos(angle);
    x[1] = (inner ? 0.5 : 1) * sin(angle);
    shake(d, noise, x);
    return inner;
}

static double make_moons(Draws *d, double noise, double *x)
{
    const bool lower = uniform(d) < 0.5;
    const double angle = PI * uniform(d);
    x[0] = lower ? 1 - cos(angle) : cos(angle);
    x[1] = lower ? 0.5 - sin(angle) : sin(angle);
    shake(d, noise, x);
    return lower;
}

static double make_spirals(Draws *d, double noise, double *x)
{
    const bool second = uniform(d) < 0.5;
    const double way = sqrt(uniform(d));
    const double angle = 3 * PI * way + (second ? PI : 0);
    x[0] = way * cos(angle);
    x[1] = way * sin(angle);
    shake(d, noise, x);
    return second;
}

static const struct {
    const char *name;
    int inputs;
    bool classes;
    Maker *make;
} kinds[] = {
    {"line", 1, false, make_line},  {"sine", 1, false, make_sine},
    {"xor", 2, true, make_xor},     {"circles", 2, true, make_circles},
    {"moons", 2, true, make_moons}, {"spirals", 2, true, make_spirals},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static int find_kind(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

bool synthetic_exists(const char *kind)
{
    return find_kind(kind) >= 0;
}

const char *synthetic_names(Arena *a)
{
    Text t = text_in(a);
    for (int i = 0; i < KIND_COUNT; i++)
        text_addf(&t, "%s\"%s\"", i > 0 ? ", " : "", kinds[i].name);
    return text_str(&t);
}

static bool add_field(NnrtDataset *out, const char *name, NnrtTensor *t, bool classes, NnrtError *e)
{
    NnrtField field = {0};
    if (nnrt_field_take(&field, name, t, e) && (!classes || nnrt_field_as_classes(&field, e)) &&
        nnrt_dataset_add(out, &field, e))
        return true;
    nnrt_field_free(&field);
    return false;
}

static void fill(const SyntheticOptions *o, int kind, float *x, float *y)
{
    for (int64_t i = 0; i < o->examples; i++) {
        Draws d = {.seed = o->seed, .part = o->part, .example = (uint64_t)i};
        double in[2];
        y[i] = (float)kinds[kind].make(&d, o->noise, in);
        for (int k = 0; k < kinds[kind].inputs; k++)
            x[i * kinds[kind].inputs + k] = (float)in[k];
    }
}

bool synthetic_make(const SyntheticOptions *o, NnrtDataset *out, NnrtError *e)
{
    const int kind = find_kind(o->kind);
    const size_t n = (size_t)o->examples;
    const size_t width = (size_t)kinds[kind].inputs;
    NnrtTensor x = {.dtype = NNRT_F32, .rank = 2, .dims = {o->examples, (int64_t)width}};
    NnrtTensor y = {.dtype = NNRT_F32, .rank = 1, .dims = {o->examples}};
    x.data = nnrt_alloc(n, width * sizeof(float), e);
    y.data = x.data ? nnrt_alloc(n, sizeof(float), e) : NULL;
    bool ok = y.data != NULL;
    if (ok) {
        fill(o, kind, x.data, y.data);
        ok = add_field(out, "input", &x, false, e) &&
             add_field(out, "target", &y, kinds[kind].classes, e);
    }
    nnrt_tensor_free(&x);
    nnrt_tensor_free(&y);
    return ok;
}
