// front_end.c -- what the failing programs are put through: the parser.

#include "front_end.h"

#include "syntax/parser.h"

void front_end(Session *s, const Source *source)
{
    ParseEnv env = {s->arena, s->names, s->diags};
    parse_source(&env, source);
}
