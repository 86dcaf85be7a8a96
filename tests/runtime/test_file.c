#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "file.h"
#include "sample.h"

static char dir[64];
static char path[128];

static void setup(void)
{
    scratch_make(dir);
    snprintf(path, sizeof path, "%s/weights", dir);
}

static void teardown(void)
{
    nnrt_io_fail_after(0, 0, false);
    nnrt_io_short(0);
    scratch_remove(dir);
}

TestSuite(file, .init = setup, .fini = teardown);

static void expect_content(const char *want)
{
    NnrtError e;
    NnrtBytes bytes;
    cr_assert(nnrt_read_file(path, 1 << 20, &bytes, &e), "%s", e.message);
    cr_expect_eq(bytes.size, strlen(want));
    cr_expect_str_eq((char *)bytes.data, want);
    free(bytes.data);
}

static int entries(void)
{
    int count = 0;
    DIR *d = opendir(dir);
    cr_assert_not_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count - 2;
}

static void write_old(void)
{
    NnrtError e;
    cr_assert(nnrt_write_file(path, "old", 3, &e), "%s", e.message);
}

Test(file, writes_and_replaces)
{
    NnrtError e;
    write_old();
    expect_content("old");
    cr_assert(nnrt_write_file(path, "new one", 7, &e), "%s", e.message);
    expect_content("new one");
    cr_expect_eq(entries(), 1);
    cr_assert(nnrt_write_file(path, "", 0, &e));
    expect_content("");
}

Test(file, what_cannot_be_read)
{
    NnrtError e;
    NnrtBytes bytes;
    cr_expect_not(nnrt_read_file(path, 10, &bytes, &e));
    expect_error(&e, "weights: cannot open: No such file");
    cr_expect_not(nnrt_read_file(dir, 10, &bytes, &e));
    expect_error(&e, "not a regular file");
    cr_expect_not(nnrt_read_file("/dev/zero", 10, &bytes, &e));
    expect_error(&e, "not a regular file");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_not(nnrt_read_file(path, 10, &bytes, &e));
    expect_error(&e, "not a regular file");
    cr_assert_eq(unlink(path), 0);
    write_old();
    cr_expect_not(nnrt_read_file(path, 2, &bytes, &e));
    expect_error(&e, "the file has 3 bytes; at most 2 are read");
}

Test(file, what_cannot_be_written)
{
    NnrtError e;
    char link[160];
    write_old();
    cr_expect_not(nnrt_write_file("/dev/full", "x", 1, &e));
    expect_error(&e, "/dev/full: cannot write: not a regular file");
    cr_expect_not(nnrt_write_file(dir, "x", 1, &e));
    expect_error(&e, "not a regular file");
    snprintf(link, sizeof link, "%s/link", dir);
    cr_assert_eq(symlink(path, link), 0);
    cr_expect_not(nnrt_write_file(link, "x", 1, &e));
    expect_error(&e, "symbolic link");
    cr_expect_not(nnrt_write_file("", "x", 1, &e));
    cr_expect_not(nnrt_write_file("/tmp/", "x", 1, &e));
    expect_error(&e, "the name is empty");
    cr_expect_not(nnrt_write_file("/no/such/place", "x", 1, &e));
    expect_error(&e, "cannot open the directory: No such file");
    expect_content("old");
}

// Every system call in turn fails, once and from then on: the old or the new content is there
// whole, and no temporary file is left.
Test(file, each_call_fails_in_turn)
{
    for (int after = 0; after < 2; after++) {
        bool ok = false;
        for (long nth = 1; !ok; nth++) {
            NnrtError e;
            write_old();
            nnrt_io_fail_after(nth, ENOSPC, after);
            ok = nnrt_write_file(path, "new", 3, &e);
            nnrt_io_fail_after(0, 0, false);
            if (!ok)
                expect_error(&e, "No space left on device");
            // Only after the rename may the directory's fsync fail.
            expect_content(ok || strstr(e.message, "sync the directory") ? "new" : "old");
            cr_assert_eq(entries(), 1, "call %ld leaves a temporary file", nth);
            cr_assert(nth < 20);
        }
    }
}

Test(file, short_and_interrupted_calls)
{
    NnrtError e;
    nnrt_io_short(1);
    write_old();
    expect_content("old");
    for (long nth = 1; nth < 12; nth++) {
        nnrt_io_fail_after(nth, EINTR, false);
        nnrt_write_file(path, "old", 3, &e);
        nnrt_io_fail_after(0, 0, false);
        expect_content("old");
    }
}

Test(file, allocation_failures)
{
    NnrtError e;
    NnrtBytes bytes = {0};
    SWEEP_ALLOCATIONS(nnrt_write_file(path, "old", 3, &e), &e);
    SWEEP_ALLOCATIONS(nnrt_read_file(path, 10, &bytes, &e), &e);
    free(bytes.data);
    cr_expect_eq(entries(), 1);
}

Test(file, file_size_limit_keeps_the_old_file)
{
    NnrtError e;
    char big[4096] = {0};
    write_old();
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {1000, RLIM_INFINITY};
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_not(nnrt_write_file(path, big, sizeof big, &e));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    expect_error(&e, "cannot write: File too large");
    expect_content("old");
    cr_expect_eq(entries(), 1);
}

static void touch(const char *format, long pid)
{
    char name[64], whole[160];
    snprintf(name, sizeof name, format, pid);
    snprintf(whole, sizeof whole, "%s/%s", dir, name);
    const int fd = open(whole, O_CREAT | O_WRONLY, 0600);
    cr_assert(fd >= 0);
    close(fd);
}

Test(file, leftovers_of_the_dead_go)
{
    touch(".weights.tmp.%ld", 999999999);
    touch(".weights.tmp.%ld", (long)getpid());
    touch(".weights.tmp.%ld", (long)getppid());  // alive
    touch(".other.tmp.%ld", 999999999);          // not ours
    touch(".weights.tmp.%ldx", 999999999);
    write_old();
    cr_expect_eq(entries(), 4);
}

Test(file, one_writer_at_a_time)
{
    NnrtError e;
    NnrtWriter *w = nnrt_writer_open(path, &e);
    cr_assert_not_null(w);
    cr_expect_null(nnrt_writer_open(path, &e));
    expect_error(&e, "another writer is at it");
    nnrt_writer_abandon(w);
    cr_expect_eq(entries(), 0);
    nnrt_writer_abandon(NULL);
}

Test(file, room_is_asked_for_beforehand)
{
    NnrtError e;
    NnrtWriter *w = nnrt_writer_open(path, &e);
    cr_assert_not_null(w);
    cr_expect(nnrt_writer_reserve(w, 0, &e));
    cr_expect(nnrt_writer_reserve(w, 4096, &e), "%s", e.message);
    cr_expect_not(nnrt_writer_reserve(w, (size_t)1 << 60, &e));
    expect_error(&e, "cannot write");
    nnrt_writer_abandon(w);
    cr_expect_eq(entries(), 0);
}
