// options.c -- the table of options and what reads it.

#include "driver/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/text.h"
#include "codegen/llvm/object.h"
#include "nnc.h"
#include "pool.h"

// --- what an option does ----------------------------------------------------------------------

typedef struct OptionRow OptionRow;
struct OptionRow {
    const char *name;
    char letter;           // 0: none
    const char *argument;  // its name in the help; NULL: takes none
    const char *help;      // NULL: works, but is not shown
    bool (*apply)(Options *o, Arena *a, const OptionRow *row, const char *argument);
    size_t field;         // where in Options
    int64_t value;        // a command; the least of a number
    const char *choices;  // "a|b|c"
    unsigned commands;    // that it means something to, a bit each; 0: all
};

static bool usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool usage_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("nnc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

static void *field_of(Options *o, const OptionRow *row)
{
    return (char *)o + row->field;
}

static bool set_flag(Options *o, Arena *a, const OptionRow *row, const char *argument)
{
    (void)a;
    (void)argument;
    *(bool *)field_of(o, row) = true;
    return true;
}

static bool is_choice(const char *choices, const char *word)
{
    const size_t n = strlen(word);
    for (const char *c = choices; c; c = strchr(c, '|')) {
        c += *c == '|';
        if (strncmp(c, word, n) == 0 && (c[n] == '|' || c[n] == '\0'))
            return true;
    }
    return false;
}

static bool set_text(Options *o, Arena *a, const OptionRow *row, const char *argument)
{
    (void)a;
    if (row->choices && !is_choice(row->choices, argument))
        return usage_error("--%s takes %s, not '%s'", row->name, row->choices, argument);
    *(const char **)field_of(o, row) = argument;
    return true;
}

static bool add_text(Options *o, Arena *a, const OptionRow *row, const char *argument)
{
    TextList *list = field_of(o, row);
    arena_push(a, list->items, list->count, list->capacity, argument);
    return true;
}

static bool set_number(Options *o, Arena *a, const OptionRow *row, const char *argument)
{
    (void)a;
    char *end;
    errno = 0;
    const long long n = strtoll(argument, &end, 10);
    if (*argument == '\0' || *end != '\0' || errno || n < row->value)
        return usage_error("--%s takes a whole number from %lld, not '%s'", row->name,
                           (long long)row->value, argument);
    *(int64_t *)field_of(o, row) = n;
    return true;
}

static bool set_command(Options *o, Arena *a, const OptionRow *row, const char *argument)
{
    (void)a;
    if (o->command >= COMMAND_HELP)
        return true;  // --help and --version win over what stands beside them
    if (o->chosen && row->value < COMMAND_HELP)
        return usage_error("--%s and --%s are two commands; one at a time", o->chosen, row->name);
    if (row->choices && !is_choice(row->choices, argument))
        return usage_error("--%s takes %s, not '%s'", row->name, row->choices, argument);
    o->command = (Command)row->value;
    o->chosen = row->name;
    o->argument = argument;
    return true;
}

// --- the table --------------------------------------------------------------------------------

#define AT(field) offsetof(Options, field)
#define COMMAND(id) .apply = set_command, .value = COMMAND_##id
#define TEXT(name) .apply = set_text, .field = AT(name)
#define LIST(name) .apply = add_text, .field = AT(name)
#define FLAG(name) .apply = set_flag, .field = AT(name)
#define NUMBER(name, least) .apply = set_number, .field = AT(name), .value = (least)

#define OF(id) (1u << COMMAND_##id)
#define READERS (OF(EVAL) | OF(PREDICT) | OF(EMIT) | OF(EMIT_C) | OF(VERIFY))  // of weights
#define WRITERS (OF(TRAIN) | OF(PREDICT) | OF(EMIT) | OF(DOC))

static const OptionRow rows[] = {
    {"train", 0, NULL, "train as the file says; writes MODEL.safetensors", COMMAND(TRAIN)},
    {"eval", 0, NULL, "loss, metrics and confusion matrix on the test data", COMMAND(EVAL)},
    {"predict", 0, "FILE", "predictions for a csv, npy or idx file, or a text", COMMAND(PREDICT)},
    {"check-gradients", 0, NULL, "every gradient against central differences",
     COMMAND(CHECK_GRADIENTS)},
    {"emit-c", 0, "FILE", "the trained model as a C99 header; -: to standard output",
     COMMAND(EMIT_C)},
    {"verify", 0, NULL, "compile that header here, compare with nnc, kernel by kernel",
     COMMAND(VERIFY)},
    {"emit", 0, "STAGE", "what the compiler made: ir, kernels, llvm, asm or obj", COMMAND(EMIT)},
    {"doc", 0, "NAME", "what a layer, loss, optimizer, ... is", COMMAND(DOC)},
    {"help", 'h', NULL, "this text", COMMAND(HELP)},
    {"version", 'V', NULL, "the version", COMMAND(VERSION)},

    {"weights", 'w', "FILE", "weights to use, or to begin training with", TEXT(weights),
     .commands = READERS | OF(TRAIN)},
    {"output", 'o', "FILE", "where to write", TEXT(output), .commands = WRITERS},
    {"set", 's', "NAME=VALUE", "change a let or a key: width=64, train.epochs=3", LIST(sets)},
    {"include", 'I', "DIR", "another folder that `use` may look in", LIST(include_dirs)},
    {"seed", 0, "N", "instead of the seed in the file", NUMBER(seed, 0)},
    {"threads", 'j', "N", "threads, all cores unless told; results never depend on it",
     NUMBER(threads, 1)},
    {"format", 0, "FORMAT", "of predictions: csv or json", TEXT(format), .choices = "csv|json",
     .commands = OF(PREDICT)},
    {"with-training", 0, NULL, "of --emit-c: the training step as well", FLAG(with_training),
     .commands = OF(EMIT_C)},
    {"examples", 0, "N", "of --verify: how many; 100 unless told, fewer of a large model",
     NUMBER(examples, 1), .commands = OF(VERIFY)},
    {"target", 0, "TRIPLE", "of --emit obj and asm: another machine; a wrong one lists all",
     TEXT(target)},
    {"cpu", 0, "NAME", "of --target", TEXT(cpu)},
    {"quantize", 0, "TYPE", "int8: compute in whole numbers, and compare", TEXT(quantize),
     .choices = "int8", .commands = READERS},
    {"calibrate", 0, "METHOD", "ranges for --quantize: min_max, percentile or mse", TEXT(calibrate),
     .choices = "min_max|percentile|mse"},
    {"no-cache", 0, NULL, "compile anew, and keep nothing of it", FLAG(no_cache)},
    {"save-every", 0, "SECONDS", "a training's weights so far, after an epoch; 60 unless told",
     NUMBER(save_every, 0), .commands = OF(TRAIN)},
    {"log", 0, "FILE", "write a line of JSON an epoch", TEXT(log), .commands = OF(TRAIN)},

    {"quiet", 'q', NULL, "results and errors only", FLAG(quiet)},
    {"verbose", 'v', NULL, "more of everything", FLAG(verbose)},
    {"color", 0, "WHEN", "auto, always or never", TEXT(color), .choices = "auto|always|never"},
    {"warn", 0, "NAME", "turn a warning on again", LIST(warn)},
    {"no-warn", 0, "NAME", "turn a warning off", LIST(no_warn)},
    {"dump", 0, "PASS", "print the graphs after a pass, or all that changed them", TEXT(dump)},
    {"stop-after", 0, "PASS", "run no pass after this one", TEXT(stop_after)},
    {"time-passes", 0, NULL, "how long each pass took", FLAG(time_passes)},
    {"engine", 0, "NAME", NULL, TEXT(engine)},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };
_Static_assert(ROW_COUNT <= 64, "Options.given has a bit for each");

enum { MOST_EXAMPLES = 1000000 };  // of --verify: all are in memory at once

// The headings of the help, by the first row below each.
static const struct {
    const char *first, *title;
} sections[] = {{"train", "Commands"}, {"weights", "Options"}, {"quiet", "Messages"}};

// --- parsing ----------------------------------------------------------------------------------

static bool unknown_option(const char *word)
{
    Name names[ROW_COUNT];
    for (int i = 0; i < ROW_COUNT; i++)
        names[i] = rows[i].name;
    char name[64];
    const char *start = word + strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "="), start);
    const char *near = nearest_name(name, names, ROW_COUNT);
    if (near && word[1] == '-')
        return usage_error("there is no option --%s; did you mean --%s?", name, near);
    return usage_error("there is no option %s; nnc --help lists them", word);
}

