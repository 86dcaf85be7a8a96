// moves.c -- simplify on every small slice of a pad, of windows, of a slice: the values stay.

#include <criterion/criterion.h>

#include "pass/evaluate.h"
#include "pass/golden.h"

static Type axis_of(int64_t size)
{
    return type_of(DTYPE_F32, 1, &size);
}

// A graph with one variable as long as said, that is to be moved.
static Builder begin(Arena *a, int64_t size)
{
    Graph *g = graph_new(a, interner_new(a), variables_new(a), "test");
    variables_add(g->variables, (Variable){.path = intern(g->names, "x"), .type = axis_of(size)});
    return (Builder){.graph = g};
}

static void keeps(Builder *b, Node *y)
{
    Graph *before = b->graph;
    Arena *a = before->arena;
    graph_output(before, intern(before->names, "y"), y);
    Graph *after = graph_clone(before);
    pass_simplify(&(Pass){.scratch = a}, after);
    cr_assert_null(graph_verify(after, a), "%s", graph_text(a, after));
    World w = world_new(a, before->variables, 1);
    double *want, *got;
    world_run(&w, before, &want);
    world_run(&w, after, &got);
    for (int64_t i = 0; i < world_count(&y->type); i++)
        cr_assert_eq(got[i], want[i], "element %d\n%s%s", (int)i, graph_text(a, before),
                     graph_text(a, after));
}

// As many elements of the last axis of `x` as there are from a start in steps of +-1, 2, 3.
static Node *slice_last(Builder *b, Node *x, int64_t at, int step)
{
    int32_t start[MAX_RANK] = {0}, steps[MAX_RANK] = {1, 1};
    Type to = x->type;
    const int last = to.rank - 1;
    start[last] = (int32_t)at;
    steps[last] = step;
    to.dims[last] = (step > 0 ? to.dims[last] - 1 - at : at) / (step > 0 ? step : -step) + 1;
    return build_slice(b, x, to, start, steps);
}

enum { STEPS = 7 };  // 0 among them, which is left out

// Numbers from one count, digit by digit.
static int digit(int *rest, int base)
{
    const int d = *rest % base;
    *rest /= base;
    return d;
}

// Slices of pads of at most 4 elements.
static bool pad_case(Arena *a, int i)
{
    const int n = 1 + digit(&i, 4), low = digit(&i, 4), interior = digit(&i, 3);
    const int size = low + (interior + 1) * (n - 1) + 1 + digit(&i, 3);
    const int at = digit(&i, 16), step = digit(&i, STEPS) - STEPS / 2;
    if (i > 0)
        return false;
    if (at >= size || step == 0)
        return true;
    Builder b = begin(a, n);
    Node *x = build_pad(&b, build_variable(&b, 0), axis_of(size), &low, &interior, 2);
    keeps(&b, slice_last(&b, x, at, step));
    return true;
}

// Slices of windows, of their positions and then of their elements.
static bool window_case(Arena *a, int i)
{
    const int n = 1 + digit(&i, 8), size = 1 + digit(&i, 3);
    const int stride = 1 + digit(&i, 3), dilation = 1 + digit(&i, 2);
    const int at = digit(&i, 3), step = digit(&i, 3) - 1, first = digit(&i, 4);
    if (i > 0)
        return false;
    if (dilation * (size - 1) >= n || at >= size || step == 0)
        return true;
    Builder b = begin(a, n);
    Node *x = build_window(&b, build_variable(&b, 0), 0, size, stride, dilation);
    if (first >= x->type.dims[0])
        return true;
    x = slice_last(&b, x, at, step);
    Type to = x->type;
    to.dims[0] = (to.dims[0] - 1 - first) / 2 + 1;
    keeps(&b, build_slice(&b, x, to, (int32_t[]){first, 0}, (int32_t[]){2, 1}));
    return true;
}

static bool slice_case(Arena *a, int i)
{
    const int n = 1 + digit(&i, 8);
    const int at[] = {digit(&i, 8), digit(&i, 8)};
    const int step[] = {digit(&i, STEPS) - STEPS / 2, digit(&i, STEPS) - STEPS / 2};
    if (i > 0)
        return false;
    if (at[0] >= n || step[0] == 0 || step[1] == 0)
        return true;
    Builder b = begin(a, n);
    Node *x = slice_last(&b, build_variable(&b, 0), at[0], step[0]);
    if (at[1] < x->type.dims[0])
        keeps(&b, slice_last(&b, x, at[1], step[1]));
    return true;
}

static void all_cases(bool (*check)(Arena *a, int i))
{
    bool more = true;
    for (int i = 0; more; i++) {
        Arena *a = arena_new(NULL);
        more = check(a, i);
        arena_free(a);
    }
}

Test(moves, slices_of_pads)
{
    all_cases(pad_case);
}

Test(moves, slices_of_windows)
{
    all_cases(window_case);
}

Test(moves, slices_of_slices)
{
    all_cases(slice_case);
}
