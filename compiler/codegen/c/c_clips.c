// c_clips.c -- what a contraction clips: where it reads inside of its left operand.
//
// Along each clip moves one axis of the result, so that whether all of a window lies inside is
// known from the place on that axis alone.

#include "codegen/c/c_tile.h"

static int64_t largest_ahead(const Contract *t, int clip)
{
    int64_t ahead = 0;
    for (int i = 0; i < t->k->depth.count; i++) {
        const ContractAxis *d = &t->k->depth.axes[i];
        ahead += d->clip[clip] * (size_of(t, d) - 1);
    }
    return ahead;
}

static int64_t rounded_up(int64_t a, int64_t b)
{
    return a <= 0 ? 0 : (a + b - 1) / b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void c_clip_range(const Contract *t, int axis, int64_t *low, int64_t *high)
{
    *low = 0;
    *high = axis < 0 ? 1 : size_of(t, &t->axes[axis]);
    for (int i = 0; axis >= 0 && i < t->k->clip_count; i++) {
        const Clip *c = &t->k->clips[i];
        const int64_t step = t->axes[axis].clip[i];
        const int64_t last = c->size - 1 - c->offset - largest_ahead(t, i);
        if (!step)
            continue;
        const int64_t first = rounded_up(-c->offset, step);
        *low = first > *low ? first : *low;
        *high = at_most(*high, last < 0 ? 0 : last / step + 1);
    }
    *low = at_most(*low, *high);
}

bool c_clip_moves(const Contract *t, int axis)
{
    int64_t low, high;
    c_clip_range(t, axis, &low, &high);
    return low > 0 || high < size_of(t, &t->axes[axis]);
}

static void add_condition(Text *text, const char *condition)
{
    text_addf(text, "%s%s", text->size ? " && " : "", condition);
}

static const char *clip_position(const Contract *t, int clip, const char *const *depth)
{
    const char *names[4 * MAX_RANK + 1];
    int64_t strides[4 * MAX_RANK + 1];
    int count = 0;
    for (int i = 0; i < t->axis_count; i++, count++) {
        names[count] = t->index[i];
        strides[count] = t->axes[i].clip[clip];
    }
    for (int i = 0; i < t->k->depth.count; i++, count++) {
        names[count] = depth[i];
        strides[count] = t->k->depth.axes[i].clip[clip];
    }
    return c_position(t->w, names, strides, count, t->k->clips[clip].offset);
}

const char *c_clip_start(const Contract *t, int clip)
{
    const char *depth[MAX_RANK] = {NULL};
    return clip_position(t, clip, depth);
}

// The loops of the depth down to which a clip moves.
static int last_clipped(const Contract *t, int clip)
{
    int last = -1;
    for (int i = 0; i < t->k->depth.count; i++)
        if (t->k->depth.axes[i].clip[clip])
            last = i;
    return last;
}

// The places on the clips that the loop of depth axis `level` tells.
void c_clip_places(const Contract *t, const char *const *depth, int level)
{
    for (int i = 0; i < t->k->clip_count; i++) {
        if (last_clipped(t, i) != level)
            continue;
        const char *at = clip_position(t, i, depth);
        c_line(t->w, "const %s at%d = %s;", t->w->index, i, at);
    }
}

// Of the clips that the loop at `level` tells.
const char *c_clip_test(const Contract *t, int level)
{
    Text text = text_in(t->w->arena);
    for (int i = 0; i < t->k->clip_count; i++)
        if (last_clipped(t, i) == level)
            add_condition(&text, arena_printf(t->w->arena, "at%d >= 0 && at%d < %lld", i, i,
                                              (long long)t->k->clips[i].size));
    return text_str(&text);
}

bool c_clip_is_zero(const Contract *t)
{
    for (int i = 0; i < t->k->clip_count; i++)
        if (t->k->clips[i].value != 0)
            return false;
    return true;
}

bool c_clip_ends(const Contract *t, int level)
{
    for (int i = 0; i < t->k->clip_count; i++)
        if (last_clipped(t, i) == level)
            return true;
    return false;
}

static void drop_clip(ContractAxes *x, int clip)
{
    for (int i = 0; i < x->count; i++)
        for (int c = clip; c + 1 < MAX_CLIPS; c++)
            x->axes[i].clip[c] = x->axes[i].clip[c + 1];
}

void c_clip_drop(Contract *t, int axis)
{
    Kernel *k = arena_new_of(t->w->arena, Kernel);
    *k = *t->k;
    t->k = k;
    for (int i = k->clip_count - 1; axis >= 0 && i >= 0; i--) {
        if (!t->axes[axis].clip[i])
            continue;
        for (int c = i; c + 1 < k->clip_count; c++)
            k->clips[c] = k->clips[c + 1];
        k->clip_count--;
        drop_clip(&k->depth, i);
        for (int x = 0; x < t->axis_count; x++)
            for (int c = i; c + 1 < MAX_CLIPS; c++)
                t->axes[x].clip[c] = t->axes[x].clip[c + 1];
    }
    contract_merge_depth(k);
}
