// emit_object.c -- nnc MODEL.nn --emit obj: the trained model as an object file and a header of
// declarations; with --target, --emit asm: the same code as text.

#include <string.h>
#include <sys/stat.h>

#include "codegen/llvm/object.h"
#include "driver/deploy.h"
#include "file.h"

static bool is_assembly(const Job *j)
{
    return strcmp(j->options->argument, "asm") == 0;
}

// --- files --------------------------------------------------------------------------------------

// FILE.h beside FILE.o.
const char *object_header_path(Arena *a, const char *object)
{
    const char *slash = strrchr(object, '/'), *dot = strrchr(object, '.');
    const bool has_ending = dot && dot > (slash ? slash + 1 : object);
    return arena_printf(a, "%.*s.h", has_ending ? (int)(dot - object) : (int)strlen(object),
                        object);
}

typedef enum HeaderKind { HEADER_NONE, HEADER_OF_OBJECT, HEADER_OTHER } HeaderKind;

// What stands at `path`. A folder or what cannot be read is left to the writer's message.
static HeaderKind header_at(const char *path)
{
    char head[4096];
    struct stat status;
    FILE *f = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
    const size_t n = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f)
        fclose(f);
    head[n] = '\0';
    if (n == 0)
        return HEADER_NONE;
    return strstr(head, C_OBJECT_HEADER) ? HEADER_OF_OBJECT : HEADER_OTHER;
}

bool header_writable(const Job *j, const char *path)
{
    if (header_at(path) != HEADER_OF_OBJECT)
        return true;
    job_say(j, "%s declares what is in an object file; write to another file, or remove it", path);
    return false;
}

static bool object_header_writable(const Job *j, const char *path)
{
    if (header_at(path) != HEADER_OTHER)
        return true;
    job_say(j, "%s is there, and is not the header of an object: remove it, or give another -o",
            path);
    return false;
}

static bool write(Job *j, const char *path, const Text *text)
{
    NnrtError e;
    if (nnrt_write_file(path, text_str(text), text->size, &e))
        return true;
    job_say_error(j, &e);
    return false;
}

// Neither, if one of them cannot be.
static bool write_two(Job *j, const char *const paths[2], const Text *const texts[2])
{
    NnrtWriter *w[2] = {NULL, NULL};
    NnrtError e;
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        w[i] = nnrt_writer_open(paths[i], &e);
        ok = w[i] && nnrt_writer_put(w[i], text_str(texts[i]), texts[i]->size, &e);
    }
    for (int i = 0; i < 2; i++) {
        if (ok)
            ok = nnrt_writer_commit(w[i], &e);
        else
            nnrt_writer_abandon(w[i]);
    }
    if (!ok)
        job_say_error(j, &e);
    return ok;
}

static bool write_both(Job *j, const Text *object, const CHeader *h)
{
    Arena *a = j->model.arena;
    const char *path = j->options->output;
    if (!path)
        path = arena_printf(a, "%s.o", c_identifier(a, h->model));
    const char *header = object_header_path(a, path);
    if (!object_header_writable(j, header))
        return false;
    Text text = text_in(a);
    const char *target = j->options->target ? j->options->target : "the machine that made it";
    const CSizes sizes = c_declarations(a, &text, h, target);
    if (!write_two(j, (const char *[]){path, header}, (const Text *[]){object, &text}))
        return false;
    if (!j->options->quiet)
        job_say(j, "%s: %zu bytes of constants, an arena of %zu bytes; declared in %s", path,
                sizes.flash, sizes.ram, header);
    return true;
}

static bool write_assembly(Job *j, const Text *text)
{
    if (j->options->output)
        return write(j, j->options->output, text);
    fputs(text_str(text), j->out.out);
    return true;
}

// --- the command --------------------------------------------------------------------------------

static bool make(Job *j, const CHeader *h, Text *out)
{
    const char *error = NULL;
    const ObjectRequest r = {
        .name = c_identifier(j->model.arena, h->model),
        .plan = h->plan,
        .whole = h->whole,
        .block = h->block,
        .seed = h->seed,
        .classes = h->classes,
        .class_count = h->class_count,
        .triple = j->options->target,
        .cpu = j->options->cpu,
        .assembly = is_assembly(j),
    };
    if (object_write(j->model.arena, out, &r, &error))
        return true;
    diag_report(j->session->diags, DIAG_engine, NO_SPAN, "predict", error);
    return false;
}

// LLVM's code pads what a convolution reads, and has the weights of i8 as they are.
static bool prepare(Job *j, Deployment *d)
{
    Arena *a = j->model.arena;
    CHeader *h = &d->header;
    if (!deploy_prepare(j, d))
        return false;
    h->plan = plan_new_compact(a, j->model.graphs[d->purpose], 1, false);
    if (d->whole)
        h->whole = plan_new_compact(a, d->whole, 1, false);
    return true;
}

ExitCode command_emit_object(Job *j)
{
    Deployment d;
    Text made = text_in(j->model.arena);
    const CHeader *h = &d.header;
    const bool ok = prepare(j, &d) && deploy_fits(j, h) && make(j, h, &made) &&
                    (is_assembly(j) ? write_assembly(j, &made) : write_both(j, &made, h));
    deploy_free(&d);
    return ok ? EXIT_DONE : EXIT_PROGRAM;
}
