// intern.c -- a hash table of names, open addressing, never more than half full.

#include "base/intern.h"

#include <string.h>

enum { FIRST_SLOTS = 256, NEAREST_MAX_LENGTH = 64, NEAREST_MAX_DISTANCE = 2 };

typedef struct Slot {
    Name name;  // NULL: free
    uint32_t hash;
    uint32_t size;
} Slot;

struct Interner {
    Arena *arena;
    Slot *slots;
    size_t capacity;  // a power of two
    size_t count;
};

Interner *interner_new(Arena *a)
{
    Interner *in = arena_new_of(a, Interner);
    in->arena = a;
    in->capacity = FIRST_SLOTS;
    in->slots = arena_array(a, Slot, FIRST_SLOTS);
    return in;
}

// FNV-1a, 32 bits.
static uint32_t hash_of(const char *s, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    return h;
}

// The slot that holds the name, or the free one where it belongs.
static Slot *find_slot(Slot *slots, size_t capacity, const char *s, size_t n, uint32_t hash)
{
    for (size_t i = hash & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
        Slot *slot = &slots[i];
        if (!slot->name)
            return slot;
        if (slot->hash == hash && slot->size == n && memcmp(slot->name, s, n) == 0)
            return slot;
    }
}

static void double_slots(Interner *in)
{
    const size_t capacity = 2 * in->capacity;
    Slot *slots = arena_array(in->arena, Slot, capacity);
    for (size_t i = 0; i < in->capacity; i++) {
        const Slot *old = &in->slots[i];
        if (old->name)
            *find_slot(slots, capacity, old->name, old->size, old->hash) = *old;
    }
    in->slots = slots;
    in->capacity = capacity;
}

Name intern_n(Interner *in, const char *s, size_t n)
{
    if (2 * (in->count + 1) > in->capacity)
        double_slots(in);
    const uint32_t hash = hash_of(s, n);
    Slot *slot = find_slot(in->slots, in->capacity, s, n, hash);
    if (!slot->name) {
        *slot = (Slot){arena_strndup(in->arena, s, n), hash, (uint32_t)n};
        in->count++;
    }
    return slot->name;
}

Name intern(Interner *in, const char *s)
{
    return intern_n(in, s, strlen(s));
}

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Edits (insert, delete, replace, swap neighbours) from `a` to `b`: the optimal string alignment
// distance, row by row. Both are at most NEAREST_MAX_LENGTH long.
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][NEAREST_MAX_LENGTH + 1] = {0};
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const size_t replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, replaced);
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[nb];
}

Name nearest_name(Name name, const Name *candidates, size_t count)
{
    const size_t n = strlen(name);
    size_t best = NEAREST_MAX_DISTANCE + 1;
    Name nearest = NULL;
    for (size_t i = 0; i < count && n <= NEAREST_MAX_LENGTH; i++) {
        const size_t length = strlen(candidates[i]);
        if (length > NEAREST_MAX_LENGTH)
            continue;
        const size_t distance = edit_distance(name, n, candidates[i], length);
        if (distance < best && 2 * distance < n) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
