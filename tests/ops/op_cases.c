// op_cases.c -- every way in which the tests use an operation: element types and shapes.
//
// Element-wise operations are tried with every combination of element types that their shape rules
// accept; the others are built by a row of a table here.

#include "ops/op_cases.h"

#include <math.h>

#define SHAPES 6

// Scalars, axes of size 1, more elements than a vector or a chunk of the interpreter has.
static Type shape_number(int i)
{
    static const Type shapes[SHAPES] = {
        {.rank = 0},
        {.rank = 1, .dims = {1}},
        {.rank = 1, .dims = {7}},
        {.rank = 1, .dims = {DIM_BATCH}},
        {.rank = 3, .dims = {DIM_BATCH, 1, 4}},
        {.rank = 2, .dims = {3, 101}},
    };
    return shapes[i];
}

static int finish(OpCase *c, void (*check)(OpCase *))
{
    scene_output(&c->scene, c->node);
    check(c);
    scene_free(&c->scene);
    return 1;
}

// --- element-wise -----------------------------------------------------------------------------

static int try_elementwise(OpId op, Type shape, const DType *dtypes, DType result,
                           void (*check)(OpCase *))
{
    OpCase c = {.scene = scene_new()};
    Type types[MAX_ARITY] = {{.rank = 0}}, out = shape;
    for (int i = 0; i < op_arity(op); i++) {
        types[i] = shape;
        types[i].dtype = dtypes[i];
    }
    out.dtype = result;
    const char *why = NULL;
    Attr attr = {.value = 0};
    if (!op_table[op]->shape(c.scene.arena, &attr, types, &out, &why) || out.dtype != result) {
        scene_free(&c.scene);
        return 0;
    }
    Node *in[MAX_ARITY] = {NULL};
    for (int i = 0; i < op_arity(op); i++)
        in[i] = scene_input(&c.scene, types[i]);
    c.node = build_typed(&c.scene.builder, op, op_arity(op), in, NULL, &out);
    return finish(&c, check);
}

static int each_elementwise(OpId op, void (*check)(OpCase *))
{
    int count = 0;
    int combinations = DTYPE_COUNT;
    for (int i = 0; i < op_arity(op); i++)
        combinations *= DTYPE_COUNT;
    for (int k = 0; k < combinations; k++) {
        DType dtypes[MAX_ARITY];
        int rest = k;
        for (int i = 0; i < op_arity(op); i++, rest /= DTYPE_COUNT)
            dtypes[i] = (DType)(rest % DTYPE_COUNT);
        for (int shape = 0; shape < SHAPES; shape++)
            count += try_elementwise(op, shape_number(shape), dtypes, (DType)rest, check);
    }
    return count;
}

// --- the others -------------------------------------------------------------------------------

// An f32 input of up to three axes.
static Node *input(OpCase *c, int rank, int64_t a, int64_t b, int64_t d)
{
    return scene_input(&c->scene, type_f32(rank, (int64_t[]){a, b, d}));
}

static Node *broadcast(OpCase *c, Node *x, Type to, const int8_t *map)
{
    return build_broadcast(&c->scene.builder, x, to, map);
}

static bool make_broadcast(OpCase *c, int i)
{
    switch (i) {
    case 0:  // a number everywhere
        c->node = broadcast(c, input(c, 0, 0, 0, 0), type_f32(2, (int64_t[]){DIM_BATCH, 3}), NULL);
        return true;
    case 1:  // new axes before, between and after
        c->node = broadcast(c, input(c, 2, 3, 4, 0), type_f32(5, (int64_t[]){2, 3, 2, 4, 2}),
                            (int8_t[]){1, 3});
        return true;
    case 2:  // an axis of size 1 is stretched
        c->node = broadcast(c, input(c, 3, DIM_BATCH, 1, 4),
                            type_f32(3, (int64_t[]){DIM_BATCH, 5, 4}), (int8_t[]){0, 1, 2});
        return true;
    case 3:  // two are, and one stays 1
        c->node = broadcast(c, input(c, 3, 1, 1, 1), type_f32(4, (int64_t[]){2, 3, 1, 4}),
                            (int8_t[]){0, 2, 3});
        return true;
    case 4:  // nothing changes
        c->node =
            broadcast(c, input(c, 2, 2, 3, 0), type_f32(2, (int64_t[]){2, 3}), (int8_t[]){0, 1});
        return true;
    case 5:  // the batch is new
        c->node = broadcast(c, input(c, 1, 4, 0, 0), type_f32(2, (int64_t[]){DIM_BATCH, 4}),
                            (int8_t[]){1});
        return true;
    default:
        return false;
    }
}

