// variables.c -- parameters and states: declared in a body, kept from run to run.
//
// The first expansion that meets a declaration adds the variable, with a graph of its own that
// makes its first value; later expansions, and later calls of an instance, find it by its path.

#include <string.h>

#include "sema/expander.h"

static void reserve(Expander *e, int count)
{
    if (count <= e->current_capacity)
        return;
    int capacity = 2 * count + 16;
    size_t old = (size_t)e->current_capacity, new = (size_t)capacity;
    e->current = arena_grow(e->arena, e->current, old, new, sizeof *e->current);
    e->updated = arena_grow(e->arena, e->updated, old, new, sizeof *e->updated);
    e->noted = arena_grow(e->arena, e->noted, old, new, sizeof *e->noted);
    e->current_capacity = capacity;
}

Node *read_variable(Expander *e, int variable)
{
    reserve(e, variable + 1);
    if (!e->current[variable])
        e->current[variable] = build_variable(&e->builder, variable);
    return e->current[variable];
}

void set_variable(Expander *e, int variable, Node *value)
{
    reserve(e, variable + 1);
    e->current[variable] = value;
    e->updated[variable] = true;
}

void flush_updates(Expander *e)
{
    for (int i = 0; i < e->current_capacity; i++)
        if (e->updated[i])
            graph_update(e->builder.graph, i, e->current[i]);
}

// --- first values -----------------------------------------------------------------------------

static Value *apply_init(Expander *e, Value *v, const Type *type)
{
    if (v->kind != VALUE_DEFINITION && v->kind != VALUE_CALL)
        return v;
    Value *shape = value_new(e->arena, VALUE_SHAPE, v->span);
    shape->shape = *type;
    NamedValue lead = {NULL, shape, v->span};
    Call c;
    if (!call_prepare(e, v, ITEM_INIT, &lead, 1, &c))
        return poison_value(e, v->span);
    return expand_call(e, &c);
}

static Node *init_value(Expander *e, const Expr *written, Value *override, const Type *type,
                        Span span)
{
    Value *v = override;
    if (!v && written)
        v = eval_as(e, written, ITEM_INIT);
    v = v ? apply_init(e, v, type) : value_int(e->arena, span, 0);
    Node *n = to_float(e, v, span);
    Node *wide = n ? broadcast_to(e, n, type) : NULL;
    if (n && !wide) {
        Diag *d =
            diag_report(diags_of(e), DIAG_shape_mismatch, blame_span(e, span), "the declaration",
                        shape_text(e->arena, type), shape_text(e->arena, &n->type));
        poison_after(e, d, span);
    }
    return wide;
}

// The initializer is expanded in the frame of the declaration, into a graph of its own.
static Graph *make_init(Expander *e, const Stmt *s, Value *override, Name path, const Type *type)
{
    Program *p = e->program;
    Builder outer = e->builder;
    Frame *frame = e->frame, init = *e->frame;
    e->builder = (Builder){.graph = graph_new(p->arena, p->session->names, p->variables, "init")};
    init.path = path;
    e->frame = &init;
    Node *n = init_value(e, s->value, override, type, s->value ? s->value->span : s->span);
    Graph *g = e->builder.graph;
    e->frame = frame;
    e->builder = outer;
    if (!n)
        return NULL;
    graph_output(g, program_intern(p, "value"), n);
    return g;
}

// --- declarations -----------------------------------------------------------------------------

static bool is_new_in_frame(Expander *e, const Stmt *s)
{
    const Stmt *first = names_get(&e->frame->declared, s->name);
    if (!first) {
        names_put(e->arena, &e->frame->declared, s->name, (void *)s);
        return true;
    }
    Diag *d = diag_report(diags_of(e), DIAG_duplicate_definition, s->name_span,
                          "parameter or state", s->name);
    diag_note(d, first->name_span, "first declared here");
    return false;
}

static bool same_declaration(Expander *e, const Variable *v, const Type *type, Span span)
{
    if (type_equal(&v->type, type))
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_shape_mismatch, blame_span(e, span), v->path,
                          shape_text(e->arena, &v->type), shape_text(e->arena, type));
    diag_help(d, "calls of one instance share its parameters: their inputs must agree");
    poison_after(e, d, span);
    return false;
}

// The index of the variable of that path, or -1. The table's own search is linear.
static int find_variable(const Program *p, Name path)
{
    const int *index = names_get(&p->variable_index, path);
    return index ? *index : -1;
}

static int add_variable(Program *p, Variable v)
{
    int *index = arena_new_of(p->arena, int);
    *index = variables_add(p->variables, v);
    names_put(p->arena, &p->variable_index, v.path, index);
    return *index;
}

static int declare(Expander *e, const Stmt *s, VariableKind kind, const Type *type, Value *override)
{
    Program *p = e->program;
    Name path = *e->frame->path
                    ? program_intern(p, "%s%s%s", e->frame->path, e->frame->separator, s->name)
                    : s->name;
    int i = find_variable(p, path);
    if (i >= 0)
        return same_declaration(e, &p->variables->items[i], type, s->span) ? i : -1;
    Graph *init = make_init(e, s, override, path, type);
    if (!init)
        return -1;
    Variable v = {.path = path,
                  .kind = kind,
                  .type = *type,
                  .init = init,
                  .span = s->span,
                  .frozen = kind == VARIABLE_PARAM && e->frame->inherited.frozen};
    return add_variable(p, v);
}

