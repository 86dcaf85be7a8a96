// load.c -- a file, all that it uses, and the library.
//
// A path in `use` is relative to the file that says it, and may not leave the folder of the main
// file: the kernel resolves it beneath that folder, so neither `..` nor a symbolic link gets out.
// Folders of -I are looked through after it, each closed in the same way.

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sema/expander.h"
#include "stdlib/stdlib.h"
#include "syntax/parser.h"

// A file that was read, known again by its identity however its path was written.
typedef struct Loaded {
    dev_t device;
    ino_t inode;
} Loaded;

typedef struct Loader {
    Program *program;
    const char *root;  // folder of the main file
    Loaded *files;
    int count, capacity;
    int depth;
} Loader;

static const char *folder_of(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

static int open_beneath(const char *root, const char *path)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    int error = errno;
    close(dir);
    errno = error;
    return fd;
}

// The whole text of an open file, or NULL with errno; the file is closed.
static char *read_all(Arena *a, int fd, size_t *size, Loaded *identity)
{
    struct stat st;
    char *text = NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE_BYTES) {
        text = arena_alloc(a, (size_t)st.st_size + 1);
        ssize_t n;
        for (*size = 0; (n = read(fd, text + *size, (size_t)st.st_size - *size)) > 0;)
            *size += (size_t)n;
        *identity = (Loaded){st.st_dev, st.st_ino};
        if (n < 0)
            text = NULL;
    } else {
        errno = S_ISREG(st.st_mode) ? EFBIG : S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    close(fd);
    return text;
}

static const char *why_not(int error)
{
    return error == EINVAL ? "not a regular file" : strerror(error);
}

static bool seen(Loader *l, Loaded identity)
{
    for (int i = 0; i < l->count; i++)
        if (l->files[i].device == identity.device && l->files[i].inode == identity.inode)
            return true;
    arena_push(l->program->arena, l->files, l->count, l->capacity, identity);
    return false;
}

static void load_uses(Loader *l, const Tree *tree, const char *folder);

static bool add_text(Loader *l, const char *name, const char *text, size_t size, const char *folder)
{
    Program *p = l->program;
    Session *s = p->session;
    const Source *source = sources_add(s->sources, name, text, size);
    if (!source) {
        diag_report(s->diags, DIAG_cannot_read, NO_SPAN, name, "too much text");
        return false;
    }
    ParseEnv env = {.arena = p->arena, .names = s->names, .diags = s->diags};
    const Tree *tree = parse_source(&env, source);
    program_add_tree(p, tree, false);
    l->depth++;
    load_uses(l, tree, folder);
    l->depth--;
    return true;
}

static const char *join(Arena *a, const char *folder, const char *path)
{
    if (*folder == '\0' || strcmp(folder, ".") == 0)
        return path;
    return arena_printf(a, "%s/%s", folder, path);
}

// Opens `path` beneath the main file's folder, else beneath one of -I.
static int open_used(Loader *l, const char *path, const char *folder, const char **inner)
{
    const Session *s = l->program->session;
    *inner = join(l->program->arena, folder, path);
    int fd = open_beneath(l->root, *inner);
    int error = errno;
    for (int i = 0; fd < 0 && i < s->include_count; i++) {
        fd = open_beneath(s->include_dirs[i], path);
        *inner = path;
    }
    if (fd < 0)
        errno = error;
    return fd;
}

static void report_file(Loader *l, const Item *use, int error)
{
    Diags *ds = l->program->session->diags;
    if (error == EXDEV || error == ELOOP) {
        Diag *d = diag_report(ds, DIAG_use_outside, use->span, use->string);
        diag_help(d, "give its folder with -I");
    } else {
        diag_report(ds, DIAG_cannot_read, use->span, use->string, why_not(error));
    }
}

static void load_path(Loader *l, const Item *use, const char *folder)
{
    Arena *a = l->program->arena;
    const char *inner;
    size_t size;
    Loaded identity;
    int fd = open_used(l, use->string, folder, &inner);
    char *text = fd < 0 ? NULL : read_all(a, fd, &size, &identity);
    if (!text) {
        report_file(l, use, errno);
        return;
    }
    if (!seen(l, identity))
        add_text(l, inner, text, size, folder_of(a, inner));
}

