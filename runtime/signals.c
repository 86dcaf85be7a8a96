// signals.c -- the flag that a signal sets.

#include "signals.h"

#include <signal.h>
#include <stddef.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
enum { CAUGHT = sizeof caught / sizeof caught[0] };

// A handler can reach nothing but globals: signals belong to the process, and so does this state.
static volatile sig_atomic_t pending;
static struct sigaction before[CAUGHT];
static bool catching;

static void note(int number)
{
    pending = number;
}

void nnrt_signals_catch(void)
{
    pending = 0;
    // SA_RESETHAND: the second signal of a kind finds the default action, which kills.
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < CAUGHT; i++) {
        struct sigaction old;
        sigaction(caught[i], NULL, &old);
        if (!catching)
            before[i] = old;
        // nohup has SIGHUP ignored on purpose. A script's shell has SIGINT ignored for every job in
        // the background, where a `kill -INT` is meant for us all the same.
        if (caught[i] != SIGHUP || before[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
    catching = true;
}

void nnrt_signals_release(void)
{
    for (int i = 0; i < CAUGHT && catching; i++)
        sigaction(caught[i], &before[i], NULL);
    catching = false;
    pending = 0;
}

int nnrt_signals_pending(void)
{
    return pending;
}
