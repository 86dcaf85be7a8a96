// evaluate.c -- expressions: numbers fold, tensors become nodes, names are looked up.
//
// A name means, in this order: what the body binds; `it`; a `let`; a constant of the language; a
// definition of any kind, which whoever uses the value picks by kind.

#include "sema/expander.h"

// --- names ------------------------------------------------------------------------------------

static Value *eval_let(Expander *e, Let *l)
{
    if (l->value)
        return l->value;
    if (l->busy) {
        diag_report(diags_of(e), DIAG_recursive_let, l->item->name_span, l->item->name);
        return l->value = poison_value(e, l->item->span);
    }
    Expander inner = expander_new(e->program, NULL, false);
    inner.frame->library = l->library;
    l->busy = true;
    Value *v = eval_expr(&inner, l->expr);
    l->busy = false;
    return l->value = v;
}

static Value *value_definition(Expander *e, Name name, Span span)
{
    Value *v = value_new(e->arena, VALUE_DEFINITION, span);
    v->name = name;
    v->library = e->frame->library;
    return v;
}

static bool any_definition(const Expander *e, Name name)
{
    for (int kind = ITEM_LAYER; kind <= ITEM_AUGMENTATION; kind++)
        if (program_find(e->program, (ItemKind)kind, name, e->frame->library))
            return true;
    return builtin_find(name) != NULL;
}

static Candidates all_names(const Expander *e)
{
    Candidates c = {.arena = e->arena};
    candidates_add_scope(&c, e->frame->scope);
    candidates_add_map(&c, &e->program->lets);
    candidates_add_builtins(&c, e->program);
    for (int kind = ITEM_LAYER; kind <= ITEM_AUGMENTATION; kind++)
        candidates_add_kind(&c, e->program, (ItemKind)kind);
    return c;
}

static Value *eval_it(Expander *e, Span span)
{
    if (e->frame->flow)
        return e->frame->flow;
    Diag *d = diag_report(diags_of(e), DIAG_no_flow, blame_span(e, span));
    return poison_after(e, d, span);
}

static Value *eval_name(Expander *e, const Expr *x)
{
    const Binding *b = scope_find(e->frame->scope, x->name);
    if (b)
        return b->value;
    if (name_is(x->name, "it"))
        return eval_it(e, x->span);
    Let *l = program_let(e->program, x->name, e->frame->library);
    if (l)
        return eval_let(e, l);
    Value *v = builtin_constant(e, x->name, x->span);
    if (v)
        return v;
    if (any_definition(e, x->name))
        return value_definition(e, x->name, x->span);
    Candidates c = all_names(e);
    return report_unknown(e, x->span, "name", x->name, &c);
}

// --- calls ------------------------------------------------------------------------------------

NamedValue *eval_args(Expander *e, const Arg *args, int *count)
{
    int capacity = 0;
    NamedValue *out = NULL;
    *count = 0;
    for (const Arg *a = args; a; a = a->next) {
        ItemKind kind = a->name ? parameter_kind(a->name) : ITEM_COUNT;
        Value *v = kind == ITEM_COUNT ? eval_expr(e, a->value) : eval_as(e, a->value, kind);
        NamedValue named = {a->name, v, a->name ? a->name_span : a->value->span};
        arena_push(e->arena, out, *count, capacity, named);
    }
    return out;
}

static Value *value_call(Expander *e, const Expr *x, Name name)
{
    Value *v = value_new(e->arena, VALUE_CALL, x->span);
    v->name = name;
    v->library = e->frame->library;
    v->items = eval_args(e, x->args, &v->count);
    return v;
}

static bool made_by(const Expander *e, const Node *n, const Definition *d, const Builtin *b)
{
    if (b)
        return n->op == b->op;
    for (int i = e->origin_count - 1; i >= 0; i--)
        if (e->origins[i].node == n && e->origins[i].item == d->item)
            return true;
    return false;
}

// `softmax(y)` inside `require`: was y made by softmax? NULL: it is no such question.
static Value *eval_question(Expander *e, const Expr *x, const Definition *d, const Builtin *b)
{
    bool one = x->args && !x->args->next && !x->args->name;
    if (!e->asking || !one || (!d && !(b && b->op < OP_COUNT && op_arity(b->op) == 1)))
        return NULL;
    Value *v = eval_expr(e, x->args->value);
    if (v->kind != VALUE_TENSOR)
        return is_poison(v) ? v : NULL;
    return value_bool(e->arena, x->span, made_by(e, v->node, d, b));
}

