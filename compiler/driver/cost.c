// cost.c -- counting operations.

#include "driver/cost.h"

#include "graph/ops/ops.h"

enum { LABELS = 128 };  // of a contraction's axes, an int8_t >= 0 each

static void note_labels(const Type *t, const int8_t *labels, double *sizes)
{
    for (int i = 0; i < t->rank; i++)
        sizes[labels[i]] = t->dims[i] == DIM_BATCH ? 1 : (double)t->dims[i];
}

static double contract_flops(const Node *n)
{
    double sizes[LABELS];
    for (int i = 0; i < LABELS; i++)
        sizes[i] = 1;
    note_labels(&n->in[0]->type, n->attr.contract.left, sizes);
    note_labels(&n->in[1]->type, n->attr.contract.right, sizes);
    double product = 2;
    for (int i = 0; i < LABELS; i++)
        product *= sizes[i];
    return product;
}

static double scan_flops(const ScanBody *s)
{
    return graph_flops(s->graph) * (double)s->length;
}

double node_flops(const Node *n)
{
    if (n->op == OP_scan)
        return scan_flops(n->attr.scan);
    if (n->op == OP_contract)  // the one operation that multiplies as well as adds
        return type_batched(&n->in[0]->type) || type_batched(&n->in[1]->type) ? contract_flops(n)
                                                                              : 0;
    if (op_is(n->op, REDUCTION))
        return type_batched(&n->in[0]->type) ? (double)type_elements(&n->in[0]->type) : 0;
    if (op_is(n->op, ELEMENTWISE))
        return type_batched(&n->type) ? (double)type_elements(&n->type) : 0;
    return 0;
}

double graph_flops(const Graph *g)
{
    double flops = 0;
    for (int i = 0; i < g->node_count; i++)
        flops += node_flops(g->nodes[i]);
    return flops;
}
