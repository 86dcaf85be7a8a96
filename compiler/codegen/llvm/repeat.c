// repeat.c -- LLVM IR of a copy that repeats each element of a row.
//
//   loops [a, 14, 2]: load [14, 1, 0]; store [28, 2, 1]    2 and 2 lanes would be stored at a time
//
// A vector is loaded, and each of its lanes stands twice, or more often, in as many vectors that
// are stored: the gradient of a mean over windows that meet end to end.

#include "codegen/llvm/gen.h"

#define MOST_TIMES 8

typedef struct Copy {
    Gen *g;
    const Kernel *k;
    Val context, from, to, lo, hi;
    const Instr *load, *store;
    int row, times;  // axes
} Copy;

static bool match(const Kernel *k, Copy *c)
{
    if (k->kind != KERNEL_LOOPS || k->count != 2 || k->code[0].kind != INSTR_LOAD ||
        k->code[1].kind != INSTR_STORE || k->code[1].adds || k->code[1].arg_count > 1 ||
        k->code[0].dtype != DTYPE_F32)
        return false;
    c->k = k;
    c->load = &k->code[0];
    c->store = &k->code[1];
    c->row = k->axis_count - 2;
    c->times = k->axis_count - 1;
    if (c->row < 1 || k->axes[c->row].size == DIM_BATCH)
        return false;
    return k->axes[c->times].size <= MOST_TIMES && c->load->strides[c->row] == 1 &&
           c->load->strides[c->times] == 0 && c->store->strides[c->times] == 1 &&
           c->store->strides[c->row] == k->axes[c->times].size &&
           k->axes[c->times].size != DIM_BATCH;
}

bool is_repeating_copy(const Kernel *k)
{
    Copy c = {0};
    return match(k, &c);
}

// The part-th of the vectors in which each lane of `v` stands `times` times.
static Val repeated(Gen *g, Val v, int times, int part)
{
    Val lanes[64];
    for (int i = 0; i < g->width; i++)
        lanes[i] = gen_i32(g, (part * g->width + i) / times, 1);
    return LLVMBuildShuffleVector(g->builder, v, v, LLVMConstVector(lanes, (unsigned)g->width), "");
}

static Val at(const Copy *c, Val base, const Instr *instr, int axis, Val i)
{
    Val offset = LLVMBuildNSWMul(c->g->builder, i, gen_i64(c->g, instr->strides[axis]), "");
    return gen_element(c->g, base, DTYPE_F32, offset);
}

// `count` elements of a row, a vector at the most.
static void some(const Copy *c, Val from, Val to, int64_t count)
{
    Gen *g = c->g;
    const int w = g->width, times = (int)c->k->axes[c->times].size;
    Val mask = count < w ? gen_mask(g, gen_i64(g, count)) : NULL;
    Val v = gen_load(g, from, DTYPE_F32, 1, w, mask);
    for (int part = 0; part * w < count * times; part++) {
        const int64_t left = count * times - (int64_t)part * w;
        gen_store(g, repeated(g, v, times, part),
                  gen_offset(g, to, (int64_t)part * w * (int64_t)sizeof(float)), DTYPE_F32, 1,
                  left < w ? gen_mask(g, gen_i64(g, left)) : NULL);
    }
}

static void row(const Copy *c, Val from, Val to)
{
    Gen *g = c->g;
    const int64_t size = c->k->axes[c->row].size, whole = size / g->width * g->width;
    Loop l;
    if (whole) {
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, whole), g->width, NULL, 0);
        some(c, at(c, from, c->load, c->row, l.index), at(c, to, c->store, c->row, l.index),
             g->width);
        gen_loop_end(g, &l, NULL);
    }
    Val end = gen_i64(g, whole);
    if (whole < size)
        some(c, at(c, from, c->load, c->row, end), at(c, to, c->store, c->row, end), size - whole);
}

static void other_axes(const Copy *c, int axis, Val from, Val to)
{
    Gen *g = c->g;
    Loop l;
    if (axis == c->row) {
        row(c, from, to);
        return;
    }
    const KernelAxis *x = &c->k->axes[axis];
    Val end = axis ? gen_axis_length(g, c->context, x->size, x->factor) : c->hi;
    gen_loop_begin(g, &l, axis ? gen_i64(g, 0) : c->lo, end, 1, NULL, 0);
    other_axes(c, axis + 1, at(c, from, c->load, axis, l.index),
               at(c, to, c->store, axis, l.index));
    gen_loop_end(g, &l, NULL);
}

// Elements that a piece stores.
#define PIECE 65536

Split repeat_split(const Plan *p, const Kernel *k)
{
    int64_t inner = 1;
    for (int i = 1; i < k->axis_count; i++)
        inner *= axis_size(k->axes[i].size, k->axes[i].factor, p->max_batch);
    return (Split){.axis = k->axes[0], .grain = inner < PIECE ? PIECE / inner : 1};
}

Val gen_repeat_kernel(Gen *g, const Kernel *k, const char *name)
{
    Copy c = {.g = g};
    Ty params[3] = {g->ptr, g->i64, g->i64};
    match(k, &c);
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    const int64_t element = (int64_t)sizeof(float);
    c.context = gen_field(g, args, 0, g->ptr);
    c.lo = LLVMGetParam(fn, 1);
    c.hi = LLVMGetParam(fn, 2);
    Val from = gen_field(g, args, sizeof(void *) * (size_t)(c.load->slot + 1), g->ptr);
    Val to = gen_field(g, args, sizeof(void *) * (size_t)(c.store->slot + 1), g->ptr);
    other_axes(&c, 0, gen_offset(g, from, c.load->offset * element),
               gen_offset(g, to, c.store->offset * element));
    LLVMBuildRetVoid(g->builder);
    return fn;
}
