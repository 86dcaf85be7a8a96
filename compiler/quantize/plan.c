// plan.c -- which values of a graph become whole numbers.
//
//   forwards    what could: it has a form, and its operands could; what a scan carries could when
//               its next value could
//   backwards   what is worth it: a product with weights, or something on the way to one or to an
//               output; a layer normalization between f32 values gains nothing and would lose
//               digits
//   backwards   what is needed, as i8 and as f32

#include "pass/pass.h"
#include "quantize/forms.h"

typedef struct Planner {
    QuantizePlan *plan;
    const Flat *flat;
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

#define MOST_DEPTH (MAX_RANK - 2)  // of scans in scans whose values can be watched

static Step step_of(const Planner *p, int id)
{
    if (p->flat->scopes[p->flat->scope[id]].depth > MOST_DEPTH)
        return (Step){.form = FORM_REAL};
    return form_of(&p->facts, p->g->nodes[id]);
}

static bool is_carried(const Planner *p, int id)
{
    return p->flat->borders[id].crossing == CROSSING_CARRIED;
}

// Whether all that is carried in whole numbers has a next value in them; else what has none is
// taken out.
static bool nexts_are_whole(Planner *p)
{
    bool all = true;
    for (int i = 0; i < p->g->node_count; i++) {
        if (!is_carried(p, i) || p->plan->steps[i].form != FORM_CARRIED)
            continue;
        const uint32_t next = p->flat->borders[i].next->id;
        if (p->whole[next] || p->facts.fixed[next])
            continue;
        p->plan->steps[i].form = FORM_REAL;
        all = false;
    }
    return all;
}

static void find_whole(Planner *p)
{
    for (int i = 0; i < p->g->node_count; i++)
        p->plan->steps[i] = step_of(p, i);
    do {
        for (int i = 0; i < p->g->node_count; i++)
            p->whole[i] = could_be_whole(p, &p->plan->steps[i]);
    } while (!nexts_are_whole(p));
}

static int mark(bool *marks, const Node *n)
{
    const int changed = n && !marks[n->id];
    if (n)
        marks[n->id] = true;
    return changed;
}

// Of all that a node is computed from: how many have been marked now.
static int mark_inputs(const Planner *p, bool *marks, const Node *n)
{
    const Border *b = &p->flat->borders[n->id];
    int changed = mark(marks, b->from) + mark(marks, b->next);
    for (int k = 0; b->crossing == CROSSING_NONE && k < n->input_count; k++)
        changed += mark(marks, n->in[k]);
    return changed;
}

static bool *used_well(const Planner *p)
{
    bool *well = arena_array(p->plan->arena, bool, (size_t)p->g->node_count + 1);
    int changed = 1;
    for (int i = 0; i < p->g->output_count; i++)
        well[p->g->outputs[i].node->id] = true;
    while (changed) {  // round the scans
        changed = 0;
        for (int i = p->g->node_count - 1; i >= 0; i--) {
            const Step *s = &p->plan->steps[i];
            if (p->g->nodes[i]->op == OP_argmax)
                changed += mark(well, p->g->nodes[i]->in[0]);
            if (!p->whole[i] || !(well[i] || is_heavy(s->form) || s->form == FORM_DOOR))
                continue;
            well[i] = true;
            changed += mark_inputs(p, well, p->g->nodes[i]);
            for (int k = 0; k < s->operand_count; k++)
                changed += mark(well, s->operands[k]);
        }
    }
    for (int i = 0; i < p->g->node_count; i++)
        well[i] = well[i] && p->whole[i];
    return well;
}

// --- what is needed ---------------------------------------------------------------------------

// Classes and places are compared as they were.
static int need_condition(Planner *p, const Node *n)
{
    int changed = 0;
    if (p->facts.fixed[n->id])
        return 0;
    if (compares_whole(n))
        return mark(p->need_real, n);
    for (int i = 0; n->type.dtype == DTYPE_BOOL && i < n->input_count; i++)
        changed += need_condition(p, n->in[i]);
    return changed;
}

// What is carried begins with whole numbers, or is brought to them before the first step.
static int need_carried(Planner *p, const Border *b)
{
    bool *first = p->whole[b->from->id] ? p->need_whole : p->need_real;
    bool *next = p->whole[b->next->id] ? p->need_whole : p->need_real;
    return (p->facts.fixed[b->from->id] ? 0 : mark(first, b->from)) +
           (p->facts.fixed[b->next->id] ? 0 : mark(next, b->next));
}

static int need_operands(Planner *p, const Node *n)
{
    const Step *s = &p->plan->steps[n->id];
    int changed = 0;
    for (int i = 0; i < s->operand_count; i++)
        changed += mark(p->need_whole, s->operands[i]);
    if (s->form == FORM_ROWS)
        changed += mark(p->need_real, n->in[1]);
    if (s->form == FORM_SOFTMAX && s->mask)
        changed += need_condition(p, s->mask->in[0]);
    if (s->form == FORM_CHOSEN && s->root->op == OP_where)
        changed += need_condition(p, s->root->in[0]);
    if (s->form == FORM_CARRIED)
        changed += need_carried(p, &p->flat->borders[n->id]);
    return changed;
}

// These are there as f32 whether or not they are whole numbers too.
static bool is_there(Form form)
{
    return form == FORM_DOOR || form == FORM_KNOWN;
}

// The place of the largest is the same among whole numbers.
static bool compares_places(const Planner *p, const Node *n)
{
    return n->op == OP_argmax && p->whole[n->in[0]->id];
}

static int need_inputs(Planner *p, int i)
{
    const Node *n = p->g->nodes[i];
    const Form form = p->plan->steps[i].form;
    int changed = 0;
    p->need_whole[i] |= p->need_real[i] && p->whole[i] && !is_there(form);
    p->need_real[i] |= p->need_whole[i] && (!p->whole[i] || form == FORM_DOOR);
    if (p->need_whole[i] && p->whole[i])
        changed += need_operands(p, n);
    if (p->need_real[i] && (!p->whole[i] || is_there(form)))
        changed += mark_inputs(p, compares_places(p, n) ? p->need_whole : p->need_real, n);
    return changed;
}

static void find_needed(Planner *p)
{
    for (int i = 0; i < p->g->output_count; i++)
        p->need_real[p->g->outputs[i].node->id] = true;
    for (int changed = 1; changed;) {  // round the scans
        changed = 0;
        for (int i = p->g->node_count - 1; i >= 0; i--)
            changed += need_inputs(p, i);
    }
}

// --- the plan ---------------------------------------------------------------------------------

// Of these the range follows from that of an operand, or is known.
static bool has_own_range(const Planner *p, const Node *n)
{
    const Form form = p->plan->steps[n->id].form;
    return !p->whole[n->id] ||
           (form != FORM_MOVED && form != FORM_ROWS && form != FORM_KNOWN && form != FORM_STEP);
}

// Windows are many times the size of what they show; fixed values are not computed.
static bool is_worth_watching(const Planner *p, int id)
{
    const Form form = p->plan->steps[id].form;
    return !p->whole[id] || (form != FORM_MOVED && form != FORM_KNOWN && form != FORM_STEP);
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
            x = plan->steps[x->id].operands[0];
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
            n->type.dtype == DTYPE_F32)
            note(real_layer(plan, path), plan->steps[i].form);
    }
}

