// test_scan.c -- scans and recurrent layers against loops in C.

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

enum { UNITS = 3, FEATURES = 2, STEPS = 4, BATCH = 2 };

#define MODEL(layer) "model m { input x[4, 2]; " layer " }"

static void expect_near(double a, double b, const char *what, int at)
{
    cr_expect(fabs(a - b) <= 1e-12 * (1 + fabs(b)), "%s[%d] = %.15g, not %.15g", what, at, a, b);
}

static double input_element(int i)
{
    return sin(1 + 0.7 * i);
}

static double *make_input(void)
{
    static double x[BATCH * STEPS * FEATURES];
    for (int i = 0; i < BATCH * STEPS * FEATURES; i++)
        x[i] = input_element(i);
    return x;
}

static double sigma(double x)
{
    return 1 / (1 + exp(-x));
}

typedef struct Cell {
    const Model *model;
    const char *layer;
    int gates;  // side by side in each parameter
    double h[UNITS], c[UNITS];
} Cell;

static const double *variable(const Cell *cell, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s.%s", cell->layer, name);
    return model_variable(cell->model, path);
}

// (x w)[j] of a gate, for x of n elements.
static double product(const Cell *cell, const double *x, int n, const char *w, int gate, int j)
{
    double y = 0;
    for (int i = 0; i < n; i++)
        y += x[i] * variable(cell, w)[(i * cell->gates + gate) * UNITS + j];
    return y;
}

static double bias(const Cell *cell, const char *name, int gate, int j)
{
    const double *b = variable(cell, name);
    return b ? b[gate * UNITS + j] : 0;
}

static double from_input(const Cell *cell, const double *x, int gate, int j)
{
    return product(cell, x, FEATURES, "w", gate, j) + bias(cell, "b", gate, j) +
           bias(cell, "second", gate, j);
}

static double from_state(const Cell *cell, const double *h, int gate, int j)
{
    return product(cell, h, UNITS, "u", gate, j) + bias(cell, "c", gate, j);
}

static double gate(const Cell *cell, const double *x, int gate, int j)
{
    return from_input(cell, x, gate, j) + from_state(cell, cell->h, gate, j);
}

typedef void Step(Cell *cell, const double *x);

static void rnn_step(Cell *cell, const double *x)
{
    double h[UNITS];
    for (int j = 0; j < UNITS; j++)
        h[j] = tanh(gate(cell, x, 0, j));
    memcpy(cell->h, h, sizeof h);
}

static void lstm_step(Cell *cell, const double *x)
{
    enum { IN, FORGET, NEW, OUT };
    double h[UNITS];
    for (int j = 0; j < UNITS; j++) {
        cell->c[j] = sigma(gate(cell, x, FORGET, j)) * cell->c[j] +
                     sigma(gate(cell, x, IN, j)) * tanh(gate(cell, x, NEW, j));
        h[j] = sigma(gate(cell, x, OUT, j)) * tanh(cell->c[j]);
    }
    memcpy(cell->h, h, sizeof h);
}

enum { RESET, KEEP, NEW };  // the gates of a gru

static void gru_step(Cell *cell, const double *x)
{
    double h[UNITS];
    for (int j = 0; j < UNITS; j++) {
        const double r = sigma(gate(cell, x, RESET, j)), z = sigma(gate(cell, x, KEEP, j));
        const double n = tanh(from_input(cell, x, NEW, j) + r * from_state(cell, cell->h, NEW, j));
        h[j] = (1 - z) * n + z * cell->h[j];
    }
    memcpy(cell->h, h, sizeof h);
}

static void gru_before_step(Cell *cell, const double *x)
{
    double h[UNITS], reset[UNITS];
    for (int j = 0; j < UNITS; j++)
        reset[j] = sigma(gate(cell, x, RESET, j)) * cell->h[j];
    for (int j = 0; j < UNITS; j++) {
        const double z = sigma(gate(cell, x, KEEP, j));
        const double n = tanh(from_input(cell, x, NEW, j) + from_state(cell, reset, NEW, j));
        h[j] = (1 - z) * n + z * cell->h[j];
    }
    memcpy(cell->h, h, sizeof h);
}

