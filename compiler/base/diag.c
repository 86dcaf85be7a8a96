// diag.c -- collecting diagnostics.

#include "base/diag.h"

#include <string.h>

#include "base/diag_data.h"

// More errors than this are counted but not kept: only twenty are shown, and a hostile file must
// not make the search for repetitions long.
enum { KEPT_DIAGS = 1000 };

typedef struct DiagRow {
    const char *code;
    const char *format;
    Severity severity;
} DiagRow;

static const DiagRow rows[DIAG_COUNT] = {
#define DIAG(id, code, severity, format) {code, format, SEVERITY_##severity},
#include "base/diag.def"
#undef DIAG
};

Diags *diags_new(Arena *a, const Sources *sources)
{
    Diags *ds = arena_new_of(a, Diags);
    ds->arena = a;
    ds->sources = sources;
    return ds;
}

static bool is_repeated(const Diags *ds, DiagCode code, Span span)
{
    for (size_t i = ds->count; i-- > 0;) {
        const Diag *d = ds->items[i];
        if (d->code == code && d->span.pos == span.pos && d->span.len == span.len)
            return true;
    }
    return false;
}

// Puts the diagnostic behind those of its place and of earlier ones.
static void insert_sorted(Diags *ds, Diag *d)
{
    arena_push(ds->arena, ds->items, ds->count, ds->capacity, d);
    size_t i = ds->count - 1;
    for (; i > 0 && ds->items[i - 1]->span.pos > d->span.pos; i--)
        ds->items[i] = ds->items[i - 1];
    ds->items[i] = d;
}

static void keep(Diags *ds, Diag *d)
{
    const bool warning = rows[d->code].severity == SEVERITY_WARNING;
    if (ds->off[d->code] || (ds->count < KEPT_DIAGS && is_repeated(ds, d->code, d->span)))
        return;
    ds->errors += rows[d->code].severity == SEVERITY_ERROR;
    ds->warnings += warning;
    if (ds->count < KEPT_DIAGS)
        insert_sorted(ds, d);
}

Diag *diag_report(Diags *ds, DiagCode code, Span span, ...)
{
    va_list args;
    va_start(args, span);
    Diag *d = arena_new_of(ds->arena, Diag);
    d->arena = ds->arena;
    d->code = code;
    d->span = span;
    d->message = arena_vprintf(ds->arena, rows[code].format, args);
    d->last_note = &d->notes;
    d->last_help = &d->helps;
    va_end(args);
    keep(ds, d);
    return d;
}

void diag_label(Diag *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    d->label = arena_vprintf(d->arena, format, args);
    va_end(args);
}

static DiagNote *note_new(Diag *d, Span span, const char *format, va_list args)
{
    DiagNote *note = arena_new_of(d->arena, DiagNote);
    note->span = span;
    note->text = arena_vprintf(d->arena, format, args);
    return note;
}

void diag_note(Diag *d, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *d->last_note = note_new(d, span, format, args);
    d->last_note = &(*d->last_note)->next;
    va_end(args);
}

void diag_help(Diag *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *d->last_help = note_new(d, NO_SPAN, format, args);
    d->last_help = &(*d->last_help)->next;
    va_end(args);
}

size_t diags_errors(const Diags *ds)
{
    return ds->errors;
}

size_t diags_warnings(const Diags *ds)
{
    return ds->warnings;
}

bool diags_set_warning(Diags *ds, const char *code, bool on)
{
    for (int i = 0; i < DIAG_COUNT; i++) {
        if (rows[i].severity == SEVERITY_WARNING && strcmp(rows[i].code, code) == 0) {
            ds->off[i] = !on;
            return true;
        }
    }
    return false;
}

void diags_clear(Diags *ds)
{
    ds->count = 0;
    ds->errors = 0;
    ds->warnings = 0;
}

const char *diag_code_text(DiagCode code)
{
    return rows[code].code;
}

Severity diag_severity(DiagCode code)
{
    return rows[code].severity;
}

size_t diags_count(const Diags *ds)
{
    return ds->count;
}

DiagCode diags_code_at(const Diags *ds, size_t i)
{
    return ds->items[i]->code;
}
