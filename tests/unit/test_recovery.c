// test_recovery.c -- one mistake is one message, and the rest of the file is still read.

#include <criterion/criterion.h>

#include "front.h"

typedef struct Case {
    const char *text;
    size_t errors;
    const char *normal;  // of what was understood
} Case;

static const Case cases[] = {
    {"modle m {\n relu\n}\nlet a = 1", 1, "let a = 1\n"},
    {"model m {\n dense(10\n softmax\n}", 1, NULL},
    {"model m {\n if x = 3 {\n relu\n }\n tanh\n}\nlet a = 1", 1, NULL},
    {"model m {\n relu\nlayer f(x) = x", 1, "model m {\n    relu\n}\n\nlayer f(x) = x\n"},
    {"model m {\n if a {\n b\nlet c = 1", 1, NULL},
    {"let a =\nlet b = 2", 1, "let b = 2\n"},
    {"let a = [1, 2)\nlet b = 2", 1, "let a = [1, 2]\nlet b = 2\n"},
    {"let a = f(1))\nlet b = 2", 1, "let a = f(1)\nlet b = 2\n"},
    {"let a = f([1, 2)\nlet b = 2", 1, "let a = f([1, 2])\nlet b = 2\n"},
    {"let a = (1\nlet b = 2", 1, "let a = 1\nlet b = 2\n"},
    {"let a = 1 $ 2\nlet b = 2", 1, "let b = 2\n"},
    {"let a = \"b\nlet b = 2", 1, "let b = 2\n"},
    {"let a = [1 2,\n 3]\nlet b = 2", 1, "let b = 2\n"},
    {"let a = f(1 2, (3)\nlet b = 2", 1, NULL},
    {"}\nlet b = 2", 1, "let b = 2\n"},
    {"model m {\n a b\n c d\n e\n}", 2, NULL},
    {"model m {\n for 3 { a }\n repeat { b }\n e\n}", 2, NULL},
    {"model m {\n if a {\n b\n }\n else {\n c\n }\n d\n}", 1, NULL},
    {"model m {", 1, "model m {}\n"},
    {"layer f(x) { f(", 1, NULL},
    {"model m {\n a\n}\n( b", 1, NULL},
};

Test(recovery, one_mistake_is_one_message)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        Front f = front_parse(c->text, strlen(c->text));
        char *report = front_report(&f);
        cr_expect(f.tree->failed, "%s", c->text);
        cr_expect_eq(diags_errors(f.session->diags), c->errors, "%s\n%s", c->text, report);
        if (c->normal)
            cr_expect_str_eq(front_text(&f), c->normal, "%s\n%s", c->text, front_text(&f));
        free(report);
        front_free(&f);
    }
}

// Whatever is cut off, the parser says so and goes on.
Test(recovery, every_beginning_of_a_program)
{
    static const char program[] =
        "## Doc.\nlayer f(x[.., c], n = [1, 2]) {\n    param w[c] = if n == 1 then zeros else "
        "ones\n"
        "    scan a in x with h = f(1)[0..2] { h <- -a ^ 2 } yield h as b\n"
        "    if training { relu } else { for i, j in [(1, 2)] { dense(i) } }\n}\n"
        "train { loss = [a: \"b\", c: 1.5]; ram = 64 KiB }\n";
    for (size_t n = 0; n < sizeof program; n++) {
        Front f = front_parse(program, n);
        cr_expect_eq(f.tree->failed, diags_errors(f.session->diags) > 0, "%.*s", (int)n, program);
        cr_expect(diags_errors(f.session->diags) <= 2, "%.*s", (int)n, program);
        front_free(&f);
    }
}
