// transpose.c -- LLVM IR of a copy that exchanges axes: blocks are transposed in registers.
//
//   loops [a, b]: load [1, n]; store [m, 1]     neither axis is neighbours on both sides, so
//                                               vectors along one would gather along the other
//
// A block of w x w elements is loaded in w rows, and log2 w times the rows of its first half are
// interleaved with those of the second: after that they are its columns. The rest at the edges is
// loaded and stored under masks.

#include "codegen/llvm/gen.h"

typedef struct Copy {
    Gen *g;
    const Kernel *k;
    Val context, lo, hi;
    const Instr *load, *store;
    int in_axis, out_axis;  // neighbours where it is loaded, where it is stored
    int split;              // the axis of which a thread is given lo to hi
} Copy;

static bool match(const Kernel *k, Copy *c)
{
    if (k->kind != KERNEL_LOOPS || k->count != 2 || k->code[0].kind != INSTR_LOAD ||
        k->code[1].kind != INSTR_STORE || k->code[1].adds || k->code[0].dtype != DTYPE_F32)
        return false;
    c->k = k;
    c->load = &k->code[0];
    c->store = &k->code[1];
    c->in_axis = c->out_axis = -1;
    for (int i = 0; i < k->axis_count; i++) {
        if (c->load->strides[i] == 1 && k->axes[i].size != DIM_BATCH)
            c->in_axis = i;
        if (c->store->strides[i] == 1 && k->axes[i].size != DIM_BATCH)
            c->out_axis = i;
    }
    return c->in_axis >= 0 && c->out_axis >= 0 && c->in_axis != c->out_axis;
}

bool is_transposing_copy(const Kernel *k)
{
    Copy c = {0};
    return match(k, &c);
}

Val gen_interleave(Gen *g, Val a, Val b, bool upper)
{
    Val lanes[64];
    const int w = g->width;
    for (int i = 0; i < w; i++)
        lanes[i] = gen_i32(g, (upper ? w / 2 : 0) + i / 2 + (i % 2 ? w : 0), 1);
    return LLVMBuildShuffleVector(g->builder, a, b, LLVMConstVector(lanes, (unsigned)w), "");
}

void gen_turn(Gen *g, Val *rows)
{
    Val next[64];
    const int w = g->width;
    for (int stage = 1; stage < w; stage *= 2) {
        for (int i = 0; i < w / 2; i++) {
            next[2 * i] = gen_interleave(g, rows[i], rows[i + w / 2], false);
            next[2 * i + 1] = gen_interleave(g, rows[i], rows[i + w / 2], true);
        }
        for (int i = 0; i < w; i++)
            rows[i] = next[i];
    }
}

static Val element(const Copy *c, Val base, int64_t stride, int64_t count)
{
    return gen_offset(c->g, base, stride * count * (int64_t)sizeof(float));
}

// A block, or what is left of one at the edges: `tall` rows of `wide` elements are loaded.
static void block(const Copy *c, Val from, Val to, int64_t tall, int64_t wide)
{
    Gen *g = c->g;
    Val rows[64];
    Val in = wide < g->width ? gen_mask(g, gen_i64(g, wide)) : NULL;
    Val out = tall < g->width ? gen_mask(g, gen_i64(g, tall)) : NULL;
    for (int i = 0; i < g->width; i++)
        rows[i] = i < tall ? gen_load(g, element(c, from, c->load->strides[c->out_axis], i),
                                      DTYPE_F32, 1, g->width, in)
                           : gen_f32(g, 0, g->width);
    gen_turn(g, rows);
    for (int i = 0; i < wide; i++)
        gen_store(g, rows[i], element(c, to, c->store->strides[c->in_axis], i), DTYPE_F32, 1, out);
}

static Val at(const Copy *c, Val base, const Instr *instr, int axis, Val i)
{
    Val offset = LLVMBuildNSWMul(c->g->builder, i, gen_i64(c->g, instr->strides[axis]), "");
    return gen_element(c->g, base, DTYPE_F32, offset);
}

// --- loops --------------------------------------------------------------------------------------

// The part of an axis that is to be done: all of it, or what a thread was given of the split one.
static Val first_of(const Copy *c, int axis)
{
    return axis == c->split ? c->lo : gen_i64(c->g, 0);
}

static Val end_of(const Copy *c, int axis)
{
    const KernelAxis *x = &c->k->axes[axis];
    return axis == c->split ? c->hi : gen_axis_length(c->g, c->context, x->size, x->factor);
}

// Of an axis in blocks: whole ones, then what is left over.
typedef struct Stretch {
    int axis;
    Val lo, hi;
    int64_t length;  // of its blocks; 0: there are none
} Stretch;

