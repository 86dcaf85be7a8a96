// scan.c -- `scan xt in x with h = zeros([units]) { ... h <- ... } yield h`.
//
// The sequences go step by step along their first written axis. When one of them has the batch, all
// carried values have it. The names that the body binds end with it; what flows behind the scan is
// what it yields, stacked along the axis that the scan went along, and `.last` of that is the
// value of the step that ran last.

#include "sema/scan.h"

// --- steps ------------------------------------------------------------------------------------

static Node *placeholder(Expander *e, Type type)
{
    Attr attr = {.contract = {.parts = 0}};
    attr.index = -1;
    return build_typed(&e->builder, OP_input, 0, NULL, &attr, &type);
}

static Node *add_sequence(Expander *e, Scan *scan, Node *n)
{
    const int time = type_batched(&n->type) ? 1 : 0;
    Type step = n->type;
    step.rank--;
    for (int i = time; i < step.rank; i++)
        step.dims[i] = step.dims[i + 1];
    step.dims[step.rank] = 0;
    Sequence s = {.node = n, .placeholder = placeholder(e, step)};
    arena_push(e->arena, scan->sequences, scan->sequence_count, scan->sequence_capacity, s);
    return s.placeholder;
}

static Node *draw_in(Expander *e, Scan *scan, Type type, uint32_t stream)
{
    if (!scan)
        return build_random(&e->builder, type, stream);
    const ScanBody steps = {.length = scan->length};
    const Type all = scan_sequence_type(&steps, &type);
    return add_sequence(e, scan, draw_in(e, scan->outer, all, stream));
}

Node *scan_random(Expander *e, Type type, uint32_t stream, Span span)
{
    int depth = 0;
    for (const Scan *s = e->scan; s; s = s->outer)
        depth++;
    if (!e->scan || e->scan->graph != e->builder.graph)
        return build_random(&e->builder, type, stream);
    if (type.rank + depth <= MAX_RANK)
        return draw_in(e, e->scan, type, stream);
    report_not_yet(e, span, "a random tensor of that many axes in a scan");
    return NULL;
}

// --- sequences --------------------------------------------------------------------------------

// `reverse(x)` with no axis runs backwards; what the scan yields is not reversed.
static bool is_reverse(const Expr *x)
{
    return x->kind == EXPR_CALL && x->left->kind == EXPR_NAME &&
           name_is(x->left->name, "reverse") && x->args && !x->args->next && !x->args->name;
}

// What is scanned, which may hang on a condition.
static Value *eval_source(Expander *e, Scan *scan, const Expr *x)
{
    while (x->kind == EXPR_IF) {
        bool yes;
        if (!eval_bool(e, x->cond, "the condition of `if`", &yes))
            return poison_value(e, x->span);
        x = yes ? x->left : x->right;
    }
    scan->reverse = is_reverse(x);
    return eval_expr(e, scan->reverse ? x->args->value : x);
}

static bool take_length(Expander *e, Scan *scan, const Node *n, Span span)
{
    Diag *d;
    const int64_t length = written_rank(&n->type) ? written_dims(&n->type)[0] : 0;
    if (length == 0)
        d = diag_report(diags_of(e), DIAG_no_steps, blame_span(e, span));
    else if (scan->length && scan->length != length)
        d = diag_report(diags_of(e), DIAG_scan_lengths, blame_span(e, span),
                        (long long)scan->length, (long long)length);
    else {
        scan->length = length;
        scan->batched = scan->batched || type_batched(&n->type);
        return true;
    }
    poison_after(e, d, span);
    return false;
}

static bool bind_step(Expander *e, Scan *scan, const NameList *name, Value *v, Span span)
{
    Node *n = to_tensor(e, v, span);
    if (!n || !take_length(e, scan, n, span))
        return false;
    Value *step = value_tensor(e->arena, name->span, add_sequence(e, scan, n));
    scope_define(e->arena, e->frame->scope, name->name, step, name->span);
    return true;
}

static int names_count(const NameList *names)
{
    int count = 0;
    for (; names; names = names->next)
        count++;
    return count;
}

static bool bind_steps(Expander *e, Scan *scan, const NameList *names, Value *v, Span span)
{
    if (is_poison(v) || !names->next)
        return !is_poison(v) && bind_step(e, scan, names, v, span);
    const int count = v->kind == VALUE_TUPLE || v->kind == VALUE_LIST ? v->count : 1;
    if (count != names_count(names)) {
        Diag *d = diag_report(diags_of(e), DIAG_wrong_count, blame_span(e, span),
                              names_count(names), count);
        poison_after(e, d, span);
        return false;
    }
    for (int i = 0; i < count; i++, names = names->next)
        if (!bind_step(e, scan, names, v->items[i].value, span))
            return false;
    return true;
}

