// contraction.c -- LLVM IR of a contraction: a call of the BLAS, or plain loops where the operands'
// strides are none that a BLAS knows.
//
// The BLAS wants out[m, n] with neighbouring columns, and each operand with neighbouring elements
// along one of its axes. When it is the rows of the result that are neighbours, left and right
// change places.

#include "codegen/llvm/gen.h"

typedef struct Matrix {
    bool transposed;
    int64_t leading;  // elements from one stored row to the next
} Matrix;

typedef struct Product {
    ContractAxis batch, m, n, k;  // a missing axis has size 1 and no strides
    int slots[2];                 // left, right
    Matrix a, b;
    int64_t ldc;
} Product;

// Of a matrix of one row, which there is no way to leave: at least the row's length, which may be
// that of the batch.
#define ANY_LEADING (INT64_C(1) << 30)

static ContractAxis only_axis(const ContractAxes *x)
{
    return x->count ? x->axes[0] : (ContractAxis){.size = 1, .factor = 1};
}

static ContractAxis swapped(ContractAxis x)
{
    int64_t left = x.left;
    x.left = x.right;
    x.right = left;
    return x;
}

// A matrix stored with `rows` and `columns` strides: as it is, or transposed. The BLAS wants a
// leading dimension of at least the stored row's length.
static bool as_matrix(int64_t rows, int64_t row_count, int64_t columns, int64_t column_count,
                      Matrix *m)
{
    if (columns == 1 || column_count == 1) {
        *m = (Matrix){.transposed = false, .leading = row_count == 1 ? ANY_LEADING : rows};
        if (m->leading >= column_count && m->leading > 0)
            return true;
    }
    if (rows == 1 || row_count == 1) {
        *m = (Matrix){.transposed = true, .leading = column_count == 1 ? ANY_LEADING : columns};
        return m->leading >= row_count && m->leading > 0;
    }
    return false;
}

// The length of an axis as far as leading dimensions go: that of the batch is not known, but a
// stored row is never the batch, whose elements are never neighbours unless an example is one.
static int64_t known_size(const ContractAxis *x)
{
    return x->size == DIM_BATCH ? x->factor : x->size;
}

static bool as_product(const Kernel *k, Product *p)
{
    if (k->batch.count > 1 || k->rows.count > 1 || k->columns.count > 1 || k->depth.count > 1)
        return false;
    *p = (Product){.batch = only_axis(&k->batch),
                   .m = only_axis(&k->rows),
                   .n = only_axis(&k->columns),
                   .k = only_axis(&k->depth),
                   .slots = {0, 1}};
    if (p->n.out != 1 && p->n.size != 1) {
        ContractAxis m = swapped(p->n);
        p->n = swapped(p->m);
        p->m = m;
        p->k = swapped(p->k);
        p->batch = swapped(p->batch);
        p->slots[0] = 1;
        p->slots[1] = 0;
    }
    p->ldc = p->m.size == 1 ? ANY_LEADING : p->m.out;
    return true;
}

// Axes of the batch's length stay strided; anything else would need its length at compile time.
static bool is_simple(const ContractAxis *x, int64_t stride)
{
    return x->size != DIM_BATCH || stride > 1 || (stride == 1 && x->factor == 1);
}

static bool fits_blas(const Kernel *k, Product *p)
{
    if (k->node->type.dtype != DTYPE_F32 || k->count || k->parts.size || k->left_offset ||
        k->right_offset || !as_product(k, p))
        return false;
    int64_t m = known_size(&p->m), n = known_size(&p->n), d = known_size(&p->k);
    if ((n != 1 && p->n.out != 1) || p->ldc < n)
        return false;
    if (!is_simple(&p->m, p->m.left) || !is_simple(&p->k, p->k.left) ||
        !is_simple(&p->k, p->k.right) || p->n.size == DIM_BATCH)
        return false;
    // a batch of one example still has its stride; its size is no reason to drop an axis
    int64_t rows = p->m.size == DIM_BATCH ? 2 : m, depth = p->k.size == DIM_BATCH ? 2 : d;
    return as_matrix(p->m.left, rows, p->k.left, depth, &p->a) &&
           as_matrix(p->k.right, depth, p->n.right, n, &p->b);
}

static Val size_of(Gen *g, Val context, const ContractAxis *x)
{
    return gen_axis_length(g, context, x->size, x->factor);
}

