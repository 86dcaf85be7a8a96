// narrow.c -- LLVM IR of a product whose rows are shorter than a vector: few classes, few features.
//
// Vectors along such rows would leave lanes idle, so they run along another axis, and the results
// are turned in registers to rows of `columns` elements, one behind the other:
//
//   dw = contract x, dy {ba,bc->ac}       along the rows, neighbours in x
//       acc[columns][vectors] += x[b][a ..] * splat(dy[b][c])
//       turned: a row in the first lanes of each vector
//
//   y = contract x, w {ab,bc->ac}         along the depth, neighbours in x
//       w turned once, on the stack
//       acc[rows][columns] += x[a][b ..] * w[c][b ..]
//       the sums of the lanes of all columns: a row
//
// The rows of a block lie on the stack as they will in memory. The code behind the product then
// runs over full vectors of them, across the ends of rows: nothing is stored under a mask that the
// next row would have to wait for.

#include "codegen/llvm/nest.h"

#define MAX_VECTORS 4
#define MAX_LANES 64
#define TURNED_BYTES 65536  // of the right operand, on the stack

typedef struct Narrow {
    Gen *g;
    const Plan *plan;
    const Kernel *k;
    ContractAxis row, column;
    bool along_rows;  // the vectors; else along the depth
    int together;     // vectors of rows, or rows: so many are summed up at the same time
    Val context, left, right;
    Val block;   // of results, rows one behind the other
    Val turned;  // the right operand, where vectors run along the depth
    Nest nest;
} Narrow;

// --- whether it fits ----------------------------------------------------------------------------

static bool has_rows_of_columns(const Kernel *k)
{
    return k->node->type.dtype == DTYPE_F32 && k->node->in[0]->type.dtype == DTYPE_F32 &&
           !k->parts.size && !k->clip_count && !k->batch.count && k->rows.count == 1 &&
           k->columns.count == 1 && k->columns.axes[0].size != DIM_BATCH &&
           k->columns.axes[0].out == 1 && k->rows.axes[0].out == k->columns.axes[0].size;
}

// Whether an access goes on from the end of a row to the next, or stands still.
static bool runs_on(const Narrow *n, const Instr *c)
{
    const int64_t row = c->strides[n->row.axis], column = c->strides[n->column.axis];
    return row == column * n->column.size && (column == 0 || column == 1);
}

static bool code_runs_on(const Narrow *n)
{
    const Kernel *k = n->k;
    for (int i = 0; i < k->count; i++) {
        const Instr *c = &k->code[i];
        const bool moves = c->kind == INSTR_LOAD || c->kind == INSTR_STORE;
        const bool stays = c->kind == INSTR_CONST || c->kind == INSTR_SCALAR ||
                           c->kind == INSTR_APPLY || c->kind == INSTR_PRODUCT;
        if (!stays && !(moves && runs_on(n, c) && c->arg_count <= 1))
            return false;
    }
    return k->count && k->vector_axis == n->column.axis;
}

// A power of two, so that it divides a block.
static int most_together(const Narrow *n)
{
    int most = 1;
    while (2 * most <= MAX_VECTORS &&
           2 * most * ((int)n->column.size + 1) + 1 <= gen_registers(n->g))
        most *= 2;
    return most;
}

static double most_rows(const Narrow *n)
{
    return (double)axis_size(n->row.size, n->row.factor, n->plan->max_batch);
}

static double most_depth(const Narrow *n)
{
    double depth = 1;
    for (int i = 0; i < n->k->depth.count; i++) {
        const ContractAxis *x = &n->k->depth.axes[i];
        depth *= (double)axis_size(x->size, x->factor, n->plan->max_batch);
    }
    return depth;
}

