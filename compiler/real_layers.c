// real_layers.c -- which layers of a quantized model stay f32, as a warning.
//
// A layer without a form in whole numbers keeps its neighbours in f32 where nothing between is a
// product with weights: they have a form, and are told apart.

#include "real_layers.h"

#include <string.h>

// Whether `path` is that of `layer`, or of a part of it.
static bool is_of(const char *path, const char *layer)
{
    const size_t n = strlen(layer);
    return n > 0 && strncmp(layer, path, n) == 0 && (!path[n] || path[n] == '.');
}

// The row of the summary (with --verbose) that a path is of, but for the one of that very name if
// `parent`; NULL: none.
static const LayerRow *row_of(const NncModel *m, Name path, bool parent)
{
    int count;
    const LayerRow *rows = sema_layers(m->program, &count), *best = NULL;
    for (int i = 0; i < count; i++)
        if (is_of(path, rows[i].path) && !(parent && strcmp(path, rows[i].path) == 0) &&
            (!best || strlen(rows[i].path) > strlen(best->path)))
            best = &rows[i];
    return best;
}

// A part of a layer of the library's, such as the standardize_groups of a groupnorm.
static bool is_from_library(const NncModel *m, const LayerRow *row)
{
    const Source *s = source_place(m->session->sources, row->span).source;
    return s && strncmp(s->name, "<stdlib>/", 9) == 0;
}

static bool has_whole_product(const NncModel *m, Name layer)
{
    const Graph *g = m->graphs[NNC_INT8];
    for (int i = 0; i < g->node_count; i++) {
        const Node *n = g->nodes[i];
        if (n->op == OP_contract && n->in[0]->type.dtype == DTYPE_I8 && n->path &&
            is_of(n->path, layer))
            return true;
    }
    return false;
}

// As the user wrote it, unless that has parts in whole numbers besides.
static Name layer_of(const NncModel *m, Name path)
{
    const LayerRow *row = row_of(m, path, false);
    while (row && is_from_library(m, row)) {
        const LayerRow *parent = row_of(m, row->path, true);
        if (!parent || has_whole_product(m, parent->path))
            break;
        row = parent;
    }
    return row ? row->path : path;
}

typedef struct Names {
    Name *items;
    int count;
} Names;

// Or a part of it, or what it is part of.
static bool is_named(const Names *ns, Name name)
{
    for (int i = 0; i < ns->count; i++)
        if (is_of(ns->items[i], name) || is_of(name, ns->items[i]))
            return true;
    return false;
}

static Names names_of(NncModel *m, bool formless, const Names *but)
{
    const QuantizePlan *p = m->plan;
    Names ns = {arena_array(m->arena, Name, (size_t)p->real_count + 1), 0};
    for (int i = 0; i < p->real_count; i++) {
        const Name name = layer_of(m, p->real_layers[i].path);
        if (p->real_layers[i].computes && p->real_layers[i].formless == formless &&
            !is_named(&ns, name) && !(but && is_named(but, name)))
            ns.items[ns.count++] = name;
    }
    return ns;
}

static const char *list(NncModel *m, const Names *ns)
{
    Text t = text_in(m->arena);
    for (int i = 0; i < ns->count; i++)
        text_addf(&t, "%s%s", i == 0 ? "" : i + 1 < ns->count ? ", " : " and ", ns->items[i]);
    return text_str(&t);
}

void report_real_layers(NncModel *m)
{
    const Names formless = names_of(m, true, NULL);
    const Names beside = names_of(m, false, &formless);
    const bool one = formless.count == 1;
    if (formless.count == 0)
        return;
    Diag *d = diag_report(m->session->diags, DIAG_stays_real, NO_SPAN, list(m, &formless),
                          one ? "has" : "have", one ? "stays" : "stay");
    if (beside.count > 0)
        diag_help(d, "beside such layers %s %s f32, too", list(m, &beside),
                  beside.count == 1 ? "stays" : "stay");
}