static bool wrong_option(int code, const char *word)
{
    if (code == ':')
        return usage_error("%s needs an argument", word);
    for (int i = 0; i < ROW_COUNT; i++)
        if (strncmp(word, "--", 2) == 0 && strchr(word, '=') &&
            strncmp(word + 2, rows[i].name, strlen(rows[i].name)) == 0 &&
            word[2 + strlen(rows[i].name)] == '=')
            return usage_error("--%s takes no argument", rows[i].name);
    return unknown_option(word);
}

// getopt_long takes abbreviations, which a later option would break: the whole name is wanted.
static bool is_whole_name(const OptionRow *row, const char *word)
{
    if (strncmp(word, "--", 2) != 0)
        return true;
    const size_t n = strlen(row->name);
    return strncmp(word + 2, row->name, n) == 0 && (word[2 + n] == '\0' || word[2 + n] == '=');
}

static bool take_file(Options *o, const char *word)
{
    if (o->file)
        return usage_error("one file at a time: %s, and what is %s?", o->file, word);
    o->file = word;
    return true;
}

static const OptionRow *row_of(int code)
{
    for (int i = 0; i < ROW_COUNT; i++)
        if (code == 256 + i || (rows[i].letter && code == rows[i].letter))
            return &rows[i];
    return NULL;
}

