// verify_program.c -- the folder, the source and the compiling of the program that --verify runs.

#include "driver/verify_program.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codegen/c/c_writer.h"

extern char **environ;

// --- files --------------------------------------------------------------------------------------

static bool make_folder(VerifyProgram *p)
{
    Arena *a = p->job->model.arena;
    const char *base = getenv("TMPDIR");
    char *folder = arena_printf(a, "%s/nnc-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        job_say(p->job, "%s: %s", folder, strerror(errno));
        return false;
    }
    p->folder = folder;
    p->source = arena_printf(a, "%s/verify.%s", folder, p->plus_plus ? "cpp" : "c");
    p->model = arena_printf(a, "%s/model.h", folder);
    p->program = arena_printf(a, "%s/verify", folder);
    p->inputs = arena_printf(a, "%s/inputs", folder);
    p->outputs = arena_printf(a, "%s/outputs", folder);
    return true;
}

static bool write_text(const VerifyProgram *p, const char *path, const void *data, size_t size)
{
    NnrtError e;
    if (nnrt_write_file(path, data, size, &e))
        return true;
    job_say_error(p->job, &e);
    return false;
}

// --- the program --------------------------------------------------------------------------------

static size_t bytes_of(const Type *t)
{
    return (size_t)type_elements(t) * dtype_size(t->dtype);
}

// Reads examples, runs each, writes what was traced and then the outputs.
static const char program_head[] =
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "static FILE *results;\n"
    "static int tracing = %d;\n"
    "static void trace(const void *p, size_t bytes)\n"
    "{\n"
    "    if (tracing)\n"
    "        fwrite(p, 1, bytes, results);\n"
    "}\n"
    "#define NNC_TRACE(p, bytes) trace(p, bytes)\n"
    "#define %s_IMPLEMENTATION\n"
    "#include \"model.h\"\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    FILE *examples = fopen(argv[argc - 2], \"rb\");\n"
    "    void *in[%d], *out[%d], *arena = malloc(sizeof(float) * %s_ARENA_FLOATS);\n"
    "    results = fopen(argv[argc - 1], \"wb\");\n"
    "    if (!examples || !results || !arena)\n"
    "        return 1;\n";

static const char program_tail[] = "        tracing = 0;\n"
                                   "    }\n"
                                   "    return fclose(results) ? 1 : 0;\n"
                                   "}\n";

// As pointers to their own types, which C++ asks for.
static void add_call(Text *t, const Graph *g, const char *name)
{
    text_addf(t, "        %s_predict(arena", name);
    for (int i = 0; i < g->input_count; i++)
        text_addf(t, ", (%s *)in[%d]", c_types[g->inputs[i].type.dtype].memory, i);
    for (int i = 0; i < g->output_count; i++)
        text_addf(t, ", (%s *)out[%d]", c_types[g->outputs[i].node->type.dtype].memory, i);
    text_add(t, ");\n");
}

static bool write_program(const VerifyProgram *p)
{
    Arena *a = p->job->model.arena;
    const Graph *g = p->graph;
    const char *name = c_identifier(a, p->header->model), *upper = c_upper(a, name);
    Text t = text_in(a);
    text_addf(&t, program_head, p->traced, upper, g->input_count, g->output_count, upper);
    for (int i = 0; i < g->input_count; i++)
        text_addf(&t, "    in[%d] = malloc(%zu);\n", i, bytes_of(&g->inputs[i].type));
    for (int i = 0; i < g->output_count; i++)
        text_addf(&t, "    out[%d] = malloc(%zu);\n", i, bytes_of(&g->outputs[i].node->type));
    text_addf(&t, "    for (int n = 0; n < %d; ++n) {\n", (int)p->examples);
    for (int i = 0; i < g->input_count; i++)
        text_addf(&t, "        if (fread(in[%d], %zu, 1, examples) != 1)\n            return 1;\n",
                  i, bytes_of(&g->inputs[i].type));
    add_call(&t, g, name);
    for (int i = 0; i < g->output_count; i++)
        text_addf(&t, "        fwrite(out[%d], %zu, 1, results);\n", i,
                  bytes_of(&g->outputs[i].node->type));
    text_add(&t, program_tail);
    return write_text(p, p->source, text_str(&t), t.size);
}

