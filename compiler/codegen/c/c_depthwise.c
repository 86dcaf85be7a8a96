// c_depthwise.c -- a contraction of i8 with a window for each channel: channels are side by side in
// both operands and in the result, so the kit takes several at a time.
//
//   for the points of the result
//       where the channels of each place of its window stand; outside, in an array of the pad's
//       value all channels of this point                                 one call

#include "codegen/c/c_kit.h"
#include "codegen/c/c_tile.h"

static const ContractAxis *channels_of(const Kernel *k)
{
    const ContractAxis *found = NULL;
    for (int i = 0; i < k->batch.count; i++)
        if (k->batch.axes[i].right)
            found = found ? NULL : &k->batch.axes[i];
    return found && found->left == 1 && found->right == 1 && found->factor <= 1 && found->size > 1
               ? found
               : NULL;
}

// Whether the weights of each place come after those of the place before.
static bool in_order(const Kernel *k, int64_t right)
{
    for (int i = k->depth.count - 1; i >= 0; i--) {
        if (k->depth.axes[i].right != right)
            return false;
        right *= k->depth.axes[i].size;
    }
    return true;
}

static bool has_columns(const Kernel *k)
{
    for (int i = 0; i < k->columns.count; i++)
        if (k->columns.axes[i].size > 1)
            return true;
    return false;
}

#define MOST_PLACES 64  // of a window, whose addresses are on the stack

bool c_depthwise_serves(Arena *a, const Kernel *k)
{
    CFinish f;
    if (k->node->type.dtype != DTYPE_I32 || !channels_of(k))
        return false;
    int64_t places = 1;
    for (int i = 0; i < k->depth.count; i++)
        places *= k->depth.axes[i].size;
    return places <= MOST_PLACES && in_order(k, channels_of(k)->size) && !has_columns(k) &&
           !k->right_offset && !k->parts.size && c_window_serves(k) &&
           c_finish_of(a, k, channels_of(k)->axis, &f);
}

static const char *const depth_names[MAX_RANK] = {"d", "e", "f", "g", "h", "u", "v", "t"};

// What is outside of the image is all the pad's value.
static void skip_outside(const Contract *t, const char *const *index, int level)
{
    CWriter *w = t->w;
    if (!c_clip_ends(t, level))
        return;
    int64_t places = 1;
    for (int i = level + 1; i < t->k->depth.count; i++)
        places *= size_of(t, &t->k->depth.axes[i]);
    c_clip_places(t, index, level);
    c_open(w, "if (!(%s))", c_clip_test(t, level));
    if (places > 1)
        c_open(w, "for (int n = 0; n < %lld; ++n)", (long long)places);
    c_line(w, "*to++ = pad;");
    if (places > 1)
        c_close(w);
    c_line(w, "continue;");
    c_close(w);
}

static void places_level(const Contract *t, const char **index, int level)
{
    CWriter *w = t->w;
    int64_t strides[MAX_RANK];
    if (level == t->k->depth.count) {
        for (int i = 0; i < level; i++)
            strides[i] = t->k->depth.axes[i].left;
        c_line(w, "*to++ = %s + (xt + %s);", c_slot(w, 0), c_position(w, index, strides, level, 0));
        return;
    }
    const int64_t size = size_of(t, &t->k->depth.axes[level]);
    const char *d = index[level] = size == 1 ? NULL : depth_names[level];
    if (d)
        c_open(w, "for (%s %s = 0; %s < %lld; ++%s)", w->index, d, d, (long long)size, d);
    skip_outside(t, index, level);
    places_level(t, index, level + 1);
    if (d)
        c_close(w);
}

static int64_t places_of(const Contract *t)
{
    int64_t places = 1;
    for (int i = 0; i < t->k->depth.count; i++)
        places *= size_of(t, &t->k->depth.axes[i]);
    return places;
}

static void declare_pad(const Contract *t, int64_t channels)
{
    CWriter *w = t->w;
    if (!t->k->clip_count)
        return;
    c_line(w, "int8_t pad[%lld];", (long long)channels);
    c_open(w, "for (%s c = 0; c < %lld; ++c)", w->index, (long long)channels);
    c_line(w, "pad[c] = %s;", c_constant(w, DTYPE_I8, t->k->clips[0].value).text);
    c_close(w);
}

// All of one point.
static void point(Contract *t, const CFinish *f, int64_t channels, int64_t places)
{
    CWriter *w = t->w;
    const char *index[MAX_RANK] = {NULL}, *q = c_points(t) > 1 ? "q" : NULL;
    const char *results = c_results(t, f, channels, q);
    c_point_index(t, "q");
    c_line(w, "const %s xt = %s;", w->index, c_left_position(t));
    c_line(w, "const int8_t *from[%lld], **to = from;", (long long)places);
    if (!results)
        c_line(w, "int8_t y[%lld];", (long long)channels);
    places_level(t, index, 0);
    c_helper(w, C_PAIRS);
    c_line(w, "%s(%s, from, %lld, %s, %s, %s, %lld, %d);", c_helper(w, C_DEPTHWISE),
           results ? results : "y", (long long)places, c_slot(w, 1), c_slot(w, f->offset),
           c_slot(w, f->multiplier), (long long)channels, f->zero);
    if (!results)
        c_follow(t, channels, q, NULL);
}

void c_depthwise(CWriter *w, const Kernel *k)
{
    Contract t = {.w = w, .k = k};
    CFinish f;
    const ContractAxis *channels = channels_of(k);
    c_tile_axes(&t);
    for (int i = 0; i < t.axis_count; i++)
        t.column = t.axes[i].axis == channels->axis ? i : t.column;
    c_finish_of(w->arena, k, channels->axis, &f);
    t.code = c_code_open_behind(w, k, f.instr);
    declare_pad(&t, channels->size);
    if (c_points(&t) > 1)
        c_open(w, "for (%s q = 0; q < %lld; ++q)", w->index, (long long)c_points(&t));
    point(&t, &f, channels->size, places_of(&t));
    if (c_points(&t) > 1)
        c_close(w);
}
