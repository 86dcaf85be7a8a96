// layers.c -- what a layer has and how it is shown.

#include "driver/layers.h"

#include <string.h>

#include "driver/cost.h"
#include "driver/table.h"

// Whether `path` is that of the layer, or of something inside it. NULL is the model: all is inside.
static bool is_inside(const char *path, const char *layer)
{
    if (!layer)
        return true;
    const size_t n = strlen(layer);
    return path && strncmp(path, layer, n) == 0 && (path[n] == '\0' || path[n] == '.');
}

static void add_variable(LayerTotals *t, const Variable *v)
{
    const int64_t n = type_elements(&v->type);
    t->parameters += v->kind == VARIABLE_PARAM && !v->frozen ? n : 0;
    t->frozen += v->kind == VARIABLE_PARAM && v->frozen ? n : 0;
    t->state += v->kind == VARIABLE_STATE ? n : 0;
    t->slots += v->kind == VARIABLE_SLOT ? n : 0;
}

LayerTotals layer_totals(const NncModel *m, const char *layer)
{
    LayerTotals t = {0};
    for (int i = 0; i < m->variables->count; i++)
        if (is_inside(m->variables->items[i].path, layer))
            add_variable(&t, &m->variables->items[i]);
    const Graph *g = m->graphs[NNC_PREDICT];
    for (int i = 0; i < g->node_count; i++)
        if (is_inside(g->nodes[i]->path, layer))
            t.flops += node_flops(g->nodes[i]);
    return t;
}

const char *layer_call(Arena *a, const char *call, size_t most)
{
    char *text = arena_strdup(a, call);
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ' ';
    if (text_cells(text) <= most)
        return text;
    size_t end = most - 3;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;  // not in the middle of a character
    return arena_printf(a, "%.*s...", (int)end, text);
}
