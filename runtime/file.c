// file.c -- whole-file reading and crash-safe writing.

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

// ---- system calls, each of which a test can make fail

static atomic_long fail_countdown;
static atomic_int fail_error;
static atomic_bool fail_after;
static atomic_size_t short_bytes;

void nnrt_io_fail_after(long n, int error, bool and_after)
{
    atomic_store(&fail_error, error);
    atomic_store(&fail_after, and_after);
    atomic_store(&fail_countdown, n);
}

void nnrt_io_short(size_t most)
{
    atomic_store(&short_bytes, most);
}

// True, with errno set, when this call is to fail.
static bool injected_failure(void)
{
    if (atomic_load(&fail_countdown) <= 0)
        return false;
    const long left = atomic_fetch_sub(&fail_countdown, 1);
    if (left != 1)
        return false;
    if (atomic_load(&fail_after))
        atomic_store(&fail_countdown, 1);
    errno = atomic_load(&fail_error);
    return true;
}

static size_t bounded(size_t size)
{
    const size_t most = atomic_load(&short_bytes);
    return most > 0 && most < size ? most : size;
}

static int io_open(int dir, const char *path, int flags, mode_t mode)
{
    return injected_failure() ? -1 : openat(dir, path, flags | O_CLOEXEC, mode);
}

static ssize_t io_read(int fd, void *data, size_t size)
{
    return injected_failure() ? -1 : read(fd, data, bounded(size));
}

static ssize_t io_write(int fd, const void *data, size_t size)
{
    return injected_failure() ? -1 : write(fd, data, bounded(size));
}

static int io_sync(int fd)
{
    return injected_failure() ? -1 : fsync(fd);
}

// A descriptor is gone whether or not close fails, so that a failing one is closed nevertheless.
static int io_close(int fd)
{
    const int closed = close(fd);
    return injected_failure() ? -1 : closed;
}

static int io_rename(int dir, const char *from, const char *to)
{
    return injected_failure() ? -1 : renameat(dir, from, dir, to);
}

// ---- reading

static bool read_exactly(int fd, const char *path, uint8_t *data, size_t size, NnrtError *e)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t got = io_read(fd, data + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nnrt_fail_offset(e, path, (int64_t)at, "cannot read: %s", strerror(errno));
        if (got == 0)
            return nnrt_fail_offset(e, path, (int64_t)at,
                                    "the file shrank from %zu to %zu bytes while it was read", size,
                                    at);
        at += (size_t)got;
    }
    return true;
}

static bool read_open_file(int fd, const char *path, size_t limit, NnrtBytes *out, NnrtError *e)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return nnrt_fail_file(e, path, "cannot examine: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return nnrt_fail_file(e, path, "not a regular file");
    const size_t size = (size_t)status.st_size;
    if (size > limit)
        return nnrt_fail_file(e, path, "the file has %zu bytes; at most %zu are read", size, limit);
    uint8_t *data = nnrt_alloc(size + 1, 1, e);
    if (!data)
        return false;
    if (!read_exactly(fd, path, data, size, e)) {
        free(data);
        return false;
    }
    *out = (NnrtBytes){.data = data, .size = size};
    return true;
}

bool nnrt_read_file(const char *path, size_t limit, NnrtBytes *out, NnrtError *e)
{
    // Without O_NONBLOCK opening a FIFO that nobody writes would wait for ever.
    const int fd = io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return nnrt_fail_file(e, path, "cannot open: %s", strerror(errno));
    const bool ok = read_open_file(fd, path, limit, out, e);
    close(fd);
    return ok;
}

// ---- writing

struct NnrtWriter {
    int dir;     // of the directory
    int fd;      // of the temporary file; -1: closed
    char *path;  // as the caller named it
    char *name;  // within the directory; points into path
    char *temp;  // name of the temporary file within the directory
};

static void writer_free(NnrtWriter *w)
{
    if (w->fd >= 0)
        close(w->fd);
    if (w->dir >= 0)
        close(w->dir);
    free(w->path);
    free(w->temp);
    free(w);
}

void nnrt_writer_abandon(NnrtWriter *w)
{
    if (!w)
        return;
    unlinkat(w->dir, w->temp, 0);
    writer_free(w);
}

static bool system_failure(const NnrtWriter *w, const char *what, NnrtError *e)
{
    return nnrt_fail_file(e, w->path, "cannot %s: %s", what, strerror(errno));
}

// A temporary file is stale when its process is dead. One with our own number may be another
// writer's of this process, who then holds its lock, or a dead namesake's: process numbers come
// again, soon so in containers.
static bool is_stale(int dir, const char *temp, pid_t pid)
{
    if (pid != getpid())
        return kill(pid, 0) < 0 && errno == ESRCH;
    const int fd = openat(dir, temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool free_lock = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return free_lock;
}

// The process in `.NAME.tmp.PID`; 0 when `entry` is no such name.
static pid_t temp_owner(const char *entry, const char *name)
{
    const size_t n = strlen(name);
    if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 ||
        strncmp(entry + 1 + n, ".tmp.", 5) != 0)
        return 0;
    const char *digits = entry + 1 + n + 5;
    const size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 9 || digits[length] != '\0')
        return 0;
    return (pid_t)strtol(digits, NULL, 10);
}

