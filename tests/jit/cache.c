// cache.c -- the cache of compiled objects, when files are damaged, odd, too many or written by
// several processes; and that neither it nor the number of threads changes what is computed.

#include "codegen/cache.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "jit/descent.h"
#include "pass/models.h"
#include "pass/pass.h"
#include "support/compare.h"

enum { OBJECT = 3000, HEADER = 40 };

static const CacheKey key = {0x0123456789abcdef, 0xfedcba9876543210};
static const char key_name[] = "0123456789abcdeffedcba9876543210.o";

typedef struct Fixture {
    Arena *arena;
    const char *base, *folder, *file;  // where `key` is kept
    Cache *cache;
    unsigned char object[OBJECT];
} Fixture;

static Fixture fixture_new(size_t limit)
{
    Fixture f = {.arena = arena_new(NULL)};
    f.base = mkdtemp(arena_strdup(f.arena, "/tmp/nnc-cache-XXXXXX"));
    f.folder = arena_printf(f.arena, "%s/below/nnc", f.base);
    f.file = arena_printf(f.arena, "%s/%s", f.folder, key_name);
    f.cache = cache_open(f.folder, limit);
    cr_assert(f.cache);
    for (int i = 0; i < OBJECT; i++)
        f.object[i] = (unsigned char)(i * 7 + i / 256);
    return f;
}

static void fixture_free(Fixture *f)
{
    cache_close(f->cache);
    cr_expect_eq(system(arena_printf(f->arena, "rm -rf %s", f->base)), 0);
    arena_free(f->arena);
}

static void store(const Fixture *f, CacheKey k)
{
    cache_store(f->cache, k, f->object, OBJECT);
}

// Whether the cache has the object; what it has must be whole.
static bool has(const Fixture *f, CacheKey k)
{
    size_t size = 0;
    void *object = cache_load(f->cache, k, &size);
    if (object) {
        cr_expect_eq(size, OBJECT);
        cr_expect_eq(memcmp(object, f->object, OBJECT), 0);
    }
    free(object);
    return object != NULL;
}

static bool exists(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
    FILE *out = fopen(path, "wb");
    cr_assert(out && fwrite(bytes, 1, size, out) == size);
    fclose(out);
}

Test(cache, keeps_what_is_stored)
{
    Fixture f = fixture_new(1 << 20);
    cr_expect(!has(&f, key));
    store(&f, key);
    cr_expect(has(&f, key));
    cr_expect(!has(&f, (CacheKey){key.low, key.high}));
    cache_store(f.cache, (CacheKey){1, 2}, "", 0);
    cr_expect(!has(&f, (CacheKey){1, 2}));
    fixture_free(&f);
}

// --- damage -----------------------------------------------------------------------------------

// A damaged entry is not there, is removed, and can be stored again.
static void check_damage(const Fixture *f, const char *bytes, size_t size)
{
    write_bytes(f->file, bytes, size);
    cr_expect(!has(f, key), "%zu bytes", size);
    cr_expect(!exists(f->file));
    store(f, key);
    cr_expect(has(f, key));
}

Test(cache, damaged_entries_are_removed)
{
    Fixture f = fixture_new(1 << 20);
    size_t size = 0;
    store(&f, key);
    char *whole = file_read(f.file, &size);
    cr_assert_eq(size, HEADER + OBJECT);
    for (size_t n = 0; n < size; n += n < HEADER + 2 ? 1 : 397)
        check_damage(&f, whole, n);
    char *damaged = calloc(1, size + 1);
    memcpy(damaged, whole, size);
    check_damage(&f, damaged, size + 1);
    for (size_t at = 0; at < size; at += at < HEADER + 2 ? 1 : 397) {
        damaged[at] = (char)(damaged[at] ^ 0x10);
        check_damage(&f, damaged, size);
        damaged[at] = whole[at];
    }
    memset(damaged, 0xa5, size);
    check_damage(&f, damaged, size);
    free(damaged);
    free(whole);
    fixture_free(&f);
}

