// cache.h -- compiled objects on disk, by what they were compiled from.
//
// A cache never fails: what cannot be read, is damaged or is not the user's is not there, and what
// cannot be written is not kept. Several threads and processes may use one folder at once.

#ifndef NNC_CACHE_H
#define NNC_CACHE_H

#include "base/arena.h"

typedef struct Cache Cache;

// A hash of everything that an object depends on.
typedef struct CacheKey {
    uint64_t high, low;
} CacheKey;

#define CACHE_BYTES ((size_t)256 << 20)

// Where the user's cache is: $XDG_CACHE_HOME/nnc or ~/.cache/nnc. NULL: nowhere.
const char *cache_folder(Arena *a);

// Opens or makes the folder, which is to hold `limit` bytes at the most: beyond it goes what was
// not used for longest. NULL when it cannot be had, or is not the user's alone to write.
Cache *cache_open(const char *folder, size_t limit);
void cache_close(Cache *c);  // NULL: does nothing

// The object stored under `key`, for the caller to free; NULL: there is none.
void *cache_load(Cache *c, CacheKey key, size_t *size);
void cache_store(Cache *c, CacheKey key, const void *object, size_t size);

#endif
