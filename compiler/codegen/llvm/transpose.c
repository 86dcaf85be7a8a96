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

// A loop over blocks along one axis, from lo to hi; *from and *to become where the turn begins.
static void begin_blocks(const Copy *c, Loop *l, int axis, const int64_t bounds[2], Val *from,
                         Val *to)
{
    Gen *g = c->g;
    gen_loop_begin(g, l, gen_i64(g, bounds[0]), gen_i64(g, bounds[1]), g->width, NULL, 0);
    *from = at(c, *from, c->load, axis, l->index);
    *to = at(c, *to, c->store, axis, l->index);
}

// Blocks that are `tall` and `wide`, from some rows and columns to others; one after the other
// along those rows, of what is read or written, that lie farther apart in memory.
static void blocks(const Copy *c, Val from, Val to, const int64_t rows[2], const int64_t columns[2],
                   int64_t tall, int64_t wide)
{
    const bool along_result = c->store->strides[c->in_axis] >= c->load->strides[c->out_axis];
    Loop outer, inner;
    if (rows[0] >= rows[1] || columns[0] >= columns[1])
        return;
    begin_blocks(c, &outer, along_result ? c->in_axis : c->out_axis, along_result ? columns : rows,
                 &from, &to);
    begin_blocks(c, &inner, along_result ? c->out_axis : c->in_axis, along_result ? rows : columns,
                 &from, &to);
    block(c, from, to, tall, wide);
    gen_loop_end(c->g, &inner, NULL);
    gen_loop_end(c->g, &outer, NULL);
}

// Whole blocks, then what is left of rows, of columns, and of both.
static void plane(const Copy *c, Val from, Val to)
{
    const int64_t w = c->g->width;
    const int64_t rows = c->k->axes[c->out_axis].size, columns = c->k->axes[c->in_axis].size;
    const int64_t r[3] = {0, rows / w * w, rows}, k[3] = {0, columns / w * w, columns};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            blocks(c, from, to, r + i, k + j, i ? rows - r[1] : w, j ? columns - k[1] : w);
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
        Val batch = gen_batch(g, c->context);
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