Test(cache, an_entry_under_another_name_is_not_taken)
{
    Fixture f = fixture_new(1 << 20);
    store(&f, (CacheKey){key.low, key.high});
    cr_assert_eq(
        rename(arena_printf(f.arena, "%s/fedcba98765432100123456789abcdef.o", f.folder), f.file),
        0);
    cr_expect(!has(&f, key));
    fixture_free(&f);
}

Test(cache, odd_entries_are_let_be)
{
    Fixture f = fixture_new(1 << 20);
    const char *elsewhere = arena_printf(f.arena, "%s/elsewhere", f.base);
    store(&f, key);
    cr_assert_eq(rename(f.file, elsewhere), 0);
    cr_assert_eq(symlink(elsewhere, f.file), 0);
    cr_expect(!has(&f, key), "a link is followed");
    store(&f, key);
    cr_expect(has(&f, key));
    cr_expect(exists(elsewhere));
    cr_assert_eq(chmod(f.file, 0666), 0);
    cr_expect(!has(&f, key), "what others may write is taken");
    cr_assert(unlink(f.file) == 0 && mkfifo(f.file, 0600) == 0);
    cr_expect(!has(&f, key), "a pipe is read");
    cr_assert(unlink(f.file) == 0 && mkdir(f.file, 0700) == 0);
    cr_expect(!has(&f, key), "a folder is read");
    store(&f, key);
    cr_expect(!has(&f, key));
    fixture_free(&f);
}

Test(cache, folders_that_cannot_be_had)
{
    Fixture f = fixture_new(1 << 20);
    const char *file = arena_printf(f.arena, "%s/file", f.base);
    const char *open = arena_printf(f.arena, "%s/open", f.base);
    write_bytes(file, "x", 1);
    cr_assert(mkdir(open, 0700) == 0 && chmod(open, 0777) == 0);
    cr_expect_null(cache_open("", 1000));
    cr_expect_null(cache_open(file, 1000));
    cr_expect_null(cache_open(arena_printf(f.arena, "%s/nnc", file), 1000));
    cr_expect_null(cache_open("/proc/nowhere/nnc", 1000));
    cr_expect_null(cache_open(open, 1000), "others may write there");
    fixture_free(&f);
}

Test(cache, is_where_the_environment_says)
{
    Arena *a = arena_new(NULL);
    setenv("HOME", "/home/me", 1);
    setenv("XDG_CACHE_HOME", "/var/x", 1);
    cr_expect_str_eq(cache_folder(a), "/var/x/nnc");
    setenv("XDG_CACHE_HOME", "relative", 1);
    cr_expect_str_eq(cache_folder(a), "/home/me/.cache/nnc");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    cr_expect_null(cache_folder(a));
    arena_free(a);
}

// --- the bound --------------------------------------------------------------------------------

static size_t bytes_in(const Fixture *f, int *count)
{
    DIR *d = opendir(f->folder);
    size_t bytes = 0;
    *count = 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat s;
        if (fstatat(dirfd(d), e->d_name, &s, 0) < 0 || !S_ISREG(s.st_mode))
            continue;
        bytes += (size_t)s.st_size;
        ++*count;
    }
    closedir(d);
    return bytes;
}

static void set_age(const Fixture *f, CacheKey k, int seconds)
{
    char path[512];
    const struct timespec t = {.tv_sec = time(NULL) - seconds};
    snprintf(path, sizeof path, "%s/%016llx%016llx.o", f->folder, (unsigned long long)k.high,
             (unsigned long long)k.low);
    cr_assert_eq(utimensat(AT_FDCWD, path, (struct timespec[]){t, t}, 0), 0);
}

Test(cache, what_was_not_used_for_longest_goes_first)
{
    enum { ROOM = 8 };
    Fixture f = fixture_new(ROOM * (OBJECT + HEADER));
    int count;
    for (uint64_t i = 0; i < ROOM; i++) {
        store(&f, (CacheKey){0, i});
        set_age(&f, (CacheKey){0, i}, 100 - (int)i);
    }
    bytes_in(&f, &count);
    cr_expect_eq(count, ROOM);
    cr_expect(has(&f, (CacheKey){0, 0}));  // which makes it the newest
    store(&f, (CacheKey){0, ROOM});
    cr_expect(bytes_in(&f, &count) <= ROOM * (OBJECT + HEADER));
    cr_expect(has(&f, (CacheKey){0, 0}) && has(&f, (CacheKey){0, ROOM}));
    cr_expect(!has(&f, (CacheKey){0, 1}) && has(&f, (CacheKey){0, ROOM - 1}));
    fixture_free(&f);
}

