// main.c -- the nnc program: from the command line to a command, and to an exit code.

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blas.h"
#include "codegen/cache.h"
#include "driver/job.h"

static ExitCode command_help(Job *j)
{
    options_help(j->out.out);
    return EXIT_DONE;
}

static ExitCode command_version(Job *j)
{
    fprintf(j->out.out, "nnc %s\n", NNC_VERSION);
    return EXIT_DONE;
}

static ExitCode (*const commands[COMMAND_COUNT])(Job *j) = {
    [COMMAND_SUMMARY] = command_summary, [COMMAND_TRAIN] = command_train,
    [COMMAND_EVAL] = command_eval,       [COMMAND_PREDICT] = command_predict,
    [COMMAND_EMIT] = command_emit,       [COMMAND_EMIT_C] = command_emit_c,
    [COMMAND_VERIFY] = command_verify,   [COMMAND_CHECK_GRADIENTS] = command_check_gradients,
    [COMMAND_DOC] = command_doc,         [COMMAND_HELP] = command_help,
    [COMMAND_VERSION] = command_version,
};

// A failed assertion or a wild pointer is a bug of nnc's own. Only calls that a signal handler may
// make.
static void on_bug(int signal)
{
    static const char text[] = "nnc: this is a bug of nnc, not of your program; please report it\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_BUG);
    _exit(EXIT_BUG);
}

static void catch_bugs(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        const struct sigaction bug = {.sa_handler = on_bug};
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &bug, NULL);  // else a sanitizer tells more
    }
}

// A descriptor of the standard three that is closed would be given to the next file opened, and
// messages would land in it.
static void open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(EXIT_PROGRAM);
}

// What is read must not be written over by what is made of it.
static bool is_input(const Job *j, const char *output)
{
    const Options *o = j->options;
    struct stat out, in;
    if (!output || stat(output, &out) < 0)
        return false;
    const char *const inputs[] = {
        o->file, o->weights, o->command == COMMAND_PREDICT ? o->argument : NULL,
        o->command == COMMAND_EMIT_C || emits_object(o) ? job_weights_path(j) : NULL};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i] && stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev &&
            in.st_ino == out.st_ino)
            return true;
    return false;
}

static bool check_outputs(const Job *j)
{
    const Options *o = j->options;
    const bool object = emits_object(o) && strcmp(o->argument, "obj") == 0 && o->output;
    const char *header = object ? object_header_path(j->model.arena, o->output) : NULL;
    const char *const outputs[] = {o->output, o->log,
                                   o->command == COMMAND_EMIT_C ? o->argument : header};
    if (header && strcmp(header, o->output) == 0) {
        job_say(j, "-o %s: the header beside the object has this name; call the object FILE.o",
                header);
        return false;
    }
    if (outputs[0] && outputs[1] && strcmp(outputs[0], outputs[1]) == 0) {
        job_say(j, "-o and --log both name %s", outputs[0]);
        return false;
    }
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (is_input(j, outputs[i])) {
            job_say(j, "%s is read by this very command; write to another file", outputs[i]);
            return false;
        }
    return true;
}

static bool set_warnings(const Job *j, const TextList *names, bool on)
{
    for (int i = 0; i < names->count; i++)
        if (!diags_set_warning(j->session->diags, names->items[i], on)) {
            job_say(j, "there is no warning %s", names->items[i]);
            return false;
        }
    return true;
}

static ExitCode set_up(Job *j)
{
    const Options *o = j->options;
    NnrtError e;
    j->predict = NNC_PREDICT;
    j->out = terminal_of(stdout, o->color);
    j->err = terminal_of(stderr, o->color);
    j->session->sets = o->sets.items;
    j->session->set_count = o->sets.count;
    j->session->include_dirs = o->include_dirs.items;
    j->session->include_count = o->include_dirs.count;
    const int threads = o->threads > 0 ? (int)o->threads : nnrt_cores();
    j->nnc = (NncOptions){
        .engine = o->engine,
        .cache = o->no_cache ? NULL : cache_folder(j->model.arena),
        .compile_threads = threads,
        .passes = {.dump = o->dump, .stop = o->stop_after, .time = o->time_passes, .out = stderr},
    };
#ifndef NDEBUG
    j->nnc.passes.verify = true;
#endif
    if (!check_outputs(j))
        return EXIT_USAGE;
    if (!set_warnings(j, &o->no_warn, false) || !set_warnings(j, &o->warn, true))
        return EXIT_USAGE;
    j->pool = nnrt_pool_new(threads, &e);
    if (j->pool && nnrt_blas_fits(threads, &e))
        return EXIT_DONE;
    job_say_error(j, &e);
    return EXIT_PROGRAM;
}

static void tear_down(Job *j)
{
    nnrt_pool_free(j->pool);  // first: after a want of memory its threads may be gathering
    nnc_close(&j->model);
    data_free(&j->data);
}

// Runs the command; when memory runs out in an arena, control comes back here.
static ExitCode run_guarded(Job *j)
{
    if (setjmp(j->session->guard.jump)) {
        job_say(j, "out of memory: %zu bytes more were wanted", j->session->guard.wanted);
        return EXIT_PROGRAM;
    }
    j->model.arena = arena_new(&j->session->guard);
    if (!j->model.arena)
        return EXIT_PROGRAM;
    ExitCode code = set_up(j);
    if (code == EXIT_DONE)
        code = commands[j->options->command](j);
    const bool failed = diags_errors(j->session->diags) > 0;
    job_print_diagnostics(j);
    return code == EXIT_DONE && failed ? EXIT_PROGRAM : code;
}

// What could not be written to standard output has not been said.
static ExitCode flush_output(ExitCode code)
{
    const bool failed = ferror(stdout) != 0;
    if (fclose(stdout) == 0 && !failed)
        return code;
    fprintf(stderr, "nnc: standard output: %s\n", strerror(errno));
    return code == EXIT_DONE ? EXIT_PROGRAM : code;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");  // for the width of text; numbers stay those of C
    catch_bugs();
    open_standard();
    signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of write()
    Session *session = session_new();
    if (!session) {
        fputs("nnc: out of memory\n", stderr);
        return EXIT_PROGRAM;
    }
    Options options;
    ExitCode code = EXIT_USAGE;
    if (options_parse(&options, session->arena, argc, argv)) {
        Job job = {.options = &options, .session = session};
        job.model.session = session;
        code = run_guarded(&job);
        tear_down(&job);
        arena_free(job.model.arena);
    }
    session_free(session);
    return (int)flush_output(code);
}
