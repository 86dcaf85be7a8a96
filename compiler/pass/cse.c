// cse.c -- common-subexpression elimination.
//
//   %3 = mul %1, %2            %3 = mul %1, %2
//   %4 = mul %2, %1     -->    %5 = add %3, %3
//   %5 = add %3, %4
//
// Two nodes that apply one operation, with equal attributes and types, to the same inputs are the
// same tensor: keep the first, forward the second. Nodes come in topological order, so inputs are
// already merged when a node is looked up and a single sweep suffices. Leaves count too: a read of
// a variable sees the value before the run wherever it stands, and a random leaf is a function of
// its stream.
//
// Operands of commuting operations are compared in both orders and never exchanged: the order in
// which the user wrote a sum is the order in which the engines print and compute it.
//
// Needs: verified IR.  Keeps: order, shapes, float results.

#include <string.h>

#include "graph/ops/ops.h"
#include "pass/pass.h"

// Open addressing over a table twice as large as the graph: it never fills.
typedef struct NodeSet {
    Node **slots;
    size_t mask;
} NodeSet;

static NodeSet nodeset_new(Arena *scratch, int count)
{
    size_t size = 16;
    while (size < 2 * (size_t)count)
        size *= 2;
    return (NodeSet){.slots = arena_array(scratch, Node *, size), .mask = size - 1};
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

// Inputs are added up rather than mixed in order, so that a * b and b * a meet in one slot.
static uint64_t node_hash(const Node *n)
{
    uint64_t inputs = 0;
    for (int i = 0; i < n->input_count; i++)
        inputs += mix(1, n->in[i]->id);
    uint64_t words[(sizeof(Attr) + 7) / 8] = {0};
    memcpy(words, &n->attr, sizeof n->attr);
    uint64_t hash = mix((uint64_t)n->op, inputs);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        hash = mix(hash, words[i]);
    for (int i = 0; i < n->type.rank; i++)
        hash = mix(hash, (uint64_t)n->type.dims[i]);
    return hash;
}

static bool same_inputs(const Node *a, const Node *b)
{
    if (op_is(a->op, COMMUTES) && a->in[0] == b->in[1] && a->in[1] == b->in[0])
        return true;
    for (int i = 0; i < a->input_count; i++)
        if (a->in[i] != b->in[i])
            return false;
    return true;
}

static bool same_value(const Node *a, const Node *b)
{
    return a->op == b->op && type_equal(&a->type, &b->type) &&
           memcmp(&a->attr, &b->attr, sizeof a->attr) == 0 && same_inputs(a, b);
}

// The node of the set that equals `n`, which is `n` itself when there was none.
static Node *nodeset_intern(NodeSet *set, Node *n)
{
    size_t i = node_hash(n) & set->mask;
    while (set->slots[i] && !same_value(set->slots[i], n))
        i = (i + 1) & set->mask;
    if (!set->slots[i])
        set->slots[i] = n;
    return set->slots[i];
}

bool pass_cse(Pass *p, Graph *g)
{
    NodeSet seen = nodeset_new(p->scratch, g->node_count);
    int merged = 0;
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        for (int k = 0; k < n->input_count; k++)
            n->in[k] = node_leader(n->in[k]);
        if (!op_is(n->op, PURE | LEAF))
            continue;
        Node *first = nodeset_intern(&seen, n);
        if (first == n)
            continue;
        node_forward(n, first);
        merged++;
    }
    graph_clean(g);
    pass_count(p, "merged", merged);
    return merged > 0;
}
