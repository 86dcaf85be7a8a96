// test_load.c -- files that use files.

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "sema/sema.h"

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/nnc-load-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect(system(command) == 0);
}

static const char *put(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert(file_write(path, text));
    return path;
}

static void make_subfolder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert(mkdir(path, 0700) == 0);
}

// The first code reported, or DIAG_COUNT; whether the model could be expanded in *good.
static DiagCode load(const char *path, const char *include, bool *good)
{
    Session *s = session_new();
    s->include_dirs = &include;
    s->include_count = include ? 1 : 0;
    Program *p = sema_load(s, s->arena, path);
    *good = p && diags_errors(s->diags) == 0 && sema_predict(p);
    DiagCode code = diags_count(s->diags) ? diags_code_at(s->diags, 0) : DIAG_COUNT;
    session_free(s);
    return code;
}

TestSuite(load, .init = make_folder, .fini = remove_folder);

Test(load, files_use_each_other_in_a_circle)
{
    bool good;
    make_subfolder("parts");
    put("parts/a.nn", "use \"b.nn\"\nuse \"../main.nn\"\nlayer a(x) = 2 * x\n");
    put("parts/b.nn", "use \"a.nn\"\nuse layers\nlayer b(x) { a }\n");
    load(put("main.nn", "use \"parts/a.nn\"\nmodel m { input x[4]; b; dense(1) }\n"), NULL, &good);
    cr_expect(good);
}

Test(load, nothing_outside_of_the_folder_is_read)
{
    bool good;
    char link[128];
    put("secret.nn", "let secret = 1\n");
    make_subfolder("inner");
    snprintf(link, sizeof link, "%s/inner/link.nn", folder);
    cr_assert(symlink("../secret.nn", link) == 0);
    cr_expect(load(put("inner/a.nn", "use \"../secret.nn\"\n"), NULL, &good) == DIAG_use_outside);
    cr_expect(load(put("inner/b.nn", "use \"link.nn\"\n"), NULL, &good) == DIAG_use_outside);
    cr_expect(load(put("inner/c.nn", "use \"/etc/passwd\"\n"), NULL, &good) == DIAG_use_outside);
    cr_expect(load(put("inner/d.nn", "use \"../inner\"\n"), NULL, &good) == DIAG_use_outside);
}

Test(load, include_folders_are_looked_through)
{
    bool good;
    make_subfolder("lib");
    make_subfolder("src");
    put("lib/twice.nn", "layer twice(x) = 2 * x\n");
    char include[128];
    snprintf(include, sizeof include, "%s/lib", folder);
    load(put("src/main.nn", "use \"twice.nn\"\nmodel m { input x[4]; twice }\n"), include, &good);
    cr_expect(good);
}

Test(load, what_cannot_be_read_is_told)
{
    bool good;
    cr_expect(load("/no/such/file.nn", NULL, &good) == DIAG_cannot_read);
    cr_expect(load(folder, NULL, &good) == DIAG_cannot_read);
    cr_expect(load("/dev/null", NULL, &good) == DIAG_cannot_read);
}

Test(load, chains_of_files_have_an_end)
{
    bool good;
    char name[32], text[64];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "f%d.nn", i);
        snprintf(text, sizeof text, "use \"f%d.nn\"\n", i + 1);
        put(name, text);
    }
    put("f40.nn", "");
    cr_expect(load(put("main.nn", "use \"f0.nn\"\n"), NULL, &good) == DIAG_expansion_limit);
}