static bool make_reshape(OpCase *c, int i)
{
    static const Type types[][2] = {
        {{.rank = 0}, {.rank = 2, .dims = {1, 1}}},
        {{.rank = 3, .dims = {DIM_BATCH, 3, 4}}, {.rank = 2, .dims = {DIM_BATCH, 12}}},
        {{.rank = 1, .dims = {12}}, {.rank = 3, .dims = {2, 3, 2}}},
        {{.rank = 2, .dims = {DIM_BATCH, 1}}, {.rank = 1, .dims = {DIM_BATCH}}},
    };
    if (i >= (int)(sizeof types / sizeof *types))
        return false;
    c->node = build_reshape(&c->scene.builder, scene_input(&c->scene, types[i][0]), types[i][1]);
    return true;
}

static bool make_transpose(OpCase *c, int i)
{
    static const int8_t maps[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}};
    if (i >= (int)(sizeof maps / sizeof *maps))
        return false;
    int64_t first = maps[i][0] == 0 ? DIM_BATCH : 2;
    c->node = build_transpose(&c->scene.builder, input(c, 3, first, 3, 4), maps[i]);
    return true;
}

// Every kind along every set of axes.
static bool make_reduce(OpCase *c, int i)
{
    if (i >= 8 * REDUCE_KIND_COUNT)
        return false;
    ReduceKind kind = (ReduceKind)(i / 8);
    c->node = build_reduce(&c->scene.builder, kind, input(c, 3, DIM_BATCH, 1, 4), (uint32_t)i % 8);
    return true;
}

static bool make_argmax(OpCase *c, int i)
{
    if (i >= 3)
        return false;
    c->node = build_argmax(&c->scene.builder, input(c, 3, DIM_BATCH, 2, 5), i);
    return true;
}

// Labels and shapes; n is the batch. The values are compared with naive loops in test_contract.c.
static bool make_contract(OpCase *c, int i)
{
    static const struct {
        Type left, right;
        int8_t a[4], b[4], out[4];
        int out_rank;
    } rows[] = {
        {{.rank = 2, .dims = {DIM_BATCH, 4}},
         {.rank = 2, .dims = {4, 5}},
         {0, 1},
         {1, 2},
         {0, 2},
         2},
        {{.rank = 2, .dims = {DIM_BATCH, 4}},
         {.rank = 2, .dims = {DIM_BATCH, 3}},
         {0, 1},
         {0, 2},
         {1, 2},
         2},
        {{.rank = 3, .dims = {DIM_BATCH, 2, 3}},
         {.rank = 3, .dims = {DIM_BATCH, 3, 4}},
         {0, 1, 2},
         {0, 2, 3},
         {0, 3, 1},
         3},
        {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {4}}, {0}, {1}, {1, 0}, 2},
        {{.rank = 1, .dims = {5}}, {.rank = 1, .dims = {5}}, {0}, {0}, {0}, 0},
        {{.rank = 1, .dims = {5}}, {.rank = 1, .dims = {5}}, {0}, {0}, {0}, 1},
        {{.rank = 0}, {.rank = 2, .dims = {2, 1}}, {0}, {0, 1}, {1, 0}, 2},
    };
    if (i >= (int)(sizeof rows / sizeof *rows))
        return false;
    Node *x = scene_input(&c->scene, rows[i].left), *y = scene_input(&c->scene, rows[i].right);
    c->node = build_contract(&c->scene.builder, x, y, rows[i].a, rows[i].b, rows[i].out,
                             rows[i].out_rank);
    return true;
}

// A slice or a pad: of what, into what, and the two numbers of each axis.
typedef struct Move {
    Type from, to;
    int32_t first[3], second[3];
} Move;

static bool make_slice(OpCase *c, int i)
{
    static const Move rows[] = {
        {{.rank = 0}, {.rank = 0}, {0}, {0}},
        {{.rank = 1, .dims = {1}}, {.rank = 1, .dims = {1}}, {0}, {1}},
        {{.rank = 1, .dims = {7}}, {.rank = 1, .dims = {7}}, {6}, {-1}},  // reversed
        {{.rank = 1, .dims = {7}}, {.rank = 1, .dims = {3}}, {5}, {-2}},
        {{.rank = 1, .dims = {7}}, {.rank = 1, .dims = {1}}, {3}, {-5}},
        {{.rank = 2, .dims = {DIM_BATCH, 5}}, {.rank = 2, .dims = {DIM_BATCH, 2}}, {0, 1}, {1, 3}},
        {{.rank = 3, .dims = {DIM_BATCH, 4, 6}},
         {.rank = 3, .dims = {DIM_BATCH, 2, 3}},
         {0, 3, 0},
         {1, -2, 2}},
        {{.rank = 3, .dims = {2, 3, 4}}, {.rank = 3, .dims = {2, 3, 4}}, {0, 0, 0}, {1, 1, 1}},
    };
    if (i >= (int)(sizeof rows / sizeof *rows))
        return false;
    c->node = build_slice(&c->scene.builder, scene_input(&c->scene, rows[i].from), rows[i].to,
                          rows[i].first, rows[i].second);
    return true;
}