// --- carried values ---------------------------------------------------------------------------

// `zeros([units])`: an initializer, for the shape that it is given.
static Node *apply_initializer(Expander *e, Value *v, Span span)
{
    Type type;
    Call c;
    if (!call_prepare(e, v, ITEM_INIT, NULL, 0, &c))
        return NULL;
    if (c.count == 0) {
        report_kind(e, span, "a tensor, as in zeros([units])", v);
        return NULL;
    }
    if (!read_shape(e, c.args[0].value, span, &type))
        return NULL;
    c.args[0].value = value_new(e->arena, VALUE_SHAPE, span);
    c.args[0].value->shape = type;
    Node *n = to_float(e, expand_call(e, &c), span);
    return n ? broadcast_to(e, n, &type) : NULL;
}

static Type with_batch(const Scan *scan, const Type *t)
{
    const bool batched = scan->batched || type_batched(t);
    return type_written(t->dtype, batched, written_rank(t), written_dims(t));
}

static Node *first_value(Expander *e, const Scan *scan, const Expr *x)
{
    Value *v = eval_as(e, x, ITEM_INIT);
    const bool made = v->kind == VALUE_DEFINITION || v->kind == VALUE_CALL;
    Node *n = made ? apply_initializer(e, v, x->span) : to_tensor(e, v, x->span);
    if (!n)
        return NULL;
    if (written_rank(&n->type) == MAX_RANK) {
        report_not_yet(e, x->span, "a carried value of that many axes");
        return NULL;
    }
    const Type type = with_batch(scan, &n->type);
    return broadcast_to(e, n, &type);
}

static int add_carried(Expander *e, Scan *scan, Name name, Span span, Node *first)
{
    Carried c = {.name = name, .span = span, .first = first};
    c.placeholder = c.next = placeholder(e, first->type);
    arena_push(e->arena, scan->carried, scan->carried_count, scan->carried_capacity, c);
    return scan->carried_count - 1;
}

// All first values are made before any name is bound: they see what is outside.
static bool make_carried(Expander *e, Scan *scan, const Arg *args)
{
    bool good = true;
    for (const Arg *a = args; a; a = a->next) {
        Node *first = first_value(e, scan, a->value);
        if (first)
            add_carried(e, scan, a->name, a->name_span, first);
        good = good && first;
    }
    return good;
}

static bool bind_carried(Expander *e, Scan *scan)
{
    for (int i = 0; i < scan->carried_count; i++) {
        const Carried *c = &scan->carried[i];
        for (const Binding *b = e->frame->scope->bindings; b; b = b->next)
            if (b->name == c->name) {
                Diag *d = diag_report(diags_of(e), DIAG_duplicate_definition, c->span,
                                      "carried value", c->name);
                diag_note(d, b->span, "first named here");
                return false;
            }
        Value *v = value_tensor(e->arena, c->span, c->placeholder);
        scope_define(e->arena, e->frame->scope, c->name, v, c->span)->carried = i + 1;
    }
    return true;
}

static const char *full_text(Expander *e, const Type *t)
{
    Text text = text_in(e->arena);
    type_print(&text, t);
    return text_str(&text);
}

static void report_change(Expander *e, const Carried *c, const Type *next, const Stmt *s)
{
    const Type *type = &c->first->type;
    const bool shapes = type->dtype == next->dtype && type_batched(type) == type_batched(next);
    Diag *d = diag_report(diags_of(e), DIAG_carried_changes, blame_span(e, s->value->span), s->name,
                          shapes ? shape_text(e->arena, type) : full_text(e, type),
                          shapes ? shape_text(e->arena, next) : full_text(e, next));
    diag_note(d, c->span, "its first value is given here");
    if (type_batched(next) && !type_batched(type))
        diag_help(d, "the next value has the batch, which no sequence of the scan has");
    else
        diag_help(d, "a carried value keeps its shape: give the first one that of the next");
    poison_after(e, d, s->value->span);
}

