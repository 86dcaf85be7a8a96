// transpose.c -- LLVM IR of a copy that exchanges axes: blocks are transposed in registers.
//
//   loops [a, b]: load [1, n]; store [m, 1]     neither axis is neighbours on both sides, so
//   vectors
//                                               along one would gather along the other
//
// A block of w x w elements is loaded in w rows, and log2 w times the rows of its first half are
// interleaved with those of the second: after that they are its columns. The rest at the edges is
// loaded and stored under masks.

#include "codegen/llvm/gen.h"

typedef struct Copy {
    Gen *g;
    const Kernel *k;
    Val context, from, to;
    const Instr *load, *store;
    int in_axis, out_axis;  // neighbours where it is loaded, where it is stored
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

// a[0] b[0] a[1] b[1] ... of the lower halves, or of the upper ones.
static Val interleave(Gen *g, Val a, Val b, bool upper)
{
    Val lanes[64];
    const int w = g->width;
    for (int i = 0; i < w; i++)
        lanes[i] = gen_i32(g, (upper ? w / 2 : 0) + i / 2 + (i % 2 ? w : 0), 1);
    return LLVMBuildShuffleVector(g->builder, a, b, LLVMConstVector(lanes, (unsigned)w), "");
}

static void transpose_rows(Gen *g, Val *rows)
{
    Val next[64];
    const int w = g->width;
    for (int stage = 1; stage < w; stage *= 2) {
        for (int i = 0; i < w / 2; i++) {
            next[2 * i] = interleave(g, rows[i], rows[i + w / 2], false);
            next[2 * i + 1] = interleave(g, rows[i], rows[i + w / 2], true);
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
    transpose_rows(g, rows);
    for (int i = 0; i < wide; i++)
        gen_store(g, rows[i], element(c, to, c->store->strides[c->in_axis], i), DTYPE_F32, 1, out);
}

static Val at(const Copy *c, Val base, const Instr *instr, int axis, Val i)
{
    Val offset = LLVMBuildNSWMul(c->g->builder, i, gen_i64(c->g, instr->strides[axis]), "");
    return gen_element(c->g, base, DTYPE_F32, offset);
}

// Blocks of `tall` rows, from one of them to another: whole ones, then the rest of the columns.
static void blocks_of_rows(const Copy *c, Val from, Val to, int64_t lo, int64_t hi, int64_t tall)
{
    Gen *g = c->g;
    const int64_t w = g->width, columns = c->k->axes[c->in_axis].size, whole = columns / w * w;
    Loop l, m;
    if (lo >= hi)
        return;
    gen_loop_begin(g, &l, gen_i64(g, lo), gen_i64(g, hi), w, NULL, 0);
    from = at(c, from, c->load, c->out_axis, l.index);
    to = at(c, to, c->store, c->out_axis, l.index);
    if (whole) {
        gen_loop_begin(g, &m, gen_i64(g, 0), gen_i64(g, whole), w, NULL, 0);
        block(c, at(c, from, c->load, c->in_axis, m.index),
              at(c, to, c->store, c->in_axis, m.index), tall, w);
        gen_loop_end(g, &m, NULL);
    }
    Val end = gen_i64(g, whole);
    if (whole < columns)
        block(c, at(c, from, c->load, c->in_axis, end), at(c, to, c->store, c->in_axis, end), tall,
              columns - whole);
    gen_loop_end(g, &l, NULL);
}

static void plane(const Copy *c, Val from, Val to)
{
    const int64_t w = c->g->width, rows = c->k->axes[c->out_axis].size, whole = rows / w * w;
    blocks_of_rows(c, from, to, 0, whole, w);
    blocks_of_rows(c, from, to, whole, rows, rows - whole);
}

static void other_axes(const Copy *c, int axis, Val from, Val to)
{
    Gen *g = c->g;
    Loop l;
    while (axis == c->in_axis || axis == c->out_axis)
        axis++;
    if (axis >= c->k->axis_count) {
        plane(c, from, to);
        return;
    }
    const KernelAxis *x = &c->k->axes[axis];
    Val size = gen_i64(g, x->size);
    if (x->size == DIM_BATCH) {
        Val batch = gen_field(g, c->context, offsetof(RunContext, args.batch), g->i64);
        size = LLVMBuildNSWMul(g->builder, batch, gen_i64(g, x->factor), "");
    }
    gen_loop_begin(g, &l, gen_i64(g, 0), size, 1, NULL, 0);
    other_axes(c, axis + 1, at(c, from, c->load, axis, l.index),
               at(c, to, c->store, axis, l.index));
    gen_loop_end(g, &l, NULL);
}

Val gen_transpose_kernel(Gen *g, const Kernel *k, const char *name)
{
    Copy c = {.g = g};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    match(k, &c);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    c.context = gen_field(g, args, 0, g->ptr);
    Val from = gen_field(g, args, sizeof(void *) * (size_t)(c.load->slot + 1), g->ptr);
    Val to = gen_field(g, args, sizeof(void *) * (size_t)(c.store->slot + 1), g->ptr);
    other_axes(&c, 0, element(&c, from, c.load->offset, 1), element(&c, to, c.store->offset, 1));
    LLVMBuildRetVoid(g->builder);
    return fn;
}
