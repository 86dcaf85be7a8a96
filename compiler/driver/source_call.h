// source_call.h -- a call of a source in a data block: its arguments, checked by name.

#ifndef NNC_SOURCE_CALL_H
#define NNC_SOURCE_CALL_H

#include "driver/sources.h"

enum { MAX_ARGUMENTS = 12 };  // of a kind, and an end

typedef struct SourceKind SourceKind;

// A call whose arguments have been sorted into the places of its kind.
typedef struct SourceCall {
    const SourceEnv *env;
    const Value *value;
    const SourceKind *kind;
    const Value *arguments[MAX_ARGUMENTS];  // NULL: not given
} SourceCall;

struct SourceKind {
    const char *name;
    const char *arguments[MAX_ARGUMENTS];  // in order; all may be named
    bool (*read)(const SourceCall *c, NnrtDataset *out);
    bool many;              // the first argument is a list, also of all that are not named
    const char *published;  // where its files come from, unless `from` says; or NULL
    const char *doc, *example;
};

// Sorts the arguments of c->value into the places of c->kind. False after a reported error, as all
// of these.
bool source_place_arguments(SourceCall *c);

bool source_argument_error(const SourceCall *c, Span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Reports an error of the runtime; of a file that is not there with where it is published.
bool source_file_error(const SourceCall *c, const NnrtError *e);

// The accessors leave *out alone when the argument is not given.
const Value *source_argument(const SourceCall *c, const char *name);
bool text_argument(const SourceCall *c, const char *name, const char **out);
bool number_argument(const SourceCall *c, const char *name, double *out);
bool count_argument(const SourceCall *c, const char *name, int64_t *out);  // 1 to 2^31 - 1
bool flag_argument(const SourceCall *c, const char *name, bool *out);
// A text, or a list of them.
bool texts_argument(const SourceCall *c, const char *name, const char *const **out, int *count);
// [height, width]
bool size_argument(const SourceCall *c, const char *name, int64_t *height, int64_t *width);
// A path, relative to the .nn file; one that must be given.
bool path_argument(const SourceCall *c, const char *name, const char **out);
bool wanted_path(const SourceCall *c, const char *name, const char **out);

#endif
