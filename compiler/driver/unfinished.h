// unfinished.h -- where the weights of a training go that has not come to its end.
//
// What an earlier training has saved may be better and is never replaced by them: they go beside
// it, MODEL.unfinished.safetensors, or with a number where that is taken.

#ifndef NNC_UNFINISHED_H
#define NNC_UNFINISHED_H

#include "driver/job.h"

typedef struct Unfinished {
    Job *job;
    const char *path;    // where finished weights go
    const char *beside;  // NULL: nothing has been written there yet
    double saved;        // when, or when the training began
} Unfinished;

void unfinished_start(Unfinished *u, Job *j, const char *path);

// After an epoch whose weights are worth keeping: writes them, if --save-every seconds have passed.
void unfinished_epoch(Unfinished *u);

// The training ends early: its weights go to `path` if nothing stands there. Says where they are.
bool unfinished_save(Unfinished *u);

// Finished weights are at `path`: what was written beside them is needed no more.
void unfinished_remove(Unfinished *u);

#endif
