// call.c -- a definition is expanded: arguments meet parameters, a frame is made, the body runs.
//
//   dense(128, bias = false)      x = the flowing value, units = 128, bias = false, init = its
//   default
//
// Layers get a path: "dense", the next one "dense_2", one with `name = "top"` "top"; calls are
// numbered by name within a body, in the order in which they are expanded.

#include <stdio.h>
#include <string.h>

#include "sema/expander.h"

bool is_option(Name name)
{
    static const char *const options[] = {"init", "regularizer", "frozen", "name"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (name_is(name, options[i]))
            return true;
    return false;
}

static bool ends_with(Name name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && strcmp(name + n - m, tail) == 0;
}

ItemKind parameter_kind(Name name)
{
    if (name_is(name, "init") || ends_with(name, "_init"))
        return ITEM_INIT;
    if (name_is(name, "regularizer") || ends_with(name, "_regularizer"))
        return ITEM_REGULARIZER;
    return ITEM_COUNT;
}

// --- frames -----------------------------------------------------------------------------------

void frame_push(Expander *e, Frame *f)
{
    f->caller = e->frame;
    f->scope = arena_new_of(e->arena, Scope);
    e->frame = f;
    e->call_depth++;
}

void frame_pop(Expander *e)
{
    Frame *f = e->frame;
    e->frame = f->caller;
    if (e->frame)
        e->frame->declared_count += f->declared_count;
    e->call_depth--;
}

static Name join_path(Expander *e, Name name)
{
    Name path = e->frame->path;
    return *path ? program_intern(e->program, "%s.%s", path, name) : name;
}

// The map holds how many of a name there are, so that the next number is found at once.
static Name take_name(Expander *e, Name name)
{
    int *count = arena_new_of(e->arena, int);
    *count = 1;
    names_put(e->arena, &e->frame->children, name, count);
    return join_path(e, name);
}

Name child_path(Expander *e, Name name)
{
    const NameMap *taken = &e->frame->children;
    int *count = names_get(taken, name);
    Name child = name;
    while (names_has(taken, child))
        child = program_intern(e->program, "%s_%d", name, ++*count);
    return take_name(e, child);
}

static Name named_path(Expander *e, const NamedValue *option)
{
    const Value *v = option->value;
    if (v->kind != VALUE_STRING || !*v->string || strpbrk(v->string, "./")) {
        report_kind(e, v->span, "a name in quotes, with neither dot nor slash", v);
        return NULL;
    }
    Name name = program_intern(e->program, "%s", v->string);
    if (names_has(&e->frame->children, name)) {
        diag_report(diags_of(e), DIAG_duplicate_definition, blame_span(e, v->span), "layer", name);
        return NULL;
    }
    return take_name(e, name);
}

// --- arguments --------------------------------------------------------------------------------

static bool takes_tensor(const Item *item, const Param *p)
{
    return p->has_pattern || (item->kind == ITEM_LAYER && p == item->params);
}

static const Param *find_param(const Item *item, Name name)
{
    const Param *p = item->params;
    while (p && p->name != name)
        p = p->next;
    return p;
}

static Candidates option_names(Expander *e, const Item *item)
{
    Candidates c = {.arena = e->arena};
    for (const Param *p = item->params; p; p = p->next)
        candidates_add(&c, p->name);
    return c;
}

static bool report_option(Expander *e, const Item *item, Name name, Span span)
{
    Diag *d = diag_report(diags_of(e), DIAG_unknown_option, blame_span(e, span), item->name, name);
    Candidates c = option_names(e, item);
    help_nearest(d, name, &c);
    poison_after(e, d, span);
    return false;
}

// What a call makes of its arguments: a value for each parameter, NULL where the default holds.
typedef struct Bound {
    const Item *item;
    Value **values;
    int count;
} Bound;

static int param_index(const Item *item, const Param *wanted)
{
    int i = 0;
    for (const Param *p = item->params; p && p != wanted; p = p->next)
        i++;
    return i;
}

static int count_params(const Item *item)
{
    return param_index(item, NULL);
}

static bool inherit(Expander *e, Frame *f, const NamedValue *a)
{
    if (name_is(a->name, "init"))
        f->inherited.init = a->value;
    else if (name_is(a->name, "regularizer"))
        f->inherited.regularizer = a->value;
    else if (name_is(a->name, "frozen") && a->value->kind != VALUE_BOOL)
        return report_kind(e, a->span, "true or false", a->value), false;
    else if (name_is(a->name, "frozen"))
        f->inherited.frozen = a->value->boolean;
    return true;
}

static bool bind_named(Expander *e, Frame *f, Bound *b, const NamedValue *a)
{
    const Param *p = find_param(b->item, a->name);
    if (!p && b->item->kind == ITEM_LAYER && is_option(a->name))
        return inherit(e, f, a);
    if (!p)
        return report_option(e, b->item, a->name, a->span);
    int i = param_index(b->item, p);
    if (b->values[i]) {
        diag_report(diags_of(e), DIAG_duplicate_argument, blame_span(e, a->span), b->item->name,
                    a->name);
        return false;
    }
    b->values[i] = a->value;
    return true;
}

static const char *signature_text(Arena *a, const Item *item)
{
    Text t = text_in(a);
    for (const Param *p = item->params; p; p = p->next)
        text_addf(&t, "%s%s", p->name, p->next ? ", " : "");
    return text_str(&t);
}

static bool bind_arguments(Expander *e, Frame *f, const Call *c, Bound *b)
{
    int at = 0;
    b->item = c->definition->item;
    b->count = count_params(b->item);
    b->values = arena_array(e->arena, Value *, (size_t)b->count + 1);
    for (int i = 0; i < c->count; i++) {
        const NamedValue *a = &c->args[i];
        if (is_poison(a->value))
            return false;
        if (!a->name && at >= b->count) {
            Diag *d = diag_report(diags_of(e), DIAG_too_many_arguments, blame_span(e, a->span),
                                  b->item->name, signature_text(e->arena, b->item));
            poison_after(e, d, a->span);
            return false;
        }
        if (!a->name)
            b->values[at++] = a->value;
    }
    for (int i = 0; i < c->count; i++)
        if (c->args[i].name && !bind_named(e, f, b, &c->args[i]))
            return false;
    return true;
}

static bool report_missing(Expander *e, const Call *c, const Param *p)
{
    Diag *d = diag_report(diags_of(e), DIAG_missing_argument, blame_span(e, c->span),
                          c->definition->item->name, p->name);
    poison_after(e, d, c->span);
    return false;
}

// Tensors where tensors are wanted, and compile-time values elsewhere.
static bool check_argument(Expander *e, const Item *item, const Param *p, Value *v)
{
    if (item->kind != ITEM_LAYER)
        return true;
    bool tensor = is_tensor(v) || is_number(v) || v->kind == VALUE_TUPLE;
    if (takes_tensor(item, p) && !tensor)
        return report_kind(e, v->span, "a tensor", v), false;
    if (takes_tensor(item, p) || !is_tensor(v))
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, v->span), p->name);
    poison_after(e, d, v->span);
    return false;
}

