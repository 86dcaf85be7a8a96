// sources.h -- the sources that a data block may name, read into data sets.
//
//   csv(file, target = "name", separator = ",", header = true, missing = ["NA"], drop_missing =
//   false) idx(inputs, targets)    npy(inputs, targets) fashion_mnist(part, folder) synthetic(kind,
//   examples = 1000, noise = 0.1, seed = 0)
//
// Each takes `scale`, a factor on the inputs. Paths are relative to the .nn file.

#ifndef NNC_SOURCES_H
#define NNC_SOURCES_H

#include "base/session.h"
#include "csv.h"
#include "sema/sema.h"

typedef struct SourceEnv {
    Session *session;
    Arena *arena;
    const char *folder;     // of the .nn file, "" or ending in '/'
    const char *part;       // "train", "validation" or "test": what is being read
    const NnrtTable *like;  // the training part's table, when there is one
    NnrtTable *table;       // where a csv's table is put, for the parts after it; NULL: nobody asks
    bool explicit_target;   // a target must be named: the source is one of several
} SourceEnv;

// Reads what `call` (a VALUE_CALL) says. False after a reported error, *out is then empty.
bool source_read(const SourceEnv *env, const Value *call, NnrtDataset *out);

// How other files like those of `call` are to be read: the scale of the inputs (1 unless told), and
// for a csv its separator, header and missing values.
double source_scale(const Value *call);
bool source_csv_options(const SourceEnv *env, const Value *call, NnrtCsvOptions *o);

// `path` as seen from the .nn file's folder, in `a`.
const char *path_in(Arena *a, const char *folder, const char *path);
// The folder of a path, "" or ending in '/'.
const char *folder_of(Arena *a, const char *path);

// Reports an error of the runtime at a place of the program.
void report_file_error(Session *s, Span span, const NnrtError *e);

#endif
