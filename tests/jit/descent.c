// descent.c -- see descent.h.

#include "jit/descent.h"

#include "pass/pass.h"

void add_descent(Graph *g, double rate)
{
    int variables[16];
    Node *gradients[16];
    for (int i = 0; i < g->variables->count; i++)
        variables[i] = i;
    autodiff(g, g->outputs[0].node, variables, g->variables->count, gradients);
    Builder b = {.graph = g};
    for (int i = 0; i < g->variables->count; i++) {
        Node *w = build_variable(&b, i), *factor = build_filled(&b, &w->type, rate);
        Node *change = build_binary(&b, OP_mul, gradients[i], factor);
        graph_update(g, i, build_binary(&b, OP_sub, w, change));
    }
}
