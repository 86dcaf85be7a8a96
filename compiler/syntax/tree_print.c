// tree_print.c -- a tree as .nn source in normal form.
//
// Four spaces, one statement a line, parentheses only where the tree asks for them. Parsing what
// is printed gives the same tree, so printing it again gives the same text.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syntax/tree.h"

// How tightly an expression holds together; an operand looser than its place needs parentheses.
typedef enum Binding {
    BIND_IF,
    BIND_OR,
    BIND_AND,
    BIND_NOT,
    BIND_COMPARE,
    BIND_SUM,
    BIND_PRODUCT,
    BIND_MATMUL,
    BIND_NEG,
    BIND_POW,
    BIND_POSTFIX,
} Binding;

static const Binding op_bindings[OPK_COUNT] = {
    [OPK_OR] = BIND_OR,       [OPK_AND] = BIND_AND,     [OPK_NOT] = BIND_NOT,
    [OPK_EQ] = BIND_COMPARE,  [OPK_NE] = BIND_COMPARE,  [OPK_LT] = BIND_COMPARE,
    [OPK_LE] = BIND_COMPARE,  [OPK_GT] = BIND_COMPARE,  [OPK_GE] = BIND_COMPARE,
    [OPK_ADD] = BIND_SUM,     [OPK_SUB] = BIND_SUM,     [OPK_MUL] = BIND_PRODUCT,
    [OPK_DIV] = BIND_PRODUCT, [OPK_MOD] = BIND_PRODUCT, [OPK_MATMUL] = BIND_MATMUL,
    [OPK_NEG] = BIND_NEG,     [OPK_POW] = BIND_POW,
};

// --- literals ---------------------------------------------------------------------------------

// The shortest digits that read back as the same number, with a point or an exponent.
static void print_real(Text *out, double value)
{
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_add(out, digits);
    if (!strpbrk(digits, ".e"))
        text_add(out, ".0");
}

static void print_string(Text *out, const char *s)
{
    static const char special[] = "\n\r\t\\\"", letters[] = "nrt\\\"";
    text_add(out, "\"");
    for (; *s; s++) {
        const char *found = memchr(special, *s, sizeof special - 1);
        if (found)
            text_addf(out, "\\%c", letters[found - special]);
        else
            text_add_n(out, s, 1);
    }
    text_add(out, "\"");
}

// --- expressions ------------------------------------------------------------------------------

static Binding binding_of(const Expr *e)
{
    switch (e->kind) {
    case EXPR_IF:
    case EXPR_RANGE:
        return BIND_IF;
    case EXPR_UNARY:
    case EXPR_BINARY:
        return op_bindings[e->op];
    default:
        return BIND_POSTFIX;
    }
}

static void print_operand(Text *out, const Expr *e, Binding loosest)
{
    const bool parens = binding_of(e) < loosest;
    text_add(out, parens ? "(" : "");
    expr_print(out, e);
    text_add(out, parens ? ")" : "");
}

static void print_unary(Text *out, const Expr *e)
{
    text_add(out, e->op == OPK_NOT ? "not " : "-");
    print_operand(out, e->left, op_bindings[e->op]);
}

static void print_binary(Text *out, const Expr *e)
{
    const Binding own = op_bindings[e->op];
    const Binding left = own == BIND_POW || own == BIND_COMPARE ? own + 1 : own;
    // The right side of `^` may begin with a minus, and groups to the right.
    const Binding right = own == BIND_POW ? BIND_NEG : own + 1;
    print_operand(out, e->left, left);
    text_addf(out, " %s ", op_kind_text(e->op));
    print_operand(out, e->right, right);
}

static void print_if(Text *out, const Expr *e)
{
    text_add(out, "if ");
    print_operand(out, e->cond, BIND_OR);
    text_add(out, " then ");
    expr_print(out, e->left);
    text_add(out, " else ");
    expr_print(out, e->right);
}

static void print_range(Text *out, const Expr *e)
{
    print_operand(out, e->left, BIND_SUM);
    text_add(out, "..");
    print_operand(out, e->right, BIND_SUM);
}

