// pass.c -- the manager: runs the rows of passes.def over a graph.
//
// One round is every pass once, in the order of the table. What one pass does can give another
// something to do (a folded constant makes two nodes equal), so rounds follow until one changes
// nothing. The rules are monotone and would end by themselves; the bound is there so that a bad
// one costs time rather than a hang.

#include "pass/pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ROUNDS = 4 };

typedef struct PassRow {
    const char *name;
    bool (*run)(Pass *p, Graph *g);
} PassRow;

static const PassRow pass_table[] = {
#define PASS(id, doc) {#id, pass_##id},
#include "pass/passes.def"
#undef PASS
};

enum { PASS_COUNT = sizeof pass_table / sizeof *pass_table };

bool pass_exists(const char *name)
{
    for (int i = 0; i < PASS_COUNT; i++)
        if (strcmp(pass_table[i].name, name) == 0)
            return true;
    return false;
}

void pass_count(Pass *p, const char *what, int n)
{
    p->changes += n;
    if (p->log && n > 0)
        text_addf(p->log, "%s%d %s", p->log->size ? ", " : "", n, what);
}

static bool is_named(const char *option, const char *name)
{
    return option && strcmp(option, name) == 0;
}

static bool wants_verify(const PassOptions *options)
{
#ifndef NDEBUG
    (void)options;
    return true;
#else
    return options->verify;
#endif
}

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static FILE *output(const PassOptions *options)
{
    return options->out ? options->out : stderr;
}

static void dump(const PassOptions *options, const char *name, const Graph *g, Arena *scratch)
{
    Text text = text_in(scratch);
    graph_print(&text, g);
    fprintf(output(options), "# %s after %s\n%s\n", g->name, name, text_str(&text));
}

static void check(const PassOptions *options, const char *name, const Graph *g, Arena *scratch)
{
    const char *wrong = graph_verify(g, scratch);
    if (!wrong)
        return;
    dump(options, name, g, scratch);
    fprintf(output(options), "nnc: internal error: after %s, graph %s: %s\n", name, g->name, wrong);
    abort();
}

// The bodies of scans first.
static bool run_everywhere(const PassRow *row, Pass *p, Graph *g)
{
    bool changed = false;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_scan)
            changed |= run_everywhere(row, p, g->nodes[i]->attr.scan->graph);
    return row->run(p, g) || changed;
}

// Runs one pass and does all that the options ask for after it. `round` counts from 0.
static bool run_pass(const PassRow *row, Graph *g, const PassOptions *options, int round)
{
    Arena *scratch = options->scratch ? options->scratch : g->arena;
    Text log = text_in(scratch);
    Pass p = {.scratch = scratch, .log = &log, .differentiable = options->differentiable};
    const double start = milliseconds();
    const bool changed = run_everywhere(row, &p, g);
    const double took = milliseconds() - start;

    if (wants_verify(options))
        check(options, row->name, g, scratch);
    if (options->time)
        fprintf(output(options), "%8.3f ms  %s  %s  %s\n", took, g->name, row->name,
                text_str(&log));
    const bool dump_all = is_named(options->dump, "all");
    if ((changed && dump_all) || (is_named(options->dump, row->name) && (changed || round == 0)))
        dump(options, row->name, g, scratch);
    if (options->scratch)
        arena_reset(options->scratch);
    return changed;
}

void passes_run(Graph *g, const PassOptions *options)
{
    bool changed = true;
    for (int round = 0; changed && round < MAX_ROUNDS; round++) {
        changed = false;
        for (int i = 0; i < PASS_COUNT; i++) {
            changed |= run_pass(&pass_table[i], g, options, round);
            if (is_named(options->stop, pass_table[i].name))
                return;
        }
    }
}