// Cycles for `width` rows: two multiply-adds each, and what turning takes. A tile of vectors along
// the rows would take depth / 2 for each row.
static bool pays(const Narrow *n)
{
    const double w = n->g->width, depth = most_depth(n), columns = (double)n->column.size;
    const double plain = w * depth / 2, vectors = (depth + w - 1) / w;
    const double along_rows = columns * depth / 2 + 4 * w;
    const double turning = 4 * w * vectors * w / most_rows(n);
    const double along_depth = w * (columns * vectors / 2 + 2 * columns) + turning;
    return (n->along_rows ? along_rows : along_depth) < plain;
}

static int64_t turned_stride(const Narrow *n)
{
    const int64_t w = n->g->width, depth = n->k->depth.axes[0].size;
    return (depth + w - 1) / w * w + w;  // a line more: columns must not share a set of the cache
}

static bool can_turn(const Narrow *n)
{
    const ContractAxis *x = &n->k->depth.axes[0];
    return n->k->depth.count == 1 && x->size != DIM_BATCH && x->left == 1 && n->column.right == 1 &&
           turned_stride(n) * n->column.size * (int64_t)sizeof(float) <= TURNED_BYTES;
}

static bool prepare(Narrow *n, Gen *g, const Plan *p, const Kernel *k)
{
    *n = (Narrow){.g = g, .plan = p, .k = k};
    if (g->width == 1 || g->width > MAX_LANES || !has_rows_of_columns(k) ||
        contract_is_deep(k, p->max_batch))
        return false;
    n->row = k->rows.axes[0];
    n->column = k->columns.axes[0];
    n->along_rows = n->row.left == 1 && n->row.size != DIM_BATCH;
    n->together = most_together(n);
    return n->column.size < g->width && code_runs_on(n) && (n->along_rows || can_turn(n)) &&
           pays(n);
}

// --- threads ------------------------------------------------------------------------------------

static int64_t block_rows(const Narrow *n)
{
    return n->g->width * (n->along_rows ? n->together : 1);
}

bool narrow_fit(Gen *g, const Plan *p, const Kernel *k, Split *split)
{
    Narrow n;
    if (!prepare(&n, g, p, k))
        return false;
    const double rows = most_rows(&n);
    const double pieces = gen_pieces(rows * most_depth(&n) * (double)n.column.size);
    const int64_t unit = block_rows(&n), units = (int64_t)(rows / pieces) / unit + 1;
    // what turns an operand is not to be called for an example or two
    *split = (Split){.axis = {.size = n.row.size, .factor = n.row.factor},
                     .grain = units * unit,
                     .unit = n.along_rows ? unit : 0};
    return true;
}

// --- addresses ----------------------------------------------------------------------------------

static Val moved(const Narrow *n, Val base, Val index, int64_t stride)
{
    Val at = LLVMBuildNSWMul(n->g->builder, index, gen_i64(n->g, stride), "");
    return stride ? gen_element(n->g, base, DTYPE_F32, at) : base;
}

static Val beside(const Narrow *n, Val base, int64_t elements)
{
    return gen_offset(n->g, base, elements * (int64_t)sizeof(float));
}

static Val stack_of(const Narrow *n, int64_t elements)
{
    const int64_t w = n->g->width, vectors = (elements + w - 1) / w + 1;
    Val at = LLVMBuildArrayAlloca(n->g->builder, gen_vector(n->g->f32, (int)w),
                                  LLVMConstInt(n->g->i32, (unsigned long long)vectors, 0), "");
    LLVMSetAlignment(at, 64);
    return at;
}

// --- the code behind the product ----------------------------------------------------------------

// A vector of the block from element `at` on, under a mask if there is one; `first`: the row that
// the block begins with.
static void run_code(Narrow *n, Val first, Val at, Val mask)
{
    Gen *g = n->g;
    Nest *nest = &n->nest;
    Val product = gen_load(g, moved(n, n->block, at, 1), DTYPE_F32, 1, g->width, mask);
    nest->index[n->row.axis] = first;
    nest->index[n->column.axis] = at;
    nest->product = product;
    nest->mask = mask;
    nest_run_code(nest);
}