// Before the callee's frame is entered: these are the caller's mistakes.
static bool check_arguments(Expander *e, const Call *c, const Bound *b)
{
    int i = 0;
    for (const Param *p = b->item->params; p; p = p->next, i++) {
        if (!b->values[i] && !p->value)
            return report_missing(e, c, p);
        if (b->values[i] && !check_argument(e, b->item, p, b->values[i]))
            return false;
    }
    return true;
}

static bool match_value(Expander *e, const Param *p, Value *v)
{
    if (v->kind == VALUE_SHAPE)
        return match_pattern(e, p, &v->shape);
    const Node *n = to_tensor(e, v, v->span);
    return n && match_pattern(e, p, &n->type);
}

static Value *default_value(Expander *e, const Param *p)
{
    ItemKind kind = parameter_kind(p->name);
    if (kind == ITEM_INIT && e->frame->inherited.init)
        return e->frame->inherited.init;
    return kind == ITEM_COUNT ? eval_expr(e, p->value) : eval_as(e, p->value, kind);
}

// Given values first, so that patterns may mention them; then, in order, patterns and defaults.
static bool enter_arguments(Expander *e, const Bound *b)
{
    Scope *scope = e->frame->scope;
    int i = 0;
    for (const Param *p = b->item->params; p; p = p->next, i++)
        if (b->values[i])
            scope_define(e->arena, scope, p->name, b->values[i], p->span);
    i = 0;
    for (const Param *p = b->item->params; p; p = p->next, i++) {
        Value *v = b->values[i];
        if (!v) {
            v = default_value(e, p);
            if (is_poison(v))
                return false;
            scope_define(e->arena, scope, p->name, v, p->span);
        }
        if (p->has_pattern && !match_value(e, p, v))
            return false;
    }
    return true;
}

// --- expansion --------------------------------------------------------------------------------

