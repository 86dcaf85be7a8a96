// deploy_limits.c -- `deploy { ram = 64 KiB; flash = 256 KiB }`: does the header fit, and if not,
// what takes most.

#include <stdlib.h>

#include "driver/deploy.h"
#include "driver/table.h"

enum { MOST_LISTED = 5 };

// What takes memory: a variable, or the value of a kernel.
typedef struct Taker {
    const char *name;
    size_t bytes;
} Taker;

static int larger_first(const void *x, const void *y)
{
    const Taker *a = x, *b = y;
    return a->bytes < b->bytes ? 1 : -(a->bytes > b->bytes);
}

static size_t bytes_of(const Type *t)
{
    return (size_t)type_elements(t) * dtype_size(t->dtype);
}

// The kernel that writes a buffer first.
static const char *maker(Job *j, const Plan *p, const Buffer *b)
{
    return b->first < 0 ? "nothing" : c_describe(j->model.arena, p->kernels[b->first]);
}

static Taker *list_takers(Job *j, const Plan *p, BufferKind kind, int *count)
{
    Taker *takers = arena_array(j->model.arena, Taker, (size_t)p->buffer_count + 1);
    *count = 0;
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *b = &p->buffers[i];
        if (b->kind == kind)
            takers[(*count)++] =
                (Taker){kind == BUFFER_VARIABLE ? p->graph->variables->items[b->index].path
                                                : maker(j, p, b),
                        bytes_of(&b->type) * (type_batched(&b->type) ? (size_t)p->max_batch : 1)};
    }
    qsort(takers, (size_t)*count, sizeof *takers, larger_first);
    return takers;
}

static bool fits(Job *j, const Plan *p, const char *what, size_t bytes, int64_t limit, Span span,
                 BufferKind kind, size_t variables)
{
    if (limit < 0 || bytes <= (size_t)limit)
        return true;
    Diag *d =
        diag_report(j->session->diags, DIAG_deploy_limit, span, bytes, what, (long long)limit);
    if (variables > 0)
        diag_help(d, "what is learned takes %s", bytes_text(j->model.arena, (double)variables));
    int count;
    const Taker *takers = list_takers(j, p, kind, &count);
    for (int i = 0; i < count && i < MOST_LISTED; i++)
        diag_help(d, "%s takes %s", takers[i].name,
                  bytes_text(j->model.arena, (double)takers[i].bytes));
    return false;
}

// Learning takes its own arena and what it changes.
bool deploy_fits(Job *j, const CHeader *h)
{
    const DeploySpec *d = sema_deploy_spec(j->model.program);
    const CSizes sizes = c_sizes(h);
    const size_t most = h->train ? sizes.train_arena + sizes.variables : sizes.ram;
    const Plan *p = h->train ? h->train : h->plan;
    const bool ram = fits(j, p, "ram", most, d->ram, d->ram_span, BUFFER_ARENA, sizes.variables);
    return fits(j, h->plan, "flash", sizes.flash, d->flash, d->flash_span, BUFFER_VARIABLE, 0) &&
           ram;
}