static Value *call_named(Expander *e, const Expr *x, const Arg *args, Name name, bool library)
{
    const Definition *layer = program_find(e->program, ITEM_LAYER, name, library);
    const Builtin *b = builtin_find(name);
    Value *answer = eval_question(e, x, layer, b);
    if (answer)
        return answer;
    if (b)
        return builtin_call(e, b, args, x->span);
    int count;
    NamedValue *values;
    ItemKind own = e->frame->kind;
    const Definition *same = own > ITEM_LAYER && own <= ITEM_AUGMENTATION
                                 ? program_find(e->program, own, name, library)
                                 : NULL;
    if (same) {
        values = eval_args(e, args, &count);
        Call c = {.definition = same,
                  .args = values,
                  .count = count,
                  .span = x->span,
                  .path = e->frame->path,
                  .state_kind = e->frame->state_kind,
                  .state_shape = e->frame->state_shape};
        return expand_call(e, &c);
    }
    if (!layer)
        return NULL;
    values = eval_args(e, args, &count);
    return call_layer(e, layer, values, count, x->span);
}

// The value of a name bound in the body is called: an instance, or a layer given as an argument.
static Value *call_bound(Expander *e, const Expr *x, const Arg *args, const Value *callee)
{
    int count;
    if (is_poison(callee))
        return poison_value(e, x->span);
    if (callee->kind == VALUE_INSTANCE) {
        NamedValue *values = eval_args(e, args, &count);
        return call_instance(e, callee->instance, values, count, x->span);
    }
    if (callee->kind == VALUE_DEFINITION) {
        Value *v = call_named(e, x, args, callee->name, callee->library);
        if (v)
            return v;
    }
    return report_kind(e, x->span, "a layer", callee);
}

static Value *eval_call(Expander *e, const Expr *x)
{
    if (x->left->kind != EXPR_NAME)
        return report_kind(e, x->left->span, "the name of a layer or function",
                           eval_expr(e, x->left));
    Name name = x->left->name;
    const Binding *b = scope_find(e->frame->scope, name);
    if (b && (b->value->kind == VALUE_INSTANCE || b->value->kind == VALUE_DEFINITION ||
              is_poison(b->value)))
        return call_bound(e, x, x->args, b->value);
    Value *v = call_named(e, x, x->args, name, e->frame->library);
    if (v)
        return v;
    if (any_definition(e, name))
        return value_call(e, x, name);
    if (b)
        return report_kind(e, x->left->span, "a layer", b->value);
    Candidates c = all_names(e);
    return report_unknown(e, x->left->span, "layer or function", name, &c);
}

Value *eval_as(Expander *e, const Expr *x, ItemKind kind)
{
    const Expr *named = x->kind == EXPR_CALL ? x->left : x;
    if (named->kind != EXPR_NAME || scope_find(e->frame->scope, named->name) ||
        !program_find(e->program, kind, named->name, e->frame->library))
        return eval_expr(e, x);
    return x->kind == EXPR_CALL ? value_call(e, x, named->name)
                                : value_definition(e, named->name, x->span);
}

Value *eval_flow(Expander *e, const Expr *x)
{
    if (x->kind != EXPR_NAME)
        return eval_expr(e, x);
    const Binding *b = scope_find(e->frame->scope, x->name);
    Value *v = b ? b->value : NULL;
    if (v && (v->kind == VALUE_INSTANCE || v->kind == VALUE_DEFINITION))
        return call_bound(e, x, NULL, v);
    v = v ? NULL : call_named(e, x, NULL, x->name, e->frame->library);
    if (v)
        return v;
    v = eval_name(e, x);
    return v->kind == VALUE_DEFINITION ? report_kind(e, x->span, "a layer", v) : v;
}

// --- the other forms --------------------------------------------------------------------------

static Value *eval_literal(Expander *e, const Expr *x)
{
    switch (x->kind) {
    case EXPR_INT:
        return value_int(e->arena, x->span, x->integer);
    case EXPR_REAL:
        return value_real(e->arena, x->span, x->real);
    case EXPR_BOOL:
        return value_bool(e->arena, x->span, x->boolean);
    default:
        return value_string(e->arena, x->span, x->string);
    }
}

static Value *eval_items(Expander *e, const Expr *x)
{
    Value *v = value_new(e->arena, x->kind == EXPR_LIST ? VALUE_LIST : VALUE_TUPLE, x->span);
    v->items = eval_args(e, x->args, &v->count);
    for (int i = 0; i < v->count; i++)
        if (is_poison(v->items[i].value))
            return v->items[i].value;
    return v;
}

static Value *eval_unary(Expander *e, const Expr *x)
{
    return apply_unary(e, x->op, eval_expr(e, x->left), x->span);
}

// `and` and `or` of numbers known at compile time stop as soon as the answer is known.
static Value *eval_binary(Expander *e, const Expr *x)
{
    Value *left = eval_expr(e, x->left);
    if (left->kind == VALUE_BOOL &&
        ((x->op == OPK_AND && !left->boolean) || (x->op == OPK_OR && left->boolean)))
        return left;
    return apply_binary(e, x->op, left, eval_expr(e, x->right), x->span);
}

static Value *eval_range(Expander *e, const Expr *x)
{
    int64_t lo, hi;
    if (!eval_int(e, x->left, "the start of a range", &lo) ||
        !eval_int(e, x->right, "the end of a range", &hi))
        return poison_value(e, x->span);
    Value *v = value_new(e->arena, VALUE_RANGE, x->span);
    v->integer = lo;
    v->end = hi;
    return v;
}

