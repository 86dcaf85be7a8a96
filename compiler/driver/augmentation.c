// augmentation.c -- reads the data block's list, and finds the inputs it is for.

#include "driver/augmentation.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base/text.h"
#include "driver/data.h"

// --- the list ---------------------------------------------------------------------------------

static const char *kind_names(Arena *a)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    Text t = text_in(a);
    for (int i = 0; i < count; i++)
        text_addf(&t, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", kinds[i].name);
    return text_str(&t);
}

bool augmentation_doc(const char *name, Text *out)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    const NnrtAugmentKind *k = kinds;
    while (k < kinds + count && strcmp(k->name, name) != 0)
        k++;
    if (k == kinds + count)
        return false;
    text_addf(out, "augmentation %s(", name);
    for (int i = 0; i < NNRT_AUGMENT_PARAMETERS && k->parameters[i].name; i++) {
        const NnrtAugmentParameter *p = &k->parameters[i];
        text_addf(out, "%s%s = ", i > 0 ? ", " : "", p->name);
        if (p->fill)
            text_add(out, p->usual > 0 ? "\"zero\"" : "\"nearest\"");
        else
            text_addf(out, "%g", p->usual);
    }
    text_addf(out, ")\n\n%s\n\nExample:\n    augment = [%s]\n", k->doc, name);
    return true;
}

static const NnrtAugmentKind *unknown(const NncModel *m, const Value *v, const char *name)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    Name *names = arena_array(m->arena, Name, (size_t)count);
    for (int i = 0; i < count; i++)
        names[i] = kinds[i].name;
    Diag *d = diag_report(m->session->diags, DIAG_unknown_augmentation, v->span, name);
    const char *near = nearest_name(name, names, (size_t)count);
    if (near)
        diag_help(d, "did you mean %s?", near);
    else
        diag_help(d, "there are %s", kind_names(m->arena));
    return NULL;
}

static const NnrtAugmentKind *find_kind(const NncModel *m, const Value *v)
{
    int count;
    const NnrtAugmentKind *kinds = nnrt_augment_kinds(&count);
    for (int i = 0; v->kind == VALUE_CALL && i < count; i++)
        if (strcmp(kinds[i].name, v->name) == 0)
            return &kinds[i];
    const bool named = v->kind == VALUE_CALL || v->kind == VALUE_DEFINITION;
    return unknown(m, v, named ? v->name : "this");
}

