// kill_test.c -- kill -9 at random moments of a writing loop never loses the weights.
//
// kill_test [KILLS]: a child writes weights of growing step without end and is killed; afterwards
// the file must load, checksum and all, and nothing but the file and one temporary may be there.

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random.h"
#include "safetensors.h"

enum { ELEMENTS = 50000 };

static char dir[] = "/tmp/nnrt-kill-XXXXXX";
static char path[128];

static bool write_step(int step, NnrtError *e)
{
    static float data[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        data[i] = (float)step;
    NnrtTensor t = {
        .name = (char[]){"w"}, .dtype = NNRT_F32, .rank = 1, .dims = {ELEMENTS}, .data = data};
    const NnrtTensorFile f = {.tensors = &t, .tensor_count = 1};
    return nnrt_safetensors_write(path, &f, e);
}

static void write_for_ever(void)
{
    NnrtError e;
    for (int step = 1;; step++)
        if (!write_step(step, &e)) {
            fprintf(stderr, "%s\n", e.message);
            _exit(1);
        }
}

static int entries(void)
{
    int count = -2;
    DIR *d = opendir(dir);
    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count;
}

static bool check(int kill_number)
{
    NnrtError e;
    NnrtTensorFile f;
    if (!nnrt_safetensors_read(path, &f, &e)) {
        fprintf(stderr, "after kill %d: %s\n", kill_number, e.message);
        return false;
    }
    const float *data = f.tensors[0].data;
    const bool whole = data[0] == data[ELEMENTS - 1];
    nnrt_safetensors_free(&f);
    return whole && entries() <= 2;
}

static bool kill_once(int number)
{
    int status;
    const pid_t child = fork();
    if (child == 0)
        write_for_ever();
    const long micros =
        200 + (long)(20000 * nnrt_random_f32(9, NNRT_STREAM_SAMPLE, 0, (uint64_t)number));
    nanosleep(&(struct timespec){.tv_nsec = micros * 1000}, NULL);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && check(number);
}

int main(int argc, char **argv)
{
    NnrtError e;
    const int kills = argc > 1 ? atoi(argv[1]) : 60;
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/weights.safetensors", dir);
    bool ok = write_step(0, &e);
    for (int i = 0; ok && i < kills; i++)
        ok = kill_once(i);
    ok = ok && write_step(1, &e) && entries() == 1;
    unlink(path);
    if (ok)
        rmdir(dir);
    else
        fprintf(stderr, "seed 9; what is left is in %s\n", dir);
    return ok ? 0 : 1;
}