Test(cache, is_bounded_whoever_fills_it)
{
    enum { ROOM = 10 };
    Fixture f = fixture_new(ROOM * (OBJECT + HEADER));
    int count;
    for (uint64_t i = 0; i < 60; i++) {
        Cache *other = cache_open(f.folder, ROOM * (OBJECT + HEADER));
        cache_store(i % 3 ? f.cache : other, (CacheKey){1, i}, f.object, OBJECT);
        cache_close(other);
    }
    store(&f, key);
    cr_expect(bytes_in(&f, &count) <= 2 * ROOM * (OBJECT + HEADER), "%d entries", count);
    cr_expect(has(&f, key));
    fixture_free(&f);
}

Test(cache, leftovers_are_removed)
{
    Fixture f = fixture_new(1 << 20);
    const char *old = arena_printf(f.arena, "%s/1-0.tmp", f.folder);
    const char *foreign = arena_printf(f.arena, "%s/notes.txt", f.folder);
    const struct timespec t = {.tv_sec = time(NULL) - 7200};
    write_bytes(old, "half", 4);
    write_bytes(foreign, "mine", 4);
    utimensat(AT_FDCWD, old, (struct timespec[]){t, t}, 0);
    utimensat(AT_FDCWD, foreign, (struct timespec[]){t, t}, 0);
    store(&f, key);
    cr_expect(!exists(old));
    cr_expect(exists(foreign));
    fixture_free(&f);
}

// --- processes --------------------------------------------------------------------------------

// Both store and load the same entries; small, so that entries are removed all the while.
static int use_cache(const Fixture *f)
{
    Cache *c = cache_open(f->folder, 20 * (OBJECT + HEADER));
    int wrong = 0;
    if (!c)
        return 1;
    for (uint64_t i = 0; i < 600; i++) {
        const CacheKey k = {2, i * i % 37};
        size_t size = 0;
        cache_store(c, k, f->object, OBJECT);
        void *object = cache_load(c, k, &size);
        wrong += object && (size != OBJECT || memcmp(object, f->object, OBJECT) != 0);
        free(object);
    }
    cache_close(c);
    return wrong == 0 ? 0 : 1;
}

Test(cache, two_processes_at_once)
{
    Fixture f = fixture_new(20 * (OBJECT + HEADER));
    int count, status[2];
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(use_cache(&f));
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(waitpid(children[i], &status[i], 0), children[i]);
        cr_expect(WIFEXITED(status[i]) && WEXITSTATUS(status[i]) == 0);
    }
    bytes_in(&f, &count);
    cr_expect(count > 0 && count <= 37, "%d files", count);
    fixture_free(&f);
}

// --- what is computed -------------------------------------------------------------------------

static Graph *training_step(Arena *a)
{
    const char *error = NULL;
    Graph *g = graph_read(a, interner_new(a), model_batchnorm, &error);
    cr_assert(g, "%s", error);
    add_descent(g, 0.1);
    passes_run(g, &(PassOptions){.verify = true});
    return g;
}

typedef struct Bits {
    const void *data;
    size_t size;
} Bits;

static Bits run_step(const Fixture *f, const char *cache, int threads)
{
    Bits b;
    const CompareOptions o = {.batch = 37, .seed = 9, .compile_threads = threads, .cache = cache};
    b.data = run_jit(f->arena, training_step(f->arena), &o, &b.size);
    cr_assert(b.data);
    return b;
}

static void expect_same(Bits a, Bits b, const char *what)
{
    cr_expect(a.size == b.size && memcmp(a.data, b.data, a.size) == 0, "%s", what);
}

// The names of the entries, in order: hashes of what they were compiled from.
static const char *entries(const Fixture *f, const char *folder)
{
    struct dirent **all;
    const char *names = "";
    const int n = scandir(folder, &all, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (all[i]->d_name[0] != '.')
            names = arena_printf(f->arena, "%s\n%s", names, all[i]->d_name);
        free(all[i]);
    }
    free(all);
    return names;
}