void gen_part_of_batch(Gen *g, const Kernel *k, Val context, Val part, Val *lo, Val *hi)
{
    LLVMBuilderRef b = g->builder;
    Val batch = gen_batch(g, context);
    Val up = LLVMBuildNSWAdd(b, batch, gen_i64(g, k->parts.size - 1), "");
    Val examples = LLVMBuildSDiv(b, up, gen_i64(g, k->parts.size), "");
    Val length = LLVMBuildNSWMul(b, examples, gen_i64(g, k->depth.axes[0].factor), "");
    Val end = size_of(g, context, &k->depth.axes[0]);
    *lo = LLVMBuildNSWMul(b, part, length, "");
    *hi = LLVMBuildNSWAdd(b, *lo, length, "");
    Val beyond = LLVMBuildICmp(b, LLVMIntSGT, *hi, end, "");
    *hi = LLVMBuildSelect(b, beyond, end, *hi, "");
}

#define SGEMM_PARAMS 17

bool blas_fits(const Kernel *k)
{
    Product p = {0};
    return fits_blas(k, &p);
}

void gen_blas(Gen *g, const Kernel *k, Val context, const Val *buffers)
{
    Product p = {0};
    fits_blas(k, &p);
    Ty i64 = g->i64, ptr = g->ptr;
    Ty params[SGEMM_PARAMS] = {ptr, g->i1, g->i1, i64, i64,    i64, i64, ptr, i64,
                               i64, ptr,   i64,   i64, g->f32, ptr, i64, i64};
    Val args[SGEMM_PARAMS] = {
        gen_field(g, context, offsetof(RunContext, args.pool), ptr),
        LLVMConstInt(g->i1, p.a.transposed, 0),
        LLVMConstInt(g->i1, p.b.transposed, 0),
        size_of(g, context, &p.batch),
        size_of(g, context, &p.m),
        size_of(g, context, &p.n),
        size_of(g, context, &p.k),
        buffers[p.slots[0]],
        gen_i64(g, p.a.leading),
        gen_i64(g, p.batch.left),
        buffers[p.slots[1]],
        gen_i64(g, p.b.leading),
        gen_i64(g, p.batch.right),
        gen_f32(g, 0, 1),
        buffers[2],
        gen_i64(g, p.ldc),
        gen_i64(g, p.batch.out),
    };
    if (k->batch.count) {
        Val fn = gen_declare(g, "nnrt_sgemm_batch", g->none, params, 17);
        LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(fn), fn, args, 17, "");
        return;
    }
    // without the batch and its strides
    Ty one_params[13] = {ptr, g->i1, g->i1, i64, i64, i64, ptr, i64, ptr, i64, g->f32, ptr, i64};
    Val one[13] = {args[0], args[1],  args[2],  args[4],  args[5],  args[6], args[7],
                   args[8], args[10], args[11], args[13], args[14], args[15]};
    Val fn = gen_declare(g, "nnrt_sgemm", g->none, one_params, 13);
    LLVMBuildCall2(g->builder, LLVMGlobalGetValueType(fn), fn, one, 13, "");
}

Val gen_factor(Gen *g, Val loaded)
{
    return gen_is_float(loaded) ? loaded : gen_apply(g, EMIT_TO_I32, loaded, NULL, NULL);
}

Val gen_add_product(Gen *g, Val a, Val b, Val acc)
{
    if (gen_is_float(a))
        return gen_mul_add(g, a, b, acc);
    return LLVMBuildAdd(g->builder, LLVMBuildMul(g->builder, a, b, ""), acc, "");
}

// --- plain loops --------------------------------------------------------------------------------

typedef struct Cursor {
    Val left, right, out;  // addresses
} Cursor;

typedef struct Inner {
    Gen *g;
    const Kernel *k;
    Val context;
    int width;                 // of the columns
    int64_t left, right, out;  // strides of the columns
    Val mask;
    DType factor, sum;  // element types of the operands and of the result
    Val lo, hi;         // of the first depth axis in a part of the batch; NULL: there are no parts
} Inner;

static Cursor moved(const Inner *in, Cursor c, const ContractAxis *x, Val i)
{
    Gen *g = in->g;
    Val l = LLVMBuildNSWMul(g->builder, i, gen_i64(g, x->left), "");
    Val r = LLVMBuildNSWMul(g->builder, i, gen_i64(g, x->right), "");
    Val o = LLVMBuildNSWMul(g->builder, i, gen_i64(g, x->out), "");
    return (Cursor){gen_element(g, c.left, in->factor, l), gen_element(g, c.right, in->factor, r),
                    gen_element(g, c.out, in->sum, o)};
}