// For the block's rows from `first` on, `rows` of them.
static void finish_block(Narrow *n, Val first, Val rows)
{
    Gen *g = n->g;
    LLVMBuilderRef b = g->builder;
    Val count = LLVMBuildNSWMul(b, rows, gen_i64(g, n->column.size), "");
    Val whole = LLVMBuildAnd(b, count, gen_i64(g, -g->width), "");
    Loop l;
    gen_loop_begin(g, &l, gen_i64(g, 0), whole, g->width, NULL, 0);
    run_code(n, first, l.index, NULL);
    gen_loop_end(g, &l, NULL);
    if (LLVMIsAConstantInt(count) && LLVMIsAConstantInt(whole) &&
        LLVMConstIntGetSExtValue(count) == LLVMConstIntGetSExtValue(whole))
        return;
    gen_loop_begin(g, &l, whole, count, g->width, NULL, 0);
    run_code(n, first, l.index, gen_mask(g, LLVMBuildNSWSub(b, count, l.index, "")));
    gen_loop_end(g, &l, NULL);
}

// --- along the rows -----------------------------------------------------------------------------

typedef struct Strip {
    Val left, right;
    int vectors;
    Val mask;  // of the last
} Strip;

static Val strip_mask(const Strip *s, int vector)
{
    return vector == s->vectors - 1 ? s->mask : NULL;
}

static void step_of_rows(const Narrow *n, const Strip *s, Val *acc)
{
    Gen *g = n->g;
    Val a[MAX_VECTORS];
    for (int v = 0; v < s->vectors; v++)
        a[v] =
            gen_load(g, beside(n, s->left, v * g->width), DTYPE_F32, 1, g->width, strip_mask(s, v));
    for (int c = 0; c < n->column.size; c++) {
        Val b = gen_load(g, beside(n, s->right, c * n->column.right), DTYPE_F32, 0, g->width, NULL);
        for (int v = 0; v < s->vectors; v++)
            acc[c * s->vectors + v] = gen_mul_add(g, a[v], b, acc[c * s->vectors + v]);
    }
}

static void depth_loops(const Narrow *n, const Strip *s, int level, Val *acc)
{
    const int count = (int)n->column.size * s->vectors;
    if (level == n->k->depth.count) {
        step_of_rows(n, s, acc);
        return;
    }
    const ContractAxis *x = &n->k->depth.axes[level];
    Loop l;
    gen_loop_begin(n->g, &l, gen_i64(n->g, 0),
                   gen_axis_length(n->g, n->context, x->size, x->factor), 1, acc, count);
    Strip there = *s;
    there.left = moved(n, s->left, l.index, x->left);
    there.right = moved(n, s->right, l.index, x->right);
    depth_loops(n, &there, level + 1, acc);
    gen_loop_end(n->g, &l, acc);
}

// Each row ends what the one before it has written beyond its own end.
static void lay_rows(const Narrow *n, const Strip *s, const Val *acc)
{
    Gen *g = n->g;
    const int w = g->width, columns = (int)n->column.size;
    Val rows[MAX_LANES];
    for (int v = 0; v < s->vectors; v++) {
        for (int c = 0; c < w; c++)
            rows[c] = c < columns ? acc[c * s->vectors + v] : gen_f32(g, 0, w);
        gen_turn(g, rows);
        for (int i = 0; i < w; i++)
            gen_store(g, rows[i], beside(n, n->block, (v * w + i) * columns), DTYPE_F32, 1, NULL);
    }
}

// So many rows from `first` on: a block, or what is left behind the last one.
static void strip(Narrow *n, Val first, int64_t rows)
{
    Gen *g = n->g;
    const int w = g->width;
    Val acc[MAX_VECTORS * MAX_LANES];
    Strip s = {.left = moved(n, n->left, first, n->row.left),
               .right = n->right,
               .vectors = (int)((rows + w - 1) / w),
               .mask = rows % w ? gen_mask(g, gen_i64(g, rows % w)) : NULL};
    for (int i = 0; i < n->column.size * s.vectors; i++)
        acc[i] = gen_f32(g, 0, w);
    depth_loops(n, &s, 0, acc);
    lay_rows(n, &s, acc);
    finish_block(n, first, gen_i64(g, rows));
}

