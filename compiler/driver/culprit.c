// culprit.c -- finds it, and says where it stands.

#include "driver/culprit.h"

#include <math.h>

Culprit culprit_find(const Graph *g, const NnrtExamples *x)
{
    Culprit c = {0};
    for (int i = 0; i < g->input_count && !c.field; i++)
        if (g->inputs[i].type.dtype == DTYPE_F32 &&
            nnrt_find_not_finite(x->fields[i], x->rows, x->count, &c.row, &c.element))
            c.field = x->fields[i];
    return c;
}

// The name of a column, or the place in the example's shape: "x[3, 4]".
static const char *element_text(Arena *a, const NnrtField *f, int64_t element)
{
    if (f->columns && f->columns[element])
        return arena_printf(a, "column %s", f->columns[element]);
    int64_t place[NNRT_MAX_RANK];
    char text[160];
    for (int i = f->rank; i-- > 0; element /= f->dims[i])
        place[i] = element % f->dims[i];
    return arena_printf(a, "%s%s", f->name,
                        f->rank > 0 ? nnrt_shape_text(place, f->rank, text, sizeof text) : "");
}

Diag *culprit_report(const Job *j, DiagCode code, PartId part, const Culprit *c)
{
    Arena *a = j->model.arena;
    const NnrtField *f = c->field;
    const int64_t at = c->row * f->width + c->element;
    const double raw = f->dtype == NNRT_F32 ? (double)((const float *)f->data)[at] : 0;
    const char *value = isfinite(raw) ? "infinite once it is scaled" : arena_printf(a, "%g", raw);
    return diag_report(j->session->diags, code, j->data.parts[part].span, (long long)c->row,
                       part == PART_TRAIN ? "training" : part_name(part),
                       element_text(a, f, c->element), value);
}