static void fill_variables(const Model *m, const Variables *vs)
{
    double *x = m->variables;
    for (size_t i = 0; i < vs->bytes / sizeof(float); i++)
        x[i] = 0.8 * cos(1.3 * (double)i);
}

typedef struct Recurrent {
    const char *text, *layer;
    int gates, parameters;
    Step *step;
    bool sequence, reverse;
} Recurrent;

static void check_example(const Recurrent *r, const Model *m, int example, const double *y)
{
    Cell cell = {.model = m, .layer = r->layer, .gates = r->gates};
    for (int k = 0; k < STEPS; k++) {
        const int t = r->reverse ? STEPS - 1 - k : k;
        r->step(&cell, make_input() + (example * STEPS + t) * FEATURES);
        for (int j = 0; r->sequence && j < UNITS; j++)
            expect_near(y[(example * STEPS + t) * UNITS + j], cell.h[j], r->text, j);
    }
    for (int j = 0; !r->sequence && j < UNITS; j++)
        expect_near(y[example * UNITS + j], cell.h[j], r->text, j);
}

static int parameter_count(const Variables *vs)
{
    int64_t count = 0;
    for (int i = 0; i < vs->count; i++)
        count += type_elements(&vs->items[i].type);
    return (int)count;
}

static void check_recurrent(const Recurrent *r)
{
    Model m = model_load(r->text);
    Graph *g = sema_predict(m.program);
    diags_print(m.session->diags, stderr, false);
    cr_assert(g);
    model_start(&m, 1);
    fill_variables(&m, g->variables);
    cr_expect_eq(parameter_count(g->variables), r->parameters, "%s", r->text);
    double **y = model_run(&m, g, BATCH, (double *[]){make_input()}, (RunArgs){.step = 1});
    for (int i = 0; i < BATCH; i++)
        check_example(r, &m, i, y[0]);
    model_free(&m);
}

