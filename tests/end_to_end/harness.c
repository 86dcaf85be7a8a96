// harness.c -- runs nnc.

#include "end_to_end/harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char NNC_PATH[] = BUILD_DIR "/nnc";

char *path_in_folder(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

char *folder_new(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = path_in_folder(base && *base ? base : "/tmp", "nnc-test-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    char *link = path_in_folder(folder, "data");
    if (symlink(SOURCE_DIR "/examples/data", link) != 0)
        abort();
    free(link);
    return folder;
}

void folder_free(char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = path_in_folder(folder, entry->d_name);
        unlink(path);  // the folders "." and ".." stay
        free(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
    free(folder);
}

int folder_entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 strcmp(entry->d_name, "data") != 0;
    if (dir)
        closedir(dir);
    return count;
}

void write_text(const char *folder, const char *name, const char *text)
{
    char *path = path_in_folder(folder, name);
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
    free(path);
}

static char *read_stream(FILE *f, size_t *size)
{
    char *text = NULL;
    size_t count = 0;
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0; count += n) {
        text = realloc(text, count + n + 1);
        memcpy(text + count, buffer, n);
    }
    text = text ? text : malloc(1);
    text[count] = '\0';
    if (size)
        *size = count;
    return text;
}

char *read_bytes(const char *folder, const char *name, size_t *size)
{
    char *path = path_in_folder(folder, name);
    FILE *f = fopen(path, "rbe");
    free(path);
    if (!f)
        return NULL;
    char *text = read_stream(f, size);
    fclose(f);
    return text;
}

void copy_example(const char *folder, const char *name)
{
    char *text = read_bytes(SOURCE_DIR "/examples", name, NULL);
    cr_assert(text, "examples/%s is there", name);
    write_text(folder, name, text);
    free(text);
}

// --- processes --------------------------------------------------------------------------------

static pid_t spawn(const char *folder, const char *program, const char *const *args, int out,
                   int err)
{
    const char *argv[MAX_RUN_ARGS + 2] = {program};
    for (int i = 0; args[i] && i < MAX_RUN_ARGS; i++)
        argv[i + 1] = args[i];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -1 : pid;
}

int wait_nnc(pid_t pid)
{
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

Run run_program(const char *folder, const char *program, const char *const *args)
{
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    if (!out || !err)
        abort();
    Run r = {.code = wait_nnc(spawn(folder, program, args, fileno(out), fileno(err)))};
    rewind(out);
    rewind(err);
    r.out = read_stream(out, NULL);
    r.err = read_stream(err, NULL);
    fclose(out);
    fclose(err);
    return r;
}

Run run_nnc(const char *folder, const char *const *args)
{
    return run_program(folder, NNC_PATH, args);
}

void run_free(Run *r)
{
    free(r->out);
    free(r->err);
    *r = (Run){0};
}

pid_t start_nnc(const char *folder, const char *const *args)
{
    char *path = path_in_folder(folder, "stderr.txt");
    const int err = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const pid_t pid = spawn(folder, NNC_PATH, args, out, err);
    close(out);
    close(err);
    free(path);
    return pid;
}

double number_after(const char *text, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if ((at == text || at[-1] == ' ') && at[n] == ' ')
            return strtod(at + n, NULL);
    return NAN;
}