// `between` stands after a name: " = " or ": ".
static void print_args(Text *out, const Arg *args, const char *between)
{
    for (const Arg *arg = args; arg; arg = arg->next) {
        if (arg->name)
            text_addf(out, "%s%s", arg->name, between);
        expr_print(out, arg->value);
        text_add(out, arg->next ? ", " : "");
    }
}

static void print_enclosed(Text *out, const char *open, const Arg *args, const char *between,
                           const char *close)
{
    text_add(out, open);
    print_args(out, args, between);
    text_add(out, close);
}

static void print_postfix(Text *out, const Expr *e)
{
    print_operand(out, e->left, BIND_POSTFIX);
    if (e->kind == EXPR_CALL)
        print_enclosed(out, "(", e->args, " = ", ")");
    else if (e->kind == EXPR_INDEX)
        print_enclosed(out, "[", e->args, " = ", "]");
    else
        text_addf(out, ".%s", e->name);
}

void expr_print(Text *out, const Expr *e)
{
    switch (e->kind) {
    case EXPR_INT:
        text_addf(out, "%lld", (long long)e->integer);
        break;
    case EXPR_REAL:
        print_real(out, e->real);
        break;
    case EXPR_STRING:
        print_string(out, e->string);
        break;
    case EXPR_BOOL:
        text_add(out, e->boolean ? "true" : "false");
        break;
    case EXPR_NAME:
        text_add(out, e->name);
        break;
    case EXPR_LIST:
        print_enclosed(out, "[", e->args, ": ", "]");
        break;
    case EXPR_TUPLE:
        print_enclosed(out, "(", e->args, " = ", ")");
        break;
    case EXPR_UNARY:
        print_unary(out, e);
        break;
    case EXPR_BINARY:
        print_binary(out, e);
        break;
    case EXPR_RANGE:
        print_range(out, e);
        break;
    case EXPR_IF:
        print_if(out, e);
        break;
    case EXPR_CALL:
    case EXPR_INDEX:
    case EXPR_MEMBER:
        print_postfix(out, e);
        break;
    }
}

// --- statements -------------------------------------------------------------------------------

static void print_names(Text *out, const NameList *names)
{
    for (; names; names = names->next)
        text_addf(out, "%s%s", names->name, names->next ? ", " : "");
}

static void print_shape(Text *out, const Dim *dims)
{
    text_add(out, "[");
    for (; dims; dims = dims->next) {
        if (dims->rest)
            text_add(out, "..");
        else
            expr_print(out, dims->value);
        text_add(out, dims->next ? ", " : "");
    }
    text_add(out, "]");
}

static void print_as(Text *out, Name name)
{
    if (name)
        text_addf(out, " as %s", name);
}

static void print_indent(Text *out, int depth)
{
    for (int i = 0; i < depth; i++)
        text_add(out, "    ");
}

static void print_stmt(Text *out, const Stmt *s, int depth);

static void print_block(Text *out, const Stmt *body, int depth)
{
    text_add(out, body ? "{\n" : "{");
    for (const Stmt *s = body; s; s = s->next) {
        print_indent(out, depth + 1);
        print_stmt(out, s, depth + 1);
        text_add(out, "\n");
    }
    if (body)
        print_indent(out, depth);
    text_add(out, "}");
}

static void print_if_stmt(Text *out, const Stmt *s, int depth)
{
    text_add(out, "if ");
    expr_print(out, s->value);
    text_add(out, " ");
    print_block(out, s->body, depth);
    if (!s->other)
        return;
    text_add(out, " else ");
    if (s->other->kind == STMT_IF && !s->other->next)
        print_if_stmt(out, s->other, depth);
    else
        print_block(out, s->other, depth);
}

static void print_input(Text *out, const Stmt *s)
{
    text_addf(out, "input %s%s", s->name, s->is_int ? ": int" : "");
    if (s->has_dims)
        print_shape(out, s->dims);
}

// param and state
static void print_variable(Text *out, const Stmt *s)
{
    text_addf(out, "%s %s", s->kind == STMT_PARAM ? "param" : "state", s->name);
    if (s->has_dims)
        print_shape(out, s->dims);
    text_add(out, " = ");
    expr_print(out, s->value);
}

