// unfinished.c -- trainings that are interrupted, killed, or left without a reader or room: what
// was saved before stays, and what they came to is not lost.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "end_to_end/harness.h"

static const char SMALL[] = "model small { input flower[4]; dense(8); relu; dense(3); softmax }\n"
                            "data { train = csv(\"data/iris.csv\", target = \"species\") }\n"
                            "train { loss = cross_entropy; optimizer = adam(); epochs = 5 }\n";
#define ENDLESS "--set", "train.epochs=100000000"

static char *small_folder(void)
{
    char *folder = folder_new();
    write_text(folder, "small.nn", SMALL);
    return folder;
}

static char *trained_folder(void)
{
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--train", "-q");
    cr_assert_eq(r.code, 0, "%s", r.err);
    run_free(&r);
    return folder;
}

static bool says(const char *folder, const char *text)
{
    char *err = read_bytes(folder, "stderr.txt", NULL);
    const bool found = err && strstr(err, text);
    free(err);
    return found;
}

// Trains until `text` is said, then gets the signal.
static int end_by(const char *folder, const char *const *args, const char *text, int signal)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    const pid_t pid = start_nnc(folder, args);
    for (int i = 0; i < 3000 && !says(folder, text); i++)
        nanosleep(&moment, NULL);
    kill(pid, signal);
    return wait_nnc(pid);
}
#define END_BY(folder, text, signal, ...)                                                     \
    end_by((folder), (const char *const[]){"small.nn", "--train", ENDLESS, __VA_ARGS__ NULL}, \
           (text), (signal))

static bool same_bytes(const char *folder, const char *name, const char *bytes, size_t size)
{
    size_t other = 0;
    char *read = read_bytes(folder, name, &other);
    const bool same = read && other == size && memcmp(read, bytes, size) == 0;
    free(read);
    return same;
}

static void expect_weights(const char *folder, const char *name)
{
    Run r = NNC(folder, "small.nn", "--eval", "--weights", name);
    cr_expect_eq(r.code, 0, "%s: %s", name, r.err);
    run_free(&r);
}

static bool is_there(const char *folder, const char *name)
{
    char *path = path_in_folder(folder, name);
    const bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

Test(unfinished, an_interrupt_leaves_what_was_saved_before)
{
    char *folder = trained_folder();
    size_t size, size2;
    char *good = read_bytes(folder, "small.safetensors", &size);
    cr_expect_eq(END_BY(folder, "1/100000000", SIGTERM), 143);
    cr_expect(says(folder, "small.unfinished.safetensors; small.safetensors is as it was"));
    expect_weights(folder, "small.unfinished.safetensors");
    char *first = read_bytes(folder, "small.unfinished.safetensors", &size2);
    cr_assert(first);
    cr_expect_eq(END_BY(folder, "3/100000000", SIGINT, "--seed", "9", ), 130);
    expect_weights(folder, "small.unfinished-2.safetensors");
    cr_expect(same_bytes(folder, "small.safetensors", good, size));
    cr_expect(same_bytes(folder, "small.unfinished.safetensors", first, size2));
    free(first);
    free(good);
    folder_free(folder);
}

Test(unfinished, a_first_training_saves_to_its_own_file)
{
    char *folder = small_folder();
    cr_expect_eq(END_BY(folder, "3/100000000", SIGINT, "--save-every", "0", ), 130);
    expect_weights(folder, "small.safetensors");
    cr_expect_not(is_there(folder, "small.unfinished.safetensors"));
    folder_free(folder);
}

Test(unfinished, a_kill_leaves_the_last_epoch_saved)
{
    char *folder = small_folder();
    cr_expect_eq(END_BY(folder, "3/100000000", SIGKILL, "--save-every", "0", ), 1000 + SIGKILL);
    expect_weights(folder, "small.unfinished.safetensors");
    cr_expect_not(is_there(folder, "small.safetensors"));
    folder_free(folder);
}

Test(unfinished, a_finished_training_leaves_nothing_beside)
{
    char *folder = small_folder();
    Run r = NNC(folder, "small.nn", "--train", "--save-every", "0");
    cr_expect_eq(r.code, 0, "%s", r.err);
    expect_weights(folder, "small.safetensors");
    cr_expect_not(is_there(folder, "small.unfinished.safetensors"));
    run_free(&r);
    folder_free(folder);
}

// What it was told to read is not its own to remove.
Test(unfinished, a_training_that_went_on_leaves_what_it_began_with)
{
    char *folder = trained_folder();
    size_t size;
    cr_expect_eq(END_BY(folder, "1/100000000", SIGTERM), 143);
    char *begun = read_bytes(folder, "small.unfinished.safetensors", &size);
    Run r = NNC(folder, "small.nn", "--train", "--weights", "small.unfinished.safetensors",
                "--save-every", "0");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect(same_bytes(folder, "small.unfinished.safetensors", begun, size));
    cr_expect_not(is_there(folder, "small.unfinished-2.safetensors"));
    run_free(&r);
    free(begun);
    folder_free(folder);
}

static Run run_shell(const char *folder, const char *format)
{
    char *line = NULL;
    cr_assert(asprintf(&line, "nnc=%s/nnc; %s", BUILD_DIR, format) > 0);
    Run r = run_program(folder, "/bin/sh", (const char *const[]){"-c", line, NULL});
    free(line);
    return r;
}

// The reader is gone before the first epoch ends.
Test(unfinished, a_training_goes_on_when_nobody_reads)
{
    char *folder = small_folder();
    Run r = run_shell(folder, "$nnc small.nn --train --set train.epochs=50 2>&1 | true");
    cr_expect_eq(r.code, 0, "%s", r.err);
    expect_weights(folder, "small.safetensors");
    run_free(&r);
    folder_free(folder);
}

Test(unfinished, room_for_the_weights_is_asked_for_before)
{
    char *folder = small_folder();
    write_text(folder, "small.nn",
               "model small { input flower[4]; dense(9000); relu; dense(3); softmax }\n"
               "data { train = csv(\"data/iris.csv\", target = \"species\") }\n"
               "train { loss = cross_entropy; optimizer = adam(); epochs = 5 }\n");
    Run r = run_shell(folder, "ulimit -f 40; $nnc small.nn --train --no-cache");
    cr_expect_eq(r.code, 1);
    cr_expect(strstr(r.err, "small.safetensors: cannot write"), "%s", r.err);
    cr_expect_not(strstr(r.err, "1/5"), "%s", r.err);
    cr_expect_eq(folder_entries(folder), 1);
    run_free(&r);
    folder_free(folder);
}