static bool make_pad(OpCase *c, int i)
{
    static const Move rows[] = {
        {{.rank = 0}, {.rank = 0}, {0}, {0}},
        {{.rank = 1, .dims = {1}}, {.rank = 1, .dims = {4}}, {2}, {3}},
        {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {3}}, {0}, {0}},
        {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {7}}, {0}, {2}},
        {{.rank = 2, .dims = {DIM_BATCH, 2}}, {.rank = 2, .dims = {DIM_BATCH, 7}}, {0, 1}, {0, 1}},
        {{.rank = 3, .dims = {DIM_BATCH, 3, 2}},
         {.rank = 3, .dims = {DIM_BATCH, 5, 6}},
         {0, 1, 0},
         {0, 0, 4}},
    };
    if (i >= 2 * (int)(sizeof rows / sizeof *rows))
        return false;
    const Move *m = &rows[i / 2];
    c->node = build_pad(&c->scene.builder, scene_input(&c->scene, m->from), m->to, m->first,
                        m->second, i % 2 ? -1.5 : 0);
    return true;
}

// Of one part, of parts of one element, of more than a vector has, of three.
static bool make_join(OpCase *c, int i)
{
    static const struct JoinCase {
        int axis, count;
        Type parts[3];
    } rows[] = {
        {0, 1, {{.rank = 1, .dims = {3}}}},
        {0, 2, {{.rank = 1, .dims = {1}}, {.rank = 1, .dims = {40}}}},
        {1, 2, {{.rank = 2, .dims = {DIM_BATCH, 5}}, {.rank = 2, .dims = {DIM_BATCH, 1}}}},
        {1,
         3,
         {{.rank = 3, .dims = {DIM_BATCH, 1, 2}},
          {.rank = 3, .dims = {DIM_BATCH, 3, 2}},
          {.rank = 3, .dims = {DIM_BATCH, 2, 2}}}},
    };
    if (i >= (int)(sizeof rows / sizeof *rows))
        return false;
    Node *in[3];
    for (int k = 0; k < rows[i].count; k++)
        in[k] = scene_input(&c->scene, rows[i].parts[k]);
    c->node = build_join(&c->scene.builder, in, rows[i].count, rows[i].axis);
    return true;
}

// Windows by axis, size, stride, dilation. Those of one element, those that meet end to end, that
// leave a remainder, that leave elements out between them, that are as long as the axis.
static const struct WindowCase {
    Type whole;
    int axis, size, stride, dilation;
} window_cases[] = {
    {{.rank = 1, .dims = {1}}, 0, 1, 1, 1},
    {{.rank = 1, .dims = {6}}, 0, 1, 1, 1},
    {{.rank = 1, .dims = {6}}, 0, 1, 4, 3},
    {{.rank = 1, .dims = {6}}, 0, 2, 2, 1},
    {{.rank = 1, .dims = {7}}, 0, 2, 2, 1},
    {{.rank = 1, .dims = {7}}, 0, 2, 3, 1},
    {{.rank = 1, .dims = {7}}, 0, 7, 2, 1},
    {{.rank = 1, .dims = {7}}, 0, 3, 1, 3},
    {{.rank = 1, .dims = {9}}, 0, 2, 2, 4},
    {{.rank = 2, .dims = {DIM_BATCH, 5}}, 1, 3, 1, 1},
    {{.rank = 3, .dims = {DIM_BATCH, 6, 2}}, 1, 3, 2, 1},
    {{.rank = 3, .dims = {DIM_BATCH, 2, 8}}, 2, 3, 2, 2},
    {{.rank = 3, .dims = {5, 2, 3}}, 0, 3, 1, 2},
};

static bool make_window(OpCase *c, int i)
{
    if (i >= (int)(sizeof window_cases / sizeof *window_cases))
        return false;
    const struct WindowCase *w = &window_cases[i];
    c->node = build_window(&c->scene.builder, scene_input(&c->scene, w->whole), w->axis, w->size,
                           w->stride, w->dilation);
    return true;
}