void scan_update(Expander *e, Binding *b, const Stmt *s)
{
    Carried *c = &e->scan->carried[b->carried - 1];
    const Type *type = &c->first->type;
    Value *v = eval_expr(e, s->value);
    Node *n = to_tensor(e, v, s->value->span);
    Node *fit = n && type->dtype == DTYPE_F32 ? to_dtype(e, n, DTYPE_F32) : n;
    Node *wide = fit && fit->type.dtype == type->dtype ? broadcast_to(e, fit, type) : NULL;
    if (n && !wide)
        report_change(e, c, &n->type, s);
    b->value = wide ? value_tensor(e->arena, s->span, wide) : poison_value(e, s->span);
    if (wide)
        c->next = wide;
}

// --- what it yields ---------------------------------------------------------------------------

// Which carried value's next it is; -1: none's.
static int carried_of(const Scan *scan, const Node *n)
{
    for (int i = 0; i < scan->carried_count; i++)
        if (scan->carried[i].next == n)
            return i;
    return -1;
}

// A result that is not carried is carried all the same, for its last value.
static int carry_result(Expander *e, Scan *scan, Node *n)
{
    const int known = carried_of(scan, n);
    if (known >= 0)
        return known;
    const int i = add_carried(e, scan, NULL, n->span, build_filled(&e->builder, &n->type, 0));
    scan->carried[i].next = n;
    return i;
}

static bool take_yields(Expander *e, Scan *scan, const NameList *names, int *last)
{
    for (; names; names = names->next) {
        const Expr x = {.kind = EXPR_NAME, .span = names->span, .name = names->name};
        Node *n = to_tensor(e, eval_expr(e, &x), names->span);
        if (!n)
            return false;
        if (n->type.rank == MAX_RANK) {
            report_not_yet(e, names->span, "a yield of that many axes");
            return false;
        }
        const ScanBody steps = {.length = scan->length};
        const Type all = scan_sequence_type(&steps, &n->type);
        if (!check_size(e, &all, names->span))
            return false;
        last[scan->result_count] = carry_result(e, scan, n);
        arena_push(e->arena, scan->results, scan->result_count, scan->result_capacity, n);
    }
    return true;
}

static Value *result_value(Expander *e, Node *scan, int index, int last, Span span)
{
    const int carried = scan->attr.scan->carried;
    Value *v = value_tensor(e->arena, span, build_scan_result(&e->builder, scan, carried + index));
    v->last = value_tensor(e->arena, span, build_scan_result(&e->builder, scan, last));
    return v;
}

static Value *make_results(Expander *e, const Scan *scan, const int *last, const Stmt *s)
{
    build_at(e, s->span);
    const char *path = *e->frame->path ? e->frame->path : "scan";
    Node *n = scan_outline((Scan *)scan, &e->builder, path);
    if (scan->result_count == 1)
        return result_value(e, n, 0, last[0], s->span);
    Value *v = value_new(e->arena, VALUE_TUPLE, s->span);
    v->items = arena_array(e->arena, NamedValue, (size_t)scan->result_count);
    v->count = scan->result_count;
    for (int i = 0; i < v->count; i++)
        v->items[i] =
            (NamedValue){.value = result_value(e, n, i, last[i], s->span), .span = s->span};
    return v;
}

// --- the statement ----------------------------------------------------------------------------

static bool expand_body(Expander *e, Scan *scan, const Stmt *s, int *last)
{
    const size_t errors = diags_errors(diags_of(e));
    e->frame->flow = e->frame->scope->bindings->value;
    e->frame->flow_span = s->names->span;
    if (!bind_carried(e, scan))
        return false;
    e->scan = scan;
    stmt_run_all(e, s->body);
    const bool good =
        !e->stopped && diags_errors(diags_of(e)) == errors && take_yields(e, scan, s->yields, last);
    e->scan = scan->outer;
    return good;
}

Value *scan_value(Expander *e, const Stmt *s)
{
    Scan *scan = arena_new_of(e->arena, Scan);
    scan->outer = e->scan;
    scan->graph = e->builder.graph;
    int *last = arena_array(e->arena, int, (size_t)names_count(s->yields) + 1);
    Value *v = eval_source(e, scan, s->value), *result = NULL;
    Scope *outer = e->frame->scope;
    Scope *inner = arena_new_of(e->arena, Scope);
    *inner = (Scope){.parent = outer, .closed = true};
    e->frame->scope = inner;
    if (bind_steps(e, scan, s->names, v, s->value->span)) {
        e->frame->scope = outer;
        const bool carried = make_carried(e, scan, s->carried);
        e->frame->scope = inner;
        if (carried && expand_body(e, scan, s, last))
            result = make_results(e, scan, last, s);
    }
    e->frame->scope = outer;
    return result ? result : poison_value(e, s->span);
}
