// plan.c -- which values of a graph become whole numbers.
//
//   forwards    what could: it has a form, and its operands could
//   backwards   what is worth it: a product with weights, or something on the way to one or to an
//               output; a layer normalization between f32 values gains nothing and would lose
//               digits
//   backwards   what is needed, as i8 and as f32

#include "pass/pass.h"
#include "quantize/forms.h"

typedef struct Planner {
    QuantizePlan *plan;
    const Graph *g;
    Facts facts;
    bool *whole;       // by id: is computed in whole numbers if it is needed
    bool *need_whole;  // by id
    bool *need_real;   // by id
} Planner;

// --- what could be ----------------------------------------------------------------------------

static bool is_heavy(Form form)
{
    return form == FORM_PRODUCT || form == FORM_PAIRED || form == FORM_ROWS;
}

// The inputs of a product may be brought to whole numbers from wherever it comes.
static bool could_be_whole(const Planner *p, const Step *s)
{
    if (s->form == FORM_REAL)
        return false;
    for (int i = 0; i < s->operand_count && !is_heavy(s->form); i++)
        if (!p->whole[s->operands[i]->id])
            return false;
    return true;
}

static void find_whole(Planner *p)
{
    for (int i = 0; i < p->g->node_count; i++) {
        p->plan->steps[i] = form_of(&p->facts, p->g->nodes[i]);
        p->whole[i] = could_be_whole(p, &p->plan->steps[i]);
    }
}

static bool *used_well(const Planner *p)
{
    bool *well = arena_array(p->plan->arena, bool, (size_t)p->g->node_count + 1);
    for (int i = 0; i < p->g->output_count; i++)
        well[p->g->outputs[i].node->id] = true;
    for (int i = p->g->node_count - 1; i >= 0; i--) {
        const Node *n = p->g->nodes[i];
        const Form form = p->plan->steps[i].form;
        well[i] = p->whole[i] && (well[i] || is_heavy(form) || form == FORM_DOOR);
        for (int k = 0; well[i] && k < n->input_count; k++)
            well[n->in[k]->id] = true;
        for (int k = 0; well[i] && k < p->plan->steps[i].operand_count; k++)
            well[p->plan->steps[i].operands[k]->id] = true;
    }
    return well;
}

// --- what is needed ---------------------------------------------------------------------------

// Classes and places are compared as they were.
static void need_condition(Planner *p, const Node *n)
{
    if (p->facts.fixed[n->id])
        return;
    if (compares_whole(n))
        p->need_real[n->id] = true;
    else if (n->type.dtype == DTYPE_BOOL)
        for (int i = 0; i < n->input_count; i++)
            need_condition(p, n->in[i]);
}

static void need_operands(Planner *p, const Node *n)
{
    const Step *s = &p->plan->steps[n->id];
    for (int i = 0; i < s->operand_count; i++)
        p->need_whole[s->operands[i]->id] = true;
    if (s->form == FORM_ROWS)
        p->need_real[n->in[1]->id] = true;
    if (s->form == FORM_SOFTMAX && s->mask)
        need_condition(p, s->mask->in[0]);
    if (s->form == FORM_CHOSEN && s->root->op == OP_where)
        need_condition(p, s->root->in[0]);
}

// These are there as f32 whether or not they are whole numbers too.
static bool is_there(Form form)
{
    return form == FORM_DOOR || form == FORM_KNOWN;
}

static void find_needed(Planner *p)
{
    for (int i = 0; i < p->g->output_count; i++)
        p->need_real[p->g->outputs[i].node->id] = true;
    for (int i = p->g->node_count - 1; i >= 0; i--) {
        const Node *n = p->g->nodes[i];
        const Form form = p->plan->steps[i].form;
        p->need_whole[i] |= p->need_real[i] && p->whole[i] && !is_there(form);
        if (p->need_whole[i] && p->whole[i])
            need_operands(p, n);
        p->need_real[i] |= p->need_whole[i] && (!p->whole[i] || form == FORM_DOOR);
        const bool computed = p->need_real[i] && (!p->whole[i] || is_there(form));
        for (int k = 0; computed && k < n->input_count; k++)
            p->need_real[n->in[k]->id] = true;
    }
}

// --- the plan ---------------------------------------------------------------------------------

// Of these the range follows from that of an operand, or is known.
static bool has_own_range(const Planner *p, const Node *n)
{
    const Form form = p->plan->steps[n->id].form;
    return !p->whole[n->id] ||
           (form != FORM_MOVED && form != FORM_SOFTMAX && form != FORM_ROWS && form != FORM_KNOWN);
}

