// log.c -- a line of JSON an epoch.

#include "driver/log.h"

#include <math.h>

bool log_open(Log *l, const char *path)
{
    l->path = path;
    l->out = path ? fopen(path, "we") : NULL;
    return !path || l->out;
}

static void write_number(Log *l, const char *prefix, const char *name, double value)
{
    fprintf(l->out, "\"%s%s\": ", prefix, name);
    if (isfinite(value))
        fprintf(l->out, "%.9g", value);
    else
        fputs("null", l->out);
}

static void write_values(Log *l, const char *prefix, const double *values)
{
    for (int i = 0; i < l->value_count; i++) {
        write_number(l, prefix, l->names[i], values[i]);
        fputs(", ", l->out);
    }
}

void log_epoch(Log *l, const NnrtEpoch *e)
{
    if (!l->out)
        return;
    fprintf(l->out, "{\"epoch\": %lld, ", (long long)e->epoch);
    write_values(l, "", e->training);
    if (l->validation)
        write_values(l, "validation_", e->validation);
    write_number(l, "", "examples", (double)e->examples);
    fputs(", ", l->out);
    write_number(l, "", "seconds", e->seconds);
    fputs("}\n", l->out);
    fflush(l->out);
}

void log_test(Log *l, const double *values, int64_t examples)
{
    if (!l->out)
        return;
    fputc('{', l->out);
    write_values(l, "test_", values);
    write_number(l, "test_", "examples", (double)examples);
    fputs("}\n", l->out);
}

bool log_close(Log *l)
{
    if (!l->out)
        return true;
    const bool failed = ferror(l->out);
    const bool closed = fclose(l->out) == 0;
    l->out = NULL;
    return closed && !failed;
}
