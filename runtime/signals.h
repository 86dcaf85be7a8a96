// signals.h -- Ctrl-C asks first.
//
// The first SIGINT, SIGTERM or SIGHUP (unless that is ignored, as under nohup) only sets a flag,
// which the training loop polls between steps: it finishes the step, saves and says how to resume.
// The second one of a kind kills as usual.

#ifndef NNRT_SIGNALS_H
#define NNRT_SIGNALS_H

#include <stdbool.h>

void nnrt_signals_catch(void);    // from now on; clears the flag; may be called again
void nnrt_signals_release(void);  // back to what the process had before
int nnrt_signals_pending(void);   // the signal that came, or 0; exit with 128 + it

#endif
