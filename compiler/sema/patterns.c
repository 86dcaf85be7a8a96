// patterns.c -- shape patterns: x[.., features] meets f32[batch, 28, 784] and binds features = 784.
//
// A bare name that the body does not know yet is bound; a known one, or an expression, must have
// the axis's size. Names are counted from the last axis, so `over = features` means that axis in
// any tensor that has as many behind it.

#include "sema/expander.h"

static int count_dims(const Dim *pattern, bool *rest)
{
    int n = 0;
    *rest = false;
    for (const Dim *d = pattern; d; d = d->next) {
        *rest |= d->rest;
        n += d->rest ? 0 : 1;
    }
    return n;
}

static const char *pattern_text(Arena *a, const Dim *pattern)
{
    Text t = text_in(a);
    text_add(&t, "[");
    for (const Dim *d = pattern; d; d = d->next) {
        if (d->rest)
            text_add(&t, "..");
        else
            expr_print(&t, d->value);
        text_add(&t, d->next ? ", " : "");
    }
    text_add(&t, "]");
    return text_str(&t);
}

static Diag *report_pattern(Expander *e, const Param *p, const Type *t)
{
    const Frame *f = e->frame;
    Span at = f->call.pos ? f->call : p->span;
    if (f->caller && f->caller->library) {
        e->frame = f->caller;
        at = blame_span(e, at);
        e->frame = (Frame *)f;
    }
    Diag *d = diag_report(diags_of(e), DIAG_shape_mismatch, at, f->title,
                          pattern_text(e->arena, p->pattern), shape_text(e->arena, t));
    e->frame = f->caller ? f->caller : e->frame;
    note_flow(e, d, t);
    e->frame = (Frame *)f;
    if (!f->library)
        diag_note(d, p->span, "expected here");
    return d;
}

static bool report_rank(Expander *e, const Param *p, const Type *t, int wanted, bool rest)
{
    static const char *const words[] = {"no axis",   "one axis",  "two axes", "three axes",
                                        "four axes", "five axes", "six axes", "seven axes"};
    Diag *d = report_pattern(e, p, t);
    diag_label(d, "needs %s%s", words[wanted < MAX_RANK ? wanted : MAX_RANK - 1],
               rest ? " or more" : "");
    return false;
}

static void bind_axis(Expander *e, const Dim *d, int64_t size, int axis)
{
    Value *v = value_int(e->arena, d->span, size);
    Binding *b = scope_define(e->arena, e->frame->scope, d->value->name, v, d->span);
    b->is_axis = true;
    b->axis = axis;
}

static bool match_axis(Expander *e, const Param *p, const Dim *d, const Type *t, int axis)
{
    int64_t size = written_dims(t)[axis], wanted;
    int from_last = axis - written_rank(t);
    bool name = d->value->kind == EXPR_NAME;
    if (name && !scope_find(e->frame->scope, d->value->name)) {
        bind_axis(e, d, size, from_last);
        return true;
    }
    if (!eval_int(e, d->value, "the size of an axis", &wanted))
        return false;
    if (size == wanted)
        return true;
    Diag *report = report_pattern(e, p, t);
    diag_label(report, "axis %d is %lld, not %lld", from_last, (long long)size, (long long)wanted);
    return false;
}

bool match_pattern(Expander *e, const Param *p, const Type *t)
{
    bool rest;
    int wanted = count_dims(p->pattern, &rest), rank = written_rank(t), axis = 0;
    if (rest ? rank < wanted : rank != wanted)
        return report_rank(e, p, t, wanted, rest);
    for (const Dim *d = p->pattern; d; d = d->next) {
        if (d->rest)
            axis = rank - wanted + axis;
        else if (!match_axis(e, p, d, t, axis++))
            return false;
    }
    return true;
}
