// c_finish.c -- from a sum of products to an i8, as all layers of whole numbers do it.
//
//   sum -> + offset[channel] -> requantize(multiplier[channel], 32) -> + zero -> i8 -> what follows
//
// The kit does that for many results at once, and puts them where they belong if nothing follows.

#include <string.h>

#include "codegen/c/c_tile.h"

// The one instruction that reads another's value; -1: there are none, or several.
static int user_of(const Kernel *k, const bool *needed, int instr)
{
    int found = -1;
    for (int i = 0; i < k->count; i++)
        for (int x = 0; needed[i] && x < k->code[i].arg_count; x++) {
            if (k->code[i].args[x] != instr)
                continue;
            if (found >= 0)
                return -1;
            found = i;
        }
    return found;
}

static bool applies(const Kernel *k, int instr, OpId op)
{
    return instr >= 0 && k->code[instr].kind == INSTR_APPLY && k->code[instr].node->op == op;
}

// The slot of an array with a number for each channel; -1: it is none.
static int channel_slot(const Kernel *k, int instr, int axis)
{
    const Instr *c = &k->code[instr];
    if (c->kind != INSTR_LOAD || c->offset || c->dtype != DTYPE_I32)
        return -1;
    for (int i = 0; i < k->axis_count; i++)
        if (c->strides[i] != (i == axis))
            return -1;
    return c->slot;
}

static int other(const Instr *c, int instr)
{
    return c->args[0] == instr ? c->args[1] : c->args[0];
}

static bool is_constant(const Kernel *k, int instr)
{
    return k->code[instr].kind == INSTR_CONST;
}

// From the requantized sum on.
static bool find_end(const Kernel *k, const bool *needed, int from, CFinish *f)
{
    int next = user_of(k, needed, from);
    if (applies(k, next, OP_iadd)) {
        const int zero = other(&k->code[next], from);
        if (!is_constant(k, zero))
            return false;
        f->zero = (int)k->code[zero].node->attr.value;
        next = user_of(k, needed, next);
    }
    f->instr = next;
    return applies(k, next, OP_cast) && k->code[next].dtype == DTYPE_I8;
}

bool c_finish_of(Arena *a, const Kernel *k, int axis, CFinish *f)
{
    const bool *needed = c_needed(a, k);
    int sum = 0;
    *f = (CFinish){0};
    while (sum < k->count && k->code[sum].kind != INSTR_PRODUCT)
        sum++;
    const int added = sum < k->count ? user_of(k, needed, sum) : -1;
    if (!applies(k, added, OP_iadd))
        return false;
    const int scaled = user_of(k, needed, added);
    if (!applies(k, scaled, OP_requantize) || k->code[scaled].args[0] != added)
        return false;
    const int *args = k->code[scaled].args;
    f->offset = channel_slot(k, other(&k->code[added], sum), axis);
    f->multiplier = channel_slot(k, args[1], axis);
    return f->offset >= 0 && f->multiplier >= 0 && is_constant(k, args[2]) &&
           k->code[args[2]].node->attr.value == 32 && find_end(k, needed, scaled, f);
}

// --- points: the axes of the result but that of the channels, as one ----------------------------

int64_t c_points(const Contract *t)
{
    int64_t count = 1;
    for (int i = 0; i < t->axis_count; i++)
        count *= i == t->column ? 1 : size_of(t, &t->axes[i]);
    return count;
}

void c_point_index(Contract *t, const char *point)
{
    static const char *const names[] = {"i", "j", "k", "l", "m", "n", "o", "s"};
    int64_t inside = c_points(t);
    const bool one = t->axis_count == 1 + (t->column >= 0);
    for (int i = 0; i < t->axis_count; i++) {
        if (i == t->column)
            continue;
        const int64_t size = size_of(t, &t->axes[i]), outside = inside;
        inside /= size;
        t->index[i] = one ? point : i < 8 ? names[i] : arena_printf(t->w->arena, "i%d", i);
        if (one)
            continue;
        const char *start =
            inside == 1 ? point : arena_printf(t->w->arena, "%s / %lld", point, (long long)inside);
        const bool first = outside == c_points(t);
        c_line(t->w, first ? "const %s %s = %s;" : "const %s %s = %s %% %lld;", t->w->index,
               t->index[i], start, (long long)size);
    }
}