static void damage_all(const char *folder)
{
    struct dirent **all;
    char path[1024];
    const int n = scandir(folder, &all, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, all[i]->d_name);
        if (all[i]->d_name[0] != '.')
            cr_expect_eq(truncate(path, 1000), 0);
        free(all[i]);
    }
    free(all);
}

Test(cache, changes_no_bit)
{
    Fixture f = fixture_new(1 << 20);
    const Bits plain = run_step(&f, NULL, 1);
    expect_same(plain, run_step(&f, f.folder, 1), "compiled and kept");
    const char *kept = entries(&f, f.folder);
    cr_expect(strlen(kept) > 0);
    expect_same(plain, run_step(&f, f.folder, 1), "from the cache");
    damage_all(f.folder);
    expect_same(plain, run_step(&f, f.folder, 2), "from damaged files");
    cr_expect_str_eq(entries(&f, f.folder), kept);
    expect_same(plain, run_step(&f, f.folder, 2), "from the cache again");
    expect_same(plain, run_step(&f, "/proc/nowhere/nnc", 2), "no cache to be had");
    fixture_free(&f);
}

// An entry that is used is read, which makes it new, and not written.
Test(cache, is_used)
{
    Fixture f = fixture_new(1 << 20);
    struct stat before, after;
    run_step(&f, f.folder, 1);
    const char *first = arena_printf(f.arena, "%s/%.34s", f.folder, entries(&f, f.folder) + 1);
    cr_assert_eq(stat(first, &before), 0);
    run_step(&f, f.folder, 1);
    cr_assert_eq(stat(first, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino, "the entry was written again");
    cr_expect(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
                  after.st_mtim.tv_nsec > before.st_mtim.tv_nsec,
              "the entry was not read");
    fixture_free(&f);
}

static int count_entries(const Fixture *f)
{
    int count;
    bytes_in(f, &count);
    return count;
}

// Of a second program of the same kernels nothing is new but the function that runs them.
Test(cache, programs_of_a_process_share_functions)
{
    Fixture f = fixture_new(1 << 20);
    const char *error = NULL;
    Jit *j = jit_open(f.arena, &(JitOptions){.cache = f.folder, .compile_threads = 2}, &error);
    cr_assert(j, "%s", error);
    const Graph *g = training_step(f.arena);
    Executable *one = jit_compile(j, f.arena, g, 16, &error);
    const int first = count_entries(&f);
    Executable *two = jit_start(j, f.arena, g, 16, &error);
    Executable *other = jit_start(j, f.arena, g, 17, &error);
    cr_assert(one && two && other);
    cr_expect(jit_finish(j, f.arena, other, &error) && jit_finish(j, f.arena, two, &error), "%s",
              error);
    cr_expect(first > 3);
    cr_expect_eq(count_entries(&f), 2 * first + 1);
    executable_free(one);
    executable_free(two);
    executable_free(other);
    jit_close(j);
    fixture_free(&f);
}

// As when the data that it is for cannot be read.
Test(cache, a_program_may_be_left_unfinished)
{
    Fixture f = fixture_new(1 << 20);
    for (int threads = 1; threads <= 4; threads++) {
        const char *error = NULL;
        Jit *j = jit_open(f.arena, &(JitOptions){.compile_threads = threads}, &error);
        cr_assert(j, "%s", error);
        Executable *x = jit_start(j, f.arena, training_step(f.arena), 16, &error);
        cr_assert(x, "%s", error);
        if (threads % 2)
            executable_free(x);
        jit_close(j);
        if (threads % 2 == 0)
            executable_free(x);
    }
    fixture_free(&f);
}

// The same modules become the same objects, byte by byte.
Test(cache, threads_change_no_byte)
{
    Fixture f = fixture_new(1 << 20);
    const char *other = arena_printf(f.arena, "%s/other", f.base);
    const Bits one = run_step(&f, f.folder, 1);
    for (int threads = 2; threads <= 4; threads++)
        expect_same(one, run_step(&f, other, threads), "more threads");
    cr_expect_eq(system(arena_printf(f.arena, "diff -r %s %s", f.folder, other)), 0);
    fixture_free(&f);
}
