// alloc.c -- checked allocation.

#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A page that the system may use for large memory, and memory worth it: the examples of a data set,
// whose shuffled rows would each miss the table of small pages.
enum { LINE = 64, LARGE_PAGE = 2 << 20, LARGE_MEMORY = 8 << 20 };

static atomic_long fail_countdown;

void nnrt_alloc_fail_after(long n)
{
    atomic_store(&fail_countdown, n);
}

static bool injected_failure(void)
{
    return atomic_load(&fail_countdown) > 0 && atomic_fetch_sub(&fail_countdown, 1) == 1;
}

static bool byte_count(size_t count, size_t size, size_t *bytes, NnrtError *e)
{
    if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX)
        return nnrt_fail(e, "%zu elements of %zu bytes are more than memory can address", count,
                         size);
    if (*bytes == 0)
        *bytes = 1;
    return true;
}

// Only a hint: where it is refused nothing changes.
static void prefer_large_pages(void *memory, size_t bytes)
{
    const uintptr_t start = (uintptr_t)memory;
    const uintptr_t first = (start + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    const uintptr_t end = (start + bytes) / LARGE_PAGE * LARGE_PAGE;
    if (bytes >= LARGE_MEMORY)
        (void)madvise((char *)memory + (first - start), end - first, MADV_HUGEPAGE);
}

static void *or_fail(void *memory, size_t bytes, NnrtError *e)
{
    if (!memory)
        nnrt_fail(e, "out of memory: %zu bytes are wanted", bytes);
    else
        prefer_large_pages(memory, bytes);
    return memory;
}

void *nnrt_alloc(size_t count, size_t size, NnrtError *e)
{
    size_t bytes;
    if (!byte_count(count, size, &bytes, e))
        return NULL;
    return or_fail(injected_failure() ? NULL : calloc(1, bytes), bytes, e);
}

void *nnrt_resize(void *old, size_t count, size_t size, NnrtError *e)
{
    size_t bytes;
    if (!byte_count(count, size, &bytes, e))
        return NULL;
    return or_fail(injected_failure() ? NULL : realloc(old, bytes), bytes, e);
}

// From half a page on: less is not worth the memory.
void *nnrt_alloc_operands(size_t bytes)
{
    const bool large = bytes >= LARGE_PAGE / 2;
    const size_t unit = large ? LARGE_PAGE : LINE;
    if (bytes > PTRDIFF_MAX - unit)
        return NULL;
    bytes = (bytes / unit + 1) * unit;
    void *memory = injected_failure() ? NULL : aligned_alloc(unit, bytes);
    if (memory && large)
        (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

char *nnrt_copy_text(const char *text, size_t size, NnrtError *e)
{
    size_t bytes;
    if (__builtin_add_overflow(size, (size_t)1, &bytes)) {
        nnrt_fail(e, "a text of %zu bytes is more than memory can address", size);
        return NULL;
    }
    char *copy = nnrt_alloc(bytes, 1, e);
    if (copy && size > 0)
        memcpy(copy, text, size);
    return copy;
}