static Stretch stretch(const Copy *c, int axis, bool whole)
{
    Gen *g = c->g;
    const int64_t w = g->width, size = c->k->axes[axis].size;
    Val end = end_of(c, axis);
    Val middle = LLVMBuildAnd(g->builder, end, gen_i64(g, -w), "");
    if (whole)
        return (Stretch){axis, first_of(c, axis), middle, size < w ? 0 : w};
    return (Stretch){axis, middle, end, size % w};
}

// *from and *to become where the turn begins.
static void begin_blocks(const Copy *c, Loop *l, const Stretch *s, Val *from, Val *to)
{
    gen_loop_begin(c->g, l, s->lo, s->hi, c->g->width, NULL, 0);
    *from = at(c, *from, c->load, s->axis, l->index);
    *to = at(c, *to, c->store, s->axis, l->index);
}

// Blocks come one after the other along those rows, of what is read or written, that lie farther
// apart in memory: one below the other they would fall into few sets of a cache.
static int outer_of_blocks(const Copy *c)
{
    const bool along_result = c->store->strides[c->in_axis] >= c->load->strides[c->out_axis];
    return along_result ? c->in_axis : c->out_axis;
}

static void blocks(const Copy *c, Val from, Val to, Stretch rows, Stretch columns)
{
    const bool by_rows = outer_of_blocks(c) == rows.axis;
    Loop outer, inner;
    if (!rows.length || !columns.length)
        return;
    begin_blocks(c, &outer, by_rows ? &rows : &columns, &from, &to);
    begin_blocks(c, &inner, by_rows ? &columns : &rows, &from, &to);
    block(c, from, to, rows.length, columns.length);
    gen_loop_end(c->g, &inner, NULL);
    gen_loop_end(c->g, &outer, NULL);
}

static void plane(const Copy *c, Val from, Val to)
{
    for (int i = 0; i < 4; i++)
        blocks(c, from, to, stretch(c, c->out_axis, i < 2), stretch(c, c->in_axis, i % 2 == 0));
}

static void other_axes(const Copy *c, int axis, Val from, Val to)
{
    Loop l;
    while (axis == c->in_axis || axis == c->out_axis)
        axis++;
    if (axis >= c->k->axis_count) {
        plane(c, from, to);
        return;
    }
    gen_loop_begin(c->g, &l, first_of(c, axis), end_of(c, axis), 1, NULL, 0);
    other_axes(c, axis + 1, at(c, from, c->load, axis, l.index),
               at(c, to, c->store, axis, l.index));
    gen_loop_end(c->g, &l, NULL);
}

// --- threads ------------------------------------------------------------------------------------

// Elements of a piece that is worth handing out.
#define PIECE 16384

// The longest of the axes but those of a block; where there is none, the outer one of these.
static int split_axis(const Plan *p, const Copy *c)
{
    int longest = -1;
    int64_t most = 1;
    for (int i = 0; i < c->k->axis_count; i++) {
        const int64_t size = axis_size(c->k->axes[i].size, c->k->axes[i].factor, p->max_batch);
        if (i == c->in_axis || i == c->out_axis || size <= most)
            continue;
        longest = i;
        most = size;
    }
    return longest >= 0 ? longest : outer_of_blocks(c);
}

Split transpose_split(const Plan *p, const Kernel *k, int width)
{
    Copy c = {0};
    match(k, &c);
    const int axis = split_axis(p, &c);
    const int64_t unit = axis == c.in_axis || axis == c.out_axis ? width : 1;
    const int64_t size = axis_size(k->axes[axis].size, k->axes[axis].factor, p->max_batch);
    int64_t elements = 1;
    for (int i = 0; i < k->axis_count; i++)
        elements *= axis_size(k->axes[i].size, k->axes[i].factor, p->max_batch);
    const int64_t grain = PIECE / (elements / size) / unit * unit;
    return (Split){.axis = k->axes[axis], .grain = grain > unit ? grain : unit};
}

Val gen_transpose_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Copy c = {.g = g};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    match(k, &c);
    c.split = split_axis(p, &c);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    c.context = gen_field(g, args, 0, g->ptr);
    c.lo = LLVMGetParam(fn, 1);
    c.hi = LLVMGetParam(fn, 2);
    Val from = gen_field(g, args, sizeof(void *) * (size_t)(c.load->slot + 1), g->ptr);
    Val to = gen_field(g, args, sizeof(void *) * (size_t)(c.store->slot + 1), g->ptr);
    other_axes(&c, 0, element(&c, from, c.load->offset, 1), element(&c, to, c.store->offset, 1));
    LLVMBuildRetVoid(g->builder);
    return fn;
}
