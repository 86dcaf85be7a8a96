// files.h -- whole files, and expectations kept in files, for tests.

#ifndef NNC_TEST_FILES_H
#define NNC_TEST_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The file's bytes, to be freed, with a NUL behind them; NULL when it cannot be read.
static inline char *file_read(const char *path, size_t *size)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        return NULL;
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, size);
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        fwrite(buffer, 1, n, out);
    fclose(in);
    fclose(out);
    return bytes;
}

static inline bool file_write(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");
    if (!out)
        return false;
    fputs(text, out);
    return fclose(out) == 0;
}

// Whether `text` is what the file holds; with NNC_UPDATE=1 in the environment the file is written
// instead.
static inline bool file_matches(const char *path, const char *text)
{
    const char *update = getenv("NNC_UPDATE");
    if (update && strcmp(update, "1") == 0)
        return file_write(path, text);
    size_t size = 0;
    char *expected = file_read(path, &size);
    const bool same = expected && strcmp(expected, text) == 0;
    free(expected);
    return same;
}

static inline int is_program_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".nn") == 0;
}

// Calls `visit` with the path and the bytes of every .nn file of the folder, in order of their
// names; returns how many there were.
static inline int each_program(const char *folder,
                               void (*visit)(const char *path, const char *text, size_t size))
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_program_file, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        char *text = file_read(path, &size);
        visit(path, text, size);
        free(text);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count;
}

// Writes `path` with the end of its name from the last dot on replaced.
static inline void path_with_ending(char *out, size_t size, const char *path, const char *ending)
{
    const char *dot = strrchr(path, '.');
    snprintf(out, size, "%.*s%s", (int)(dot - path), path, ending);
}

#endif
