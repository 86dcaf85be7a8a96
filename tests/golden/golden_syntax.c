// golden_syntax.c -- programs beside their trees in normal form.

#include <criterion/criterion.h>

#include "files.h"
#include "front.h"

static void check_tree(const char *path, const char *text, size_t size)
{
    char expected[1024];
    Front f = front_parse(text, size);
    char *report = front_report(&f);
    cr_expect(!f.tree->failed, "%s:\n%s", path, report);
    path_with_ending(expected, sizeof expected, path, ".tree");
    cr_expect(file_matches(expected, front_text(&f)), "%s is not the tree of %s:\n%s", expected,
              path, front_text(&f));
    free(report);
    front_free(&f);
}

Test(golden, syntax)
{
    cr_assert(each_program(SOURCE_DIR "/tests/golden/syntax", check_tree) > 0);
}

// Parsing the normal form gives the same tree, seen by printing it.
static void check_fixed_point(const char *path, const char *text, size_t size)
{
    Front first = front_parse(text, size);
    const char *printed = front_text(&first);
    Front second = front_parse(printed, strlen(printed));
    cr_expect_str_eq(front_text(&second), printed, "%s", path);
    cr_expect(!second.tree->failed, "%s: the normal form is not accepted", path);
    front_free(&first);
    front_free(&second);
}

Test(golden, normal_form_is_a_fixed_point)
{
    cr_assert(each_program(SOURCE_DIR "/tests/golden/syntax", check_fixed_point) > 0);
}
