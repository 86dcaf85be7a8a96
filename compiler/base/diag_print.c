// diag_print.c -- diagnostics as the user reads them.
//
//   error[shape-mismatch]: conv2d expects [height, width, channels] and gets [784]
//     --> fashion.nn:12:5
//      |
//   11 |     flatten
//      |     ------- [28, 28, 1] becomes [784] here
//   12 |     conv2d(32, kernel = 3)
//      |     ^^^^^^^^^^^^^^^^^^^^^^ needs three axes
//      = help: move flatten below the convolutions, or reshape(28, 28, 1) first
//
// Nothing here allocates from an arena: the arena may be what ran out.

#include <string.h>

#include "base/cells.h"
#include "base/diag_data.h"

enum {
    SHOWN_DIAGS = 20,        // of each severity
    SHOWN_MARKS = 32,        // of one diagnostic
    SHOWN_BYTES = 240,       // of a line; a longer one is cut on both sides of the mark
    BYTES_BEFORE_MARK = 60,  // that are left then
};

#define COLOR_RESET "\033[0m"
#define COLOR_STRONG "\033[1m"
#define COLOR_GUTTER "\033[1;34m"

static const struct {
    const char *text;
    const char *color;
} severities[] = {
    [SEVERITY_ERROR] = {"error", "\033[1;31m"},
    [SEVERITY_WARNING] = {"warning", "\033[1;33m"},
    [SEVERITY_NOTE] = {"note", "\033[1;36m"},
};

// A place to underline, with the text beside it.
typedef struct Mark {
    Place place;
    uint32_t length;   // in bytes
    const char *text;  // NULL: none
    bool primary;
} Mark;

typedef struct Printer {
    FILE *out;
    bool color;
    int gutter;                  // digits of the largest line number shown
    const char *severity_color;  // of the diagnostic being printed
    size_t count;
    Mark marks[SHOWN_MARKS];
} Printer;

static void set_color(const Printer *p, const char *escape)
{
    if (p->color)
        fputs(escape, p->out);
}

static void put_safe(const Printer *p, const char *s)
{
    cells_show(p->out, s, strlen(s));
}

// --- marks ------------------------------------------------------------------------------------

static void add_mark(Printer *p, const Sources *sources, Span span, const char *text, bool primary)
{
    const Place place = source_place(sources, span);
    if (place.source && p->count < SHOWN_MARKS)
        p->marks[p->count++] = (Mark){place, span.len, text, primary};
}

