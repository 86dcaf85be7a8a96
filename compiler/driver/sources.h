// sources.h -- the sources that a data block may name, read into data sets.
//
//   csv(file, target = "name", separator = ",", header = true, missing = ["NA"],
//       drop_missing = false)
//   idx(inputs, targets)    npy(inputs, targets)    npz(file, input = "x", target = "y")
//   cifar10(files..., folder = ".")    images(folder, size = [h, w], channels = 3)
//   text(file, length = 64, stride = length)
//   fashion_mnist(part, folder)    synthetic(kind, examples = 1000, noise = 0.1, seed = 0)
//
// Those of inputs as numbers take `scale`, a factor on them; those of files take `from`, where they
// are published: a text for the message when they are not there. Paths are relative to the .nn
// file. What the training part says (categories, classes, characters) holds for the parts after it.

#ifndef NNC_SOURCES_H
#define NNC_SOURCES_H

#include "base/session.h"
#include "csv.h"
#include "nnc.h"
#include "text.h"

// What a text leaves for the parts after it.
typedef struct SourceText {
    NnrtAlphabet alphabet;  // owned; count 0: no text has been read
    int64_t gap;            // examples between two that share no character which is predicted
} SourceText;

typedef struct SourceEnv {
    const NncModel *model;     // whose shapes made-up examples have
    const NnrtDataset *train;  // the training part; NULL: not read, or this is it
    SourceText *text;          // of the text before, and of this one; NULL: one of several sources

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

// Adds what there is to say about a kind of source; false: there is none of this name.
bool source_doc(const char *name, Text *out);

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