static Val whole_blocks(const Narrow *n, Val lo, Val hi)
{
    LLVMBuilderRef b = n->g->builder;
    Val size = gen_i64(n->g, block_rows(n));
    Val count = LLVMBuildSDiv(b, LLVMBuildNSWSub(b, hi, lo, ""), size, "");
    return LLVMBuildNSWAdd(b, lo, LLVMBuildNSWMul(b, count, size, ""), "");
}

// Pieces end at whole blocks but for the last, whose rest is that of all rows.
static void all_strips(Narrow *n, Val lo, Val hi)
{
    const int64_t rest = n->row.size % block_rows(n);
    Val middle = whole_blocks(n, lo, hi);
    Loop l;
    gen_loop_begin(n->g, &l, lo, middle, block_rows(n), NULL, 0);
    strip(n, l.index, block_rows(n));
    gen_loop_end(n->g, &l, NULL);
    if (!rest)
        return;
    gen_loop_begin(n->g, &l, middle, hi, rest, NULL, 0);
    strip(n, l.index, rest);
    gen_loop_end(n->g, &l, NULL);
}

// --- along the depth ----------------------------------------------------------------------------

// turned[c][d] = right[d][c] for `deep` depths from `first` on; what lies beyond them is 0.
static void turn_right(const Narrow *n, Val first, int64_t deep)
{
    Gen *g = n->g;
    const int64_t stride = n->k->depth.axes[0].right;
    Val rows[MAX_LANES], mask = gen_mask(g, gen_i64(g, n->column.size));
    for (int i = 0; i < g->width; i++)
        rows[i] = i < deep ? gen_load(g, beside(n, moved(n, n->right, first, stride), i * stride),
                                      DTYPE_F32, 1, g->width, mask)
                           : gen_f32(g, 0, g->width);
    gen_turn(g, rows);
    for (int c = 0; c < n->column.size; c++)
        gen_store(g, rows[c], beside(n, moved(n, n->turned, first, 1), c * turned_stride(n)),
                  DTYPE_F32, 1, NULL);
}

static int64_t whole_depth(const Narrow *n)
{
    return n->k->depth.axes[0].size / n->g->width * n->g->width;
}

static void turn_all(const Narrow *n)
{
    Gen *g = n->g;
    const int64_t whole = whole_depth(n), rest = n->k->depth.axes[0].size - whole;
    Loop l;
    if (whole) {
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, whole), g->width, NULL, 0);
        turn_right(n, l.index, g->width);
        gen_loop_end(g, &l, NULL);
    }
    if (rest)
        turn_right(n, gen_i64(g, whole), rest);
}

static void step_of_depth(const Narrow *n, Val left, Val at, int rows, Val mask, Val *acc)
{
    Gen *g = n->g;
    const int columns = (int)n->column.size;
    Val a[MAX_VECTORS], from = moved(n, left, at, 1), turned = moved(n, n->turned, at, 1);
    for (int i = 0; i < rows; i++)
        a[i] = gen_load(g, beside(n, from, i * n->row.left), DTYPE_F32, 1, g->width, mask);
    for (int c = 0; c < columns; c++) {
        Val b = gen_load(g, beside(n, turned, c * turned_stride(n)), DTYPE_F32, 1, g->width, NULL);
        for (int i = 0; i < rows; i++)
            acc[i * columns + c] = gen_mul_add(g, a[i], b, acc[i * columns + c]);
    }
}