static void print_scan(Text *out, const Stmt *s, int depth)
{
    text_add(out, "scan ");
    print_names(out, s->names);
    text_add(out, " in ");
    expr_print(out, s->value);
    text_add(out, " with ");
    print_args(out, s->carried, " = ");
    text_add(out, " ");
    print_block(out, s->body, depth);
    text_add(out, " yield ");
    print_names(out, s->yields);
    print_as(out, s->name);
}

static void print_loop(Text *out, const Stmt *s, int depth)
{
    text_add(out, s->kind == STMT_FOR ? "for " : "repeat ");
    print_names(out, s->names);
    text_add(out, s->kind == STMT_FOR ? " in " : "");
    expr_print(out, s->value);
    text_add(out, " ");
    print_block(out, s->body, depth);
}

static void print_require(Text *out, const Stmt *s)
{
    text_add(out, "require ");
    expr_print(out, s->value);
    text_add(out, " else ");
    expr_print(out, s->message);
}

static void print_stmt(Text *out, const Stmt *s, int depth)
{
    switch (s->kind) {
    case STMT_INPUT:
        print_input(out, s);
        break;
    case STMT_PARAM:
    case STMT_STATE:
        print_variable(out, s);
        break;
    case STMT_UPDATE:
        text_addf(out, "%s <- ", s->name);
        expr_print(out, s->value);
        break;
    case STMT_ASSIGN:
        print_names(out, s->names);
        text_add(out, " = ");
        expr_print(out, s->value);
        break;
    case STMT_FLOW:
        expr_print(out, s->value);
        print_as(out, s->name);
        break;
    case STMT_IF:
        print_if_stmt(out, s, depth);
        break;
    case STMT_REPEAT:
    case STMT_FOR:
        print_loop(out, s, depth);
        break;
    case STMT_SCAN:
        print_scan(out, s, depth);
        break;
    case STMT_INSTANCE:
        text_addf(out, "layer %s = ", s->name);
        expr_print(out, s->value);
        break;
    case STMT_REQUIRE:
        print_require(out, s);
        break;
    case STMT_OUTPUT:
        text_add(out, "output ");
        print_names(out, s->names);
        break;
    case STMT_BLOCK:
        text_addf(out, "%s ", s->name);
        print_block(out, s->body, depth);
        break;
    case STMT_ERROR:
        text_add(out, "# a statement with a mistake");
        break;
    }
}

// --- items ------------------------------------------------------------------------------------

static void print_doc(Text *out, const char *doc)
{
    while (doc) {
        const char *newline = strchr(doc, '\n');
        const size_t size = newline ? (size_t)(newline - doc) : strlen(doc);
        text_add(out, size ? "## " : "##");
        text_add_n(out, doc, size);
        text_add(out, "\n");
        doc = newline ? newline + 1 : NULL;
    }
}

static void print_params(Text *out, const Param *params)
{
    text_add(out, "(");
    for (; params; params = params->next) {
        text_add(out, params->name);
        if (params->has_pattern)
            print_shape(out, params->pattern);
        if (params->value) {
            text_add(out, " = ");
            expr_print(out, params->value);
        }
        text_add(out, params->next ? ", " : "");
    }
    text_add(out, ")");
}

static bool is_definition(ItemKind kind)
{
    return kind >= ITEM_LAYER && kind <= ITEM_AUGMENTATION;
}

static void print_item(Text *out, const Item *item)
{
    print_doc(out, item->doc);
    text_addf(out, "%s ", item_kind_text(item->kind));
    if (item->name)
        text_add(out, item->name);
    else if (item->kind == ITEM_USE)
        print_string(out, item->string);
    if (is_definition(item->kind))
        print_params(out, item->params);
    if (item->expr) {
        text_add(out, " = ");
        expr_print(out, item->expr);
    } else if (item->kind != ITEM_USE) {
        text_add(out, item->name ? " " : "");
        print_block(out, item->body, 0);
    }
    text_add(out, "\n");
}

void tree_print(Text *out, const Tree *tree)
{
    for (const Item *item = tree->items; item; item = item->next) {
        print_item(out, item);
        const bool one_line = item->kind == ITEM_USE || item->kind == ITEM_LET;
        if (item->next && !(one_line && item->next->kind == item->kind))
            text_add(out, "\n");
    }
}
