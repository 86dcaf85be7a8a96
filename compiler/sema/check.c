// check.c -- names in definitions that nothing expands: a slip of the pen is found all the same.
//
// A name is known when the body binds it anywhere (a parameter, an axis, a value), or when it is a
// `let`, a constant, a function or a definition. Where expansion reports the same mistake at the
// same place, it is told once.

#include "sema/expander.h"

typedef struct Checker {
    Program *program;
    const Definition *definition;
    NameMap bound;
} Checker;

static void bind(Checker *c, Name name)
{
    if (name)
        names_put(c->program->arena, &c->bound, name, NULL);
}

static void bind_list(Checker *c, const NameList *names)
{
    for (; names; names = names->next)
        bind(c, names->name);
}

static void bind_pattern(Checker *c, const Dim *d)
{
    for (; d; d = d->next)
        if (!d->rest && d->value && d->value->kind == EXPR_NAME)
            bind(c, d->value->name);
}

static void bind_body(Checker *c, const Stmt *s)
{
    for (; s; s = s->next) {
        bind(c, s->name);
        bind_list(c, s->names);
        for (const Arg *a = s->carried; a; a = a->next)
            bind(c, a->name);
        bind_body(c, s->body);
        bind_body(c, s->other);
    }
}

static bool is_known(const Checker *c, Name name)
{
    Program *p = c->program;
    bool library = c->definition->library;
    if (names_has(&c->bound, name) || program_let(p, name, library) || builtin_find(name) ||
        builtin_is_constant(name) || name_is(name, "it"))
        return true;
    for (int kind = ITEM_LAYER; kind <= ITEM_AUGMENTATION; kind++)
        if (program_find(p, (ItemKind)kind, name, library))
            return true;
    return false;
}

static void report(const Checker *c, const Expr *x, const char *kind)
{
    Program *p = c->program;
    Candidates near = {.arena = p->arena};
    candidates_add_map(&near, &c->bound);
    candidates_add_map(&near, &p->lets);
    candidates_add_builtins(&near, p);
    for (int k = ITEM_LAYER; k <= ITEM_AUGMENTATION; k++)
        candidates_add_kind(&near, p, (ItemKind)k);
    Diag *d = diag_report(p->session->diags, DIAG_unknown_name, x->span, kind, x->name);
    help_nearest(d, x->name, &near);
}

static void check_expr(const Checker *c, const Expr *x)
{
    if (!x)
        return;
    if (x->kind == EXPR_NAME && !is_known(c, x->name))
        report(c, x, "name");
    bool call = x->kind == EXPR_CALL && x->left->kind == EXPR_NAME;
    if (call && !is_known(c, x->left->name))
        report(c, x->left, "layer or function");
    check_expr(c, x->cond);
    if (!call)
        check_expr(c, x->left);
    check_expr(c, x->right);
    for (const Arg *a = x->args; a; a = a->next)
        check_expr(c, a->value);
}

static void check_dims(const Checker *c, const Dim *d)
{
    for (; d; d = d->next)
        check_expr(c, d->value);
}

static void check_body(const Checker *c, const Stmt *s)
{
    for (; s; s = s->next) {
        check_dims(c, s->dims);
        check_expr(c, s->value);
        check_expr(c, s->message);
        for (const Arg *a = s->carried; a; a = a->next)
            check_expr(c, a->value);
        check_body(c, s->body);
        check_body(c, s->other);
    }
}

static void check_definition(Program *p, const Definition *d)
{
    Checker c = {.program = p, .definition = d};
    for (const Param *q = d->item->params; q; q = q->next) {
        bind(&c, q->name);
        bind_pattern(&c, q->pattern);
    }
    bind_body(&c, d->item->body);
    for (const Param *q = d->item->params; q; q = q->next) {
        check_dims(&c, q->pattern);
        check_expr(&c, q->value);
    }
    check_expr(&c, d->item->expr);
    check_body(&c, d->item->body);
}

void check_names(Program *p)
{
    for (int kind = ITEM_LAYER; kind <= ITEM_AUGMENTATION; kind++)
        for (int i = 0; i < p->user[kind].count; i++)
            check_definition(p, p->user[kind].entries[i].value);
}
