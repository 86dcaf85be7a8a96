// not_finite.c -- from an output that is not finite back to where it began.
//
// Not everything that is infinite is wrong: a mask adds minus infinity to what is not to be seen.
// So the way goes from the output back through operands, worst first, and ends at a value all of
// whose operands are finite.

#include "driver/not_finite.h"

#include <math.h>

#include "codegen/interpret/interpret.h"
#include "driver/cost.h"
#include "driver/evaluate.h"

#define MOST_FLOPS 2e9  // of an example, beyond which the interpreter is not asked

// From good to bad.
typedef enum State { STATE_FINITE, STATE_MASKED, STATE_INFINITE, STATE_NAN } State;

static State state_of(const float *values, int64_t count)
{
    State worst = STATE_FINITE;
    for (int64_t i = 0; i < count && worst < STATE_NAN; i++) {
        const State here = isnan(values[i])        ? STATE_NAN
                           : !isinf(values[i])     ? STATE_FINITE
                           : values[i] == INFINITY ? STATE_INFINITE
                                                   : STATE_MASKED;
        worst = here > worst ? here : worst;
    }
    return worst;
}

// --- the values between -------------------------------------------------------------------------

// A graph of the same nodes, with all that is computed as outputs.
static Graph *opened(Job *j)
{
    Arena *a = j->model.arena;
    Graph *from = j->model.graphs[NNC_PREDICT], *g = arena_new_of(a, Graph);
    graph_clean(from);  // fusion leaves the nodes in no order
    *g = *from;
    g->outputs = NULL;
    g->output_count = g->output_capacity = 0;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op != OP_scan)
            graph_output(g, intern(g->names, arena_printf(a, "value.%d", i)), g->nodes[i]);
    return g;
}

static State worst_input(const Node *n, const State *states, const Node **input)
{
    State worst = STATE_FINITE;
    for (int i = 0; i < n->input_count; i++)
        if (states[n->in[i]->id] > worst) {
            worst = states[n->in[i]->id];
            *input = n->in[i];
        }
    return worst;
}

// By id; NULL when memory ran out. Variables count as finite, for what they give is their user's.
static State *find_states(Job *j, const void *const *inputs)
{
    Arena *a = j->model.arena;
    Graph *g = opened(j);
    State *states = arena_array(a, State, (size_t)g->node_count + 1);
    void **outputs = output_buffers(a, g, 1);
    Executable *x = interpret_new(g, 1, false);
    if (!x)
        return NULL;
    executable_run(x, &(RunArgs){.variables = j->model.block,
                                 .inputs = inputs,
                                 .outputs = outputs,
                                 .batch = 1,
                                 .seed = j->train.seed,
                                 .validation_loss = INFINITY});
    executable_free(x);
    for (int i = 0, output = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i], *input;
        if (n->op == OP_scan)  // whose results follow
            states[n->id] = worst_input(n, states, &input);
        else if (n->type.dtype == DTYPE_F32 && n->op != OP_variable)
            states[n->id] = state_of(outputs[output], type_elements(&n->type));
        output += n->op != OP_scan;
    }
    return states;
}

static const Node *beginning(const Node *n, const State *states)
{
    const Node *input;
    while (worst_input(n, states, &input) > STATE_FINITE && input->op != OP_const)
        n = input;
    return n;
}

// --- the warning --------------------------------------------------------------------------------

// Where it began; NULL: that is not known.
static const Node *find_beginning(Job *j, const void *const *inputs, const Node *output)
{
    const double flops = graph_flops(j->model.graphs[NNC_PREDICT]);
    const State *states = flops <= MOST_FLOPS ? find_states(j, inputs) : NULL;
    return states && states[output->id] ? beginning(output, states) : NULL;
}

static void warn(Job *j, const char *what, const char *help)
{
    if (j->told_not_finite)
        return;
    j->told_not_finite = true;
    diag_help(diag_report(j->session->diags, DIAG_not_finite, NO_SPAN, what), "%s", help);
}

void warn_not_finite_of(Job *j, const char *what)
{
    warn(j, what,
         "weights or inputs are too large for f32: train anew with a smaller learning rate, or "
         "normalize the inputs");
}

static void warn_from(Job *j, const void *const *inputs, const Port *output)
{
    Arena *a = j->model.arena;
    const Port *of = j->model.graphs[NNC_PREDICT]->inputs;
    const Node *n = find_beginning(j, inputs, output->node);
    if (n && n->op == OP_input)
        warn(j, arena_printf(a, "input %s", of[n->attr.index].name),
             "a number of the data is not finite, or not once it is scaled and normalized");
    else
        warn_not_finite_of(
            j, n && n->path && *n->path ? n->path : arena_printf(a, "output %s", output->name));
}

void warn_not_finite(Job *j, const void *const *inputs, const void *const *outputs, int64_t n)
{
    const Graph *g = j->model.graphs[NNC_PREDICT];
    for (int i = 0; i < g->output_count && !j->told_not_finite; i++) {
        const Type *t = &g->outputs[i].node->type;
        const int64_t elements = type_elements(t);
        int64_t row = 0;
        if (t->dtype != DTYPE_F32)
            continue;
        while (row < n && !state_of((const float *)outputs[i] + row * elements, elements))
            row++;
        if (row == n)
            continue;
        const void **in = arena_array(j->model.arena, const void *, (size_t)g->input_count + 1);
        for (int k = 0; k < g->input_count; k++)
            in[k] = (const char *)inputs[k] + (size_t)(row * type_elements(&g->inputs[k].type)) *
                                                  dtype_size(g->inputs[k].type.dtype);
        warn_from(j, in, &g->outputs[i]);
    }
}
