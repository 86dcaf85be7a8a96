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

static void add(Taker *takers, int *count, const char *name, size_t bytes)
{
    if (bytes > 0)
        takers[(*count)++] = (Taker){name, bytes};
}

// The values in an arena.
static Taker *list_values(Job *j, const Plan *p, int *count)
{
    Taker *takers = arena_array(j->model.arena, Taker, (size_t)p->buffer_count + 1);
    *count = 0;
    for (int i = 0; i < p->buffer_count; i++) {
        const Buffer *b = &p->buffers[i];
        const size_t examples = type_batched(&b->type) ? (size_t)p->max_batch : 1;
        if (b->kind == BUFFER_ARENA)
            add(takers, count, maker(j, p, b), bytes_of(&b->type) * examples);
    }
    return takers;
}

static Taker *list_constants(Job *j, const CHeader *h, int *count)
{
    const Variables *vs = h->plan->graph->variables;
    Taker *takers = arena_array(j->model.arena, Taker, (size_t)vs->count + 1);
    *count = 0;
    for (int i = 0; i < vs->count; i++)
        add(takers, count, vs->items[i].path, c_flash_bytes(h, i));
    return takers;
}

static Diag *report(Job *j, const char *what, size_t bytes, int64_t limit, Span span)
{
    return diag_report(j->session->diags, DIAG_deploy_limit, span, bytes, what, (long long)limit);
}

static void help_largest(Job *j, Diag *d, Taker *takers, int count)
{
    qsort(takers, (size_t)count, sizeof *takers, larger_first);
    for (int i = 0; i < count && i < MOST_LISTED; i++)
        diag_help(d, "%s takes %s", takers[i].name,
                  bytes_text(j->model.arena, (double)takers[i].bytes));
}

static bool allows(int64_t limit, size_t bytes)
{
    return limit < 0 || bytes <= (size_t)limit;
}

// Learning takes its own arena and what it changes.
static bool fits_ram(Job *j, const CHeader *h, const CSizes *sizes)
{
    const DeploySpec *d = sema_deploy_spec(j->model.program);
    const size_t most = h->train ? sizes->train_arena + sizes->variables : sizes->ram;
    int count;
    if (allows(d->ram, most))
        return true;
    Diag *diag = report(j, "ram", most, d->ram, d->ram_span);
    if (sizes->variables > 0)
        diag_help(diag, "what is learned takes %s",
                  bytes_text(j->model.arena, (double)sizes->variables));
    Taker *takers = list_values(j, h->train ? h->train : h->plan, &count);
    help_largest(j, diag, takers, count);
    return false;
}

// And in flash the weights to start from.
static bool fits_flash(Job *j, const CHeader *h, const CSizes *sizes)
{
    const DeploySpec *d = sema_deploy_spec(j->model.program);
    int count;
    if (allows(d->flash, sizes->flash))
        return true;
    Taker *takers = list_constants(j, h, &count);
    help_largest(j, report(j, "flash", sizes->flash, d->flash, d->flash_span), takers, count);
    return false;
}

bool deploy_fits(Job *j, const CHeader *h)
{
    const CSizes sizes = c_sizes(h);
    const bool ram = fits_ram(j, h, &sizes);
    return fits_flash(j, h, &sizes) && ram;
}
