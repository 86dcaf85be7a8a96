// program.c -- what a program is made of: definitions by kind and name, lets, blocks.

#include <stdio.h>

#include "sema/expander.h"

const Definition *program_find(const Program *p, ItemKind kind, Name name, bool library)
{
    const Definition *d = library ? NULL : names_get(&p->user[kind], name);
    return d ? d : names_get(&p->library[kind], name);
}

Let *program_let(const Program *p, Name name, bool library)
{
    Let *l = names_get(&p->lets, name);
    return l && (l->library || !library) ? l : NULL;
}

void candidates_add_kind(Candidates *c, const Program *p, ItemKind kind)
{
    candidates_add_map(c, &p->user[kind]);
    candidates_add_map(c, &p->library[kind]);
}

Name program_intern(const Program *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *s = arena_vprintf(p->arena, format, args);
    va_end(args);
    return intern(p->session->names, s);
}

const char *program_text(const Program *p, Span span)
{
    Place place = source_place(p->session->sources, span);
    if (!place.source)
        return "";
    return arena_strndup(p->arena, place.source->text + (span.pos - place.source->base), span.len);
}

static void report_duplicate(Program *p, const Item *item, const Item *first)
{
    Diag *d = diag_report(p->session->diags, DIAG_duplicate_definition,
                          item->name ? item->name_span : item->span, item_kind_text(item->kind),
                          item->name ? item->name : item_kind_text(item->kind));
    diag_note(d, first->name ? first->name_span : first->span, "first here");
}

static void add_definition(Program *p, const Item *item, bool library)
{
    NameMap *map = library ? &p->library[item->kind] : &p->user[item->kind];
    const Definition *first = names_get(map, item->name);
    if (item->kind == ITEM_LAYER && builtin_find(item->name))
        diag_report(p->session->diags, DIAG_shadows_primitive, item->name_span, item->name);
    if (first) {
        report_duplicate(p, item, first->item);
        return;
    }
    Definition *d = arena_new_of(p->arena, Definition);
    *d = (Definition){item, library};
    names_put(p->arena, map, item->name, d);
}

static void add_let(Program *p, const Item *item, bool library)
{
    const Let *first = names_get(&p->lets, item->name);
    if (first) {
        report_duplicate(p, item, first->item);
        return;
    }
    Let *l = arena_new_of(p->arena, Let);
    *l = (Let){.item = item, .expr = item->expr, .library = library};
    names_put(p->arena, &p->lets, item->name, l);
}

static void add_block(Program *p, const Item *item)
{
    const Item **slot = item->kind == ITEM_MODEL   ? &p->model
                        : item->kind == ITEM_DATA  ? &p->data
                        : item->kind == ITEM_TRAIN ? &p->train
                                                   : &p->deploy;
    if (*slot)
        report_duplicate(p, item, *slot);
    else
        *slot = item;
}

void program_add_tree(Program *p, const Tree *tree, bool library)
{
    for (const Item *i = tree->items; i; i = i->next) {
        if (i->kind == ITEM_LET)
            add_let(p, i, library);
        else if (i->kind >= ITEM_MODEL)
            add_block(p, i);
        else if (i->kind != ITEM_USE)
            add_definition(p, i, library);
    }
}

bool sema_has_model(const Program *p)
{
    return p->model != NULL;
}

const char *sema_model_name(const Program *p)
{
    return p->model ? p->model->name : NULL;
}

Variables *sema_variables(const Program *p)
{
    return p->variables;
}
