// objective.c -- what training makes small and what tells how good a model is: losses, metrics,
// penalties; the graphs `evaluate`, `finish` and `train`.
//
// A loss or a metric is written for one example; here it becomes the mean over the batch (and over
// the axes that it leaves, such as the steps of a sequence). A metric with an `update` block is no
// average: its states are added to by `evaluate`, and `finish` makes its value of them.

#include "sema/expander.h"

// The target of each output, made an input of the graph when it is first used.
static Value **make_targets(Expander *e)
{
    Value **targets = arena_array(e->arena, Value *, (size_t)e->output_count);
    for (int i = 0; i < e->output_count; i++) {
        targets[i] = value_new(e->arena, VALUE_TARGET, e->program->train_spec.span);
        targets[i]->shape = e->outputs[i].node->type;
        targets[i]->name = e->output_count == 1
                               ? program_intern(e->program, "target")
                               : program_intern(e->program, "target.%s", e->outputs[i].name);
    }
    return targets;
}

static bool is_for(const Objective *o, const Port *output)
{
    return !o->output || o->output == output->name;
}

static bool check_outputs(Expander *e, const Objective *list, int count)
{
    bool good = true;
    for (int i = 0; i < count; i++) {
        Candidates c = {.arena = e->arena};
        bool found = false;
        for (int j = 0; j < e->output_count; j++) {
            found |= is_for(&list[i], &e->outputs[j]);
            candidates_add(&c, e->outputs[j].name);
        }
        if (!found)
            report_unknown(e, list[i].span, "output", list[i].output, &c);
        good &= found;
    }
    return good;
}

static bool prepare(Expander *e, const Objective *o, ItemKind kind, Value *y, Value *target,
                    Call *c)
{
    NamedValue lead[] = {{NULL, y, o->span}, {NULL, target, o->span}};
    return call_prepare(e, o->call, kind, lead, 2, c);
}

static bool has_parameter(const Item *item, const char *name)
{
    for (const Param *p = item->params; p; p = p->next)
        if (name_is(p->name, name))
            return true;
    return false;
}

// The key `label_smoothing` of the train block is an option of the loss.
static bool add_smoothing(Expander *e, Call *c)
{
    Value *smoothing = e->program->plan.label_smoothing;
    if (!smoothing)
        return true;
    Name name = program_intern(e->program, "label_smoothing");
    if (!has_parameter(c->definition->item, name)) {
        diag_report(diags_of(e), DIAG_unknown_option, smoothing->span, c->definition->item->name,
                    name);
        return false;
    }
    c->args[c->count++] = (NamedValue){name, smoothing, smoothing->span};
    return true;
}

static Node *average(Expander *e, Value *v, Span span)
{
    Node *n = to_float(e, v, span);
    return n ? mean_all(e, n) : NULL;
}

static Node *one_loss(Expander *e, const Objective *o, const Port *output, Value *target)
{
    Call c;
    Value *y = value_tensor(e->arena, o->span, output->node);
    if (!prepare(e, o, ITEM_LOSS, y, target, &c))
        return NULL;
    NamedValue *args = arena_array(e->arena, NamedValue, (size_t)c.count + 1);
    for (int i = 0; i < c.count; i++)
        args[i] = c.args[i];
    c.args = args;
    return add_smoothing(e, &c) ? average(e, expand_call(e, &c), o->span) : NULL;
}

// The sum over the outputs; NULL after a report.
static Node *expand_loss(Expander *e, Value **targets)
{
    const TrainPlan *plan = &e->program->plan;
    Node *sum = NULL;
    for (int i = 0; i < plan->loss_count; i++) {
        for (int j = 0; j < e->output_count; j++) {
            if (!is_for(&plan->losses[i], &e->outputs[j]))
                continue;
            Node *n = one_loss(e, &plan->losses[i], &e->outputs[j], targets[j]);
            if (!n)
                return NULL;
            sum = sum ? build_binary(&e->builder, OP_add, sum, n) : n;
        }
    }
    return sum;
}

// What the regularizers add, 0 without one; NULL after a report.
static Node *expand_penalty(Expander *e)
{
    Builder *b = &e->builder;
    Node *sum = NULL;
    build_at(e, NO_SPAN);
    for (int i = 0; i < e->parameter_count; i++) {
        const Parameter *p = &e->parameters[i];
        const Value *r = p->regularizer ? p->regularizer : e->program->plan.regularizer;
        if (!r)
            continue;
        Call c;
        NamedValue lead = {NULL, value_tensor(e->arena, r->span, p->node), r->span};
        if (!call_prepare(e, r, ITEM_REGULARIZER, &lead, 1, &c))
            return NULL;
        Node *n = to_float(e, expand_call(e, &c), r->span);
        if (!n)
            return NULL;
        n = sum_all(e, n);
        sum = sum ? build_binary(b, OP_add, sum, n) : n;
    }
    return sum ? sum : build_const(b, DTYPE_F32, 0);
}

// --- metrics ----------------------------------------------------------------------------------

static Name metric_name(Expander *e, const Objective *o, const Port *output)
{
    return e->output_count == 1 ? o->call->name
                                : program_intern(e->program, "%s.%s", o->call->name, output->name);
}

static bool has_update(const Item *item)
{
    for (const Stmt *s = item->body; s; s = s->next)
        if (s->kind == STMT_BLOCK)
            return true;
    return false;
}

