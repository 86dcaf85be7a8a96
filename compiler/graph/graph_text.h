// graph_text.h -- words that the printer and the reader share.

#ifndef NNC_GRAPH_TEXT_H
#define NNC_GRAPH_TEXT_H

#include "graph/graph.h"

extern const char *const reduce_names[REDUCE_KIND_COUNT];
extern const char *const scalar_names[SCALAR_KIND_COUNT];
extern const char *const variable_names[VARIABLE_KIND_COUNT];

#endif