static void getopt_tables(struct option *longs, char *letters)
{
    letters += sprintf(letters, "-:");  // in order, and tell a missing argument apart
    for (int i = 0; i < ROW_COUNT; i++) {
        const int has = rows[i].argument ? required_argument : no_argument;
        longs[i] = (struct option){rows[i].name, has, NULL, 256 + i};
        if (rows[i].letter)
            letters += sprintf(letters, "%c%s", rows[i].letter, rows[i].argument ? ":" : "");
    }
    longs[ROW_COUNT] = (struct option){0};
}

static bool parse_words(Options *o, Arena *a, int argc, char **argv)
{
    struct option longs[ROW_COUNT + 1];
    char letters[3 * ROW_COUNT];
    getopt_tables(longs, letters);
    opterr = 0;
    optind = 0;  // glibc: begin anew
    for (int at = 1, code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;
         at = optind) {
        const char *word = argv[at];
        if (code == 1) {
            if (!take_file(o, optarg))
                return false;
            continue;
        }
        const OptionRow *row = row_of(code);
        if (!row)
            return wrong_option(code, word);
        if (!is_whole_name(row, word))
            return unknown_option(word);
        if (!row->apply(o, a, row, optarg))
            return false;
        o->given |= UINT64_C(1) << (row - rows);
    }
    while (optind < argc)
        if (!take_file(o, argv[optind++]))
            return false;
    return true;
}

// Whether a list, which ends with NULL, has the name.
static bool is_listed(const char *(*name_of)(int i), const char *name)
{
    for (int i = 0; name_of(i); i++)
        if (strcmp(name_of(i), name) == 0)
            return true;
    return false;
}

static bool check_pass(const char *option, const char *name, bool all)
{
    if (!name || pass_exists(name) || (all && strcmp(name, "all") == 0))
        return true;
    return usage_error("--%s: there is no pass %s", option, name);
}

// "--eval, --predict and --emit"
static const char *command_list(Arena *a, unsigned commands)
{
    Text text = text_in(a);
    for (int i = 0; i < ROW_COUNT; i++) {
        const unsigned bit = rows[i].apply == set_command ? 1u << rows[i].value : 0;
        if (!(commands & bit))
            continue;
        commands &= ~bit;
        text_addf(&text, "%s--%s", text.size == 0 ? "" : commands ? ", " : " and ", rows[i].name);
    }
    return text_str(&text);
}

// What would be passed over in silence is refused.
static bool check_commands(const Options *o, Arena *a)
{
    for (int i = 0; i < ROW_COUNT; i++)
        if (o->given >> i & 1 && rows[i].commands && !(rows[i].commands >> o->command & 1))
            return usage_error("--%s is for %s", rows[i].name, command_list(a, rows[i].commands));
    return true;
}

bool emits_object(const Options *o)
{
    return o->command == COMMAND_EMIT && (strcmp(o->argument, "obj") == 0 || o->target);
}

// What a file's `deploy` block may ask to be of whole numbers.
static bool may_deploy(const Options *o)
{
    return o->command == COMMAND_EMIT_C || o->command == COMMAND_VERIFY || emits_object(o);
}

static bool check_calibrate(const Options *o)
{
    if (o->calibrate && !o->quantize && !may_deploy(o))
        return usage_error("--calibrate goes with --quantize int8");
    return true;
}

// An object is no text that a stage of the compiler prints; a target's assembly is of the same
// kind.
static bool check_stage(const Options *o)
{
    return strcmp(o->argument, "obj") == 0 || is_listed(nnc_stage_name, o->argument) ||
           usage_error("there is no stage %s; nnc --help lists them", o->argument);
}

enum { MOST_TARGETS = 64 };