// A metric in one of its phases; one that is an average only has a value in the first.
static bool one_metric(Expander *e, const Objective *o, const Port *output, Value *target)
{
    Call c;
    Value *y = value_tensor(e->arena, o->span, output->node);
    if (!prepare(e, o, ITEM_METRIC, y, target, &c))
        return false;
    bool kept = has_update(c.definition->item);
    if (!kept && e->phase == METRIC_FINISH)
        return true;
    c.path = metric_name(e, o, output);
    c.state_kind = VARIABLE_METRIC;
    Value *v = expand_call(e, &c);
    if (kept && e->phase == METRIC_UPDATE)
        return !is_poison(v);
    Node *n = average(e, v, o->span);
    if (n)
        graph_output(e->builder.graph, c.path, n);
    return n != NULL;
}

static bool expand_metrics(Expander *e, MetricPhase phase, Value **targets)
{
    const TrainPlan *plan = &e->program->plan;
    bool good = true;
    e->phase = phase;
    for (int i = 0; i < plan->metric_count; i++)
        for (int j = 0; j < e->output_count; j++)
            if (is_for(&plan->metrics[i], &e->outputs[j]))
                good &= one_metric(e, &plan->metrics[i], &e->outputs[j], targets[j]);
    e->phase = METRIC_NONE;
    return good;
}

// --- graphs -----------------------------------------------------------------------------------

static bool check_plan(Program *p)
{
    if (p->plan.loss_count > 0)
        return true;
    if (!p->train)
        diag_report(p->session->diags, DIAG_missing_block, NO_SPAN, "train");
    else
        diag_report(p->session->diags, DIAG_missing_key, p->train->span, "train", "loss");
    return false;
}

// The model and its loss in `e`; the loss in *loss.
static bool expand_with_loss(Expander *e, Value ***targets, Node **loss)
{
    const TrainPlan *plan = &e->program->plan;
    size_t errors = diags_errors(diags_of(e));
    if (!check_plan(e->program) || !expand_model(e))
        return false;
    frame_pop(e);
    *targets = make_targets(e);
    if (!check_outputs(e, plan->losses, plan->loss_count) ||
        !check_outputs(e, plan->metrics, plan->metric_count))
        return false;
    *loss = expand_loss(e, *targets);
    return *loss && diags_errors(diags_of(e)) == errors;
}

Graph *sema_evaluate(Program *p)
{
    Expander e = expander_new(p, program_graph(p, "evaluate"), false);
    Value **targets;
    Node *loss;
    if (!expand_with_loss(&e, &targets, &loss))
        return NULL;
    graph_output(e.builder.graph, program_intern(p, "loss"), loss);
    if (!expand_metrics(&e, METRIC_UPDATE, targets))
        return NULL;
    flush_updates(&e);
    graph_clean(e.builder.graph);
    return e.builder.graph;
}

// A metric's last expression sees states alone, but its patterns want the output's shape: a
// stand-in has it, and is dropped again.
static void stand_in_outputs(Expander *e, Graph *g)
{
    e->builder.graph = g;
    for (int i = 0; i < e->output_count; i++)
        e->outputs[i].node = build_filled(&e->builder, &e->outputs[i].node->type, 0);
}

static bool needs_finish(const Program *p)
{
    for (int i = 0; i < p->plan.metric_count; i++) {
        const Value *v = p->plan.metrics[i].call;
        const Definition *d = program_find(p, ITEM_METRIC, v->name, v->library);
        if (d && has_update(d->item))
            return true;
    }
    return false;
}

static bool reads_input(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++)
            if (g->nodes[i]->in[k]->op == OP_input)
                return true;
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i].node->op == OP_input)
            return true;
    return false;
}

// A metric's pattern may have named the target, but `finish` is given no examples.
static void drop_inputs(Graph *g)
{
    if (reads_input(g))
        return;
    g->nodes += g->input_count;  // which stand first
    g->node_count -= g->input_count;
    g->node_capacity -= g->input_count;
    g->input_count = 0;
    for (int i = 0; i < g->node_count; i++)
        g->nodes[i]->id = (uint32_t)i;
}

Graph *sema_finish(Program *p)
{
    if (!needs_finish(p))
        return NULL;
    Expander e = expander_new(p, program_graph(p, "shapes"), false);
    if (!expand_model(&e))
        return NULL;
    frame_pop(&e);
    Graph *g = program_graph(p, "finish");
    stand_in_outputs(&e, g);
    e.current_capacity = 0;
    e.current = NULL;
    e.updated = NULL;
    e.noted = NULL;
    if (!expand_metrics(&e, METRIC_FINISH, make_targets(&e)))
        return NULL;
    graph_clean(g);
    drop_inputs(g);
    return g;
}

Graph *sema_train(Program *p)
{
    Expander e = expander_new(p, program_graph(p, "train"), true);
    Value **targets;
    Node *loss;
    if (!expand_with_loss(&e, &targets, &loss))
        return NULL;
    Node *penalty = expand_penalty(&e);
    if (!penalty)
        return NULL;
    Graph *g = e.builder.graph;
    graph_output(g, program_intern(p, "loss"), build_binary(&e.builder, OP_add, loss, penalty));
    graph_output(g, program_intern(p, "penalty"), penalty);
    flush_updates(&e);
    graph_clean(g);
    return g;
}
