// source_call.c -- arguments of a source by name, and how errors of files are told.

#include "driver/source_call.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

// --- paths and errors -------------------------------------------------------------------------

const char *folder_of(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
}

const char *path_in(Arena *a, const char *folder, const char *path)
{
    return path[0] == '/' ? path : arena_printf(a, "%s%s", folder, path);
}

static Diag *report_file(Session *s, Span span, const NnrtError *e)
{
    char text[sizeof *e];
    nnrt_error_text(e, text, sizeof text);
    Diag *d = diag_report(s->diags, DIAG_data_file, span, text);
    if (e->help[0])
        diag_help(d, "%s", e->help);
    return d;
}

void report_file_error(Session *s, Span span, const NnrtError *e)
{
    report_file(s, span, e);
}

bool source_file_error(const SourceCall *c, const NnrtError *e)
{
    const char *from = c->kind->published;
    Diag *d = report_file(c->env->session, c->value->span, e);
    const bool absent = e->file[0] && access(e->file, F_OK) != 0;
    if (absent && text_argument(c, "from", &from) && from)
        diag_help(d, "it is published at %s", from);
    return false;
}

// --- arguments -------------------------------------------------------------------------------

const Value *source_argument(const SourceCall *c, const char *name)
{
    for (int i = 0; i < MAX_ARGUMENTS && c->kind->arguments[i]; i++)
        if (strcmp(c->kind->arguments[i], name) == 0)
            return c->arguments[i];
    return NULL;
}

bool source_argument_error(const SourceCall *c, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->env->arena, format, args);
    va_end(args);
    diag_report(c->env->session->diags, DIAG_source_argument, span, c->kind->name, text);
    return false;
}

bool text_argument(const SourceCall *c, const char *name, const char **out)
{
    const Value *v = source_argument(c, name);
    if (v && v->kind != VALUE_STRING)
        return source_argument_error(c, v->span, "%s is a text in quotes", name);
    if (v)
        *out = v->string;
    return true;
}

bool number_argument(const SourceCall *c, const char *name, double *out)
{
    const Value *v = source_argument(c, name);
    if (v && v->kind != VALUE_INT && v->kind != VALUE_REAL)
        return source_argument_error(c, v->span, "%s is a number", name);
    if (v)
        *out = v->kind == VALUE_INT ? (double)v->integer : v->real;
    return true;
}

bool flag_argument(const SourceCall *c, const char *name, bool *out)
{
    const Value *v = source_argument(c, name);
    if (v && v->kind != VALUE_BOOL)
        return source_argument_error(c, v->span, "%s is true or false", name);
    if (v)
        *out = v->boolean;
    return true;
}

bool texts_argument(const SourceCall *c, const char *name, const char *const **out, int *count)
{
    const Value *v = source_argument(c, name);
    if (!v)
        return true;
    const bool single = v->kind == VALUE_STRING;
    const int n = single ? 1 : v->kind == VALUE_LIST || v->kind == VALUE_TUPLE ? v->count : 0;
    const char **texts = arena_array(c->env->arena, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        const Value *item = single ? v : v->items[i].value;
        if (item->kind != VALUE_STRING)
            return source_argument_error(c, item->span, "%s holds texts in quotes", name);
        texts[i] = item->string;
    }
    if (n == 0)
        return source_argument_error(c, v->span, "%s is a text in quotes, or a list of them", name);
    *out = texts;
    *count = n;
    return true;
}

bool count_argument(const SourceCall *c, const char *name, int64_t *out)
{
    const Value *v = source_argument(c, name);
    if (v && (v->kind != VALUE_INT || v->integer < 1 || v->integer > INT32_MAX))
        return source_argument_error(c, v->span, "%s is a whole number of at least 1", name);
    if (v)
        *out = v->integer;
    return true;
}

bool size_argument(const SourceCall *c, const char *name, int64_t *height, int64_t *width)
{
    const Value *v = source_argument(c, name);
    int64_t sides[2];
    if (!v)
        return true;
    bool right = (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE) && v->count == 2;
    for (int i = 0; right && i < 2; i++) {
        const Value *side = v->items[i].value;
        right = side->kind == VALUE_INT && side->integer > 0 && side->integer <= INT32_MAX;
        sides[i] = right ? side->integer : 0;
    }
    if (!right)
        return source_argument_error(c, v->span, "%s is [height, width] in pixels", name);
    *height = sides[0];
    *width = sides[1];
    return true;
}

bool path_argument(const SourceCall *c, const char *name, const char **out)
{
    if (!text_argument(c, name, out))
        return false;
    if (*out)
        *out = path_in(c->env->arena, c->env->folder, *out);
    return true;
}

bool wanted_path(const SourceCall *c, const char *name, const char **out)
{
    *out = NULL;
    if (!path_argument(c, name, out))
        return false;
    return *out || source_argument_error(c, c->value->span, "which file?");
}

static int argument_place(const SourceKind *kind, const char *name)
{
    for (int i = 0; i < MAX_ARGUMENTS && kind->arguments[i]; i++)
        if (strcmp(kind->arguments[i], name) == 0)
            return i;
    return -1;
}

static bool place_argument(SourceCall *c, const NamedValue *given, int position)
{
    int place = position;
    if (given->name) {
        place = argument_place(c->kind, given->name);
        if (place < 0)
            return source_argument_error(c, given->span, "there is no argument %s", given->name);
    }
    if (place >= MAX_ARGUMENTS || !c->kind->arguments[place])
        return source_argument_error(c, given->value->span, "too many arguments");
    if (c->arguments[place])
        return source_argument_error(c, given->value->span, "%s is given twice",
                                     c->kind->arguments[place]);
    c->arguments[place] = given->value;
    return true;
}

// All arguments without a name as one list in the first place.
static void place_many(SourceCall *c)
{
    Value *list = arena_array(c->env->arena, Value, 1);
    list->kind = VALUE_LIST;
    list->span = c->value->span;
    list->items = arena_array(c->env->arena, NamedValue, (size_t)c->value->count + 1);
    for (int i = 0; i < c->value->count; i++)
        if (!c->value->items[i].name)
            list->items[list->count++] = c->value->items[i];
    const bool is_list = list->count == 1 && list->items[0].value->kind == VALUE_LIST;
    if (list->count > 0)
        c->arguments[0] = is_list ? list->items[0].value : list;
}

bool source_place_arguments(SourceCall *c)
{
    if (c->kind->many)
        place_many(c);
    for (int i = 0; i < c->value->count; i++) {
        const NamedValue *given = &c->value->items[i];
        if (!(c->kind->many && !given->name) && !place_argument(c, given, i))
            return false;
    }
    return true;
}