// The first name that begins with the word, or else the nearest; NULL: none is near.
static const char *near_to(const char *word, const Name *names, size_t count)
{
    const size_t n = strlen(word);
    for (size_t i = 0; i < count && n > 0; i++)
        if (strncmp(names[i], word, n) == 0)
            return names[i];
    return nearest_name(word, names, count);
}

// What was meant by a target, or by a CPU of one that there is.
static const char *near_target(const Options *o)
{
    Name names[MOST_TARGETS];
    size_t count = 0;
    int target = 0;
    while (target_triple(target) && strcmp(target_triple(target), o->target) != 0)
        target++;
    const bool known = target_triple(target);
    for (Name name; count < MOST_TARGETS; names[count++] = name) {
        name = known ? target_cpu(target, (int)count) : target_triple((int)count);
        if (!name)
            break;
    }
    return near_to(known ? o->cpu : o->target, names, count);
}

static bool wrong_target(const Options *o, const char *problem)
{
    const char *near = o->target ? near_target(o) : NULL;
    usage_error("%s", problem);
    return near ? usage_error("did you mean %s?", near) : false;
}

static bool check_target(const Options *o, Arena *a)
{
    const bool machine = o->command == COMMAND_EMIT &&
                         (strcmp(o->argument, "obj") == 0 || strcmp(o->argument, "asm") == 0);
    if ((o->target || o->cpu) && !machine)
        return usage_error("--target and --cpu are for --emit obj and --emit asm");
    const char *problem = target_problem(a, o->target, o->cpu);
    return !problem || wrong_target(o, problem);
}

static bool check_output(const Options *o)
{
    const bool object = o->command == COMMAND_EMIT && strcmp(o->argument, "obj") == 0;
    if (o->output && o->command == COMMAND_EMIT_C)
        return usage_error("--emit-c FILE says where to write: --output does not go with it");
    if (o->output && object && strcmp(o->output, "-") == 0)
        return usage_error("--emit obj writes an object and its header: --output takes a name");
    return true;
}

static bool check(const Options *o, Arena *a)
{
    if (o->command >= COMMAND_HELP)
        return true;
    if (!o->file && o->command < COMMAND_DOC)
        return usage_error("which model? Say nnc MODEL.nn%s%s, or nnc --help",
                           o->chosen ? " --" : "", o->chosen ? o->chosen : "");
    if (o->engine && !is_listed(nnc_engine_name, o->engine))
        return usage_error("there is no engine %s", o->engine);
    if (o->command == COMMAND_EMIT && !check_stage(o))
        return false;
    if (!check_target(o, a) || !check_output(o) || !check_calibrate(o) || !check_commands(o, a))
        return false;
    if (o->examples > MOST_EXAMPLES)
        return usage_error("--examples takes at most %d", MOST_EXAMPLES);
    if (o->threads > NNRT_MAX_THREADS)
        return usage_error("--threads takes at most %d", NNRT_MAX_THREADS);
    for (int i = 0; i < o->sets.count; i++)
        if (!strchr(o->sets.items[i], '='))
            return usage_error("--set takes NAME=VALUE, not '%s'", o->sets.items[i]);
    return check_pass("dump", o->dump, true) && check_pass("stop-after", o->stop_after, false);
}

bool options_parse(Options *o, Arena *a, int argc, char **argv)
{
    *o = (Options){.format = "csv", .color = "auto", .seed = -1, .save_every = -1};
    return parse_words(o, a, argc, argv) && check(o, a);
}

// --- help -------------------------------------------------------------------------------------

static void print_row(FILE *out, const OptionRow *row)
{
    char left[64];
    char letter[8] = "    ";
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
             row->argument ? row->argument : "");
    fprintf(out, "  %-26s %s\n", left, row->help);
}

void options_help(FILE *out)
{
    fputs("nnc - a compiler for neural networks\n\n"
          "  nnc MODEL.nn                   check the model and print its summary\n"
          "  nnc MODEL.nn --train           train it\n"
          "  nnc MODEL.nn --predict FILE    use it\n",
          out);
    size_t section = 0;
    for (int i = 0; i < ROW_COUNT; i++) {
        if (section < sizeof sections / sizeof *sections &&
            strcmp(rows[i].name, sections[section].first) == 0)
            fprintf(out, "\n%s\n", sections[section++].title);
        if (rows[i].help)
            print_row(out, &rows[i]);
    }
    fputs(
        "\nResults go to standard output, everything else to standard error. nnc reads and writes\n"
        "the files it is told to, keeps compiled code in ~/.cache/nnc, and nothing else; it never\n"
        "uses the network.\n",
        out);
}
