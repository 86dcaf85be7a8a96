// culprit.h -- the first number of the data that is not finite: what a loss is no number for.

#ifndef NNC_CULPRIT_H
#define NNC_CULPRIT_H

#include "driver/job.h"

typedef struct Culprit {
    const NnrtField *field;  // NULL: there is none
    int64_t row, element;
} Culprit;

// Looks through examples as the inputs of `g` take them.
Culprit culprit_find(const Graph *g, const NnrtExamples *x);

// Reports it as `code`, of a part of the data.
Diag *culprit_report(const Job *j, DiagCode code, PartId part, const Culprit *c);

#endif