// How far an instruction moves from a point to the next; -1: not equally far from each.
static int64_t step_of(const Contract *t, const Instr *c)
{
    int64_t step = -1, expected = 0;
    for (int i = t->axis_count - 1; i >= 0; i--) {
        if (i == t->column)
            continue;
        const int64_t stride = c->strides[t->axes[i].axis];
        if (step < 0)
            step = expected = stride;
        if (stride != expected || stride < 0)
            return -1;
        expected *= size_of(t, &t->axes[i]);
    }
    return step < 0 ? 0 : step;
}

static bool is_placed(const Instr *c)
{
    return c->kind == INSTR_LOAD || c->kind == INSTR_STORE || c->kind == INSTR_GATHER ||
           c->kind == INSTR_IOTA || c->kind == INSTR_RANDOM;
}

static bool all_in_step(const Contract *t)
{
    const bool *needed = c_code_needed(t->code);
    for (int i = 0; i < t->k->count; i++)
        if (needed[i] && is_placed(&t->k->code[i]) && step_of(t, &t->k->code[i]) < 0)
            return false;
    return true;
}

// --- results ------------------------------------------------------------------------------------

// The store of what the kit makes, if that is all there is, point after point; NULL: it is not.
static const Instr *direct_store(const Contract *t, const CFinish *f, int64_t channels)
{
    const bool *needed = c_code_needed(t->code);
    const Instr *found = NULL;
    for (int i = 0; i < t->k->count; i++) {
        const Instr *c = &t->k->code[i];
        if (!needed[i] || i == f->instr)
            continue;
        if (c->kind != INSTR_STORE || found || c->args[0] != f->instr || c->arg_count != 1 ||
            c->adds || c->strides[t->axes[t->column].axis] != 1)
            return NULL;
        found = c;
    }
    const bool next = found && (c_points(t) == 1 || step_of(t, found) == channels);
    return next ? found : NULL;
}

const char *c_results(const Contract *t, const CFinish *f, int64_t channels, const char *point)
{
    const Instr *store = direct_store(t, f, channels);
    if (!store)
        return NULL;
    const char *at = c_position(t->w, &point, &channels, 1, store->offset);
    const char *slot = c_slot(t->w, store->slot);
    return strcmp(at, "0") == 0 ? slot : arena_printf(t->w->arena, "%s + %s", slot, at);
}

static void follow_point(Contract *t, int64_t channels, const char *point, const char *value)
{
    CWriter *w = t->w;
    const bool steps = all_in_step(t);
    int last = -1;
    if (point && !steps)
        c_point_index(t, point);
    for (int i = 0; i < t->axis_count; i++)
        last = i == t->column ? last : i;
    for (int i = 0; i < t->axis_count; i++)
        if (i != t->column)
            c_code_at(t->code, t->axes[i].axis, !steps ? t->index[i] : i == last ? point : NULL);
    c_line(w, "%s_ROLLED", c_upper(w->arena, w->name));
    c_open(w, "for (%s c = 0; c < %lld; ++c)", w->index, (long long)channels);
    c_code_at(t->code, t->axes[t->column].axis, "c");
    c_code_run(t->code, value);
    c_close(w);
}

void c_follow(Contract *t, int64_t channels, const char *first, const char *rows)
{
    CWriter *w = t->w;
    if (!first) {
        follow_point(t, channels, NULL, "y[c]");
        return;
    }
    if (rows) {
        c_open(w, "for (int r = 0; r < %s; ++r)", rows);
        c_line(w, "const %s q = %s + r;", w->index, first);
        follow_point(t, channels, "q",
                     arena_printf(w->arena, "y[r * %lld + c]", (long long)channels));
        c_close(w);
        return;
    }
    follow_point(t, channels, first, "y[c]");
}