static Value *eval_if(Expander *e, const Expr *x)
{
    bool yes;
    if (!eval_bool(e, x->cond, "the condition of `if`", &yes))
        return poison_value(e, x->span);
    return eval_expr(e, yes ? x->left : x->right);
}

static Value *eval_index(Expander *e, const Expr *x)
{
    Value *v = eval_expr(e, x->left);
    if (is_poison(v))
        return v;
    if (is_tensor(v))
        return index_tensor(e, v, x);
    int64_t i, count = v->kind == VALUE_SHAPE ? v->shape.rank : v->count;
    if (v->kind != VALUE_LIST && v->kind != VALUE_TUPLE && v->kind != VALUE_SHAPE)
        return report_kind(e, x->left->span, "a list", v);
    if (!x->args || !eval_int(e, x->args->value, "an index", &i))
        return poison_value(e, x->span);
    i += i < 0 ? count : 0;
    if (i < 0 || i >= count) {
        Diag *d =
            diag_report(diags_of(e), DIAG_index_range, blame_span(e, x->span), (long long)count);
        return poison_after(e, d, x->span);
    }
    return v->kind == VALUE_SHAPE ? value_int(e->arena, x->span, v->shape.dims[i])
                                  : v->items[i].value;
}

static Value *eval_member(Expander *e, const Expr *x)
{
    Value *v = eval_expr(e, x->left);
    if (is_poison(v))
        return v;
    if (v->last && name_is(x->name, "last"))
        return v->last;
    Diag *d = diag_report(diags_of(e), DIAG_no_member, blame_span(e, x->span),
                          value_kind_text(v->kind), x->name);
    diag_help(d, "what a scan yields has `last`: the value of the step that ran last");
    return poison_after(e, d, x->span);
}

Value *eval_expr(Expander *e, const Expr *x)
{
    static Value *(*const forms[])(Expander *, const Expr *) = {
        [EXPR_INT] = eval_literal,  [EXPR_REAL] = eval_literal,  [EXPR_STRING] = eval_literal,
        [EXPR_BOOL] = eval_literal, [EXPR_NAME] = eval_name,     [EXPR_LIST] = eval_items,
        [EXPR_TUPLE] = eval_items,  [EXPR_UNARY] = eval_unary,   [EXPR_BINARY] = eval_binary,
        [EXPR_RANGE] = eval_range,  [EXPR_IF] = eval_if,         [EXPR_CALL] = eval_call,
        [EXPR_INDEX] = eval_index,  [EXPR_MEMBER] = eval_member,
    };
    if (!x || e->stopped)
        return poison_value(e, x ? x->span : NO_SPAN);
    if (e->depth >= MAX_EVAL_DEPTH)
        return report_limit(e, x->span, "levels of nested expressions and calls", MAX_EVAL_DEPTH);
    e->depth++;
    Value *v = forms[x->kind](e, x);
    e->depth--;
    return v;
}

static bool report_not_known(Expander *e, const Expr *x, const char *what, const char *wanted,
                             const Value *v)
{
    if (is_tensor(v)) {
        Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, x->span), what);
        poison_after(e, d, x->span);
    } else {
        report_kind(e, x->span, wanted, v);
    }
    return false;
}

bool eval_int(Expander *e, const Expr *x, const char *what, int64_t *out)
{
    const Value *v = eval_expr(e, x);
    if (v->kind != VALUE_INT)
        return report_not_known(e, x, what, "a whole number", v);
    *out = v->integer;
    return true;
}

bool eval_bool(Expander *e, const Expr *x, const char *what, bool *out)
{
    const Value *v = eval_expr(e, x);
    if (v->kind != VALUE_BOOL)
        return report_not_known(e, x, what, "true or false", v);
    *out = v->boolean;
    return true;
}

bool eval_dims(Expander *e, const Dim *dims, DType dtype, bool batched, Type *out)
{
    int64_t sizes[MAX_RANK] = {0};
    int rank = 0;
    for (const Dim *d = dims; d; d = d->next) {
        if (rank + batched >= MAX_RANK)
            return report_limit(e, d->span, "axes", MAX_RANK), false;
        if (d->rest || !d->value) {
            diag_report(diags_of(e), DIAG_wrong_kind, d->span, "a size", "`..`");
            return false;
        }
        if (!eval_int(e, d->value, "a size", &sizes[rank]))
            return false;
        if (sizes[rank] < 1) {
            Diag *p = diag_report(diags_of(e), DIAG_bad_size, blame_span(e, d->span),
                                  (long long)sizes[rank]);
            poison_after(e, p, d->span);
            return false;
        }
        rank++;
    }
    *out = type_written(dtype, batched, rank, sizes);
    return !dims || check_size(e, out, span_join(dims->span, dims->span));
}
