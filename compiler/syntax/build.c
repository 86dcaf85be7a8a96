// build.c -- tree nodes, and the mistakes that the grammar lets through to be named better.

#include "syntax/build.h"

#include <string.h>

// --- nodes ------------------------------------------------------------------------------------

#define COPY_NODE(p, T, value)                  \
    T *node = arena_new_of((p)->env->arena, T); \
    *node = (value);                            \
    return node

static int depth_of(const Expr *e)
{
    return e ? e->depth : 0;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

Expr *build_expr(Parser *p, Expr e)
{
    int depth = max(depth_of(e.cond), max(depth_of(e.left), depth_of(e.right)));
    for (const Arg *arg = e.args; arg; arg = arg->next)
        depth = max(depth, depth_of(arg->value));
    e.depth = depth + 1;
    if (e.depth > PARSE_MAX_DEPTH) {
        lexer_stop(&p->lexer, e.span);
        p->failed = true;
        e = (Expr){.kind = EXPR_INT, .span = e.span, .depth = 1};
    }
    COPY_NODE(p, Expr, e);
}

Arg *build_arg(Parser *p, Arg arg)
{
    COPY_NODE(p, Arg, arg);
}

Dim *build_dim(Parser *p, Dim dim)
{
    COPY_NODE(p, Dim, dim);
}

NameList *build_name(Parser *p, Name name, Span span)
{
    COPY_NODE(p, NameList, ((NameList){.name = name, .span = span}));
}

Param *build_param(Parser *p, Param param)
{
    COPY_NODE(p, Param, param);
}

Stmt *build_stmt(Parser *p, Stmt s)
{
    COPY_NODE(p, Stmt, s);
}

Item *build_item(Parser *p, Item item)
{
    COPY_NODE(p, Item, item);
}

// --- statements -------------------------------------------------------------------------------

static Stmt *error_stmt(Parser *p, Span span)
{
    p->failed = true;
    return build_stmt(p, (Stmt){.kind = STMT_ERROR, .span = span});
}

static const Expr *leftmost(const Expr *e)
{
    while (e->left && e->kind != EXPR_UNARY && e->kind != EXPR_IF)
        e = e->left;
    return e;
}

// `input[28, 28, 1]` would be a flow from the name `input`: a name was forgotten.
Stmt *build_flow(Parser *p, Span span, Expr *value, const NameList *as)
{
    const Expr *start = leftmost(value);
    if (start->kind == EXPR_NAME && strcmp(start->name, "input") == 0) {
        Diag *d = diag_report(p->env->diags, DIAG_input_without_name, start->span);
        diag_help(d, "give it one, as in `input image[28, 28, 1]`");
        return error_stmt(p, span);
    }
    return build_stmt(p, (Stmt){.kind = STMT_FLOW,
                                .span = span,
                                .value = value,
                                .name = as ? as->name : NULL,
                                .name_span = as ? as->span : NO_SPAN});
}

Stmt *build_input_stmt(Parser *p, Span span, Name name, Span name_span, Shape shape, Name type,
                       Span type_span)
{
    if (type && strcmp(type, "int") != 0) {
        Diag *d = diag_report(p->env->diags, DIAG_unknown_input_type, type_span, type);
        diag_help(d, "an input holds real numbers, or whole numbers with `: int`");
        return error_stmt(p, span);
    }
    return build_stmt(p, (Stmt){.kind = STMT_INPUT,
                                .span = span,
                                .name = name,
                                .name_span = name_span,
                                .is_int = type != NULL,
                                .has_dims = shape.present,
                                .dims = shape.dims});
}

Stmt *build_block(Parser *p, Span span, Name name, Span name_span, Stmt *body)
{
    if (strcmp(name, "update") != 0) {
        static const Name known[] = {"update", "repeat", "scan", "for", "if"};
        const Name near = nearest_name(name, known, sizeof known / sizeof *known);
        Diag *d = diag_report(p->env->diags, DIAG_unknown_block, name_span, name);
        if (near)
            diag_help(d, "did you mean `%s`?", near);
        return error_stmt(p, span);
    }
    return build_stmt(
        p,
        (Stmt){
            .kind = STMT_BLOCK, .span = span, .name = name, .name_span = name_span, .body = body});
}

static bool is_setting(const Stmt *s)
{
    return s->kind == STMT_ERROR || (s->kind == STMT_ASSIGN && !s->names->next);
}

static void report_setting(Parser *p, ItemKind kind, const Stmt *s)
{
    Diag *d = diag_report(p->env->diags, DIAG_setting_expected, s->span, item_kind_text(kind));
    const Expr *e = s->value;
    if (s->kind == STMT_FLOW && e->kind == EXPR_BINARY && e->op == OPK_EQ)
        diag_help(d, "`==` compares; `=` gives a setting its value");
}

Item *build_section(Parser *p, Span span, ItemKind kind, const char *doc, Stmt *body)
{
    for (const Stmt *s = body; s; s = s->next) {
        if (is_setting(s))
            continue;
        report_setting(p, kind, s);
        p->failed = true;
    }
    return build_item(p, (Item){.kind = kind, .span = span, .doc = doc, .body = body});
}