static bool is_recursive(Expander *e, const Call *c)
{
    const Item *item = c->definition->item;
    for (const Frame *f = e->frame; f; f = f->caller) {
        if (!f->definition || f->definition->item != item)
            continue;
        Diag *d = diag_report(diags_of(e), DIAG_recursive_layer, blame_span(e, c->span),
                              item_kind_text(item->kind), item->name);
        poison_after(e, d, c->span);
        return true;
    }
    return false;
}

static Value *run_body(Expander *e, const Item *item)
{
    if (item->expr)
        return eval_expr(e, item->expr);
    stmt_run_all(e, item->body);
    return e->frame->flow ? e->frame->flow : value_new(e->arena, VALUE_NONE, item->span);
}

static void prepare_frame(const Call *c, Frame *f)
{
    const Item *item = c->definition->item;
    *f = (Frame){
        .definition = c->definition,
        .title = item->name,
        .kind = item->kind,
        .library = c->definition->library,
        .path = c->path,
        .call = c->span,
        .inherited = c->inherited,
        .state_kind = c->state_kind,
        .separator = c->state_kind == VARIABLE_SLOT || c->state_kind == VARIABLE_METRIC ? "/" : ".",
        .state_shape = c->state_shape,
    };
}

Value *expand_call(Expander *e, const Call *c)
{
    Frame f;
    Bound b;
    prepare_frame(c, &f);
    if (e->call_depth >= MAX_CALL_DEPTH)
        return report_limit(e, c->span, "levels of calls", MAX_CALL_DEPTH);
    if (is_recursive(e, c) || !bind_arguments(e, &f, c, &b) || !check_arguments(e, c, &b))
        return poison_value(e, c->span);
    frame_push(e, &f);
    Value *result = poison_value(e, c->span);
    if (enter_arguments(e, &b)) {
        if (f.kind == ITEM_LAYER && b.count > 0)
            f.flow = scope_find(f.scope, b.item->params->name)->value;
        if (c->updates_first)
            scope_find(f.scope, b.item->params->name)->variable = c->first_variable;
        result = run_body(e, b.item);
    }
    frame_pop(e);
    return result;
}

// --- layers -----------------------------------------------------------------------------------

int row_begin(Expander *e, Name path, Span span)
{
    if (!e->recording)
        return -1;
    Program *p = e->program;
    LayerRow row = {.path = path, .call = program_text(p, span), .span = span};
    for (const Frame *f = e->frame; f; f = f->caller)
        row.depth += f->definition != NULL;
    arena_push(p->arena, p->rows, p->row_count, p->row_capacity, row);
    return p->row_count - 1;
}

void row_end(Expander *e, int row, const Value *result)
{
    if (row >= 0 && result->kind == VALUE_TENSOR)
        e->program->rows[row].output = result->node->type;
}

static int missing_tensors(const Item *item, const NamedValue *args, int count)
{
    int missing = 0;
    for (const Param *p = item->params; p; p = p->next)
        missing += takes_tensor(item, p) && !p->value;
    for (int i = 0; i < count; i++) {
        const Param *p = args[i].name ? find_param(item, args[i].name) : NULL;
        const Value *v = args[i].value;
        bool tensor = is_tensor(v) || is_poison(v) || v->kind == VALUE_TUPLE;
        missing -= args[i].name ? p && takes_tensor(item, p) : tensor;
    }
    return missing;
}

// The flowing value goes first when the call gives fewer tensors than the layer takes.
static NamedValue *with_flow(Expander *e, const Item *item, NamedValue *args, int *count, Span span)
{
    if (missing_tensors(item, args, *count) <= 0)
        return args;
    if (!e->frame->flow) {
        Diag *d = diag_report(diags_of(e), DIAG_no_flow, blame_span(e, span));
        poison_after(e, d, span);
        return NULL;
    }
    NamedValue *all = arena_array(e->arena, NamedValue, (size_t)*count + 1);
    all[0] = (NamedValue){NULL, e->frame->flow, span};
    for (int i = 0; i < *count; i++)
        all[i + 1] = args[i];
    ++*count;
    return all;
}

static const NamedValue *find_option(const Item *item, const NamedValue *args, int count,
                                     const char *name)
{
    for (int i = 0; i < count; i++)
        if (name_is(args[i].name, name) && !find_param(item, args[i].name))
            return &args[i];
    return NULL;
}

// An option for parameters, given to a layer that made none, would be ignored.
static void check_options_used(Expander *e, const Call *c, int declared)
{
    const Item *item = c->definition->item;
    if (declared > 0)
        return;
    for (int i = 0; i < c->count; i++) {
        Name name = c->args[i].name;
        if (name && is_option(name) && !name_is(name, "name") && !find_param(item, name))
            report_option(e, item, name, c->args[i].span);
    }
}

