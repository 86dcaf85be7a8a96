// diag.h -- what nnc tells its user about her program.
//
// A diagnostic has a stable code, a primary span with a label, notes with spans and labels, and
// helps. Its message text lives in diag.def, in the user's terms. Diagnostics are collected,
// sorted by place, printed once; twenty errors at the most are shown.

#ifndef NNC_DIAG_H
#define NNC_DIAG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/source.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE } Severity;

typedef enum DiagCode {
#define DIAG(id, code, severity, format) DIAG_##id,
#include "base/diag.def"
#undef DIAG
    DIAG_COUNT
} DiagCode;

typedef struct Diag Diag;
typedef struct Diags Diags;

Diags *diags_new(Arena *a, const Sources *sources);

// Reports `code` at `span`; the arguments are those of its format in diag.def. Returns the new
// diagnostic, to which label, notes and helps may be added. Never NULL. A second error at the very
// same span with the same code is swallowed (the returned one is not shown).
Diag *diag_report(Diags *ds, DiagCode code, Span span, ...);

// The text beside the carets of the primary span.
void diag_label(Diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Another place, with the text beside it: the declaration that made the expectation.
void diag_note(Diag *d, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
// How to mend it.
void diag_help(Diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t diags_errors(const Diags *ds);
size_t diags_warnings(const Diags *ds);

// Turns a warning off, or on again, by its code's text; false when there is no such warning.
bool diags_set_warning(Diags *ds, const char *code, bool on);

// Prints all, sorted by place, in the form of docs/diagnostics.md; `color` turns escapes on.
void diags_print(const Diags *ds, FILE *out, bool color);

// Forgets everything reported so far (the REPL goes on after a mistake).
void diags_clear(Diags *ds);

// For tests and tables.
const char *diag_code_text(DiagCode code);
Severity diag_severity(DiagCode code);
size_t diags_count(const Diags *ds);
DiagCode diags_code_at(const Diags *ds, size_t i);  // in sorted order

#endif