static bool shape_of(Expander *e, const Stmt *s, Type *out)
{
    if (s->has_dims)
        return eval_dims(e, s->dims, DTYPE_F32, false, out);
    *out = e->frame->state_shape ? *e->frame->state_shape : type_scalar(DTYPE_F32);
    return true;
}

static void bind_variable(Expander *e, const Stmt *s, int variable)
{
    Value *v = poison_value(e, s->span);
    build_at(e, s->span);
    if (variable >= 0)
        v = value_tensor(e->arena, s->span, read_variable(e, variable));
    Binding *b = scope_define(e->arena, e->frame->scope, s->name, v, s->name_span);
    b->variable = variable;
}

static bool can_declare(Expander *e, const Stmt *s)
{
    if (e->builder.graph && e->frame->kind != ITEM_INIT)
        return true;
    diag_report(diags_of(e), DIAG_misplaced, blame_span(e, s->span), "a parameter or state",
                item_kind_text(e->frame->kind));
    e->frame->flow = poison_value(e, s->span);
    return false;
}

static void note_parameter(Expander *e, int variable)
{
    const Variable *v = &e->program->variables->items[variable];
    Parameter p = {variable, read_variable(e, variable), e->frame->inherited.regularizer};
    if (e->noted[variable] || v->frozen || v->type.rank < 2)
        return;
    e->noted[variable] = true;
    arena_push(e->arena, e->parameters, e->parameter_count, e->parameter_capacity, p);
}

// A layer whose own parameters say nothing about `init` takes the option for its weights.
static Value *init_override(const Expander *e, const Type *type)
{
    const Frame *f = e->frame;
    for (const Param *p = f->definition ? f->definition->item->params : NULL; p; p = p->next)
        if (name_is(p->name, "init"))
            return NULL;
    return type->rank >= 2 ? f->inherited.init : NULL;
}

void stmt_param(Expander *e, const Stmt *s)
{
    Type type;
    int variable = -1;
    if (can_declare(e, s) && is_new_in_frame(e, s) && shape_of(e, s, &type))
        variable = declare(e, s, VARIABLE_PARAM, &type, init_override(e, &type));
    e->frame->declared_count++;
    bind_variable(e, s, variable);
    if (variable >= 0)
        note_parameter(e, variable);
}

void stmt_state(Expander *e, const Stmt *s)
{
    Type type;
    int variable = -1;
    if (can_declare(e, s) && is_new_in_frame(e, s) && shape_of(e, s, &type))
        variable = declare(e, s, e->frame->state_kind, &type, NULL);
    e->frame->declared_count++;
    bind_variable(e, s, variable);
}

// --- updates ----------------------------------------------------------------------------------

static Binding *find_state(Expander *e, const Stmt *s)
{
    Binding *b = scope_find(e->frame->scope, s->name);
    if (b && b->variable >= 0)
        return b;
    if (b && is_poison(b->value))
        return NULL;
    Candidates c = {.arena = e->arena};
    for (const Scope *scope = e->frame->scope; scope; scope = scope->parent)
        for (const Binding *other = scope->bindings; other; other = other->next)
            if (other->variable >= 0)
                candidates_add(&c, other->name);
    report_unknown(e, s->name_span, "state", s->name, &c);
    return NULL;
}

// A state has one next value a run, and a scan would give it one a step.
static bool can_update(Expander *e, const Stmt *s)
{
    if (!e->scan)
        return true;
    Diag *d = diag_report(diags_of(e), DIAG_misplaced, blame_span(e, s->span),
                          "an update of a state", "scan");
    e->frame->flow = poison_after(e, d, s->span);
    return false;
}

void stmt_update(Expander *e, const Stmt *s)
{
    Binding *carried = scope_find(e->frame->scope, s->name);
    if (carried && carried->carried) {
        scan_update(e, carried, s);
        return;
    }
    if (!can_update(e, s))
        return;
    Binding *b = find_state(e, s);
    Value *v = eval_expr(e, s->value);
    if (!b || is_poison(v))
        return;
    const Type type = e->program->variables->items[b->variable].type;
    Node *n = to_float(e, v, s->value->span);
    Node *wide = n ? broadcast_to(e, n, &type) : NULL;
    if (n && !wide) {
        Text what = text_in(e->arena);
        text_addf(&what, "state `%s`", s->name);
        Diag *d = diag_report(diags_of(e), DIAG_shape_mismatch, blame_span(e, s->value->span),
                              text_str(&what), shape_text(e->arena, &type),
                              shape_text(e->arena, &n->type));
        diag_note(d, b->span, "declared here");
        if (type_batched(&n->type))
            diag_help(d, "the value still has the batch: reduce it with `keep`");
        poison_after(e, d, s->value->span);
    }
    if (!wide || e->frame->inherited.frozen)
        return;  // what a frozen layer has learned of its data stays, too
    set_variable(e, b->variable, wide);
    b->value = value_tensor(e->arena, s->span, wide);
}
