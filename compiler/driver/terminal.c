// terminal.c -- what a stream can show.

#include "driver/terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

static bool equals(const char *variable, const char *text)
{
    const char *value = getenv(variable);
    return value && strcmp(value, text) == 0;
}

static bool wants_color(const char *when, bool tty)
{
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE"))
        return true;
    return tty && !equals("CLICOLOR", "0") && !equals("TERM", "dumb");
}

static int width_of(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

Terminal terminal_of(FILE *out, const char *when)
{
    const bool tty = isatty(fileno(out));
    return (Terminal){
        .out = out,
        .tty = tty && !equals("TERM", "dumb"),
        .color = wants_color(when, tty),
        .unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = width_of(fileno(out)),
    };
}

static const char *const escapes[] = {
    [STYLE_NONE] = "",         [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",
};

const char *style_on(const Terminal *t, Style style)
{
    return t->color ? escapes[style] : "";
}

const char *style_off(const Terminal *t, Style style)
{
    return t->color && style != STYLE_NONE ? "\033[0m" : "";
}
