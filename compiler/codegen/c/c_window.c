// c_window.c -- the window of a result, gathered from an image of i8.
//
// What lies side by side in the image comes as one run, ends of a padded row included; what is
// outside is the pad's value. So products need not look where an image ends.

#include <string.h>

#include "codegen/c/c_kit.h"
#include "codegen/c/c_tile.h"

typedef struct Window {
    const Contract *t;
    bool wide;       // as the kit's tiles want it; else bytes
    int levels;      // depth axes that are loops
    int clip;        // that a run goes along; -1: none
    int64_t run;     // elements of one
    int64_t places;  // of the clip, in a run
} Window;

static const char *const depth_names[MAX_RANK] = {"d", "e", "f", "g", "h", "u", "v", "t"};

static int64_t depth_size(const Window *v, int level)
{
    return size_of(v->t, &v->t->k->depth.axes[level]);
}

static bool is_clipped(const Kernel *k, int level)
{
    for (int i = 0; i < k->clip_count; i++)
        if (k->depth.axes[level].clip[i])
            return true;
    return false;
}

// The only clip that a depth axis goes along, step by step; -1: there is none.
static int own_clip(const Kernel *k, int level)
{
    int found = -1;
    for (int i = 0; i < k->clip_count; i++) {
        if (!k->depth.axes[level].clip[i])
            continue;
        if (found >= 0 || k->depth.axes[level].clip[i] != 1)
            return -1;
        found = i;
    }
    return found;
}

static Window window_of(const Contract *t, bool wide)
{
    const Kernel *k = t->k;
    Window v = {.t = t, .wide = wide, .levels = k->depth.count, .clip = -1, .run = 1, .places = 1};
    int last = v.levels - 1;
    if (last >= 0 && k->depth.axes[last].left == 1 && !is_clipped(k, last)) {
        v.run = depth_size(&v, last);
        v.levels = last--;
    }
    if (last >= 0 && k->depth.axes[last].left == v.run && own_clip(k, last) >= 0) {
        v.clip = own_clip(k, last);
        v.places = depth_size(&v, last);
        v.run *= v.places;
        v.levels = last;
    }
    return v;
}

bool c_window_serves(const Kernel *k)
{
    for (int i = 0; i < k->depth.count; i++)
        if (is_clipped(k, i) && k->depth.axes[i].size <= 1)
            return false;
    for (int i = 0; i < k->columns.count; i++)
        if (k->columns.axes[i].left)
            return false;
    return true;
}

bool c_window_in_fours(const Contract *t)
{
    const Window v = window_of(t, true);
    return v.run / v.places % KIT_DEPTH == 0;
}

// --- code ---------------------------------------------------------------------------------------

static const char *helper(const Window *v, const char *name)
{
    c_helper(v->t->w, v->wide ? C_WINDOW : C_BYTES);
    return arena_printf(v->t->w->arena, "%s_%s%s", v->t->w->name, name, v->wide ? "" : "8");
}

static void step_on(const Window *v, int64_t elements)
{
    if (v->wide)
        c_line(v->t->w, "to += %lld * %s_SPREAD;", (long long)elements, v->t->w->name);
    else
        c_line(v->t->w, "to += %lld;", (long long)elements);
}

static const char *pad_of(const Window *v)
{
    return c_constant(v->t->w, DTYPE_I8, v->t->k->clip_count ? v->t->k->clips[0].value : 0).text;
}

static const char *depth_position(const Window *v, const char *const *index)
{
    int64_t strides[MAX_RANK];
    for (int i = 0; i < v->levels; i++)
        strides[i] = v->t->k->depth.axes[i].left;
    return c_position(v->t->w, index, strides, v->levels, 0);
}

static void gather_run(const Window *v, const char *const *index)
{
    CWriter *w = v->t->w;
    const char *image = c_slot(w, 0), *ahead = depth_position(v, index);
    const char *at = strcmp(ahead, "0") == 0 ? "xt" : arena_printf(w->arena, "xt + %s", ahead);
    const char *scale = v->run > v->places
                            ? arena_printf(w->arena, " * %lld", (long long)(v->run / v->places))
                            : "";
    if (v->clip >= 0)
        c_line(w, "%s(to, %s, %s, low%s, high%s, %lld, %s);", helper(v, "window"), image, at, scale,
               scale, (long long)v->run, pad_of(v));
    else
        c_line(w, "%s(to, %s + %s, %lld);", helper(v, v->wide ? "widen" : "copy"), image, at,
               (long long)v->run);
    step_on(v, v->run);
}

static int64_t elements_below(const Window *v, int level)
{
    int64_t elements = v->run;
    for (int i = level; i < v->levels; i++)
        elements *= depth_size(v, i);
    return elements;
}

static void skip_outside(const Window *v, const char *const *index, int level)
{
    CWriter *w = v->t->w;
    if (!c_clip_ends(v->t, level))
        return;
    const int64_t elements = elements_below(v, level + 1);
    c_clip_places(v->t, index, level);
    c_open(w, "if (!(%s))", c_clip_test(v->t, level));
    c_line(w, "%s(to, %s, %lld);", helper(v, "fill"), pad_of(v), (long long)elements);
    step_on(v, elements);
    c_line(w, "continue;");
    c_close(w);
}

static void gather_level(const Window *v, const char **index, int level)
{
    CWriter *w = v->t->w;
    if (level == v->levels) {
        gather_run(v, index);
        return;
    }
    index[level] = depth_size(v, level) == 1 ? NULL : depth_names[level];
    if (index[level])
        c_open(w, "for (%s %s = 0; %s < %lld; ++%s)", w->index, index[level], index[level],
               (long long)depth_size(v, level), index[level]);
    skip_outside(v, index, level);
    gather_level(v, index, level + 1);
    if (index[level])
        c_close(w);
}

// Where in a run the image begins and ends.
static void declare_ends(const Window *v)
{
    CWriter *w = v->t->w;
    const int64_t size = v->t->k->clips[v->clip].size, n = v->places;
    c_line(w, "const %s at = %s;", w->index, c_clip_start(v->t, v->clip));
    c_line(w, "const %s low = at >= 0 ? 0 : at > %lld ? -at : %lld;", w->index, (long long)-n,
           (long long)n);
    c_line(w, "const %s rest = %lld - at;", w->index, (long long)size);
    c_line(w, "const %s high = rest > %lld ? %lld : rest < low ? low : rest;", w->index,
           (long long)n, (long long)n);
}

void c_window(const Contract *t, bool wide)
{
    const Window v = window_of(t, wide);
    const char *index[MAX_RANK] = {NULL};
    c_line(t->w, "const %s xt = %s;", t->w->index, c_left_position(t));
    if (v.clip >= 0)
        declare_ends(&v);
    gather_level(&v, index, 0);
}
