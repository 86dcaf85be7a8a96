// test_parser.c -- which texts are programs, and what they mean.

#include <criterion/criterion.h>

#include "front.h"

typedef struct Case {
    const char *text;
    const char *normal;  // form of the tree
} Case;

static void expect_tree(const char *text, const char *normal)
{
    Front f = front_parse(text, strlen(text));
    char *report = front_report(&f);
    cr_expect(!f.tree->failed, "%s\n%s", text, report);
    cr_expect_str_eq(front_text(&f), normal, "%s\nis\n%s", text, front_text(&f));
    free(report);
    front_free(&f);
}

static void expect_body(const char *body, const char *normal)
{
    char text[4096], expected[4096];
    snprintf(text, sizeof text, "model m {\n%s\n}\n", body);
    snprintf(expected, sizeof expected, "model m {\n%s}\n", normal);
    expect_tree(text, expected);
}

static void expect_expression(const char *expression, const char *normal)
{
    char text[4096], expected[4096];
    snprintf(text, sizeof text, "let x = %s", expression);
    snprintf(expected, sizeof expected, "let x = %s\n", normal);
    expect_tree(text, expected);
}

Test(parser, expressions)
{
    static const Case cases[] = {
        {"1 + 2 * 3 ^ 4", "1 + 2 * 3 ^ 4"},
        {"(1 + 2) * 3", "(1 + 2) * 3"},
        {"1 - (2 - 3)", "1 - (2 - 3)"},
        {"(1 - 2) - 3", "1 - 2 - 3"},
        {"a / b @ c", "a / b @ c"},
        {"(a / b) @ c", "(a / b) @ c"},
        {"-a ^ -b ^ 2", "-a ^ -b ^ 2"},
        {"(-a) ^ 2", "(-a) ^ 2"},
        {"(a ^ b) ^ c", "(a ^ b) ^ c"},
        {"- - a", "--a"},
        {"not a == b and c or d", "not a == b and c or d"},
        {"not (a and b)", "not (a and b)"},
        {"(a == b) == c", "(a == b) == c"},
        {"a < -1", "a < -1"},
        {"if a then b else if c then d else e", "if a then b else if c then d else e"},
        {"1 + (if a then b else c)", "1 + (if a then b else c)"},
        {"f(a, b = 1, input = 2, state = 3,)", "f(a, b = 1, input = 2, state = 3)"},
        {"f(model = 1, layer = 2, for = 3)", "f(model = 1, layer = 2, for = 3)"},
        {"x[axis = 1..n - 1].last", "x[axis = 1..n - 1].last"},
        {"x.input(1)[2]", "x.input(1)[2]"},
        {"[]", "[]"},
        {"[a, [b, c],]", "[a, [b, c]]"},
        {"[a: cross_entropy, b: huber,]", "[a: cross_entropy, b: huber]"},
        {"[(0, 5e-4), (12, 1e-4),]", "[(0, 0.0005), (12, 0.0001)]"},
        {"((a))", "a"},
        {"\"a\\n\\t\\\"\\\\\\u{e9}\"", "\"a\\n\\t\\\"\\\\\u00e9\""},
        {"64 KiB + 2 MiB + 1_000", "65536 + 2097152 + 1000"},
        {"1.0 + 1e300 + 0.1 + 1e-3", "1.0 + 1e+300 + 0.1 + 0.001"},
        {"true and not false", "true and not false"},
        {"input", "input"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_expression(cases[i].text, cases[i].normal);
}

Test(parser, statements)
{
    static const Case cases[] = {
        {"input image[28, 28, 1]", "    input image[28, 28, 1]\n"},
        {"input t[5]: int; input u: int[7]; input v",
         "    input t: int[5]\n    input u: int[7]\n    input v\n"},
        {"param w[features, 2 * units] = init", "    param w[features, 2 * units] = init\n"},
        {"state m = zeros", "    state m = zeros\n"},
        {"state m[] = zeros", "    state m[] = zeros\n"},
        {"a, b = split(x)", "    a, b = split(x)\n"},
        {"m <- m + 1", "    m <- m + 1\n"},
        {"relu;; max_pool(2) as p;", "    relu\n    max_pool(2) as p\n"},
        {"repeat 3 { relu; tanh }", "    repeat 3 {\n        relu\n        tanh\n    }\n"},
        {"for f, s in [(16, 1)] { }", "    for f, s in [(16, 1)] {}\n"},
        {"for i in 0..n { dense(i) }", "    for i in 0..n {\n        dense(i)\n    }\n"},
        {"if a { b } else if c { d } else { e }",
         "    if a {\n        b\n    } else if c {\n        d\n    } else {\n        e\n    }\n"},
        {"if a then b else c", "    if a then b else c\n"},
        {"layer enc = dense(128)", "    layer enc = dense(128)\n"},
        {"require a == b else \"no\"", "    require a == b else \"no\"\n"},
        {"output a, b", "    output a, b\n"},
        {"scan xt in x with h = 0, c = 1 { h <- xt } yield h as seq",
         "    scan xt in x with h = 0, c = 1 {\n        h <- xt\n    } yield h as seq\n"},
        {"update { n <- n + 1 }", "    update {\n        n <- n + 1\n    }\n"},
        {"loss = 1; model = loss; train", "    loss = 1\n    model = loss\n    train\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_body(cases[i].text, cases[i].normal);
}

Test(parser, where_a_statement_ends)
{
    static const Case cases[] = {
        {"a\n- b", "    a\n    -b\n"},
        {"a -\nb", "    a - b\n"},
        {"a =\n\n  b", "    a = b\n"},
        {"a <-\nb", "    a <- b\n"},
        {"a,\nb = c", "    a, b = c\n"},
        {"a = if b then\nc else\nd", "    a = if b then c else d\n"},
        {"f(a\n,\nb\n)", "    f(a, b)\n"},
        {"x = [a,\nb # comment\n]", "    x = [a, b]\n"},
        {"a and\nnot\nb", "    a and not b\n"},
        {"f\n(a)", "    f\n    a\n"},
        {"a\r\nb\r\n", "    a\n    b\n"},
        {"x < - 1", "    x < -1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_body(cases[i].text, cases[i].normal);
}

Test(parser, items)
{
    static const Case cases[] = {
        {"", ""},
        {"\n\n# nothing\n", ""},
        {"use resnet; use \"my file.nn\"", "use resnet\nuse \"my file.nn\"\n"},
        {"layer f(x[.., c], units = 1,) = x", "layer f(x[.., c], units = 1) = x\n"},
        {"init zeros(shape) = 0", "init zeros(shape) = 0\n"},
        {"loss loss(model, data) = 1", "loss loss(model, data) = 1\n"},
        {"optimizer o(w, g) { state m = zeros }", "optimizer o(w, g) {\n    state m = zeros\n}\n"},
        {"data { train = csv(\"a\"); test = 0.25 }",
         "data {\n    train = csv(\"a\")\n    test = 0.25\n}\n"},
        {"train { init = he_normal\n target = input }",
         "train {\n    init = he_normal\n    target = input\n}\n"},
        {"deploy { ram = 64 KiB }", "deploy {\n    ram = 65536\n}\n"},
        {"\xef\xbb\xbfuse a", "use a\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_tree(cases[i].text, cases[i].normal);
}

Test(parser, documentation_belongs_to_the_definition_right_below)
{
    static const Case cases[] = {
        {"## One.\n##\n##   two  \nlayer f(x) = x", "## One.\n##\n##   two\nlayer f(x) = x\n"},
        {"## far\n\nlayer f(x) = x", "layer f(x) = x\n"},
        {"## header\n\n## own\nlet a = 1", "## own\nlet a = 1\n"},
        {"let a = 1 ## not this\nlet b = 2", "let a = 1\nlet b = 2\n"},
        {"# plain\nlet a = 1", "let a = 1\n"},
        {"### line\nlet a = 1", "let a = 1\n"},
        {"## a\r\n## b\r\nuse c", "## a\n## b\nuse c\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_tree(cases[i].text, cases[i].normal);
}

Test(parser, spans)
{
    const char *text = "model m {\n    dense(1 + 2) as d\n}";
    Front f = front_parse(text, strlen(text));
    const Stmt *s = f.tree->items->body;
    cr_expect_eq(f.tree->items->span.len, strlen(text));
    cr_expect_eq(s->span.pos - f.source->base, 14);
    cr_expect_eq(s->span.len, 17);
    cr_expect_eq(s->value->span.len, 12);
    cr_expect_eq(s->value->args->value->op_span.pos - f.source->base, 22);
    cr_expect_eq(s->name_span.pos - f.source->base, 30);
    front_free(&f);
}

static Expr *parse_text(Session *s, const char *text)
{
    ParseEnv env = {s->arena, s->names, s->diags};
    return parse_expression(&env, sources_add(s->sources, "--set", text, strlen(text)));
}

Test(parser, one_expression)
{
    Session *s = session_new();
    Text out = text_in(s->arena);
    expr_print(&out, parse_text(s, "if a then 2*b else [c]\n"));
    cr_expect_str_eq(text_str(&out), "if a then 2 * b else [c]");
    cr_expect_null(parse_text(s, "1 +"));
    cr_expect_null(parse_text(s, "1 2"));
    cr_expect_null(parse_text(s, ""));
    cr_expect_null(parse_text(s, "x = 3"));
    cr_expect_eq(diags_count(s->diags), 4);
    session_free(s);
}

Test(parser, incomplete_texts)
{
    static const struct {
        const char *text;
        bool incomplete;
    } cases[] = {
        {"", false},
        {"x = 1", false},
        {"model m {", true},
        {"model m {\n relu\n", true},
        {"model m {\n relu\n}", false},
        {"x = f(1,\n", true},
        {"x = 1 +\n", true},
        {"x = 1 + # more\n", true},
        {"x =", true},
        {"if a {\n} else", true},
        {"f(1))", false},
        {"(1]", false},
        {"\"abc", false},
        {"\x01 {", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(parse_is_incomplete(cases[i].text, strlen(cases[i].text)), cases[i].incomplete,
                     "%s", cases[i].text);
}
