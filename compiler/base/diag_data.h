// diag_data.h -- what a diagnostic consists of; only diag.c and diag_print.c include this.

#ifndef NNC_DIAG_DATA_H
#define NNC_DIAG_DATA_H

#include "base/diag.h"

typedef struct DiagNote {
    Span span;  // NO_SPAN: a help
    const char *text;
    struct DiagNote *next;
} DiagNote;

struct Diag {
    Arena *arena;
    DiagCode code;
    Span span;
    const char *message;
    const char *label;  // NULL: bare carets
    DiagNote *notes;    // in the order in which they were added
    DiagNote **last_note;
    DiagNote *helps;
    DiagNote **last_help;
};

struct Diags {
    Arena *arena;
    const Sources *sources;
    Diag **items;  // those that are shown, sorted by place
    size_t count;
    size_t capacity;
    size_t errors;
    size_t warnings;
    bool off[DIAG_COUNT];
};

#endif
