// optimize.c -- the optimizer's definition, expanded once for each parameter with its gradient.
//
//   learning rate = the optimizer's (or the block's table by epoch) * the schedule's factor
//   gradient      = as autodiff made it, clipped as clip_norm and clip_value say

#include "sema/expander.h"

static Node *square_sum(Expander *e, Node *g)
{
    return sum_all(e, build_binary(&e->builder, OP_mul, g, g));
}

static Node *filled(Expander *e, const Node *like, double value)
{
    return build_filled(&e->builder, &like->type, value);
}

// All gradients together get the norm `limit` when theirs is larger: g * limit / max(norm, limit).
static void clip_norm(Expander *e, Node **gradients, int count, double limit)
{
    Builder *b = &e->builder;
    Node *sum = NULL;
    for (int i = 0; i < count; i++) {
        Node *s = square_sum(e, gradients[i]);
        sum = sum ? build_binary(b, OP_add, sum, s) : s;
    }
    if (!sum)
        return;
    Node *norm = build_unary(b, OP_sqrt, sum), *most = filled(e, norm, limit);
    Node *factor = build_binary(b, OP_div, most, build_binary(b, OP_max, norm, most));
    for (int i = 0; i < count; i++)
        gradients[i] =
            build_binary(b, OP_mul, gradients[i], broadcast_to(e, factor, &gradients[i]->type));
}

static void clip_value(Expander *e, Node **gradients, int count, double limit)
{
    Builder *b = &e->builder;
    for (int i = 0; i < count; i++) {
        Node *g = build_binary(b, OP_min, gradients[i], filled(e, gradients[i], limit));
        gradients[i] = build_binary(b, OP_max, g, filled(e, g, -limit));
    }
}

