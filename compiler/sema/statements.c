// statements.c -- the statements of a body, in order; each may move the flow.

#include "sema/expander.h"

bool count_step(Expander *e, Span span)
{
    if (++e->steps > MAX_STEPS)
        report_limit(e, span, "statements, once loops are unrolled", MAX_STEPS);
    if (e->builder.graph && e->builder.graph->node_count > MAX_NODES)
        report_limit(e, span, "operations, once loops are unrolled", MAX_NODES);
    return !e->stopped;
}

static bool flows(const Value *v)
{
    return is_tensor(v) || is_number(v) || v->kind == VALUE_TUPLE || is_poison(v);
}

static const char *fixed_kind(const Binding *b)
{
    if (b->carried)
        return "carried value";
    return b->is_axis ? "axis" : b->variable >= 0 ? "parameter or state" : NULL;
}

static void bind_name(Expander *e, Name name, Span span, Value *v)
{
    Binding *known = scope_find(e->frame->scope, name);
    Binding *b = scope_find_open(e->frame->scope, name);
    if (known && fixed_kind(known)) {
        Diag *d =
            diag_report(diags_of(e), DIAG_duplicate_definition, span, fixed_kind(known), name);
        if (known->carried)
            diag_help(d, "`%s <- ...` gives it its next value", name);
        b = known;
    }
    if (!b)
        b = scope_define(e->arena, e->frame->scope, name, v, span);
    b->value = v;
}

// A function of the compiler's own that is used as a layer is a line of the summary too.
static bool is_builtin_call(const Expr *x)
{
    const Expr *named = x->kind == EXPR_CALL ? x->left : x;
    return named->kind == EXPR_NAME && builtin_find(named->name);
}

static Value *eval_statement(Expander *e, const Expr *x)
{
    if (!is_builtin_call(x) || e->frame->library || e->frame->kind != ITEM_MODEL)
        return eval_flow(e, x);
    Name name = x->kind == EXPR_CALL ? x->left->name : x->name;
    int row = row_begin(e, child_path(e, name), x->span);
    Value *v = eval_flow(e, x);
    row_end(e, row, v);
    return v;
}

static void run_flow(Expander *e, const Stmt *s)
{
    Value *v = eval_statement(e, s->value);
    if (!flows(v))
        v = report_kind(e, s->value->span, "a tensor", v);
    e->frame->flow = v;
    e->frame->flow_span = s->value->span;
    if (s->name)
        bind_name(e, s->name, s->name_span, v);
}

// `a, b = pair` takes a tuple or list apart.
static void bind_several(Expander *e, const NameList *names, Value *v, Span span)
{
    int count = 0;
    for (const NameList *n = names; n; n = n->next)
        count++;
    bool several = v->kind == VALUE_TUPLE || v->kind == VALUE_LIST;
    if (!is_poison(v) && (!several || v->count != count)) {
        Diag *d = diag_report(diags_of(e), DIAG_wrong_count, blame_span(e, span), count,
                              several ? v->count : 1);
        v = poison_after(e, d, span);
    }
    int i = 0;
    for (const NameList *n = names; n; n = n->next, i++)
        bind_name(e, n->name, n->span, is_poison(v) ? v : v->items[i].value);
}

static void bind_names(Expander *e, const NameList *names, Value *v, Span span)
{
    if (names->next)
        bind_several(e, names, v, span);
    else
        bind_name(e, names->name, names->span, v);
}

static void run_assign(Expander *e, const Stmt *s)
{
    bind_names(e, s->names, eval_expr(e, s->value), s->value->span);
}

static void run_if(Expander *e, const Stmt *s)
{
    bool yes;
    if (eval_bool(e, s->value, "the condition of `if`", &yes))
        stmt_run_all(e, yes ? s->body : s->other);
}

// Each turn has a scope of its own; names bound before the loop keep what a turn gives them. False
// after a mistake: the turns that follow would only repeat it.
static bool run_turn(Expander *e, const Stmt *s, Value *item)
{
    const size_t errors = diags_errors(diags_of(e));
    Scope *outer = e->frame->scope;
    Scope *inner = arena_new_of(e->arena, Scope);
    inner->parent = outer;
    e->frame->scope = inner;
    for (const NameList *n = item ? s->names : NULL; n; n = n->next)
        scope_define(e->arena, inner, n->name, poison_value(e, n->span), n->span);
    if (item)
        bind_names(e, s->names, item, s->value->span);
    stmt_run_all(e, s->body);
    e->frame->scope = outer;
    const Value *flow = e->frame->flow;
    return diags_errors(diags_of(e)) == errors && !(flow && is_poison(flow));
}

