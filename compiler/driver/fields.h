// fields.h -- which field of the data an input of a graph reads, and whether it can.

#ifndef NNC_FIELDS_H
#define NNC_FIELDS_H

#include "driver/data.h"

typedef struct FieldsEnv {
    Session *session;
    Arena *arena;
    const NncModel *model;
    const DataSpec *spec;
} FieldsEnv;

// By name; "input" serves a model's only input, "target.OUTPUT" may be a field OUTPUT, and with
// `target = input` the target is the input. NULL: the data has none.
NnrtField *fields_find(const FieldsEnv *env, const NnrtDataset *set, const Port *input);

// Checks the fields of `set`, the data of `part`, against the inputs of `g`, targets among them;
// makes class codes where a target wants them, with their names. False after a reported error.
bool fields_fit(const FieldsEnv *env, const Graph *g, NnrtDataset *set, const char *part,
                Span span);

bool fields_is_standard(const Value *normalize);

// Normalizes the model's inputs by the statistics of `rows`, and another set's as the first's.
bool fields_standardize(const FieldsEnv *env, NnrtDataset *set, const uint32_t *rows, int64_t count,
                        Span span);
bool fields_copy_normalization(const FieldsEnv *env, const NnrtDataset *from, NnrtDataset *to);

#endif