static void load_library_name(Loader *l, const Item *use)
{
    Program *p = l->program;
    Candidates c = {.arena = p->arena};
    for (size_t i = 0; i < stdlib_file_count; i++) {
        const char *dot = strrchr(stdlib_files[i].name, '.');
        Name name =
            intern_n(p->session->names, stdlib_files[i].name, (size_t)(dot - stdlib_files[i].name));
        if (name == use->name)
            return;
        candidates_add(&c, name);
    }
    Diag *d =
        diag_report(p->session->diags, DIAG_unknown_name, use->span, "library file", use->name);
    help_nearest(d, use->name, &c);
}

static void load_uses(Loader *l, const Tree *tree, const char *folder)
{
    for (const Item *i = tree->items; i; i = i->next) {
        if (i->kind != ITEM_USE)
            continue;
        if (l->count > MAX_FILES || l->depth > MAX_USE_DEPTH)
            diag_report(l->program->session->diags, DIAG_expansion_limit, i->span, "files in use",
                        (long long)(l->count > MAX_FILES ? MAX_FILES : MAX_USE_DEPTH));
        else if (i->string)
            load_path(l, i, folder);
        else
            load_library_name(l, i);
    }
}

static void load_library(Program *p)
{
    Session *s = p->session;
    ParseEnv env = {.arena = p->arena, .names = s->names, .diags = s->diags};
    for (size_t i = 0; i < stdlib_file_count; i++) {
        const char *name = arena_printf(p->arena, "<stdlib>/%s", stdlib_files[i].name);
        const Source *source =
            sources_add(s->sources, name, stdlib_files[i].text, stdlib_files[i].size);
        if (source)
            program_add_tree(p, parse_source(&env, source), true);
    }
}

static Program *program_new(Session *session, Arena *arena)
{
    Program *p = arena_new_of(arena, Program);
    p->session = session;
    p->arena = arena;
    p->variables = variables_new(arena);
    load_library(p);
    return p;
}

static void finish_load(Program *p)
{
    settings_apply(p);
    blocks_evaluate(p);
    check_names(p);
}

Program *sema_load(Session *session, Arena *arena, const char *path)
{
    size_t size;
    Loaded identity;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = fd < 0 ? NULL : read_all(arena, fd, &size, &identity);
    if (!text) {
        diag_report(session->diags, DIAG_cannot_read, NO_SPAN, path, why_not(errno));
        return NULL;
    }
    Loader l = {.program = program_new(session, arena), .root = folder_of(arena, path)};
    seen(&l, identity);
    if (!add_text(&l, path, text, size, "."))
        return NULL;
    finish_load(l.program);
    return l.program;
}

Program *sema_load_text(Session *session, Arena *arena, const char *name, const char *text,
                        size_t size, const char *dir)
{
    Loader l = {.program = program_new(session, arena), .root = dir};
    if (!add_text(&l, name, text, size, "."))
        return NULL;
    finish_load(l.program);
    return l.program;
}

// --- documentation ----------------------------------------------------------------------------

static void print_signature(Text *out, const Item *item)
{
    text_addf(out, "%s %s(", item_kind_text(item->kind), item->name);
    for (const Param *p = item->params; p; p = p->next) {
        text_add(out, p->name);
        for (const Dim *d = p->pattern; p->has_pattern && d; d = d->next) {
            text_add(out, d == p->pattern ? "[" : ", ");
            if (d->rest)
                text_add(out, "..");
            else
                expr_print(out, d->value);
            text_add(out, d->next ? "" : "]");
        }
        if (p->value) {
            text_add(out, " = ");
            expr_print(out, p->value);
        }
        text_add(out, p->next ? ", " : "");
    }
    text_add(out, ")\n");
}

static void print_definition(Text *out, const Program *p, const Item *item)
{
    Place place = source_place(p->session->sources, item->span);
    print_signature(out, item);
    if (item->doc)
        text_addf(out, "\n%s\n", item->doc);
    if (place.source)
        text_addf(out, "\n%s:%u\n", place.source->name, place.line);
}

bool sema_doc(Session *session, Arena *arena, const char *name, Text *out)
{
    Program *p = program_new(session, arena);
    Name wanted = intern(session->names, name);
    const Builtin *b = builtin_find(wanted);
    bool found = b != NULL;
    if (b)
        text_addf(out, "%s(%s)\n\n%s\n", b->name, b->parameters, b->doc);
    for (int kind = ITEM_LAYER; kind <= ITEM_AUGMENTATION; kind++) {
        const Definition *d = program_find(p, (ItemKind)kind, wanted, true);
        if (d && found)
            text_add(out, "\n");
        if (d)
            print_definition(out, p, d->item);
        found |= d != NULL;
    }
    return found;
}
