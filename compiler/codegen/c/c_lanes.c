// c_lanes.c -- code behind a contraction on vectors of results, written as that of numbers is:
// their operators are the same, but for what they load and store and what has no operator.

#include "codegen/c/c_nest.h"

static const char *call(CCode *n, const char *function, const char *arguments)
{
    return arena_printf(n->w->arena, "%s(%s)", c_vector_name(n->w, function, n->lanes), arguments);
}

static CValue load(CCode *n, const Instr *c)
{
    Arena *a = n->w->arena;
    const char *array = c_slot(n->w, c->slot);
    const char *at = c_position(n->w, n->index, c->strides, n->k->axis_count, c->offset);
    const char *text = c->strides[n->along] ? call(n, "load", arena_printf(a, "%s + %s", array, at))
                                            : call(n, "all", arena_printf(a, "%s[%s]", array, at));
    return c_name_value(text, c->dtype);
}

// What vectors have no operator for; NULL: they have.
static const char *function_of(const Instr *c)
{
    if (c->kind != INSTR_APPLY)
        return NULL;
    return c->node->op == OP_max ? "max" : c->node->op == OP_tanh ? "tanh" : NULL;
}

static CValue apply(CCode *n, const Instr *c)
{
    const char *arguments = n->value[c->args[0]].text;
    if (c->arg_count > 1)
        arguments = arena_printf(n->w->arena, "%s, %s", arguments, n->value[c->args[1]].text);
    return c_name_value(call(n, function_of(c), arguments), c->dtype);
}

bool c_is_own_to_lanes(const CCode *n, const Instr *c)
{
    return n->lanes && (c->kind == INSTR_LOAD || function_of(c));
}

CValue c_lanes_value(CCode *n, const Instr *c)
{
    return c->kind == INSTR_LOAD ? load(n, c) : apply(n, c);
}

// --- what can be written so ---------------------------------------------------------------------

static bool has_operation(const Instr *c)
{
    static const OpId ops[] = {OP_add, OP_sub, OP_mul, OP_div, OP_max, OP_tanh};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (c->kind == INSTR_APPLY && c->node->op == ops[i])
            return true;
    return c->kind == INSTR_CONST || c->kind == INSTR_PRODUCT;
}

// Neighbours in memory, or to load one element for all.
static bool is_reached(const Instr *c, int axis)
{
    if (c->kind == INSTR_STORE)
        return c->arg_count == 1 && !c->adds && axis >= 0 && c->strides[axis] == 1;
    return c->kind == INSTR_LOAD && (axis < 0 || c->strides[axis] == 0 || c->strides[axis] == 1);
}

static bool takes_vectors(const Instr *c, int axis)
{
    const bool varies = c->level != LEVEL_UNIFORM || c->kind == INSTR_CONST;
    return varies && c->dtype == DTYPE_F32 && c->reload < 0 &&
           (has_operation(c) || is_reached(c, axis));
}

bool c_code_takes_vectors(const CCode *c, int axis)
{
    for (int i = 0; i < c->k->count; i++)
        if (c->needed[i] && !takes_vectors(&c->k->code[i], axis))
            return false;
    return !c->w->exact;
}

bool c_code_is_long(const CCode *c)
{
    for (int i = 0; i < c->k->count; i++)
        if (c->needed[i] && c->k->code[i].kind == INSTR_APPLY && c->k->code[i].node->op == OP_tanh)
            return true;
    return false;
}

// --- running it ---------------------------------------------------------------------------------

// Constants are known from the start, as numbers.
static void define_constants(CCode *c)
{
    for (int i = 0; i < c->k->count; i++) {
        const Instr *x = &c->k->code[i];
        if (x->kind != INSTR_CONST || !c->needed[i])
            continue;
        c->value[i] = c_constant(c->w, x->dtype, x->node->attr.value);
        if (c->lanes)
            c->value[i] = c_name_value(call(c, "all", c->value[i].text), x->dtype);
    }
}

void c_code_run_vector(CCode *c, int axis, int lanes, int number, const char *product)
{
    c->lanes = lanes;
    c->along = axis;
    c->suffix = number < 0 ? NULL : arena_printf(c->w->arena, "_%d", number);
    define_constants(c);
    c_code_run(c, product);
    c->lanes = 0;
    c->suffix = NULL;
    define_constants(c);
}