static void run_repeat(Expander *e, const Stmt *s)
{
    int64_t n;
    if (!eval_int(e, s->value, "the number of repetitions", &n))
        return;
    if (n < 0) {
        Diag *d =
            diag_report(diags_of(e), DIAG_bad_size, blame_span(e, s->value->span), (long long)n);
        poison_after(e, d, s->value->span);
    }
    for (int64_t i = 0; i < n && count_step(e, s->value->span); i++)
        if (!run_turn(e, s, NULL))
            break;
}

static void run_for(Expander *e, const Stmt *s)
{
    Value *v = eval_expr(e, s->value);
    const Span span = s->value->span;
    if (v->kind == VALUE_RANGE) {
        for (int64_t i = v->integer; i < v->end && count_step(e, span); i++)
            if (!run_turn(e, s, value_int(e->arena, span, i)))
                break;
    } else if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE) {
        for (int i = 0; i < v->count && count_step(e, span); i++)
            if (!run_turn(e, s, v->items[i].value))
                break;
    } else {
        report_kind(e, span, "a list or a range", v);
    }
}

static void run_scan(Expander *e, const Stmt *s)
{
    Value *v = scan_value(e, s);
    e->frame->flow = v;
    e->frame->flow_span = s->span;
    if (s->name)
        bind_name(e, s->name, s->name_span, v);
}

static void run_instance(Expander *e, const Stmt *s)
{
    Instance *i = instance_new(e, s);
    Value *v = value_new(e->arena, i ? VALUE_INSTANCE : VALUE_POISON, s->span);
    v->instance = i;
    bind_name(e, s->name, s->name_span, v);
}

static void report_requirement(Expander *e, const Stmt *s)
{
    const Value *message = s->message ? eval_expr(e, s->message) : NULL;
    const Frame *f = e->frame;
    Span at = f->call.pos ? f->call : s->span;
    if (f->caller && f->caller->library) {
        e->frame = f->caller;
        at = blame_span(e, at);
        e->frame = (Frame *)f;
    }
    Diag *d = diag_report(diags_of(e), DIAG_require_failed, at,
                          message && message->kind == VALUE_STRING ? message->string
                                                                   : "a requirement does not hold");
    diag_note(d, s->value->span, "required here");
    e->frame->flow = poison_value(e, s->span);
    e->frame->ended = true;
}

static void run_require(Expander *e, const Stmt *s)
{
    bool yes, asking = e->asking;
    e->asking = true;
    bool known = eval_bool(e, s->value, "the condition of `require`", &yes);
    e->asking = asking;
    if (known && !yes)
        report_requirement(e, s);
}

static void run_block(Expander *e, const Stmt *s)
{
    if (e->phase == METRIC_UPDATE)
        stmt_run_all(e, s->body);
}

static void run_error(Expander *e, const Stmt *s)
{
    e->frame->flow = poison_value(e, s->span);
}

void stmt_run_all(Expander *e, const Stmt *body)
{
    static void (*const forms[])(Expander *, const Stmt *) = {
        [STMT_INPUT] = stmt_input,   [STMT_PARAM] = stmt_param,      [STMT_STATE] = stmt_state,
        [STMT_UPDATE] = stmt_update, [STMT_ASSIGN] = run_assign,     [STMT_FLOW] = run_flow,
        [STMT_IF] = run_if,          [STMT_REPEAT] = run_repeat,     [STMT_FOR] = run_for,
        [STMT_SCAN] = run_scan,      [STMT_INSTANCE] = run_instance, [STMT_REQUIRE] = run_require,
        [STMT_OUTPUT] = stmt_output, [STMT_BLOCK] = run_block,       [STMT_ERROR] = run_error,
    };
    for (const Stmt *s = body; s && !e->frame->ended && count_step(e, s->span); s = s->next)
        forms[s->kind](e, s);
}
