// test_errors.c -- every diagnostic has a program that makes it, and says exactly what is expected.

#include <criterion/criterion.h>

#include "files.h"
#include "front_end.h"

#define FOLDER SOURCE_DIR "/tests/errors"

// These come from what is too large to keep in a file, and have tests in tests/unit/test_limits.c;
// and from a graph that is asked for where the file has no block for it, in tests/sema.
static const DiagCode without_example[] = {
    DIAG_file_too_large,
    DIAG_string_too_long,
    DIAG_token_too_long,
    DIAG_missing_block,
};

static Session *run(const char *path, const char *text, size_t size)
{
    Session *s = session_new();
    front_end(s, sources_add(s->sources, strrchr(path, '/') + 1, text, size));
    return s;
}

static void check_report(const char *path, const char *text, size_t size)
{
    char *report = NULL, expected[1024];
    size_t report_size = 0;
    Session *s = run(path, text, size);
    FILE *out = open_memstream(&report, &report_size);
    diags_print(s->diags, out, false);
    fclose(out);
    path_with_ending(expected, sizeof expected, path, ".expected");
    cr_expect(file_matches(expected, report), "%s is not the report about %s:\n%s", expected, path,
              report);
    free(report);
    session_free(s);
}

Test(errors, reports_are_as_expected)
{
    cr_assert(each_program(FOLDER, check_report) > 0);
}

static bool needs_example(DiagCode code)
{
    for (size_t i = 0; i < sizeof without_example / sizeof *without_example; i++)
        if (without_example[i] == code)
            return false;
    return true;
}

static bool reports(const Session *s, DiagCode code)
{
    for (size_t i = 0; i < diags_count(s->diags); i++)
        if (diags_code_at(s->diags, i) == code)
            return true;
    return false;
}

static void check_example(DiagCode code)
{
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, FOLDER "/%s.nn", diag_code_text(code));
    char *text = file_read(path, &size);
    cr_expect(text, "%s is missing", path);
    if (!text)
        return;
    Session *s = run(path, text, size);
    cr_expect(reports(s, code), "%s does not make %s", path, diag_code_text(code));
    session_free(s);
    free(text);
}

Test(errors, every_syntax_diagnostic_has_an_example)
{
    for (DiagCode code = DIAG_file_too_large; code <= DIAG_setting_expected; code++)
        if (needs_example(code))
            check_example(code);
}

Test(errors, every_sema_diagnostic_has_an_example)
{
    for (DiagCode code = DIAG_cannot_read; code <= DIAG_not_yet; code++)
        if (needs_example(code))
            check_example(code);
}