static bool make_unwindow(OpCase *c, int i)
{
    if (i >= (int)(sizeof window_cases / sizeof *window_cases))
        return false;
    const struct WindowCase *w = &window_cases[i];
    Type windows = {.dtype = DTYPE_F32, .rank = w->whole.rank + 1};
    const int64_t n = w->whole.dims[w->axis];
    for (int k = 0; k < windows.rank; k++)
        windows.dims[k] = w->whole.dims[k > w->axis ? k - 1 : k];
    windows.dims[w->axis] = (n - w->dilation * (w->size - 1) - 1) / w->stride + 1;
    windows.dims[w->axis + 1] = w->size;
    c->node = build_unwindow(&c->scene.builder, scene_input(&c->scene, windows), w->axis, w->stride,
                             w->dilation, n);
    return true;
}

// Tables and indices; what is read has the axes of the index, then those of a row.
static const struct TableCase {
    Type table, index, rows;
} table_cases[] = {
    {{.rank = 1, .dims = {4}}, {.dtype = DTYPE_I32}, {.rank = 0}},
    {{.rank = 2, .dims = {1, 3}},
     {.dtype = DTYPE_I32, .rank = 1, .dims = {5}},
     {.rank = 2, .dims = {5, 3}}},
    {{.rank = 2, .dims = {5, 3}},
     {.dtype = DTYPE_I32, .rank = 1, .dims = {DIM_BATCH}},
     {.rank = 2, .dims = {DIM_BATCH, 3}}},
    {{.rank = 3, .dims = {3, 2, 2}},
     {.dtype = DTYPE_I32, .rank = 2, .dims = {DIM_BATCH, 4}},
     {.rank = 4, .dims = {DIM_BATCH, 4, 2, 2}}},
};

static bool make_gather(OpCase *c, int i)
{
    if (i >= (int)(sizeof table_cases / sizeof *table_cases))
        return false;
    Node *table = scene_input(&c->scene, table_cases[i].table);
    Node *index = scene_input(&c->scene, table_cases[i].index);
    c->node = build_gather(&c->scene.builder, table, index);
    return true;
}

static bool make_scatter_add(OpCase *c, int i)
{
    if (i >= (int)(sizeof table_cases / sizeof *table_cases))
        return false;
    Node *rows = scene_input(&c->scene, table_cases[i].rows);
    Node *index = scene_input(&c->scene, table_cases[i].index);
    c->node = build_scatter_add(&c->scene.builder, rows, index, table_cases[i].table);
    return true;
}

// Sets c->node; false when there is no case i.
static bool (*const makers[OP_COUNT])(OpCase *, int i) = {
    [OP_broadcast] = make_broadcast,
    [OP_reshape] = make_reshape,
    [OP_transpose] = make_transpose,
    [OP_reduce] = make_reduce,
    [OP_argmax] = make_argmax,
    [OP_contract] = make_contract,
    [OP_slice] = make_slice,
    [OP_pad] = make_pad,
    [OP_window] = make_window,
    [OP_unwindow] = make_unwindow,
    [OP_join] = make_join,
    [OP_gather] = make_gather,
    [OP_scatter_add] = make_scatter_add,
};

int for_each_case(OpId op, void (*check)(OpCase *))
{
    if (op_is(op, ELEMENTWISE))
        return each_elementwise(op, check);
    for (int i = 0; makers[op]; i++) {
        OpCase c = {.scene = scene_new()};
        if (!makers[op](&c, i)) {
            scene_free(&c.scene);
            return i;
        }
        finish(&c, check);
    }
    return 0;
}

// --- data -------------------------------------------------------------------------------------

static double sample(const OpDef *def, DType dtype, Rng *r)
{
    if (dtype == DTYPE_BOOL)
        return rng_below(r, 2);
    double x = rng_between(r, def->sample_low, def->sample_high);
    if (dtype == DTYPE_I8)
        return fmin(fmax(trunc(x), INT8_MIN), INT8_MAX);
    return dtype == DTYPE_I32 ? trunc(x) : x;
}

double **sample_inputs(const OpCase *c, uint64_t seed)
{
    Rng r = {seed};
    Arena *a = c->scene.arena;
    const Graph *g = c->scene.builder.graph;
    double **data = arena_array(a, double *, (size_t)g->input_count);
    for (int i = 0; i < g->input_count; i++) {
        const Type *t = &g->inputs[i].type;
        int64_t count = count_of(t, CASE_BATCH);
        data[i] = arena_array(a, double, (size_t)count);
        for (int64_t k = 0; k < count; k++)
            data[i][k] = sample(op_table[c->node->op], t->dtype, &r);
    }
    return data;
}

const char *case_text(const OpCase *c)
{
    Text text = text_in(c->scene.arena);
    graph_print(&text, c->scene.builder.graph);
    return text_str(&text);
}
