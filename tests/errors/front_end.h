// front_end.h -- what the failing programs are put through.

#ifndef NNC_TEST_FRONT_END_H
#define NNC_TEST_FRONT_END_H

#include "base/session.h"

// Runs every stage that reports mistakes in a program; the diagnostics are in the session then.
void front_end(Session *s, const Source *source);

#endif