// Windows are many times the size of what they show; fixed values are not computed.
static bool is_worth_watching(const Planner *p, int id)
{
    const Form form = p->plan->steps[id].form;
    return !p->whole[id] || (form != FORM_MOVED && form != FORM_KNOWN);
}

static void add_values(Planner *p)
{
    QuantizePlan *plan = p->plan;
    plan->values = arena_array(plan->arena, QuantizedValue, (size_t)p->g->node_count + 1);
    int outputs = 0;
    for (int i = 0; i < p->g->node_count; i++) {
        if (!p->need_whole[i])
            continue;
        QuantizedValue *v = &plan->values[plan->value_count];
        *v = (QuantizedValue){.real = p->g->nodes[i],
                              .ranged = has_own_range(p, p->g->nodes[i]),
                              .output = is_worth_watching(p, i) ? outputs++ : -1};
        plan->value_count++;
    }
}

// What the inputs of products were in a training for whole numbers.
static void find_learned(Planner *p)
{
    const QuantizePlan *plan = p->plan;
    const Node **weights = arena_array(plan->arena, const Node *, (size_t)p->g->node_count + 1);
    for (int i = 0; i < p->g->node_count; i++) {
        const Step *s = &plan->steps[i];
        const Node *x = s->operand_count ? s->operands[0] : NULL;
        if (s->form != FORM_PRODUCT || !p->need_whole[i] || !p->whole[i])
            continue;
        while (p->whole[x->id] && plan->steps[x->id].form == FORM_MOVED)
            x = x->in[0];
        weights[x->id] = s->root->in[s->weights];
    }
    for (int i = 0; i < plan->value_count; i++) {
        QuantizedValue *v = &plan->values[i];
        const Node *w = weights[v->real->id];
        const char *path = w ? weights_path(plan->arena, p->g, w) : NULL;
        v->low = path ? weights_range(p->g, path, "low") : -1;
        v->high = path ? weights_range(p->g, path, "high") : -1;
    }
}

static RealLayer *real_layer(QuantizePlan *plan, Name path)
{
    for (int i = 0; i < plan->real_count; i++)
        if (plan->real_layers[i].path == path)
            return &plan->real_layers[i];
    plan->real_layers[plan->real_count] = (RealLayer){.path = path};
    return &plan->real_layers[plan->real_count++];
}

static void note(RealLayer *l, Form form)
{
    l->formless |= form == FORM_REAL;
    l->computes |= form != FORM_MOVED;
}

// Layers that compute with f32, beyond the borders. An operation that the model itself calls has no
// layer's path, but its own name.
static void add_real_layers(Planner *p)
{
    QuantizePlan *plan = p->plan;
    plan->real_layers = arena_array(plan->arena, RealLayer, (size_t)p->g->node_count + 1);
    for (int i = 0; i < p->g->node_count; i++) {
        const Node *n = p->g->nodes[i];
        const Name path = n->path && *n->path ? n->path : op_name(n->op);
        if (p->need_real[i] && !p->whole[i] && !p->facts.fixed[i] && !op_is(n->op, LEAF | VIEW) &&
            n->op != OP_scan_result && n->type.dtype == DTYPE_F32)
            note(real_layer(plan, path), plan->steps[i].form);
    }
}

static void make_watch(QuantizePlan *plan)
{
    Graph *w = graph_clone(plan->graph);
    w->output_count = 0;
    w->name = intern(w->names, "watch");
    for (int i = 0; i < plan->value_count; i++) {
        if (plan->values[i].output < 0)
            continue;
        const Name name = intern(w->names, arena_printf(w->arena, "value.%d", i));
        graph_output(w, name, w->nodes[plan->values[i].real->id]);
    }
    plan->watch = w;
}

QuantizePlan *quantize_plan(Arena *a, const Graph *predict)
{
    QuantizePlan *plan = arena_new_of(a, QuantizePlan);
    const size_t count = (size_t)predict->node_count + 1;
    *plan = (QuantizePlan){.arena = a, .graph = predict, .steps = arena_array(a, Step, count)};
    Planner p = {
        .plan = plan,
        .g = predict,
        .facts = facts_of(a, predict),
        .whole = arena_array(a, bool, count),
        .need_whole = arena_array(a, bool, count),
        .need_real = arena_array(a, bool, count),
    };
    find_whole(&p);
    p.whole = used_well(&p);
    find_needed(&p);
    add_values(&p);
    find_learned(&p);
    add_real_layers(&p);
    for (int i = 0; i < predict->node_count; i++)
        if (!p.whole[i])
            plan->steps[i].form = FORM_REAL;
    plan->need_real = p.need_real;
    make_watch(plan);
    return plan;
}
