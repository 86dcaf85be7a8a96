// epilogue.c -- the code behind a contraction, run on each tile when its sums are complete.
//
//   acc[rows][columns]  -->  scratch                       a few cache lines on the stack
//   for each row of the tile
//       for each vector of the row
//           product = scratch[row][vector];  the kernel's code;  its stores
//
// The detour through the nearest cache costs two instructions a vector and keeps the code small:
// it is written once for a row and not once for every register of the tile.

#include "codegen/llvm/tiles.h"

static Val scratch_at(const Tiles *t, Val row, int column)
{
    Gen *g = t->g;
    const int64_t vector = (int64_t)g->width * (int64_t)dtype_size(t->sum);
    Val offset = LLVMBuildNSWMul(g->builder, row, gen_i64(g, t->columns_now * vector), "");
    Val start = LLVMBuildInBoundsGEP2(g->builder, g->i8, t->scratch, &offset, 1, "");
    return gen_offset(g, start, column * vector);
}

void epilogue_open(Tiles *t, Val args)
{
    Gen *g = t->g;
    nest_open(&t->nest, g, t->k, args);
    t->scratch = LLVMBuildArrayAlloca(
        g->builder, gen_dtype(g, t->sum, g->width),
        LLVMConstInt(g->i32, (unsigned long long)(t->tile_rows * t->fold.size * t->tile_columns),
                     0),
        "");
    // a line of the cache; without vectors there seldom is one, and the stack is aligned to less
    LLVMSetAlignment(t->scratch, g->width > 1 ? 64 : (unsigned)dtype_size(t->sum));
}

void epilogue_at(Tiles *t, const ContractAxis *x, Val index)
{
    if (t->k->count && x->axis >= 0)
        t->nest.index[x->axis] = index;
}

static void run_row(Tiles *t, Val row)
{
    Gen *g = t->g;
    Val first = t->nest.index[t->column.axis];
    for (int j = 0; j < t->columns_now; j++) {
        t->nest.product = gen_load(g, scratch_at(t, row, j), t->sum, 1, g->width, NULL);
        t->nest.mask = tiles_mask(t, j);
        Val ahead = gen_i64(g, (int64_t)j * t->column_step);
        epilogue_at(t, &t->column, LLVMBuildNSWAdd(g->builder, first, ahead, ""));
        nest_run_code(&t->nest);
    }
    epilogue_at(t, &t->column, first);
}

// --- asking ahead -------------------------------------------------------------------------------
// Rows of a tile lie far apart in what the code reads besides (a parameter and its moments, a
// residual): no pattern that the processor sees in time, but one that is known before the sums are
// begun.

static bool is_far(const Tiles *t, const Instr *c)
{
    const ContractAxis *x = &t->rows[t->row_count - 1];
    return c->kind == INSTR_LOAD && x->axis >= 0 && c->strides[x->axis] &&
           c->strides[t->vector.axis] == 1;
}

static bool is_written(const Kernel *k, int slot)
{
    for (int i = 0; i < k->count; i++)
        if (k->code[i].kind == INSTR_STORE && k->code[i].slot == slot)
            return true;
    return false;
}

static void ask_for_vector(Tiles *t)
{
    for (int i = 0; i < t->k->count; i++) {
        const Instr *c = &t->k->code[i];
        if (is_far(t, c))
            gen_ask_ahead(t->g, nest_address(&t->nest, c), is_written(t->k, c->slot));
    }
}

static bool asks_ahead(const Tiles *t)
{
    for (int i = 0; i < t->k->count; i++)
        if (is_far(t, &t->k->code[i]))
            return true;
    return false;
}

// Row `row` of the tile that begins at `first`.
static void at_row(Tiles *t, Val first, Val row)
{
    Gen *g = t->g;
    const ContractAxis *x = &t->rows[t->row_count - 1];
    Val size = gen_i64(g, t->fold.size), along = LLVMBuildSDiv(g->builder, row, size, "");
    epilogue_at(t, x, LLVMBuildNSWAdd(g->builder, first, along, ""));
    epilogue_at(t, &t->fold, LLVMBuildSRem(g->builder, row, size, ""));
}

// Vector `number` of the tile.
static void ask_for_number(Tiles *t, Val number)
{
    Gen *g = t->g;
    const ContractAxis *x = &t->rows[t->row_count - 1];
    Val first = t->nest.index[x->axis], column = t->nest.index[t->column.axis];
    Val columns = gen_i64(g, t->columns_now);
    Val along = LLVMBuildURem(g->builder, number, columns, "");
    at_row(t, first, LLVMBuildUDiv(g->builder, number, columns, ""));
    along = LLVMBuildNSWMul(g->builder, along, gen_i64(g, t->column_step), "");
    epilogue_at(t, &t->column, LLVMBuildNSWAdd(g->builder, column, along, ""));
    ask_for_vector(t);
    epilogue_at(t, &t->column, column);
    epilogue_at(t, x, first);
}

// Steps of the innermost loop over depth for each vector of the tile; 0: fewer than one. Where that
// loop is done several times, what was asked for the first time is near by then.
static int64_t steps_a_vector(const Tiles *t)
{
    const int64_t vectors = (int64_t)t->rows_now * t->columns_now;
    return t->hoisted ? 0 : tiles_most(t, &t->depth[t->depth_count - 1]) / vectors;
}

static bool asks_in_steps(const Tiles *t)
{
    return t->k->count && t->g->width > 1 && asks_ahead(t) && steps_a_vector(t) > 0;
}

void epilogue_ask_ahead(Tiles *t)
{
    Gen *g = t->g;
    if (!t->k->count || g->width == 1 || !asks_ahead(t) || asks_in_steps(t))
        return;
    Loop l;
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, (int64_t)t->rows_now * t->columns_now), 1, NULL,
                   0);
    ask_for_number(t, l.index);
    gen_loop_end(g, &l, NULL);
}

void epilogue_ask_in_step(Tiles *t, Val step)
{
    if (!asks_in_steps(t))
        return;
    Val steps = gen_i64(t->g, steps_a_vector(t));
    ask_for_number(t, LLVMBuildUDiv(t->g->builder, step, steps, ""));
}

// --- a tile -------------------------------------------------------------------------------------

void epilogue_tile(Tiles *t, const Val *acc)
{
    Gen *g = t->g;
    const ContractAxis *x = &t->rows[t->row_count - 1];
    Val first = x->axis >= 0 ? t->nest.index[x->axis] : gen_i64(g, 0);
    Loop l;
    for (int i = 0; i < t->rows_now; i++)
        for (int j = 0; j < t->columns_now; j++)
            gen_store(g, acc[i * t->columns_now + j], scratch_at(t, gen_i64(g, i), j), t->sum, 1,
                      NULL);
    gen_loop_begin(g, &l, gen_i64(g, 0), gen_i64(g, t->rows_now), 1, NULL, 0);
    at_row(t, first, l.index);
    run_row(t, l.index);
    gen_loop_end(g, &l, NULL);
    epilogue_at(t, x, first);
}