static bool write_header(const VerifyProgram *p)
{
    Arena *a = p->job->model.arena;
    Text t = text_in(a);
    CHeader h = *p->header;
    h.trace = true;
    c_header(a, &t, &h);
    return write_text(p, p->model, text_str(&t), t.size);
}

// Runs a command to its end; false after having said what went wrong with it.
static bool run(const VerifyProgram *p, const char *const *words, const char *absent,
                const char *failed)
{
    pid_t child;
    int status;
    const int error = posix_spawnp(&child, words[0], NULL, NULL, (char *const *)words, environ);
    if (error) {
        job_say(p->job, "%s: %s%s", words[0], strerror(error), absent);
        return false;
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    job_say(p->job, "%s failed%s", words[0], failed);
    return false;
}

// --- the compiler -------------------------------------------------------------------------------

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Of C++, if its name says so: g++, clang++-19, ccache c++.
static void add_word(VerifyProgram *p, const char *word)
{
    p->compiler[p->word_count++] = word;
    p->plus_plus |= word[0] != '-' && strstr(base_name(word), "++");
}

// The words of CC: "ccache gcc", "gcc -O3".
static void find_compiler(VerifyProgram *p)
{
    const char *cc = getenv("CC");
    char *text = arena_strdup(p->job->model.arena, cc ? cc : ""), *rest = NULL;
    for (char *w = strtok_r(text, " \t", &rest); w && p->word_count < MOST_COMPILER_WORDS;
         w = strtok_r(NULL, " \t", &rest))
        add_word(p, w);
    if (p->word_count == 0)
        add_word(p, "cc");
}

#define WANTS_COMPILER "; --verify needs a C compiler: install one, or name it in CC"

// What CC names may end well and be no compiler.
static bool has_made_program(const VerifyProgram *p)
{
    if (access(p->program, X_OK) == 0)
        return true;
    job_say(p->job, "%s ended well and made no program of the header%s", p->compiler[0],
            WANTS_COMPILER);
    return false;
}

static bool compile_program(const VerifyProgram *p)
{
    // GCC has a note on that warning where constants make the file long.
    const char *const flags[] = {p->plus_plus ? "-std=c++11" : "-std=c99",
                                 "-O2",
                                 "-Wall",
                                 "-Wextra",
                                 "-Wno-misleading-indentation",
                                 "-o",
                                 p->program,
                                 p->source,
                                 "-lm",
                                 NULL};
    const char *words[MOST_COMPILER_WORDS + sizeof flags / sizeof *flags];
    memcpy(words, p->compiler, sizeof *words * (size_t)p->word_count);
    memcpy(words + p->word_count, flags, sizeof flags);
    return run(p, words, WANTS_COMPILER, " and did not compile the header") && has_made_program(p);
}

// --- from begin to end --------------------------------------------------------------------------

bool verify_program_begin(VerifyProgram *p)
{
    find_compiler(p);
    return make_folder(p);
}

bool verify_program_build(VerifyProgram *p)
{
    return write_header(p) && write_program(p) && compile_program(p);
}

bool verify_program_run(const VerifyProgram *p, NnrtBytes *results)
{
    const char *const words[] = {p->program, p->inputs, p->outputs, NULL};
    NnrtError e;
    if (!run(p, words, ": the program that CC made does not run on this machine",
             ": the compiled header does not run"))
        return false;
    if (nnrt_read_file(p->outputs, SIZE_MAX / 2, results, &e))
        return true;
    job_say_error(p->job, &e);
    return false;
}

void verify_program_end(const VerifyProgram *p)
{
    const char *const files[] = {p->source, p->model, p->program, p->inputs, p->outputs};
    if (!p->folder)
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    rmdir(p->folder);
}
