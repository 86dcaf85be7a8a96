// core.c -- the integer graph without its borders: what is i8 within is i8 at its inputs and
// outputs.
//
//   f32 input -> quantize -> i8 ... i8 -> dequantize -> f32 output
//                            '-- core --'

#include "quantize/quantize.h"

static const QuantizedValue *value_of(const QuantizePlan *p, const Node *real)
{
    for (int i = 0; i < p->value_count; i++)
        if (p->values[i].real == real)
            return &p->values[i];
    return NULL;
}

static const QuantizedValue *input_value(const QuantizePlan *p, int input)
{
    for (int i = 0; i < p->value_count; i++)
        if (quantized_input(&p->values[i]) == input)
            return &p->values[i];
    return NULL;
}

// As the real number that it was.
static bool is_read(const Graph *g, int input)
{
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i]->input_count; k++) {
            const Node *x = g->nodes[i]->in[k];
            if (x->op == OP_input && x->attr.index == input && x->type.dtype == DTYPE_F32)
                return true;
        }
    return false;
}

// Numbers are whole already where an input is an index, or a prediction a class.
static bool cut_inputs(const QuantizePlan *p, Graph *core, QuantizedEnd *ends)
{
    for (int i = 0; i < core->input_count; i++) {
        const QuantizedValue *v = input_value(p, i);
        if (core->inputs[i].type.dtype != DTYPE_F32)
            continue;
        if (!v)
            return false;
        Node *door = core->nodes[v->whole->id];
        door->op = OP_input;
        door->input_count = 0;
        door->attr = (Attr){.index = i};
        core->inputs[i].type = door->type;
        ends[i] = (QuantizedEnd){true, v->scale};
    }
    return true;
}

static bool cut_outputs(const QuantizePlan *p, Graph *core, QuantizedEnd *ends)
{
    for (int i = 0; i < core->output_count; i++) {
        const QuantizedValue *v = value_of(p, p->graph->outputs[i].node);
        if (core->outputs[i].node->type.dtype != DTYPE_F32)
            continue;
        if (!v)
            return false;
        core->outputs[i].node = core->nodes[v->whole->id];
        ends[i] = (QuantizedEnd){true, v->scale};
    }
    return true;
}

bool quantize_core(const QuantizePlan *p, const Graph *g, QuantizedCore *core)
{
    Graph *c = graph_clone(g);
    core->inputs = arena_array(p->arena, QuantizedEnd, (size_t)g->input_count + 1);
    core->outputs = arena_array(p->arena, QuantizedEnd, (size_t)g->output_count + 1);
    if (!cut_outputs(p, c, core->outputs) || !cut_inputs(p, c, core->inputs))
        return false;
    graph_clean(c);
    for (int i = 0; i < c->input_count; i++)
        if (core->inputs[i].whole && is_read(c, i))
            return false;
    core->graph = c;
    return true;
}
