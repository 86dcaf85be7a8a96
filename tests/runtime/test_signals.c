#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"
#include "signals.h"

Test(signals, the_first_sets_a_flag)
{
    nnrt_signals_catch();
    cr_expect_eq(nnrt_signals_pending(), 0);
    raise(SIGTERM);
    cr_expect_eq(nnrt_signals_pending(), SIGTERM);
    nnrt_signals_catch();
    raise(SIGINT);
    cr_expect_eq(nnrt_signals_pending(), SIGINT);
    nnrt_signals_release();
    cr_expect_eq(nnrt_signals_pending(), 0);
}

Test(signals, the_second_kills)
{
    const pid_t child = fork();
    if (child == 0) {
        nnrt_signals_catch();
        raise(SIGINT);
        raise(SIGINT);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

Test(signals, release_restores)
{
    struct sigaction now;
    signal(SIGHUP, SIG_IGN);
    nnrt_signals_catch();
    raise(SIGHUP);
    cr_expect_eq(nnrt_signals_pending(), 0, "an ignored hang-up stays ignored");
    nnrt_signals_release();
    sigaction(SIGINT, NULL, &now);
    cr_expect(now.sa_handler == SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}