static Node **clipped(Expander *e, Node *const *gradients, int count)
{
    const TrainPlan *plan = &e->program->plan;
    Node **out = arena_array(e->arena, Node *, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        out[i] = gradients[i];
    if (plan->clip_value > 0)
        clip_value(e, out, count, plan->clip_value);
    if (plan->clip_norm > 0)
        clip_norm(e, out, count, plan->clip_norm);
    return out;
}

// --- the learning rate ------------------------------------------------------------------------

static const Param *find_param(const Item *item, const char *name, int *index)
{
    *index = 0;
    for (const Param *p = item->params; p; p = p->next, ++*index)
        if (name_is(p->name, name))
            return p;
    return NULL;
}

static Value *schedule_factor(Expander *e)
{
    const Program *p = e->program;
    const Value *schedule = p->plan.schedule;
    Span span = schedule->span;
    Call c;
    if (!call_prepare(e, schedule, ITEM_SCHEDULE, NULL, 0, &c))
        return poison_value(e, span);
    c.path = program_intern(p, "schedule");  // of its states: schedule/best
    c.state_kind = VARIABLE_SLOT;
    NamedValue *args = arena_array(e->arena, NamedValue, (size_t)c.count + 2);
    int n = 0, index;
    build_at(e, span);
    if (find_param(c.definition->item, "epoch", &index))
        args[n++] = (NamedValue){
            program_intern(p, "epoch"),
            value_tensor(e->arena, span, build_scalar(&e->builder, SCALAR_EPOCH)), span};
    if (find_param(c.definition->item, "epochs", &index))
        args[n++] = (NamedValue){program_intern(p, "epochs"),
                                 value_int(e->arena, span, p->train_spec.epochs), span};
    // The run gives the leading parameters: what is positional in the call comes after them.
    const Param *param = c.definition->item->params;
    for (int i = 0; i < n && param; i++)
        param = param->next;
    for (int i = 0; i < c.count; i++) {
        args[n] = c.args[i];
        if (!args[n].name && param) {
            args[n].name = param->name;
            param = param->next;
        }
        n++;
    }
    c.args = args;
    c.count = n;
    return expand_call(e, &c);
}

// [(0, 5e-4), (12, 1e-4)]: the rate of the last row whose epoch has come, as nested choices.
static Value *rate_table(Expander *e, const Value *table)
{
    Value *rate = NULL;
    for (int i = 0; i < table->count; i++) {
        const Value *row = table->items[i].value;
        if (row->kind != VALUE_TUPLE || row->count != 2 || !is_number(row->items[0].value) ||
            !is_number(row->items[1].value))
            return report_kind(e, row->span, "a pair (epoch, learning rate)", row);
        build_at(e, table->span);
        Value *epoch = value_tensor(e->arena, table->span, build_scalar(&e->builder, SCALAR_EPOCH));
        Value *come = apply_binary(e, OPK_GE, epoch, row->items[0].value, table->span);
        Value *in[] = {come, row->items[1].value, rate};
        rate = rate ? apply_op(e, OP_where, in, 3, table->span) : row->items[1].value;
    }
    return rate ? rate : report_kind(e, table->span, "a pair (epoch, learning rate)", table);
}

// The argument that the call gives to parameter number `index`, or NULL.
static NamedValue *find_argument(Call *c, const Param *p, int index)
{
    for (int i = 0; i < c->count; i++)
        if (c->args[i].name ? c->args[i].name == p->name : i == index)
            return &c->args[i];
    return NULL;
}

static Value *base_rate(Expander *e, Call *c, const Param *p, int index)
{
    const NamedValue *given = find_argument(c, p, index);
    Value *block = e->program->plan.learning_rate;
    Value *v = block ? block : given ? given->value : eval_expr(e, p->value);
    return v->kind == VALUE_LIST ? rate_table(e, v) : v;
}

// The learning rate of this step, or NULL when the optimizer takes none.
static Value *learning_rate(Expander *e, Call *c)
{
    int index;
    const Param *p = find_param(c->definition->item, "learning_rate", &index);
    if (!p || (!p->value && !find_argument(c, p, index) && !e->program->plan.learning_rate))
        return NULL;
    Value *rate = base_rate(e, c, p, index);
    if (!e->program->plan.schedule)
        return rate;
    return apply_binary(e, OPK_MUL, rate, schedule_factor(e), rate->span);
}

// --- updates ----------------------------------------------------------------------------------

static void set_argument(Expander *e, Call *c, const char *name, Value *v)
{
    int index;
    const Param *p = find_param(c->definition->item, name, &index);
    NamedValue *given = p && v ? find_argument(c, p, index) : NULL;
    if (given)
        given->value = v;
    else if (p && v)
        c->args[c->count++] = (NamedValue){program_intern(e->program, "%s", name), v, v->span};
}

// The call for one parameter, with room for the options that the block adds.
static bool prepare(Expander *e, int variable, Node *gradient, Call *c)
{
    Value *optimizer = e->program->plan.optimizer;
    Span span = optimizer->span;
    NamedValue lead[] = {{NULL, value_tensor(e->arena, span, read_variable(e, variable)), span},
                         {NULL, value_tensor(e->arena, span, gradient), span}};
    if (!call_prepare(e, optimizer, ITEM_OPTIMIZER, lead, 2, c))
        return false;
    NamedValue *args = arena_array(e->arena, NamedValue, (size_t)c->count + 2);
    for (int i = 0; i < c->count; i++)
        args[i] = c->args[i];
    c->args = args;
    return true;
}

// An optimizer without decay of its own gets the block's, apart from the gradient as in adamw.
static void decay(Expander *e, const Call *c, int variable, Node *before, Value *rate, Span span)
{
    int index;
    Value *amount = e->program->plan.weight_decay;
    bool own = find_param(c->definition->item, "weight_decay", &index);
    if (!amount || own || !rate || before->type.rank < 2)
        return;
    Value *w = value_tensor(e->arena, span, before);
    Value *now = value_tensor(e->arena, span, read_variable(e, variable));
    Value *lost = apply_binary(e, OPK_MUL, apply_binary(e, OPK_MUL, rate, amount, span), w, span);
    Value *left = apply_binary(e, OPK_SUB, now, lost, span);
    if (left->kind == VALUE_TENSOR)
        set_variable(e, variable, left->node);
}

static bool update(Expander *e, int variable, Node *gradient, Value **rate)
{
    const Variable *v = &e->program->variables->items[variable];
    const Type type = v->type;
    const Name path = v->path;
    Node *before = read_variable(e, variable);
    Call c;
    if (!prepare(e, variable, gradient, &c))
        return false;
    if (!*rate)
        *rate = learning_rate(e, &c);
    set_argument(e, &c, "learning_rate", *rate);
    set_argument(e, &c, "weight_decay", e->program->plan.weight_decay);
    c.path = path;
    c.state_kind = VARIABLE_SLOT;
    c.state_shape = &type;
    c.updates_first = true;
    c.first_variable = variable;
    if (is_poison(expand_call(e, &c)))
        return false;
    build_at(e, c.span);
    decay(e, &c, variable, before, *rate, c.span);
    return true;
}

// Variables that the graph reads already are read no second time.
static void note_reads(Expander *e, Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op != OP_variable)
            continue;
        set_variable(e, n->attr.index, n);
        e->updated[n->attr.index] = false;
    }
}

bool sema_optimize(Program *p, Graph *train, const int *params, Node *const *gradients, int count)
{
    Expander e = expander_new(p, train, true);
    size_t errors = diags_errors(p->session->diags);
    if (!p->plan.optimizer) {
        diag_report(p->session->diags, DIAG_missing_key, p->train_spec.span, "train", "optimizer");
        return false;
    }
    note_reads(&e, train);
    build_at(&e, p->plan.optimizer->span);
    Node **limited = clipped(&e, gradients, count);
    Value *rate = NULL;
    for (int i = 0; i < count; i++)
        if (!update(&e, params[i], limited[i], &rate))
            return false;
    flush_updates(&e);
    return diags_errors(p->session->diags) == errors;
}
