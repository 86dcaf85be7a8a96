// data.h -- the examples that a data block describes, fitted to the graphs' inputs.
//
//   data_load     reads the sources, holds out the shares, names classes, normalizes
//   data_examples the rows of a part, with a field for each input of a graph
//
// What does not fit is reported at its place in the data block, with both shapes.

#ifndef NNC_DATA_H
#define NNC_DATA_H

#include "feed.h"
#include "nnc.h"
#include "split.h"

typedef enum PartId { PART_TRAIN, PART_VALIDATION, PART_TEST, PART_COUNT } PartId;

typedef struct Part {
    NnrtDataset *set;      // one of Data.sets; NULL: there is no such part
    const uint32_t *rows;  // u32[count]
    int64_t count;
    Span span;  // what in the data block says so
} Part;

typedef struct Data {
    NnrtDataset sets[PART_COUNT];  // owned; read from the part's own source, or empty
    NnrtSplit splits[PART_COUNT];  // owned; of the shares held out for validation and test
    uint32_t *every[PART_COUNT];   // owned; 0 .. rows - 1 of a source
    Part parts[PART_COUNT];
} Data;

typedef struct DataRequest {
    const NncModel *model;   // with predict and evaluate compiled
    const char *model_path;  // of the .nn file, which paths are relative to
    uint64_t seed;
    bool test_only;   // read the test's source alone, if that can be: it is used with weights
    bool calibrate;   // but read the training's, too
    bool train_only;  // read no other source than the training's; shares are held out all the same
} DataRequest;

// False after a reported error; *d is then empty.
bool data_load(Data *d, const DataRequest *request);
void data_free(Data *d);

const char *part_name(PartId part);

// The part's examples as the inputs of `g` take them, the array of fields in `a`.
NnrtExamples data_examples(const Data *d, const DataRequest *r, PartId part, const Graph *g);

// At most `most` of the examples, from all over them: they may be sorted.
NnrtExamples examples_sample(Arena *a, NnrtExamples x, int64_t most);

// The field that holds a part's (first) target; NULL: it has none.
NnrtField *data_target(const Data *d, const DataRequest *r, PartId part);

// A batch, or a feed of batches, for the inputs of `g`.
bool batch_for(NnrtBatch *b, const Graph *g, int64_t capacity, NnrtError *e);
bool feed_for(NnrtFeed *f, NnrtPool *pool, const Graph *g, int64_t capacity, NnrtChange *change,
              void *self, NnrtError *e);

bool is_target(const char *input);  // "target" or "target.OUTPUT"

// How many outputs stand for the classes of a target: the last axis of the output that it belongs
// to, where it has a class code for each place of the others. 0: it holds no classes.
int64_t port_classes(const NncModel *m, const Port *target);
// Those of the first target.
int64_t class_outputs(const NncModel *m);

#endif
