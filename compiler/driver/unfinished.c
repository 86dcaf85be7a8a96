// unfinished.c -- where the weights of a training go that has not come to its end.

#include "driver/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/weights.h"

enum { SECONDS = 60 };  // between two files, unless told

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

// Makes an empty file, if there is none; false: another training was first.
static bool claim(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != EEXIST;
}

// The first name that is free: what an earlier unfinished training has written may be better, too.
static const char *free_name(Arena *a, const char *path)
{
    static const char ending[] = ".safetensors";
    const size_t n = strlen(path), k = sizeof ending - 1;
    const bool ends = n > k && strcmp(path + n - k, ending) == 0;
    const int stem = (int)(ends ? n - k : n);
    const char *name = arena_printf(a, "%.*s.unfinished%s", stem, path, ending);
    for (int i = 2; !claim(name); i++)
        name = arena_printf(a, "%.*s.unfinished-%d%s", stem, path, i, ending);
    return name;
}

void unfinished_start(Unfinished *u, Job *j, const char *path)
{
    *u = (Unfinished){.job = j, .path = path, .saved = now()};
}

static bool save_beside(Unfinished *u)
{
    const char *name = u->beside ? u->beside : free_name(u->job->model.arena, u->path);
    const bool ok = weights_save(u->job, name);
    if (!ok && !u->beside)
        unlink(name);
    else
        u->beside = name;
    return ok;
}

// A failure has been said, and is no reason to end the training: there may be room at the next one.
void unfinished_epoch(Unfinished *u)
{
    const int64_t every = u->job->options->save_every;
    if (now() - u->saved < (double)(every < 0 ? SECONDS : every))
        return;
    save_beside(u);
    u->saved = now();
}

bool unfinished_save(Unfinished *u)
{
    const Job *j = u->job;
    if (!is_there(u->path)) {
        if (!weights_save(u->job, u->path))
            return false;
        unfinished_remove(u);
        job_say(j, "weights are in %s", u->path);
        return true;
    }
    if (!save_beside(u))
        return false;
    job_say(j, "weights are in %s; %s is as it was", u->beside, u->path);
    return true;
}

void unfinished_remove(Unfinished *u)
{
    if (u->beside)
        unlink(u->beside);
    u->beside = NULL;
}
