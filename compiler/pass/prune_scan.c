// prune_scan.c -- a scan does no more than what is read of it.
//
//   %2 = scan %0, %1 {9, 1, 1} graph rnn {      the output "result.0" goes, and so do the sequences
//     ...                                       and captured values that only it needed
//     output "next.0" = %5
//     output "result.0" = %5
//   } : f32
//   %3 = scan_result %2 {0} : f32[batch, 4]     the last of the carried value: the only reader
//
// Stacked results of one value are one: their readers read the first.
//
// A carried value is needed when its last is read, or when something needed reads it in a step.
//
// Needs: verified IR.  Keeps: every value that is read.

#include "pass/pass.h"

#include "graph/ops/ops.h"

typedef struct Pruner {
    Arena *scratch;
    Node *scan;
    ScanBody *body;
    bool *results;  // by result: needed
    bool *nodes;    // by id in the body: needed
    bool *inputs;   // by input
} Pruner;

static void find_read(const Pruner *p, const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan_result && g->nodes[i]->in[0] == p->scan)
            p->results[g->nodes[i]->attr.index] = true;
}

// One sweep backwards over the body; whether a carried value proved to be needed.
static bool find_needed(const Pruner *p)
{
    const ScanBody *s = p->body;
    for (int i = 0; i < s->graph->output_count; i++)
        p->nodes[s->graph->outputs[i].node->id] |= p->results[i];
    bool more = false;
    for (int i = s->graph->node_count - 1; i >= 0; i--) {
        const Node *n = s->graph->nodes[i];
        for (int k = 0; p->nodes[i] && k < n->input_count; k++)
            p->nodes[n->in[k]->id] = true;
        if (n->op != OP_input || !p->nodes[i])
            continue;
        p->inputs[n->attr.index] = true;
        const int carried = n->attr.index - s->sequences;
        if (carried < 0 || carried >= s->carried || p->results[carried])
            continue;
        p->results[carried] = more = true;
    }
    return more;
}

// The first stacked result that has the values of this one.
static int first_alike(const ScanBody *s, int result)
{
    int i = s->carried;
    while (i < result && s->graph->outputs[i].node != s->graph->outputs[result].node)
        i++;
    return result < s->carried ? result : i;
}

static void merge_results(const Graph *g, const Node *scan)
{
    for (int i = 0; i < g->node_count; i++) {
        Node *n = g->nodes[i];
        if (n->op == OP_scan_result && n->in[0] == scan)
            n->attr.index = first_alike(scan->attr.scan, n->attr.index);
    }
}

static int count_true(const bool *flags, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += flags[i];
    return sum;
}

// The number that each kept one gets.
static int *renumber(Arena *a, const bool *kept, int count)
{
    int *number = arena_array(a, int, (size_t)count + 1);
    for (int i = 0, next = 0; i < count; i++)
        number[i] = kept[i] ? next++ : -1;
    return number;
}

static void drop_results(const Pruner *p, Graph *g)
{
    Graph *body = p->body->graph;
    const int *number = renumber(p->scratch, p->results, body->output_count);
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan_result && g->nodes[i]->in[0] == p->scan)
            g->nodes[i]->attr.index = number[g->nodes[i]->attr.index];
    int kept = 0;
    for (int i = 0; i < body->output_count; i++)
        if (p->results[i])
            body->outputs[kept++] = body->outputs[i];
    body->output_count = kept;
}

static void drop_nodes(const Pruner *p, const int *number)
{
    Graph *body = p->body->graph;
    int kept = 0;
    for (int i = 0; i < body->node_count; i++) {
        Node *n = body->nodes[i];
        if (!p->nodes[i] && !(n->op == OP_input && number[n->attr.index] >= 0))
            continue;
        if (n->op == OP_input)
            n->attr.index = number[n->attr.index];
        n->id = (uint32_t)kept;
        body->nodes[kept++] = n;
    }
    body->node_count = kept;
}

static void drop_inputs(const Pruner *p)
{
    ScanBody *s = p->body;
    Graph *body = s->graph;
    const int *number = renumber(p->scratch, p->inputs, body->input_count);
    drop_nodes(p, number);
    for (int i = 0; i < body->input_count; i++) {
        if (number[i] < 0)
            continue;
        body->inputs[number[i]] = body->inputs[i];
        p->scan->in[number[i]] = p->scan->in[i];
    }
    body->input_count = p->scan->input_count = count_true(p->inputs, body->input_count);
}

// A carried value whose last is read stays, though no step may read it.
static void keep_carried(const Pruner *p)
{
    for (int i = 0; i < p->body->carried; i++)
        p->inputs[p->body->sequences + i] = p->results[i];
}

static int prune(Arena *scratch, Graph *g, Node *scan)
{
    ScanBody *s = scan->attr.scan;
    const int outputs = s->graph->output_count, inputs = s->graph->input_count;
    const Pruner p = {
        .scratch = scratch,
        .scan = scan,
        .body = s,
        .results = arena_array(scratch, bool, (size_t)outputs + 1),
        .nodes = arena_array(scratch, bool, (size_t)s->graph->node_count + 1),
        .inputs = arena_array(scratch, bool, (size_t)inputs + 1),
    };
    merge_results(g, scan);
    find_read(&p, g);
    while (find_needed(&p))
        ;
    keep_carried(&p);
    const int sequences = count_true(p.inputs, s->sequences);
    const int carried = count_true(p.results, s->carried);
    const int dropped =
        outputs - count_true(p.results, outputs) + inputs - count_true(p.inputs, inputs);
    if (dropped == 0)
        return 0;
    drop_results(&p, g);
    drop_inputs(&p);
    s->sequences = sequences;
    s->carried = carried;
    return dropped;
}

bool pass_prune_scan(Pass *p, Graph *g)
{
    int dropped = 0;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan)
            dropped += prune(p->scratch, g, g->nodes[i]);
    pass_count(p, "dropped", dropped);
    return dropped > 0;
}
