// test_limits.c -- sizes and depths at their limits, and memory that runs out at every allocation.

#include <criterion/criterion.h>

#include "front.h"

// `count` times `open`, the middle, `count` times `close`.
static char *nested(const char *before, const char *open, int count, const char *middle,
                    const char *close, const char *after)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fputs(before, out);
    for (int i = 0; i < count; i++)
        fputs(open, out);
    fputs(middle, out);
    for (int i = 0; i < count; i++)
        fputs(close, out);
    fputs(after, out);
    fclose(out);
    return text;
}

static void expect_only(char *text, bool accepted, DiagCode code)
{
    Front f = front_parse(text, strlen(text));
    cr_expect_eq(f.tree->failed, !accepted, "%.60s", text);
    cr_expect_eq(diags_count(f.session->diags), accepted ? 0 : 1, "%.60s", text);
    if (!accepted)
        cr_expect_eq(diags_code_at(f.session->diags, 0), code, "%.60s", text);
    front_free(&f);
    free(text);
}

Test(limits, nesting)
{
    static const struct {
        const char *before, *open, *middle, *close, *after;
        int most;
    } cases[] = {
        {"let a = ", "(", "1", ")", "", PARSE_MAX_DEPTH},
        {"let a = ", "[", "", "]", "", PARSE_MAX_DEPTH},
        {"let a = ", "f(", "1", ")", "", PARSE_MAX_DEPTH - 1},
        {"let a = ", "-", "1", "", "", PARSE_MAX_DEPTH - 1},
        {"let a = ", "not ", "a", "", "", PARSE_MAX_DEPTH - 1},
        {"let a = ", "2 ^ ", "1", "", "", PARSE_MAX_DEPTH - 1},
        {"let a = 1", " + 1", "", "", "", PARSE_MAX_DEPTH - 1},
        {"let a = ", "if b then c else ", "1", "", "", PARSE_MAX_DEPTH - 1},
        {"model m {\n", "repeat 2 {\n", "relu", "\n}", "\n}", PARSE_MAX_DEPTH - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const int beyond[] = {0, 1, 1000, 100000};
        for (size_t j = 0; j < sizeof beyond / sizeof *beyond; j++)
            expect_only(nested(cases[i].before, cases[i].open, cases[i].most + beyond[j],
                               cases[i].middle, cases[i].close, cases[i].after),
                        beyond[j] == 0, DIAG_nesting_too_deep);
    }
}

// The whole stack of operators pending in each of the brackets.
Test(limits, nesting_of_everything_at_once)
{
    char *text = nested("let a = ", "b or c and not d == e + f * g @ h ^ (",
                        PARSE_MAX_DEPTH / 8 - 1, "1", ")", "");
    expect_only(text, true, DIAG_nesting_too_deep);
}

Test(limits, else_if_chain)
{
    expect_only(nested("model m {\nif a { b }", " else if a { b }", 1000, "", "", "\n}"), true,
                DIAG_nesting_too_deep);
    expect_only(nested("model m {\nif a { b }", " else if a { b }", 100000, "", "", "\n}"), false,
                DIAG_nesting_too_deep);
}

Test(limits, token_and_string)
{
    expect_only(nested("let ", "a", 4096, " = 1", "", ""), true, DIAG_token_too_long);
    expect_only(nested("let ", "a", 4097, " = 1", "", ""), false, DIAG_token_too_long);
    expect_only(nested("let a = ", "1", 5000, "", "", ""), false, DIAG_token_too_long);
    expect_only(nested("let a = \"", "b", 65534, "\"", "", ""), true, DIAG_string_too_long);
    expect_only(nested("let a = \"", "b", 65535, "\"", "", ""), false, DIAG_string_too_long);
}

Test(limits, file)
{
    const int most = 16 * 1024 * 1024;
    expect_only(nested("", " ", most, "", "", ""), true, DIAG_file_too_large);
    expect_only(nested("", " ", most, "\n", "", ""), false, DIAG_file_too_large);
}

Test(limits, numbers)
{
    static const struct {
        const char *number;
        bool fits;
    } cases[] = {
        {"9223372036854775807", true},
        {"9223372036854775808", false},
        {"9007199254740991 KiB", true},
        {"9007199254740992 KiB", false},
        {"8796093022207 MiB", true},
        {"8796093022208 MiB", false},
        {"1.7e308", true},
        {"1e309", false},
        {"1e-400", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_only(nested("let a = ", "", 0, cases[i].number, "", ""), cases[i].fits,
                    DIAG_number_out_of_range);
}

Test(limits, many_mistakes_are_cheap)
{
    char *text = nested("", "let (\n", 50000, "", "", "");
    Front f = front_parse(text, strlen(text));
    cr_expect(f.tree->failed);
    front_free(&f);
    free(text);
}

static const char program[] =
    "## Doc.\nlayer f(x[.., c], n = [1, 2]) {\n    param w[c] = \"a\\n\"\n"
    "    x @ w\n    if a = b { c }\n    d(1\n}\ntrain { a == 1 }\n";

// True when the text was parsed to its end.
static bool parse_failing_at(long n)
{
    arena_fail_after(n);
    Session *s = session_new();
    if (!s)
        return false;
    volatile bool done = false;
    if (setjmp(s->guard.jump) == 0) {
        ParseEnv env = {s->arena, s->names, s->diags};
        parse_source(&env, sources_add(s->sources, "a.nn", program, sizeof program - 1));
        done = true;
    }
    arena_fail_after(0);
    session_free(s);
    return done;
}

Test(limits, every_allocation_may_fail)
{
    long n = 1;
    while (!parse_failing_at(n))
        n++;
    cr_expect(n > 50, "%ld allocations", n);
}
