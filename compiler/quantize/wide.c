// wide.c -- which values take 16 bits, because a scan adds to them step by step.
//
//   c <- f c + i g      c, f c and the sum are wide; f, i g are not
//
// What an update adds to a state is often less than half of a step of 1/256 of its range, and would
// be lost in each of them. A carried value is wide when it comes to its own next by sums, products
// with gates and scalings alone, as is what is between; a function or a product with weights on the
// way begins anew, from 8 bits.
//
// So are the sums of a body before a function is taken of them: what a step rounds comes back in
// the next.

#include "quantize/forms.h"

typedef struct Ways {
    const QuantizePlan *plan;
    int count;             // of nodes
    bool *after, *before;  // by id: reached from the carried value, or leading to its next
} Ways;

static bool computes(const Step *s)
{
    return s->form == FORM_TOGETHER || s->form == FORM_GATED || s->form == FORM_SCALED;
}

// Whether a wide operand could give a wide value.
static bool keeps_width(const QuantizePlan *p, int id)
{
    const Node *n = p->graph->nodes[id];
    const Crossing crossing = p->flat->borders[id].crossing;
    if (p->steps[id].form != FORM_MOVED)
        return computes(&p->steps[id]);
    return crossing == CROSSING_LAST ||
           (crossing == CROSSING_NONE && (op_is(n->op, VIEW) || n->op == OP_pad));
}

static bool set(bool *marks, int id)
{
    const bool changed = !marks[id];
    marks[id] = true;
    return changed;
}

// One round; whether anything was new.
static bool go_forward(const Ways *w)
{
    const QuantizePlan *p = w->plan;
    bool changed = false;
    for (int i = 0; i < w->count; i++) {
        const Step *s = &p->steps[i];
        const Border *b = &p->flat->borders[i];
        bool reached = s->form == FORM_CARRIED && (w->after[b->from->id] || w->after[b->next->id]);
        for (int k = 0; k < s->operand_count && keeps_width(p, i); k++)
            reached |= w->after[s->operands[k]->id];
        changed |= reached && set(w->after, i);
    }
    return changed;
}

static bool go_back(const Ways *w)
{
    const QuantizePlan *p = w->plan;
    bool changed = false;
    for (int i = w->count - 1; i >= 0; i--) {
        const Step *s = &p->steps[i];
        const Border *b = &p->flat->borders[i];
        if (!w->before[i])
            continue;
        if (s->form == FORM_CARRIED) {
            changed |= set(w->before, (int)b->from->id);
            changed |= set(w->before, (int)b->next->id);
        }
        for (int k = 0; k < s->operand_count && keeps_width(p, i); k++)
            changed |= set(w->before, (int)s->operands[k]->id);
    }
    return changed;
}

// What is carried is the end of its own way, and the beginning.
static void widen_way(const Ways *w, int carried, bool *wide)
{
    const QuantizePlan *p = w->plan;
    bool computed = false;
    for (int i = 0; i < w->count; i++)
        computed |= w->after[i] && w->before[i] && computes(&p->steps[i]);
    if (!computed || !w->after[p->flat->borders[carried].next->id])
        return;
    for (int i = 0; i < w->count; i++)
        wide[i] |= w->after[i] && w->before[i];
    wide[carried] = true;
}

// Whether a value that is an operand of node `id` would be of use to it with 16 bits.
static bool takes_width(const QuantizePlan *p, int id, const bool *wanted)
{
    return p->steps[id].form == FORM_MOVED
               ? keeps_width(p, id) && wanted[id]
               : computes(&p->steps[id]) || p->steps[id].form == FORM_TABLE;
}

// In a body what becomes of sums until a function is taken.
static void widen_sums(const QuantizePlan *p, bool *wide)
{
    const int count = p->graph->node_count;
    bool *wanted = arena_array(p->arena, bool, (size_t)count + 1);
    for (int i = count - 1; i >= 0; i--)
        for (int k = 0; k < p->steps[i].operand_count && takes_width(p, i, wanted); k++)
            wanted[p->steps[i].operands[k]->id] = true;
    for (int i = 0; i < count; i++) {
        const Step *s = &p->steps[i];
        if (!wanted[i] || p->flat->scope[i] == 0)
            continue;
        wide[i] |= s->form == FORM_MOVED ? keeps_width(p, i) && wide[s->operands[0]->id]
                                         : computes(s) || s->form == FORM_PRODUCT;
    }
}

bool *wide_values(const QuantizePlan *p)
{
    const int count = p->graph->node_count;
    bool *wide = arena_array(p->arena, bool, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        if (p->steps[i].form != FORM_CARRIED)
            continue;
        const Ways w = {
            .plan = p,
            .count = count,
            .after = arena_array(p->arena, bool, (size_t)count + 1),
            .before = arena_array(p->arena, bool, (size_t)count + 1),
        };
        w.after[i] = true;
        w.before[p->flat->borders[i].next->id] = true;
        while (go_forward(&w))
            ;
        while (go_back(&w))
            ;
        widen_way(&w, i, wide);
    }
    widen_sums(p, wide);
    return wide;
}