static bool argument_error(const NncModel *m, const NnrtAugmentKind *kind, Span span,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

static bool argument_error(const NncModel *m, const NnrtAugmentKind *kind, Span span,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(m->arena, format, args);
    va_end(args);
    diag_report(m->session->diags, DIAG_augmentation, span, kind->name, text);
    return false;
}

static bool read_fill(const NncModel *m, const NnrtAugmentKind *kind, const Value *v, float *out)
{
    const bool zero = v->kind == VALUE_STRING && strcmp(v->string, "zero") == 0;
    const bool nearest = v->kind == VALUE_STRING && strcmp(v->string, "nearest") == 0;
    *out = zero;
    return zero || nearest || argument_error(m, kind, v->span, "fill is \"nearest\" or \"zero\"");
}

static bool read_number(const NncModel *m, const NnrtAugmentKind *kind,
                        const NnrtAugmentParameter *p, const Value *v, float *out)
{
    const bool whole = v->kind == VALUE_INT;
    if (!whole && v->kind != VALUE_REAL)
        return argument_error(m, kind, v->span, "%s is a number", p->name);
    const double value = whole ? (double)v->integer : v->real;
    if (!(value >= p->least && value <= p->most))
        return argument_error(m, kind, v->span, "%s is from %g to %g, not %g", p->name, p->least,
                              p->most, value);
    *out = (float)value;
    return true;
}

static int find_parameter(const NnrtAugmentKind *kind, const char *name)
{
    for (int i = 0; i < NNRT_AUGMENT_PARAMETERS && kind->parameters[i].name; i++)
        if (strcmp(kind->parameters[i].name, name) == 0)
            return i;
    return -1;
}

static bool read_argument(const NncModel *m, const NamedValue *given, int position,
                          NnrtAugment *out, bool *seen)
{
    const int place = given->name ? find_parameter(out->kind, given->name) : position;
    if (place < 0)
        return argument_error(m, out->kind, given->span, "there is no argument %s", given->name);
    if (place >= NNRT_AUGMENT_PARAMETERS || !out->kind->parameters[place].name)
        return argument_error(m, out->kind, given->value->span, "too many arguments");
    const NnrtAugmentParameter *p = &out->kind->parameters[place];
    if (seen[place])
        return argument_error(m, out->kind, given->value->span, "%s is given twice", p->name);
    seen[place] = true;
    return p->fill ? read_fill(m, out->kind, given->value, &out->values[place])
                   : read_number(m, out->kind, p, given->value, &out->values[place]);
}

static bool read_one(const NncModel *m, const Value *v, NnrtAugment *out)
{
    bool seen[NNRT_AUGMENT_PARAMETERS] = {false};
    out->kind = find_kind(m, v);
    if (!out->kind)
        return false;
    for (int i = 0; i < NNRT_AUGMENT_PARAMETERS; i++)
        out->values[i] = (float)out->kind->parameters[i].usual;
    for (int i = 0; i < v->count; i++)
        if (!read_argument(m, &v->items[i], i, out, seen))
            return false;
    return true;
}

static bool read_list(const NncModel *m, const Value *v, NnrtAugment *list, int *count)
{
    const bool single = v->kind != VALUE_LIST;
    *count = single ? 1 : v->count;
    if (*count > NNRT_MAX_AUGMENTS) {
        diag_report(m->session->diags, DIAG_augmentation, v->span, "augment",
                    arena_printf(m->arena, "at most %d of them", NNRT_MAX_AUGMENTS));
        return false;
    }
    for (int i = 0; i < *count; i++)
        if (!read_one(m, single ? v : v->items[i].value, &list[i]))
            return false;
    return true;
}

// --- the inputs -------------------------------------------------------------------------------

static bool is_image(const Type *t)
{
    const int rank = t->rank - type_batched(t);
    return t->dtype == DTYPE_F32 && (rank == 2 || rank == 3);
}

static bool add_input(Augmentation *a, const NnrtAugment *list, int count, int i, const Type *t,
                      int64_t capacity, NnrtError *e)
{
    const int64_t *dims = t->dims + type_batched(t);
    const int64_t channels = t->rank - type_batched(t) == 3 ? dims[2] : 1;
    return nnrt_augmenter_new(&a->augmenters[i], list, count, dims[0], dims[1], channels, capacity,
                              e);
}

static bool no_image(const NncModel *m, const Value *v)
{
    Diag *d = diag_report(m->session->diags, DIAG_augmentation, v->span, "augment",
                          "no input of the model is an image");
    diag_help(d, "an image is [height, width] or [height, width, channels]");
    return false;
}

static bool add_inputs(Augmentation *a, const NncModel *m, const Graph *g, const NnrtAugment *list,
                       int count, int64_t capacity, NnrtError *e)
{
    const DataSpec *spec = sema_data_spec(m->program);
    a->input_count = g->input_count;
    a->augmenters = nnrt_alloc((size_t)g->input_count, sizeof *a->augmenters, e);
    a->targets = a->augmenters ? nnrt_alloc((size_t)g->input_count, sizeof *a->targets, e) : NULL;
    for (int i = 0; a->targets && i < g->input_count; i++) {
        a->targets[i] = is_target(g->inputs[i].name);
        if (!is_image(&g->inputs[i].type) || (a->targets[i] && !spec->target))
            continue;
        if (!add_input(a, list, count, i, &g->inputs[i].type, capacity, e))
            return false;
    }
    return a->targets != NULL;
}

bool augmentation_changes(const Augmentation *a)
{
    for (int i = 0; i < a->input_count; i++)
        if (a->augmenters[i].count > 0)
            return true;
    return false;
}

bool augmentation_new(Augmentation *a, const NncModel *m, const Graph *g, int64_t capacity,
                      uint64_t seed)
{
    const Value *v = sema_data_spec(m->program)->augment;
    NnrtAugment list[NNRT_MAX_AUGMENTS];
    int count = 0;
    NnrtError e;
    *a = (Augmentation){.seed = seed};
    if (!v)
        return true;
    if (!read_list(m, v, list, &count))
        return false;
    if (count == 0)
        return true;
    if (!add_inputs(a, m, g, list, count, capacity, &e)) {
        diag_report(m->session->diags, DIAG_augmentation, v->span, "augment", e.message);
        return false;
    }
    return augmentation_changes(a) || no_image(m, v);
}

void augmentation_free(Augmentation *a)
{
    for (int i = 0; a->augmenters && i < a->input_count; i++)
        nnrt_augmenter_free(&a->augmenters[i]);
    free(a->augmenters);
    free(a->targets);
    *a = (Augmentation){0};
}

void augmentation_apply(void *augmentation, uint64_t step, const uint32_t *rows, int64_t lo,
                        int64_t hi, void *const *inputs)
{
    const Augmentation *a = augmentation;
    for (int i = 0; i < a->input_count; i++)
        if (a->augmenters[i].count > 0)
            nnrt_augment_range(&a->augmenters[i], a->seed, step, rows, lo, hi, a->targets[i],
                               inputs[i]);
}