// The sums of the lanes of `columns` vectors, in the first lanes of one.
static Val sums_of_lanes(Gen *g, const Val *acc, int columns)
{
    Val sums[MAX_LANES];
    for (int i = 0; i < g->width; i++)
        sums[i] = i < columns ? acc[i] : gen_f32(g, 0, g->width);
    for (int half = g->width / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; i++) {
            Val lower = gen_interleave(g, sums[i], sums[i + half], false);
            Val upper = gen_interleave(g, sums[i], sums[i + half], true);
            sums[i] = LLVMBuildFAdd(g->builder, lower, upper, "");
        }
    return sums[0];
}

// Rows `row` to row + rows of the block that begins at `first`.
static void rows_of_block(const Narrow *n, Val first, Val row, int rows)
{
    Gen *g = n->g;
    const int columns = (int)n->column.size, count = rows * columns;
    const int64_t whole = whole_depth(n), rest = n->k->depth.axes[0].size - whole;
    Val acc[MAX_VECTORS * MAX_LANES];
    Val left = moved(n, n->left, LLVMBuildNSWAdd(g->builder, first, row, ""), n->row.left);
    Loop l;
    for (int i = 0; i < count; i++)
        acc[i] = gen_f32(g, 0, g->width);
    if (whole) {
        gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, whole), g->width, acc, count);
        step_of_depth(n, left, l.index, rows, NULL, acc);
        gen_loop_end(g, &l, acc);
    }
    if (rest)
        step_of_depth(n, left, gen_i64(g, whole), rows, gen_mask(g, gen_i64(g, rest)), acc);
    for (int i = 0; i < rows; i++)
        gen_store(g, sums_of_lanes(g, acc + i * columns, columns),
                  beside(n, moved(n, n->block, row, columns), i * columns), DTYPE_F32, 1, NULL);
}

static void block(Narrow *n, Val first, Val rows, int together)
{
    Loop l;
    gen_loop_begin(n->g, &l, gen_i64(n->g, 0), rows, together, NULL, 0);
    rows_of_block(n, first, l.index, together);
    gen_loop_end(n->g, &l, NULL);
    finish_block(n, first, rows);
}

static void all_blocks(Narrow *n, Val lo, Val hi)
{
    Gen *g = n->g;
    Val middle = whole_blocks(n, lo, hi);
    Loop l;
    turn_all(n);
    gen_loop_begin(g, &l, lo, middle, g->width, NULL, 0);
    block(n, l.index, gen_i64(g, g->width), n->together);
    gen_loop_end(g, &l, NULL);
    gen_loop_begin(g, &l, middle, hi, g->width, NULL, 0);
    block(n, l.index, LLVMBuildNSWSub(g->builder, hi, l.index, ""), 1);
    gen_loop_end(g, &l, NULL);
}

// --- the kernel ---------------------------------------------------------------------------------

static void load_arguments(Narrow *n, Val args)
{
    Gen *g = n->g;
    const int64_t pointer = sizeof(void *);
    n->context = gen_field(g, args, 0, g->ptr);
    n->left = beside(n, gen_field(g, args, (size_t)pointer, g->ptr), n->k->left_offset);
    n->right = beside(n, gen_field(g, args, (size_t)(2 * pointer), g->ptr), n->k->right_offset);
    nest_open(&n->nest, g, n->k, args);
    n->block = stack_of(n, block_rows(n) * n->column.size + g->width);
    if (!n->along_rows)
        n->turned = stack_of(n, turned_stride(n) * n->column.size);
}

Val gen_narrow_kernel(Gen *g, const Plan *p, const Kernel *k, const char *name)
{
    Narrow n;
    Ty params[3] = {g->ptr, g->i64, g->i64};
    prepare(&n, g, p, k);
    Val fn = gen_function(g, name, g->none, params, 3, false);
    load_arguments(&n, LLVMGetParam(fn, 0));
    if (n.along_rows)
        all_strips(&n, LLVMGetParam(fn, 1), LLVMGetParam(fn, 2));
    else
        all_blocks(&n, LLVMGetParam(fn, 1), LLVMGetParam(fn, 2));
    LLVMBuildRetVoid(g->builder);
    return fn;
}