static void make_watch(QuantizePlan *plan, const Graph *predict)
{
    const Flat *f = plan->flat;
    Graph *w = graph_clone(predict);
    int *scans = arena_array(plan->arena, int, (size_t)f->scope_count);
    for (int i = 0; i < f->scope_count; i++)
        scans[i] = f->scopes[i].scan;
    w->output_count = 0;
    w->name = intern(w->names, "watch");
    for (int i = 0; i < plan->value_count; i++) {
        const QuantizedValue *v = &plan->values[i];
        if (v->output < 0)
            continue;
        const Name name = intern(w->names, arena_printf(w->arena, "value.%d", i));
        const uint32_t id = v->real->id;
        graph_output(w, name, flat_exposed(f, w, scans, f->scope[id], (uint32_t)f->origin[id]));
    }
    plan->watch = w;
}

QuantizePlan *quantize_plan(Arena *a, const Graph *predict)
{
    QuantizePlan *plan = arena_new_of(a, QuantizePlan);
    Flat *flat = flat_of(a, predict);
    const Graph *g = flat->graph;
    const size_t count = (size_t)g->node_count + 1;
    *plan =
        (QuantizePlan){.arena = a, .graph = g, .flat = flat, .steps = arena_array(a, Step, count)};
    Planner p = {
        .plan = plan,
        .flat = flat,
        .g = g,
        .facts = facts_of(a, flat),
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
    for (int i = 0; i < g->node_count; i++)
        if (!p.whole[i])
            plan->steps[i].form = FORM_REAL;
    const bool *wide = wide_values(plan);
    for (int i = 0; i < plan->value_count; i++)
        plan->values[i].wide = wide[plan->values[i].real->id];
    plan->need_real = p.need_real;
    make_watch(plan, predict);
    return plan;
}
