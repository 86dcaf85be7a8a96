// settings.c -- --set NAME=VALUE: a `let`, or a key by its path or an unambiguous tail of it.
//
//   width=64   train.epochs=3   epochs=3   optimizer.learning_rate=0.01   learning_rate=0.01

#include <string.h>

#include "sema/expander.h"
#include "syntax/parser.h"

static Name callee(const Expr *x)
{
    const Expr *named = x->kind == EXPR_CALL ? x->left : x;
    return named->kind == EXPR_NAME ? named->name : NULL;
}

// Options of the definitions that the train block names: train.optimizer.beta1.
static void add_options(const Program *p, Candidates *c, const Stmt *s)
{
    static const ItemKind kinds[] = {ITEM_LOSS, ITEM_OPTIMIZER, ITEM_SCHEDULE, ITEM_REGULARIZER};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!name_is(s->names->name, item_kind_text(kinds[i])) || !callee(s->value))
            continue;
        const Definition *d = program_find(p, kinds[i], callee(s->value), false);
        for (const Param *q = d ? d->item->params : NULL; q; q = q->next)
            if (q->value)
                candidates_add(c, program_intern(p, "train.%s.%s", s->names->name, q->name));
    }
}

static Candidates setting_paths(const Program *p)
{
    static const char *const blocks[] = {"train", "data", "deploy"};
    Candidates c = {.arena = p->arena};
    for (int i = 0; i < p->lets.count; i++)
        candidates_add(&c, p->lets.entries[i].name);
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
        for (int i = 0; block_key(blocks[b], i); i++)
            candidates_add(&c, program_intern(p, "%s.%s", blocks[b], block_key(blocks[b], i)));
    for (const Stmt *s = p->train ? p->train->body : NULL; s; s = s->next)
        if (s->kind == STMT_ASSIGN)
            add_options(p, &c, s);
    return c;
}

// Whether `tail` is the whole of `path` or its last steps.
static bool is_tail(Name path, Name tail)
{
    size_t n = strlen(path), m = strlen(tail);
    return path == tail || (n > m && path[n - m - 1] == '.' && strcmp(path + n - m, tail) == 0);
}

static void report_ambiguous(Program *p, Name name, const Candidates *c)
{
    Text all = text_in(p->arena);
    for (size_t i = 0; i < c->count; i++)
        if (is_tail(c->names[i], name))
            text_addf(&all, "%s`%s`", all.size ? ", " : "", c->names[i]);
    diag_report(p->session->diags, DIAG_ambiguous_setting, NO_SPAN, name, text_str(&all));
}

static void report_unknown_setting(Program *p, Name name, const Candidates *c)
{
    Candidates near = {.arena = p->arena};
    for (size_t i = 0; i < c->count; i++) {
        candidates_add(&near, c->names[i]);
        for (const char *dot = strchr(c->names[i], '.'); dot; dot = strchr(dot + 1, '.'))
            candidates_add(&near, program_intern(p, "%s", dot + 1));
    }
    Diag *d = diag_report(p->session->diags, DIAG_unknown_setting, NO_SPAN, name);
    help_nearest(d, name, &near);
}

// A rate of the train block goes before the optimizer's: the one that has a say is meant.
static Name rate_path(const Program *p)
{
    for (const Stmt *s = p->train->body; s; s = s->next)
        if (s->kind == STMT_ASSIGN && name_is(s->names->name, "learning_rate"))
            return program_intern(p, "train.learning_rate");
    return program_intern(p, "train.optimizer.learning_rate");
}

// The one path that `name` means; NULL after a report.
static Name find_path(Program *p, Name name)
{
    Candidates c = setting_paths(p);
    Name found = NULL;
    int count = 0;
    for (size_t i = 0; i < c.count; i++) {
        if (c.names[i] == name)
            return name;
        if (is_tail(c.names[i], name)) {
            found = c.names[i];
            count++;
        }
    }
    if (count == 0)
        report_unknown_setting(p, name, &c);
    if (count > 1 && name_is(name, "learning_rate"))
        return rate_path(p);
    if (count > 1)
        report_ambiguous(p, name, &c);
    return count == 1 ? found : NULL;
}

static void apply(Program *p, const char *text)
{
    Session *s = p->session;
    const char *equals = strchr(text, '=');
    if (!equals) {
        diag_report(s->diags, DIAG_bad_override, NO_SPAN, text);
        return;
    }
    Name path = find_path(p, intern_n(s->names, text, (size_t)(equals - text)));
    const Source *source = sources_add(s->sources, "<--set>", equals + 1, strlen(equals + 1));
    ParseEnv env = {.arena = p->arena, .names = s->names, .diags = s->diags};
    Expr *x = path && source ? parse_expression(&env, source) : NULL;
    if (!x)
        return;
    Let *l = names_get(&p->lets, path);
    if (l)
        l->expr = x;
    else
        names_put(p->arena, &p->overrides, path, x);
}

void settings_apply(Program *p)
{
    for (int i = 0; i < p->session->set_count; i++)
        apply(p, p->session->sets[i]);
}

const Expr *setting_find(const Program *p, const char *path, const Expr *written)
{
    const Expr *x = names_get(&p->overrides, intern(p->session->names, path));
    return x ? x : written;
}

NameMap settings_below(const Program *p, const char *path)
{
    NameMap below = {0};
    size_t n = strlen(path);
    for (int i = 0; i < p->overrides.count; i++) {
        Name full = p->overrides.entries[i].name;
        if (strncmp(full, path, n) == 0 && full[n] == '.' && !strchr(full + n + 1, '.'))
            names_put(p->arena, &below, program_intern(p, "%s", full + n + 1),
                      p->overrides.entries[i].value);
    }
    return below;
}
