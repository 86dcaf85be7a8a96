// intern.h -- every name once, so that names are compared by pointer.

#ifndef NNC_INTERN_H
#define NNC_INTERN_H

#include "base/arena.h"

typedef struct Interner Interner;
typedef const char *Name;  // NUL-terminated, unique in its interner

Interner *interner_new(Arena *a);
Name intern(Interner *in, const char *s);
Name intern_n(Interner *in, const char *s, size_t n);

// The candidate nearest to `name` by edit distance (at most 2, and less than half the length), or
// NULL. Ties go to the first: never a wrong fix rather than a far one.
Name nearest_name(Name name, const Name *candidates, size_t count);

#endif
