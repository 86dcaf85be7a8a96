// file.h -- files read whole, and files written so that a crash never loses the old one.
//
// Writing goes to `.NAME.tmp.PID` beside the target; all bytes, fsync, close, rename, fsync of the
// directory. Until the rename the old file is untouched; afterwards the new one is complete. What a
// killed process left behind is removed by the next writer of the same file.

#ifndef NNRT_FILE_H
#define NNRT_FILE_H

#include "error.h"

typedef struct NnrtBytes {
    uint8_t *data;  // owned; one NUL more than size, so that text can be scanned to it
    size_t size;
} NnrtBytes;

// Reads all of a regular file (no FIFO, device or directory) of at most `limit` bytes. Free
// out->data with free(). Fails with the system's reason, or with both sizes when over the limit.
bool nnrt_read_file(const char *path, size_t limit, NnrtBytes *out, NnrtError *e);

typedef struct NnrtWriter NnrtWriter;

// Starts writing `path`; NULL on failure. A target that exists must be a regular file (a symbolic
// link is refused), and one writer at a time.
NnrtWriter *nnrt_writer_open(const char *path, NnrtError *e);
// Fails if there is no room for `size` bytes.
bool nnrt_writer_reserve(NnrtWriter *w, size_t size, NnrtError *e);
bool nnrt_writer_put(NnrtWriter *w, const void *data, size_t size, NnrtError *e);

// Makes what was put the file, durably. Frees `w` in every case; on failure the old file stands and
// the temporary one is gone. (When only the directory's fsync failed, the new file stands, intact.)
bool nnrt_writer_commit(NnrtWriter *w, NnrtError *e);
void nnrt_writer_abandon(NnrtWriter *w);  // the old file stays; NULL does nothing

bool nnrt_write_file(const char *path, const void *data, size_t size, NnrtError *e);

// Fault injection for tests, process-wide: the nth call of open, read, write, fsync, close or
// rename from now on (1: the next) fails with `error`, as every later one does when `and_after`; n
// = 0 turns it off. `most` bytes at the most pass in a read or write (0: no bound).
void nnrt_io_fail_after(long n, int error, bool and_after);
void nnrt_io_short(size_t most);

#endif
