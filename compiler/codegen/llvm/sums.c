// sums.c -- the reductions of a loop kernel: sums, extremes, and where the largest is.
//
// Every vector of a strip has an accumulator of its own. Where the lanes are points of the outer
// axes these are the results; where the vector axis is reduced, a tree over the accumulators and
// then over the lanes is, whose form the vector width and the shape decide.

#include <math.h>
#include <string.h>

#include "codegen/llvm/nest.h"

bool nest_is_reduction(const Instr *c)
{
    return c->kind == INSTR_REDUCE || c->kind == INSTR_ARGMAX;
}

bool nest_ends_in_pass(const Nest *n, const Instr *c)
{
    return nest_is_reduction(c) && c->pass == n->pass + 1;
}

static double identity(const Instr *c)
{
    static const double values[DTYPE_COUNT][REDUCE_KIND_COUNT] = {
        [DTYPE_F32] = {0, -HUGE_VAL, HUGE_VAL},
        [DTYPE_I32] = {0, INT32_MIN, INT32_MAX},
        [DTYPE_I8] = {0, INT8_MIN, INT8_MAX},
    };
    return c->kind == INSTR_ARGMAX ? -HUGE_VAL : values[c->dtype][c->node->attr.reduce.kind];
}

static Val neutral(Gen *g, const Instr *c, int width)
{
    if (c->kind == INSTR_ARGMAX || c->dtype == DTYPE_F32)
        return gen_f32(g, identity(c), width);
    Ty type = gen_dtype(g, c->dtype, 1);
    return gen_splat_const(LLVMConstInt(type, (unsigned long long)(int64_t)identity(c), 1), width);
}

static Val combine(Gen *g, const Instr *c, Val a, Val b)
{
    static const EmitOp ops[REDUCE_KIND_COUNT] = {EMIT_ADD, EMIT_MAX, EMIT_MIN};
    return gen_apply(g, ops[c->node->attr.reduce.kind], a, b, NULL);
}

// The accumulators of the pass at hand: `strip` for each reduction, twice as many (values, then
// indices) for an argmax.
int nest_accumulator_count(const Nest *n)
{
    int count = 0;
    for (int i = 0; i < n->k->count; i++)
        if (nest_ends_in_pass(n, &n->k->code[i]))
            count += n->strip * (n->k->code[i].kind == INSTR_ARGMAX ? 2 : 1);
    return count;
}

void nest_start_accumulators(Nest *n, Val *acc)
{
    int width = nest_width_at(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!nest_ends_in_pass(n, c))
            continue;
        for (int part = 0; part < n->strip; part++)
            *acc++ = neutral(n->g, c, width);
        for (int part = 0; c->kind == INSTR_ARGMAX && part < n->strip; part++)
            *acc++ = gen_i32(n->g, 0, width);
    }
}

static int reduced_axis(const Kernel *k)
{
    for (int i = 0; i < k->axis_count; i++)
        if (k->axes[i].reduced)
            return i;
    return 0;
}

static Val argmax_index(Nest *n, int part)
{
    Instr along = {.level = LEVEL_FULL};
    along.strides[reduced_axis(n->k)] = 1;
    Val lanes = nest_position_lanes(n, &along, part);
    return LLVMBuildTrunc(n->g->builder, lanes, gen_vector(n->g->i32, gen_lanes(lanes)), "");
}

static Val masked(Nest *n, const Instr *c, Val v)
{
    if (n->vector_outer || !n->mask)
        return v;
    return LLVMBuildSelect(n->g->builder, n->mask, v, neutral(n->g, c, gen_lanes(v)), "");
}

static void accumulate_argmax(Nest *n, Val v, int part, Val *value, Val *index)
{
    LLVMBuilderRef b = n->g->builder;
    Val larger = LLVMBuildFCmp(b, LLVMRealOGT, v, *value, "");
    *value = LLVMBuildSelect(b, larger, v, *value, "");
    *index = LLVMBuildSelect(b, larger, argmax_index(n, part), *index, "");
}