static Val sum_over_depth(const Inner *in, Cursor c, int level, Val acc)
{
    Gen *g = in->g;
    if (level == in->k->depth.count) {
        Val a = gen_load(g, c.left, in->factor, in->left, in->width, in->mask);
        Val b = gen_load(g, c.right, in->factor, in->right, in->width, in->mask);
        return gen_add_product(g, gen_factor(g, a), gen_factor(g, b), acc);
    }
    const ContractAxis *x = &in->k->depth.axes[level];
    Loop l;
    const bool part = in->lo && level == 0;
    gen_loop_begin(g, &l, part ? in->lo : gen_i64(g, 0), part ? in->hi : size_of(g, in->context, x),
                   1, &acc, 1);
    acc = sum_over_depth(in, moved(in, c, x, l.index), level + 1, acc);
    gen_loop_end(g, &l, &acc);
    return acc;
}

static void one_result(const Inner *in, Cursor c)
{
    Val acc = sum_over_depth(in, c, 0, LLVMConstNull(gen_dtype(in->g, in->sum, in->width)));
    gen_store(in->g, acc, c.out, in->sum, in->out, in->mask);
}

// The last axis of the columns, in vectors.
static void column_strips(Inner *in, Cursor c, const ContractAxis *x)
{
    Gen *g = in->g;
    Loop l;
    Val size = size_of(g, in->context, x);
    in->width = g->width;
    in->left = x->left;
    in->right = x->right;
    in->out = x->out;
    gen_loop_begin(g, &l, gen_i64(g, 0), size, g->width, NULL, 0);
    in->mask = gen_mask(g, LLVMBuildNSWSub(g->builder, size, l.index, ""));
    one_result(in, moved(in, c, x, l.index));
    gen_loop_end(g, &l, NULL);
}

static void result_loops(Inner *in, Cursor c, const ContractAxis *const *axes, int count)
{
    Gen *g = in->g;
    if (count == 0) {
        one_result(in, c);
        return;
    }
    if (count == 1) {
        column_strips(in, c, axes[0]);
        return;
    }
    Loop l;
    gen_loop_begin(g, &l, gen_i64(g, 0), size_of(g, in->context, axes[0]), 1, NULL, 0);
    result_loops(in, moved(in, c, axes[0], l.index), axes + 1, count - 1);
    gen_loop_end(g, &l, NULL);
}

static int list_axes(const ContractAxes *x, const ContractAxis **axes, int count)
{
    for (int i = 0; i < x->count; i++)
        axes[count++] = &x->axes[i];
    return count;
}

static void result_parts(Inner *in, Cursor c, const ContractAxis *const *axes, int count)
{
    Gen *g = in->g;
    Loop l;
    if (!in->k->parts.size) {
        result_loops(in, c, axes, count);
        return;
    }
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, in->k->parts.size), 1, NULL, 0);
    gen_part_of_batch(g, in->k, in->context, l.index, &in->lo, &in->hi);
    result_loops(in, moved(in, c, &in->k->parts, l.index), axes, count);
    gen_loop_end(g, &l, NULL);
}

Val gen_contract_kernel(Gen *g, const Kernel *k, const char *name)
{
    const ContractAxis *axes[3 * MAX_RANK];
    Ty params[3] = {g->ptr, g->i64, g->i64};
    Val fn = gen_function(g, name, g->none, params, 3, false), args = LLVMGetParam(fn, 0);
    Inner in = {.g = g,
                .k = k,
                .context = gen_field(g, args, 0, g->ptr),
                .width = 1,
                .factor = k->node->in[0]->type.dtype,
                .sum = k->node->type.dtype};
    const int64_t bytes = (int64_t)dtype_size(in.factor);
    Cursor c = {
        gen_offset(g, gen_field(g, args, sizeof(void *), g->ptr), k->left_offset * bytes),
        gen_offset(g, gen_field(g, args, 2 * sizeof(void *), g->ptr), k->right_offset * bytes),
        gen_field(g, args, 3 * sizeof(void *), g->ptr)};
    int count = list_axes(&k->batch, axes, 0);
    count = list_axes(&k->rows, axes, count);
    count = list_axes(&k->columns, axes, count);
    result_parts(&in, c, axes, count);
    LLVMBuildRetVoid(g->builder);
    return fn;
}
