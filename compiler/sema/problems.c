// problems.c -- reporting mistakes where the user can mend them.
//
// What goes wrong inside the library's code is the doing of a call in the user's file: it is
// reported there, with a note at the library's line. In the user's own definitions the line itself
// is blamed, with a note at the call that expanded it.

#include "sema/expander.h"

static const Frame *user_call(const Frame *f)
{
    while (f->caller && f->caller->library)
        f = f->caller;
    return f;
}

Span blame_span(const Expander *e, Span span)
{
    if (!e->frame || !e->frame->library)
        return span;
    const Frame *f = user_call(e->frame);
    return f->call.pos ? f->call : span;
}

Value *poison_value(Expander *e, Span span)
{
    return value_new(e->arena, VALUE_POISON, span);
}

Value *poison_after(Expander *e, Diag *d, Span span)
{
    const Frame *f = e->frame;
    if (f && f->library && f->call.pos)
        diag_note(d, span, "in the library's `%s`", f->title);
    else if (f && f->caller && f->call.pos)
        diag_note(d, f->call, "in this call of `%s`", f->title);
    return poison_value(e, span);
}

Value *report_kind(Expander *e, Span span, const char *wanted, const Value *got)
{
    if (is_poison(got))
        return poison_value(e, span);
    Diag *d = diag_report(diags_of(e), DIAG_wrong_kind, blame_span(e, span), wanted,
                          value_kind_text(got->kind));
    return poison_after(e, d, span);
}

Value *report_not_yet(Expander *e, Span span, const char *what)
{
    Diag *d = diag_report(diags_of(e), DIAG_not_yet, blame_span(e, span), what);
    return poison_after(e, d, span);
}

Value *report_unknown(Expander *e, Span span, const char *kind, Name name, const Candidates *c)
{
    Diag *d = diag_report(diags_of(e), DIAG_unknown_name, span, kind, name);
    help_nearest(d, name, c);
    return poison_value(e, span);
}

// Where the tensor was made whose type is `t`, when it is the one that flows in the user's body.
void note_flow(Expander *e, Diag *d, const Type *t)
{
    const Frame *f = e->frame;
    while (f && f->library)
        f = f->caller;
    bool flows = f && f->flow && f->flow->kind == VALUE_TENSOR && &f->flow->node->type == t;
    if (flows && f->flow_span.pos)
        diag_note(d, f->flow_span, "%s is made here", shape_text(e->arena, t));
}

Value *report_limit(Expander *e, Span span, const char *what, long long limit)
{
    if (!e->stopped)
        diag_report(diags_of(e), DIAG_expansion_limit, blame_span(e, span), what, limit);
    e->stopped = true;
    return poison_value(e, span);
}

static const char *product_text(Arena *a, const Type *t)
{
    Text text = text_in(a);
    for (int i = 0; i < written_rank(t); i++)
        text_addf(&text, "%s%lld", i ? " x " : "", (long long)written_dims(t)[i]);
    return text_str(&text);
}

bool check_size(Expander *e, const Type *t, Span span)
{
    int64_t elements = 1;
    for (int i = 0; i < written_rank(t); i++) {
        if (!__builtin_mul_overflow(elements, written_dims(t)[i], &elements) &&
            elements <= MAX_ELEMENTS)
            continue;
        Diag *d = diag_report(diags_of(e), DIAG_too_large, blame_span(e, span),
                              product_text(e->arena, t), (long long)MAX_ELEMENTS);
        poison_after(e, d, span);
        return false;
    }
    return true;
}
