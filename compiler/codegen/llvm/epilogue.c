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
    const Kernel *k = t->k;
    Nest *n = &t->nest;
    *n = (Nest){.g = g, .k = k, .vector_outer = true, .strip = 1, .unroll = 1};
    n->value = arena_calloc(g->arena, (size_t)k->count + 1, sizeof *n->value);
    n->known = arena_array(g->arena, bool, (size_t)k->count + 1);
    n->buffers = arena_array(g->arena, Val, (size_t)k->buffer_count + 1);
    nest_load_arguments(n, args);
    for (int i = 0; i < MAX_RANK; i++)
        n->index[i] = gen_i64(g, 0);
    for (int i = 0; i < k->count; i++)
        if (k->code[i].level == LEVEL_UNIFORM)
            nest_define(n, i);
    t->scratch = LLVMBuildArrayAlloca(
        g->builder, gen_dtype(g, t->sum, g->width),
        LLVMConstInt(g->i32, (unsigned long long)(t->tile_rows * t->tile_columns), 0), "");
    LLVMSetAlignment(t->scratch, 64);
}

void epilogue_at(Tiles *t, const ContractAxis *x, Val index)
{
    if (t->k->count && x->axis >= 0)
        t->nest.index[x->axis] = index;
}

static void run_code(Nest *n)
{
    nest_forget(n, LEVEL_OUTER);
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].level == LEVEL_OUTER && n->k->code[i].kind != INSTR_STORE)
            nest_define(n, i);
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].kind == INSTR_STORE)
            nest_store_part(n, &n->k->code[i], 0);
}

static void run_row(Tiles *t, Val row)
{
    Gen *g = t->g;
    Val first = t->nest.index[t->vector.axis];
    for (int j = 0; j < t->columns_now; j++) {
        t->nest.product = gen_load(g, scratch_at(t, row, j), t->sum, 1, g->width, NULL);
        t->nest.mask = j == t->columns_now - 1 ? t->mask : NULL;
        Val ahead = gen_i64(g, (int64_t)j * g->width);
        epilogue_at(t, &t->vector, LLVMBuildNSWAdd(g->builder, first, ahead, ""));
        run_code(&t->nest);
    }
    epilogue_at(t, &t->vector, first);
}

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
    epilogue_at(t, x, LLVMBuildNSWAdd(g->builder, first, l.index, ""));
    run_row(t, l.index);
    gen_loop_end(g, &l, NULL);
    epilogue_at(t, x, first);
}
