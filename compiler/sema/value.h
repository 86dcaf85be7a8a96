// value.h -- what an expression is worth while a program is expanded: a number, a list, a tensor.

#ifndef NNC_VALUE_H
#define NNC_VALUE_H

#include "graph/graph.h"
#include "syntax/tree.h"

typedef enum ValueKind {
    VALUE_NONE,
    VALUE_INT,
    VALUE_REAL,
    VALUE_BOOL,
    VALUE_STRING,
    VALUE_LIST,  // of values; elements may carry a name: [a: x]
    VALUE_TUPLE,
    VALUE_RANGE,       // lo .. hi, hi not included
    VALUE_TENSOR,      // a node of the graph being built
    VALUE_TARGET,      // the target before its first use tells its type (see sema.h)
    VALUE_DEFINITION,  // a definition by name, as in init = he_normal
    VALUE_CALL,        // a definition or data source with arguments, as in adam(learning_rate = 1)
    VALUE_INSTANCE,    // a layer instance whose parameters are shared by its calls
    VALUE_SHAPE,       // the shape that an initializer is given
    VALUE_POISON,      // what a reported mistake left: using it is no second mistake
    VALUE_KIND_COUNT
} ValueKind;

typedef struct Value Value;

typedef struct NamedValue {
    Name name;  // NULL: positional
    Value *value;
    Span span;
} NamedValue;

struct Value {
    ValueKind kind;
    Span span;           // of the expression that made it
    int64_t integer;     // INT; RANGE: lo
    int64_t end;         // RANGE: hi
    double real;         // REAL
    bool boolean;        // BOOL
    const char *string;  // STRING
    Node *node;          // TENSOR
    Value *last;         // TENSOR: its last step, of what a scan yields; else NULL
    NamedValue *items;   // LIST, TUPLE; CALL: the arguments as written
    int count;
    Name name;                  // DEFINITION, CALL: what is named; TARGET: the input it becomes
    const Item *definition;     // DEFINITION, CALL: NULL for a data source
    bool library;               // DEFINITION, CALL: named by code of the library
    struct Instance *instance;  // INSTANCE
    Type shape;                 // SHAPE; TARGET: of the output it is compared with
};

#endif