Test(scan, recurrent_layers_are_their_formulas)
{
    static const Recurrent layers[] = {
        {MODEL("rnn(3)"), "rnn", 1, 3 * (2 + 3 + 1), rnn_step, false, false},
        {MODEL("rnn(3, separate_bias = true)"), "rnn", 1, 3 * (2 + 3 + 2), rnn_step, false, false},
        {MODEL("lstm(3)"), "lstm", 4, 12 * (2 + 3 + 1), lstm_step, false, false},
        {MODEL("lstm(3, sequence = true)"), "lstm", 4, 72, lstm_step, true, false},
        {MODEL("lstm(3, reverse = true)"), "lstm", 4, 72, lstm_step, false, true},
        {MODEL("lstm(3, sequence = true, reverse = true)"), "lstm", 4, 72, lstm_step, true, true},
        {MODEL("lstm(3, separate_bias = true)"), "lstm", 4, 84, lstm_step, false, false},
        {MODEL("gru(3)"), "gru", 3, 9 * (2 + 3 + 2), gru_step, false, false},
        {MODEL("gru(3, sequence = true)"), "gru", 3, 63, gru_step, true, false},
        {MODEL("gru(3, reset_after = false)"), "gru", 3, 54, gru_before_step, false, false},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_recurrent(&layers[i]);
}

Test(scan, the_forget_bias_is_what_it_begins_with)
{
    Model m = model_load(MODEL("lstm(3, forget_bias = 2)"));
    cr_assert(sema_predict(m.program));
    model_start(&m, 1);
    for (int i = 0; i < 4 * UNITS; i++)
        cr_expect_eq(model_variable(&m, "lstm.b")[i], i / UNITS == 1 ? 2 : 0);
    model_free(&m);
}

Test(scan, both_directions_stand_one_behind_the_other)
{
    Model m = model_load(MODEL("bidirectional(rnn, 3, sequence = true)"));
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    model_start(&m, 1);
    fill_variables(&m, g->variables);
    double **y = model_run(&m, g, 1, (double *[]){make_input()}, (RunArgs){.step = 1});
    Cell cells[2] = {{.model = &m, .layer = "bidirectional.rnn", .gates = 1},
                     {.model = &m, .layer = "bidirectional.rnn_2", .gates = 1}};
    for (int t = 0; t < STEPS; t++)
        for (int k = 0; k < 2; k++) {
            const int at = k ? STEPS - 1 - t : t;
            rnn_step(&cells[k], make_input() + at * FEATURES);
            for (int j = 0; j < UNITS; j++)
                expect_near(y[0][(at * 2 + k) * UNITS + j], cells[k].h[j], "bidirectional", at);
        }
    model_free(&m);
}

static void expect_values(const char *text, int count, const double *wanted)
{
    Model m = model_load(text);
    Graph *g = sema_predict(m.program);
    diags_print(m.session->diags, stderr, false);
    cr_assert(g, "%s", text);
    const char *wrong = graph_verify(g, m.session->arena);
    cr_assert(!wrong, "%s", wrong);
    model_start(&m, 1);
    double x[] = {1, 2, 3, 4, 5, 6};
    double **y = model_run(&m, g, 1, (double *[]){x}, (RunArgs){.step = 1});
    for (int i = 0; i < count; i++)
        expect_near(y[0][i], wanted[i], text, i);
    model_free(&m);
}

#define VALUES(text, ...) \
    expect_values(text, sizeof(double[]){__VA_ARGS__} / sizeof(double), (double[]){__VA_ARGS__})

Test(scan, forms_of_the_statement)
{
    // x is [[1, 2], [3, 4], [5, 6]]
    VALUES("model m { input x[3, 2]; scan r in x with s = zeros([2]) { s <- s + r } yield s }", 1,
           2, 4, 6, 9, 12);
    VALUES("model m { input x[3, 2]; scan r in reverse(x) with s = zeros([2]) { s <- s + r } yield "
           "s }",
           9, 12, 8, 10, 5, 6);
    VALUES("model m { input x[3, 2]; scan r in x with s = ones([2]) { s <- s * r } yield s as p\n"
           "p.last }",
           15, 48);
    // A yield that is not carried has its last too, and runs without carried values' shapes.
    VALUES("model m { input x[3, 2]; scan r in x with s = 0 { s <- s + sum(r); d = 2 * s } yield d "
           "as p\n p.last }",
           42);
    // Two sequences, several yields; a later update reads what an earlier one gave.
    VALUES("model m { input x[3, 2]; y = 10 * x\n"
           "scan a, b in (x, y) with s = zeros([2]), t = zeros([2]) { s <- s + a; t <- s + b } "
           "yield s, t as p\n"
           "p[1].last + p[0] }",
           60, 74, 63, 78, 68, 84);
    // A scan in a scan; the inner one carries on where the outer one is.
    VALUES("model m { input x[3, 2]\n"
           "scan r in x with s = 0 { scan e in r with q = s { q <- q + e } yield q as qs\n"
           "s <- qs.last } yield s }",
           3, 10, 21);
    // What is assigned in the body stays in the body.
    VALUES("model m { input x[3, 2]; z = 1\n"
           "scan r in x with s = zeros([2]) { z = 2 * r; s <- s + z } yield s as p\n"
           "p.last + z }",
           19, 25);
    // A layer in the body has its parameters once.
    VALUES("model m { input x[3, 2]\n"
           "scan r in x with s = zeros([2]) { dense(r, 2, init = constant(1)); s <- s + it } yield "
           "s as p\n p.last }",
           21, 21);
}

Test(scan, every_step_draws_numbers_of_its_own)
{
    Model m = model_load("model m { input x[3, 2]\n"
                         "scan r in x with s = 0 { u = random(r); s <- s + sum(u) } yield u }");
    Graph *g = sema_predict(m.program);
    cr_assert(g);
    double **y = model_run(&m, g, 1, (double *[]){(double[6]){0}}, (RunArgs){.step = 1});
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < i; k++)
            cr_expect_neq(y[0][i], y[0][k]);
    model_free(&m);
}
