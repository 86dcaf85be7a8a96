// harness.h -- the nnc program as a user runs it: in a folder of its own, by its exit code and what
// it prints.

#ifndef NNC_TEST_HARNESS_H
#define NNC_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// A new empty folder under $TMPDIR; "data" in it is examples/data. Remove it with folder_free.
char *folder_new(void);
void folder_free(char *folder);

// How many entries a folder has, "data" not counted.
int folder_entries(const char *folder);

// "FOLDER/NAME", to be freed.
char *path_in_folder(const char *folder, const char *name);
void write_text(const char *folder, const char *name, const char *text);
// A file's bytes, one NUL more than *size; NULL: there is none. To be freed.
char *read_bytes(const char *folder, const char *name, size_t *size);
// Copies examples/NAME into the folder.
void copy_example(const char *folder, const char *name);

typedef struct Run {
    int code;  // exit code; 1000 + the signal that killed it
    char *out;
    char *err;
} Run;

#define MAX_RUN_ARGS 24

// Runs nnc in `folder` with the arguments, a NULL at the end.
Run run_nnc(const char *folder, const char *const *args);
#define NNC(folder, ...) run_nnc((folder), (const char *const[]){__VA_ARGS__, NULL})
// Any program by its path or name.
Run run_program(const char *folder, const char *program, const char *const *args);
void run_free(Run *r);

// In the background: what it prints to stderr goes to "stderr.txt" in the folder.
pid_t start_nnc(const char *folder, const char *const *args);
int wait_nnc(pid_t pid);

// The number after `name` in nnc's output; NAN: it is not there.
double number_after(const char *text, const char *name);

#endif