void nest_accumulate(Nest *n, Val *acc)
{
    int width = nest_width_at(n, LEVEL_FULL);
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!nest_ends_in_pass(n, c))
            continue;
        for (int part = 0; part < nest_parts_at(n, LEVEL_FULL); part++) {
            Val v = masked(n, c, nest_part_of(n, c->args[0], part, width));
            if (c->kind == INSTR_ARGMAX)
                accumulate_argmax(n, v, part, &acc[part], &acc[n->strip + part]);
            else
                acc[part] = combine(n->g, c, acc[part], v);
        }
        acc += n->strip * (c->kind == INSTR_ARGMAX ? 2 : 1);
    }
}

bool nest_ends_argmax(const Nest *n)
{
    for (int i = 0; i < n->k->count; i++)
        if (n->k->code[i].kind == INSTR_ARGMAX && nest_ends_in_pass(n, &n->k->code[i]))
            return true;
    return false;
}

void nest_join(Nest *n, Val *all, int count, int ways, Val *acc)
{
    int at = 0;
    for (int i = 0; i < n->k->count; i++) {
        if (!nest_ends_in_pass(n, &n->k->code[i]))
            continue;
        for (int part = 0; part < n->strip; part++, at++) {
            for (int left = ways; left > 1; left /= 2)
                for (int way = 0; way < left / 2; way++)
                    all[way * count + at] = combine(n->g, &n->k->code[i], all[way * count + at],
                                                    all[(way + left / 2) * count + at]);
            acc[at] = all[at];
        }
    }
}

static void better(Gen *g, Val *value, Val *index, Val value2, Val index2)
{
    LLVMBuilderRef b = g->builder;
    Val larger = LLVMBuildFCmp(b, LLVMRealOGT, value2, *value, "");
    Val equal = LLVMBuildFCmp(b, LLVMRealOEQ, value2, *value, "");
    Val before = LLVMBuildICmp(b, LLVMIntSLT, index2, *index, "");
    Val take = LLVMBuildOr(b, larger, LLVMBuildAnd(b, equal, before, ""), "");
    *value = LLVMBuildSelect(b, take, value2, *value, "");
    *index = LLVMBuildSelect(b, take, index2, *index, "");
}

static Val finish_argmax(Nest *n, const Val *acc)
{
    Gen *g = n->g;
    Val value = acc[0], index = acc[n->strip];
    for (int part = 1; part < n->strip; part++)
        better(g, &value, &index, acc[part], acc[n->strip + part]);
    while (gen_lanes(value) > 1) {
        Val high = gen_half(g, value, true), high_index = gen_half(g, index, true);
        value = gen_half(g, value, false);
        index = gen_half(g, index, false);
        better(g, &value, &index, high, high_index);
    }
    return index;
}

static Val finish_reduce(Nest *n, const Instr *c, const Val *acc)
{
    Val parts[MAX_UNROLL];
    memcpy(parts, acc, sizeof *parts * (size_t)n->strip);
    for (int count = n->strip; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++)
            parts[i] = combine(n->g, c, parts[i], parts[i + count / 2]);
    Val v = parts[0];
    while (gen_lanes(v) > 1)
        v = combine(n->g, c, gen_half(n->g, v, false), gen_half(n->g, v, true));
    return v;
}

void nest_finish_reductions(Nest *n, const Val *acc)
{
    for (int i = 0; i < n->k->count; i++) {
        const Instr *c = &n->k->code[i];
        if (!nest_ends_in_pass(n, c))
            continue;
        bool arg = c->kind == INSTR_ARGMAX;
        for (int part = 0; n->vector_outer && part < n->strip; part++)
            n->value[i][part] = acc[arg ? n->strip + part : part];
        if (!n->vector_outer)
            n->value[i][0] = arg ? finish_argmax(n, acc) : finish_reduce(n, c, acc);
        n->known[i] = true;
        acc += n->strip * (arg ? 2 : 1);
    }
}
