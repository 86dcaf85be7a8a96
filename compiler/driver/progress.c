// progress.c -- a line an epoch.

#include "driver/progress.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "driver/table.h"

enum { LEAST_COLUMN = 8, BAR_CELLS = 24, LEAST_BAR = 4, RATE_CELLS = 10 };
enum {
    LOSS_CELLS = 17,
    BESIDE_BAR = 58
};  // of a line that is drawn: the loss alone, and with more
static const double REDRAW_SECONDS = 0.1;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

ValueText value_text(double value)
{
    ValueText v;
    const double size = fabs(value);
    const char *format = "%.4f";
    if (!(size < 1e7) || (size < 1e-3 && size > 0))
        format = "%.2e";
    else if (size >= 1000)
        format = "%.1f";
    if (isnan(value))
        format = "-";
    snprintf(v.text, sizeof v.text, format, value);
    return v;
}

static int column_width(const char *name)
{
    const int cells = (int)text_cells(name);
    return cells > LEAST_COLUMN ? cells : LEAST_COLUMN;
}

static int values_width(const ProgressOptions *o)
{
    int width = 0;
    for (int i = 0; i < o->value_count; i++)
        width += 2 + column_width(o->names[i]);
    return width;
}

static int epoch_width(const ProgressOptions *o)
{
    const int width = 1 + 2 * snprintf(NULL, 0, "%lld", (long long)o->epochs);
    return width > 5 ? width : 5;
}

static void print_names(FILE *out, const ProgressOptions *o)
{
    for (int i = 0; i < o->value_count; i++)
        fprintf(out, "  %*s", column_width(o->names[i]), o->names[i]);
}

static void print_values(FILE *out, const ProgressOptions *o, const double *values)
{
    for (int i = 0; i < o->value_count; i++)
        fprintf(out, "  %*s", column_width(o->names[i]), value_text(values[i]).text);
}

void progress_start(Progress *p, const Terminal *t, const ProgressOptions *options)
{
    *p = (Progress){.terminal = *t, .options = *options, .epoch = 1};
    FILE *out = t->out;
    fputs(style_on(t, STYLE_BOLD), out);
    if (options->validation)
        fprintf(out, "  %*s  %*s  %*s\n", epoch_width(options), "", values_width(options) - 2,
                "training", values_width(options) - 2, "validation");
    fprintf(out, "  %*s", epoch_width(options), "epoch");
    print_names(out, options);
    if (options->validation)
        print_names(out, options);
    fprintf(out, "  %*s%s\n", RATE_CELLS, "examples/s", style_off(t, STYLE_BOLD));
    fflush(out);
    p->start = p->epoch_start = now();
}

static void print_epoch_number(const Progress *p, int64_t epoch)
{
    char text[48];
    snprintf(text, sizeof text, "%lld/%lld", (long long)epoch, (long long)p->options.epochs);
    fprintf(p->terminal.out, "  %*s", epoch_width(&p->options), text);
}

static void print_bar(const Terminal *t, int cells, double share)
{
    const int full = (int)(share * (double)cells);
    for (int i = 0; i < cells; i++) {
        if (i == full)
            fputs(style_on(t, STYLE_DIM), t->out);
        fputs(t->unicode ? "\u2501" : i < full ? "=" : "-", t->out);
    }
    fputs(full < cells ? style_off(t, STYLE_DIM) : "", t->out);
}

static void print_duration(FILE *out, double seconds)
{
    const long s = lround(seconds);
    if (s < 60)
        fprintf(out, "%ld s", s);
    else if (s < 3600)
        fprintf(out, "%ld min %ld s", s / 60, s % 60);
    else
        fprintf(out, "%ld h %ld min", s / 3600, s / 60 % 60);
}

void progress_step(Progress *p, int64_t step, int64_t steps, double loss, int64_t examples)
{
    const Terminal *t = &p->terminal;
    const int room = t->width - epoch_width(&p->options) - 2;
    const double time = t->tty ? now() : 0;
    if (!t->tty || time - p->drawn < REDRAW_SECONDS || room < LOSS_CELLS)
        return;
    p->drawn = time;
    const double share = (double)step / (double)steps;
    const double done = ((double)(p->epoch - 1) + share) / (double)p->options.epochs;
    fputs("\r\033[K", t->out);
    print_epoch_number(p, p->epoch);
    const int cells = room - BESIDE_BAR < BAR_CELLS ? room - BESIDE_BAR : BAR_CELLS;
    if (cells >= LEAST_BAR) {
        fputs("  ", t->out);
        print_bar(t, cells, share);
    }
    fprintf(t->out, "  loss %s", value_text(loss).text);
    if (cells >= LEAST_BAR) {
        fprintf(t->out, "  %.0f examples/s  ", (double)examples / (time - p->epoch_start));
        print_duration(t->out, (time - p->start) * (1 - done) / done);
        fputs(" left", t->out);
    }
    fflush(t->out);
    p->bar = true;
}

void progress_stop(Progress *p)
{
    if (p->bar)
        fputs("\r\033[K", p->terminal.out);
    p->bar = false;
}

void progress_epoch(Progress *p, const NnrtEpoch *e)
{
    FILE *out = p->terminal.out;
    progress_stop(p);
    print_epoch_number(p, e->epoch);
    print_values(out, &p->options, e->training);
    if (p->options.validation)
        print_values(out, &p->options, e->validation);
    fprintf(out, "  %*.0f\n", RATE_CELLS, (double)e->examples / fmax(e->seconds, 1e-9));
    fflush(out);
    p->epoch = e->epoch + 1;
    p->epoch_start = now();
}
