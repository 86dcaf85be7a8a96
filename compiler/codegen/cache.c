// cache.c -- compiled objects on disk, a file each: `KEY.o`, a header and the object.
//
// A file is written under a name of its own and then renamed, so that others see all of it or
// nothing. It is not synced: the checksum finds what a crash of the machine left.

#include "codegen/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define MOST_BYTES ((size_t)64 << 20)  // of an entry
#define STALE_SECONDS 3600             // no temporary file of a living process is that old

struct Cache {
    int folder;
    size_t limit;
    pthread_mutex_t lock;
    bool counted;  // `total` has what was there before
    size_t total;
};

typedef struct Header {
    char magic[8];
    CacheKey key;
    uint64_t size;
    uint64_t checksum;
} Header;

static const char magic[8] = "nnc-obj1";

// --- the folder -------------------------------------------------------------------------------

const char *cache_folder(Arena *a)
{
    const char *base = getenv("XDG_CACHE_HOME");
    if (base && base[0] == '/')
        return arena_printf(a, "%s/nnc", base);
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? arena_printf(a, "%s/.cache/nnc", home) : NULL;
}

// Makes a folder and the one it stands in.
static void make_folder(const char *folder)
{
    char parent[4096];
    const char *slash = strrchr(folder, '/');
    if (slash && (size_t)snprintf(parent, sizeof parent, "%.*s", (int)(slash - folder), folder) <
                     sizeof parent)
        mkdir(parent, 0700);
    mkdir(folder, 0700);
}

// Objects become code of this process: nobody else may write them.
static bool is_ours(const struct stat *s)
{
    return s->st_uid == geteuid() && (s->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_folder(const char *folder)
{
    struct stat s;
    make_folder(folder);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &s) == 0 && is_ours(&s)))
        return fd;
    close(fd);
    return -1;
}

Cache *cache_open(const char *folder, size_t limit)
{
    Cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->limit = limit;
    c->folder = open_folder(folder);
    if (c->folder >= 0 && pthread_mutex_init(&c->lock, NULL) == 0)
        return c;
    if (c->folder >= 0)
        close(c->folder);
    free(c);
    return NULL;
}

void cache_close(Cache *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    close(c->folder);
    free(c);
}

// --- names ------------------------------------------------------------------------------------

enum { NAME_SIZE = 64, ENTRY_LENGTH = 34 };

static void entry_name(CacheKey key, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%016" PRIx64 "%016" PRIx64 ".o", key.high, key.low);
}

static void temporary_name(char name[NAME_SIZE])
{
    static atomic_uint made;
    snprintf(name, NAME_SIZE, "%ld-%u.tmp", (long)getpid(), atomic_fetch_add(&made, 1));
}

static bool is_entry(const char *name)
{
    return strspn(name, "0123456789abcdef") == ENTRY_LENGTH - 2 &&
           strcmp(name + ENTRY_LENGTH - 2, ".o") == 0;
}

static bool is_temporary(const char *name)
{
    const size_t n = strspn(name, "0123456789-");
    return n > 0 && strcmp(name + n, ".tmp") == 0;
}

// --- reading ----------------------------------------------------------------------------------

static bool read_all(int fd, void *to, size_t size)
{
    char *at = to;
    while (size > 0) {
        const ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool is_header(const Header *h, CacheKey key, off_t file_size)
{
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->key.high == key.high &&
           h->key.low == key.low && h->size > 0 && h->size <= MOST_BYTES &&
           (uint64_t)file_size == sizeof *h + h->size;
}

// NULL: damaged, or there is no memory for it.
static void *read_entry(int fd, CacheKey key, off_t file_size, size_t *size)
{
    Header h;
    if (!read_all(fd, &h, sizeof h) || !is_header(&h, key, file_size))
        return NULL;
    void *object = malloc(h.size);
    if (object && read_all(fd, object, h.size) && XXH3_64bits(object, h.size) == h.checksum) {
        *size = h.size;
        return object;
    }
    free(object);
    return NULL;
}

// A link is not followed; a pipe is not waited for.
static int open_entry(const Cache *c, const char *name, struct stat *s)
{
    const int fd = openat(c->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, s) == 0 && S_ISREG(s->st_mode) && is_ours(s)))
        return fd;
    close(fd);
    return -1;
}