static void remove_stale(const NnrtWriter *w)
{
    const int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        if (fd >= 0)
            close(fd);
        return;  // leftovers are a nuisance, no reason not to write
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        const pid_t owner = temp_owner(entry->d_name, w->name);
        if (owner > 0 && is_stale(w->dir, entry->d_name, owner))
            unlinkat(w->dir, entry->d_name, 0);
    }
    closedir(entries);
}

// Replacing a device or a link by a file would do more than the user asked for.
static bool check_target(const NnrtWriter *w, NnrtError *e)
{
    struct stat status;
    if (fstatat(w->dir, w->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || system_failure(w, "examine", e);
    if (S_ISLNK(status.st_mode)) {
        nnrt_fail_file(e, w->path, "is a symbolic link, which writing would replace");
        return nnrt_fail_help(e, "name the file that it points to");
    }
    if (!S_ISREG(status.st_mode))
        return nnrt_fail_file(e, w->path, "cannot write: not a regular file");
    return true;
}

// Splits the path and opens its directory.
static bool open_directory(NnrtWriter *w, NnrtError *e)
{
    char *slash = strrchr(w->path, '/');
    w->name = slash ? slash + 1 : w->path;
    if (w->name[0] == '\0')
        return nnrt_fail_file(e, w->path, "cannot write: the name is empty");
    char *directory = slash == w->path ? nnrt_copy_text("/", 1, e)
                      : slash          ? nnrt_copy_text(w->path, (size_t)(slash - w->path), e)
                                       : nnrt_copy_text(".", 1, e);
    if (!directory)
        return false;
    w->dir = io_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
    free(directory);
    return w->dir >= 0 || system_failure(w, "open the directory", e);
}

static bool create_temp(NnrtWriter *w, NnrtError *e)
{
    const size_t size = strlen(w->name) + 32;
    w->temp = nnrt_alloc(size, 1, e);
    if (!w->temp)
        return false;
    snprintf(w->temp, size, ".%s.tmp.%ld", w->name, (long)getpid());
    w->fd = io_open(w->dir, w->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (w->fd < 0 && errno == EEXIST)
        return nnrt_fail_file(e, w->path, "cannot write: another writer is at it");
    if (w->fd < 0)
        return system_failure(w, "create", e);
    flock(w->fd, LOCK_EX | LOCK_NB);  // marks it as in use, see is_stale
    return true;
}

NnrtWriter *nnrt_writer_open(const char *path, NnrtError *e)
{
    NnrtWriter *w = nnrt_alloc(1, sizeof *w, e);
    if (!w)
        return NULL;
    w->dir = w->fd = -1;
    w->path = nnrt_copy_text(path, strlen(path), e);
    if (!w->path || !open_directory(w, e) || !check_target(w, e))
        goto fail;
    remove_stale(w);
    if (!create_temp(w, e))
        goto fail;
    return w;
fail:
    writer_free(w);
    return NULL;
}

// A file system that cannot tell takes no part in this.
bool nnrt_writer_reserve(NnrtWriter *w, size_t size, NnrtError *e)
{
    const int error = injected_failure() ? errno
                      : size > 0         ? posix_fallocate(w->fd, 0, (off_t)size)
                                         : 0;
    errno = error;
    return error == 0 || error == EOPNOTSUPP || error == EINVAL || system_failure(w, "write", e);
}

bool nnrt_writer_put(NnrtWriter *w, const void *data, size_t size, NnrtError *e)
{
    const uint8_t *bytes = data;
    while (size > 0) {
        const ssize_t put = io_write(w->fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return system_failure(w, "write", e);
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static bool close_temp(NnrtWriter *w)
{
    const int fd = w->fd;
    w->fd = -1;
    return io_close(fd) == 0;
}

bool nnrt_writer_commit(NnrtWriter *w, NnrtError *e)
{
    // After a failed fsync the pages may be gone and a second one lie: never try again.
    const char *failed = io_sync(w->fd) < 0                        ? "write to the disk"
                         : !close_temp(w)                          ? "close"
                         : io_rename(w->dir, w->temp, w->name) < 0 ? "rename into place"
                                                                   : NULL;
    if (failed) {
        system_failure(w, failed, e);
        nnrt_writer_abandon(w);
        return false;
    }
    const bool ok = io_sync(w->dir) == 0 || system_failure(w, "sync the directory", e);
    writer_free(w);
    return ok;
}

bool nnrt_write_file(const char *path, const void *data, size_t size, NnrtError *e)
{
    NnrtWriter *w = nnrt_writer_open(path, e);
    if (!w)
        return false;
    if (!nnrt_writer_put(w, data, size, e)) {
        nnrt_writer_abandon(w);
        return false;
    }
    return nnrt_writer_commit(w, e);
}