static int digits_of(uint32_t n)
{
    int digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

static void collect_marks(Printer *p, const Sources *sources, const Diag *d)
{
    p->count = 0;
    p->gutter = 1;
    add_mark(p, sources, d->span, d->label, true);
    for (const DiagNote *n = d->notes; n; n = n->next)
        add_mark(p, sources, n->span, n->text, false);
    for (size_t i = 0; i < p->count; i++) {
        const int digits = digits_of(p->marks[i].place.line);
        p->gutter = digits > p->gutter ? digits : p->gutter;
    }
}

// The first marked line of the file after `line`, or 0.
static uint32_t next_marked_line(const Printer *p, const Source *source, uint32_t line)
{
    uint32_t next = 0;
    for (size_t i = 0; i < p->count; i++) {
        const Place at = p->marks[i].place;
        if (at.source == source && at.line > line && (!next || at.line < next))
            next = at.line;
    }
    return next;
}

// --- a source line and its marks --------------------------------------------------------------

// The part of a source line that is shown.
typedef struct Excerpt {
    const char *text;
    size_t from;  // byte of the line at which the part begins
    size_t size;
    bool cut;  // something stands before it
} Excerpt;

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static Excerpt excerpt_of(const Source *source, uint32_t line, size_t first_mark)
{
    size_t size;
    const char *text = source_line(source, line, &size);
    if (size <= SHOWN_BYTES)
        return (Excerpt){text, 0, size, false};
    size_t from = first_mark > BYTES_BEFORE_MARK ? first_mark - BYTES_BEFORE_MARK : 0;
    while (from < size && is_continuation(text[from]))
        from++;
    size_t end = from + SHOWN_BYTES < size ? from + SHOWN_BYTES : size;
    while (end < size && is_continuation(text[end]))
        end++;
    return (Excerpt){text + from, from, end - from, from > 0};
}

// Cells before byte `at` of the line, in the excerpt.
static size_t cells_before(const Excerpt *e, size_t at)
{
    const size_t inside = at < e->from ? 0 : at - e->from;
    const size_t cells = cells_show(NULL, e->text, inside < e->size ? inside : e->size);
    return cells + (e->cut ? 3 : 0);
}

static void put_gutter(const Printer *p, uint32_t line)
{
    set_color(p, COLOR_GUTTER);
    if (line)
        fprintf(p->out, "%*u |", p->gutter, line);
    else
        fprintf(p->out, "%*s |", p->gutter, "");
    set_color(p, COLOR_RESET);
}

static void put_line(const Printer *p, const Excerpt *e, uint32_t line)
{
    put_gutter(p, line);
    if (e->size)
        fputs(e->cut ? " ..." : " ", p->out);
    cells_show(p->out, e->text, e->size);
    fputc('\n', p->out);
}

// The dashes or carets; a mark over several lines ends with the first one.
static void put_mark(const Printer *p, const Excerpt *e, const Mark *m)
{
    const size_t start = m->place.column - 1;
    const size_t before = cells_before(e, start);
    const size_t after = cells_before(e, start + m->length);
    put_gutter(p, 0);
    fprintf(p->out, " %*s", (int)before, "");
    set_color(p, m->primary ? p->severity_color : COLOR_GUTTER);
    size_t width = after - before;
    do
        fputc(m->primary ? '^' : '-', p->out);
    while (width-- > 1);
    if (m->text) {
        fputc(' ', p->out);
        put_safe(p, m->text);
    }
    set_color(p, COLOR_RESET);
    fputc('\n', p->out);
}

static void put_marked_line(const Printer *p, const Source *source, uint32_t line)
{
    bool shown = false;
    Excerpt e = {0};
    for (size_t i = 0; i < p->count; i++) {
        const Mark *m = &p->marks[i];
        if (m->place.source != source || m->place.line != line)
            continue;
        if (!shown) {
            e = excerpt_of(source, line, m->place.column - 1);
            put_line(p, &e, line);
            shown = true;
        }
        put_mark(p, &e, m);
    }
}

// --- a diagnostic -----------------------------------------------------------------------------

static void put_headline(const Printer *p, const Diag *d)
{
    const Severity severity = diag_severity(d->code);
    set_color(p, p->severity_color);
    fprintf(p->out, "%s[%s]", severities[severity].text, diag_code_text(d->code));
    set_color(p, COLOR_RESET);
    set_color(p, COLOR_STRONG);
    fputs(": ", p->out);
    put_safe(p, d->message);
    set_color(p, COLOR_RESET);
    fputc('\n', p->out);
}

// The lines of one file, under the place of its first mark.
static void put_file(const Printer *p, const Mark *first)
{
    const Source *source = first->place.source;
    set_color(p, COLOR_GUTTER);
    fprintf(p->out, "%*s%s ", p->gutter, "", first->primary ? "-->" : ":::");
    set_color(p, COLOR_RESET);
    put_safe(p, source->name);
    fprintf(p->out, ":%u:%u\n", first->place.line, first->place.column);
    put_gutter(p, 0);
    fputc('\n', p->out);
    uint32_t last = 0;
    for (uint32_t line; (line = next_marked_line(p, source, last)) != 0; last = line) {
        if (last && line > last + 1)
            fprintf(p->out, "%*s ...\n", p->gutter, "");
        put_marked_line(p, source, line);
    }
}

static bool is_first_of_file(const Printer *p, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (p->marks[j].place.source == p->marks[i].place.source)
            return false;
    return true;
}

static void put_remark(const Printer *p, const char *kind, const char *text)
{
    set_color(p, COLOR_GUTTER);
    fprintf(p->out, "%*s =", p->gutter, "");
    set_color(p, COLOR_RESET);
    fprintf(p->out, " %s: ", kind);
    put_safe(p, text);
    fputc('\n', p->out);
}

static void put_diag(Printer *p, const Sources *sources, const Diag *d)
{
    p->severity_color = severities[diag_severity(d->code)].color;
    collect_marks(p, sources, d);
    put_headline(p, d);
    for (size_t i = 0; i < p->count; i++)
        if (is_first_of_file(p, i))
            put_file(p, &p->marks[i]);
    for (const DiagNote *n = d->notes; n; n = n->next)
        if (!n->span.pos)
            put_remark(p, "note", n->text);
    for (const DiagNote *n = d->helps; n; n = n->next)
        put_remark(p, "help", n->text);
}

static void put_rest(FILE *out, size_t total, const char *what)
{
    if (total > SHOWN_DIAGS)
        fprintf(out, "... and %zu more %s%s\n", total - SHOWN_DIAGS, what,
                total == SHOWN_DIAGS + 1 ? "" : "s");
}

void diags_print(const Diags *ds, FILE *out, bool color)
{
    Printer p = {.out = out, .color = color};
    size_t shown[SEVERITY_NOTE + 1] = {0};
    for (size_t i = 0; i < ds->count; i++) {
        const Diag *d = ds->items[i];
        if (shown[diag_severity(d->code)]++ >= SHOWN_DIAGS)
            continue;
        if (i > 0)
            fputc('\n', out);
        put_diag(&p, ds->sources, d);
    }
    put_rest(out, ds->errors, "error");
    put_rest(out, ds->warnings, "warning");
}