static Value *expand_layer(Expander *e, const Call *c)
{
    if (!e->builder.graph) {
        Diag *d =
            diag_report(diags_of(e), DIAG_not_compile_time, blame_span(e, c->span), "a layer");
        return poison_after(e, d, c->span);
    }
    if (++e->layers > MAX_LAYERS)
        return report_limit(e, c->span, "layers", MAX_LAYERS);
    int row = row_begin(e, c->path, c->span), before = e->frame->declared_count;
    Value *v = expand_call(e, c);
    if (v->kind == VALUE_TENSOR) {
        Origin o = {v->node, c->definition->item};
        arena_push(e->arena, e->origins, e->origin_count, e->origin_capacity, o);
        check_options_used(e, c, e->frame->declared_count - before);
    }
    row_end(e, row, v);
    return v;
}

Value *call_layer(Expander *e, const Definition *d, NamedValue *args, int count, Span span)
{
    const NamedValue *name = find_option(d->item, args, count, "name");
    Name path = name ? named_path(e, name) : child_path(e, d->item->name);
    args = path ? with_flow(e, d->item, args, &count, span) : NULL;
    if (!args)
        return poison_value(e, span);
    Call c = {.definition = d,
              .args = args,
              .count = count,
              .span = span,
              .path = path,
              .inherited = e->frame->inherited,
              .state_kind = VARIABLE_STATE};
    return expand_layer(e, &c);
}

// An instance's own arguments come after the tensors of the call.
Value *call_instance(Expander *e, const Instance *instance, NamedValue *args, int count, Span span)
{
    const Item *item = instance->definition->item;
    int total = count + instance->count;
    NamedValue *all = arena_array(e->arena, NamedValue, (size_t)total + 1);
    for (int i = 0; i < count; i++)
        all[i] = args[i];
    for (int i = 0; i < instance->count; i++)
        all[count + i] = instance->args[i];
    all = with_flow(e, item, all, &total, span);
    if (!all)
        return poison_value(e, span);
    Call c = {.definition = instance->definition,
              .args = all,
              .count = total,
              .span = span,
              .path = instance->path,
              .inherited = instance->inherited,
              .state_kind = VARIABLE_STATE};
    return expand_layer(e, &c);
}

Instance *instance_new(Expander *e, const Stmt *s)
{
    const Expr *x = s->value, *named = x->kind == EXPR_CALL ? x->left : x;
    const Definition *d = named->kind == EXPR_NAME
                              ? program_find(e->program, ITEM_LAYER, named->name, e->frame->library)
                              : NULL;
    if (!d) {
        Candidates c = {.arena = e->arena};
        candidates_add_kind(&c, e->program, ITEM_LAYER);
        report_unknown(e, named->span, "layer", named->kind == EXPR_NAME ? named->name : "?", &c);
        return NULL;
    }
    if (names_has(&e->frame->children, s->name)) {
        diag_report(diags_of(e), DIAG_duplicate_definition, s->name_span, "layer", s->name);
        return NULL;
    }
    Instance *i = arena_new_of(e->arena, Instance);
    i->definition = d;
    i->args = eval_args(e, x->kind == EXPR_CALL ? x->args : NULL, &i->count);
    i->path = child_path(e, s->name);
    i->inherited = e->frame->inherited;
    return i;
}

bool call_prepare(Expander *e, const Value *v, ItemKind kind, const NamedValue *lead,
                  int lead_count, Call *out)
{
    if (v->kind != VALUE_DEFINITION && v->kind != VALUE_CALL) {
        Text wanted = text_in(e->arena);
        text_addf(&wanted, "the name of one of kind `%s`", item_kind_text(kind));
        report_kind(e, v->span, text_str(&wanted), v);
        return false;
    }
    const Definition *d = program_find(e->program, kind, v->name, v->library);
    if (!d) {
        Candidates c = {.arena = e->arena};
        candidates_add_kind(&c, e->program, kind);
        report_unknown(e, v->span, item_kind_text(kind), v->name, &c);
        return false;
    }
    int own = v->kind == VALUE_CALL ? v->count : 0;
    NamedValue *args = arena_array(e->arena, NamedValue, (size_t)(lead_count + own) + 1);
    for (int i = 0; i < lead_count; i++)
        args[i] = lead[i];
    for (int i = 0; i < own; i++)
        args[lead_count + i] = v->items[i];
    *out = (Call){.definition = d,
                  .args = args,
                  .count = lead_count + own,
                  .span = v->span,
                  .path = e->frame->path,
                  .state_kind = VARIABLE_STATE};
    return true;
}