void *cache_load(Cache *c, CacheKey key, size_t *size)
{
    char name[NAME_SIZE];
    struct stat s;
    entry_name(key, name);
    const int fd = open_entry(c, name, &s);
    if (fd < 0)
        return NULL;
    void *object = read_entry(fd, key, s.st_size, size);
    if (object)
        futimens(fd, NULL);  // now: it was used
    else
        unlinkat(c->folder, name, 0);
    close(fd);
    return object;
}

// --- the bound --------------------------------------------------------------------------------

typedef struct Entry {
    char name[NAME_SIZE];
    size_t size;
    struct timespec used;
} Entry;

typedef struct Entries {
    Entry *items;
    int count, capacity;
    size_t total;
} Entries;

static bool add_entry(Entries *es, const char *name, const struct stat *s)
{
    if (es->count == es->capacity) {
        const int capacity = es->capacity ? 2 * es->capacity : 256;
        Entry *items = realloc(es->items, (size_t)capacity * sizeof *items);
        if (!items)
            return false;
        es->items = items;
        es->capacity = capacity;
    }
    Entry *e = &es->items[es->count++];
    *e = (Entry){.size = (size_t)s->st_size, .used = s->st_mtim};
    memcpy(e->name, name, strlen(name) + 1);
    es->total += e->size;
    return true;
}

// Entries are noted; what a process that ended left half-written is removed.
static bool look_at(const Cache *c, const char *name, Entries *es)
{
    struct stat s;
    if (!(is_entry(name) || is_temporary(name)) || strlen(name) >= NAME_SIZE ||
        fstatat(c->folder, name, &s, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(s.st_mode))
        return true;
    if (is_entry(name))
        return add_entry(es, name, &s);
    if (time(NULL) - s.st_mtime > STALE_SECONDS)
        unlinkat(c->folder, name, 0);
    return true;
}

static Entries list_entries(const Cache *c)
{
    Entries es = {0};
    const int fd = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return es;
    }
    for (struct dirent *d; (d = readdir(folder)) && look_at(c, d->d_name, &es);)
        continue;
    closedir(folder);
    return es;
}

static int oldest_first(const void *a, const void *b)
{
    const struct timespec *x = &((const Entry *)a)->used, *y = &((const Entry *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

// A quarter is made free at once, so that it is not to be done for each entry.
static void remove_oldest(Cache *c, Entries *es)
{
    qsort(es->items, (size_t)es->count, sizeof *es->items, oldest_first);
    for (int i = 0; i < es->count && es->total > c->limit / 4 * 3; i++) {
        unlinkat(c->folder, es->items[i].name, 0);
        es->total -= es->items[i].size;
    }
}

// Counts what was added; other processes add too, so that what is there is counted anew before
// something is removed.
static void keep_bound(Cache *c, size_t added)
{
    pthread_mutex_lock(&c->lock);
    c->total += added;
    if (!c->counted || c->total > c->limit) {
        Entries es = list_entries(c);
        if (es.total > c->limit)
            remove_oldest(c, &es);
        c->total = es.total;
        c->counted = true;
        free(es.items);
    }
    pthread_mutex_unlock(&c->lock);
}

// --- writing ----------------------------------------------------------------------------------

static bool write_all(int fd, const void *from, size_t size)
{
    const char *at = from;
    while (size > 0) {
        const ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static bool write_entry(const Cache *c, const char *name, const Header *h, const void *object)
{
    char temporary[NAME_SIZE];
    temporary_name(temporary);
    const int fd =
        openat(c->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const bool written = write_all(fd, h, sizeof *h) && write_all(fd, object, h->size);
    const bool closed = close(fd) == 0;
    if (written && closed && renameat(c->folder, temporary, c->folder, name) == 0)
        return true;
    unlinkat(c->folder, temporary, 0);
    return false;
}

void cache_store(Cache *c, CacheKey key, const void *object, size_t size)
{
    Header h = {.key = key, .size = size, .checksum = XXH3_64bits(object, size)};
    char name[NAME_SIZE];
    memcpy(h.magic, magic, sizeof magic);
    if (size == 0 || size > MOST_BYTES || size + sizeof h > c->limit)
        return;
    entry_name(key, name);
    if (write_entry(c, name, &h, object))
        keep_bound(c, size + sizeof h);
}
