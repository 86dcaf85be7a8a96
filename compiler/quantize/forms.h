// forms.h -- how the values of a graph are computed in whole numbers (inside quantize/ only).

#ifndef NNC_FORMS_H
#define NNC_FORMS_H

#include "graph/ops/ops.h"
#include "quantize/quantize.h"

typedef enum Form {
    FORM_REAL,      // not at all
    FORM_DOOR,      // an input: real numbers are brought to whole ones
    FORM_MOVED,     // a view, a pad, a maximum: whole numbers of the operand's scale
    FORM_TABLE,     // a function of the elements of `root`: a table of 256 results
    FORM_ROWS,      // rows of a fixed table
    FORM_SOFTMAX,   // of `root`
    FORM_PRODUCT,   // clamp(gain * sum(root) + offset), the root a contraction with fixed weights
    FORM_PAIRED,    // the same, the root a contraction of two values
    FORM_SUM,       // the same, the root a sum along axes
    FORM_TOGETHER,  // the same, the root a sum or a difference of two values
    FORM_GATED,     // the same, the root a product of two values
    FORM_SCALED,    // the same, the root a value itself
    FORM_COUNT
} Form;

// What a node is made of. From `node` lead clamps by constants to `top`, and from there additions
// and multiplications by fixed values to `root`.
typedef struct Step {
    Form form;
    Node *top, *root;
    double low, high;   // of the clamps
    Node *operands[2];  // whole numbers
    int operand_count;
    int weights;  // PRODUCT: which input of the root is fixed
} Step;

typedef struct Facts {
    bool *fixed;   // by id: depends on constants and variables alone
    Node **point;  // by id: the value of whose elements alone it is a function; else itself
} Facts;

Facts facts_of(Arena *a, const Graph *g);
// How `n` may be computed when its operands are whole numbers.
Step form_of(const Facts *f, Node *n);

// Of an operation by a fixed value: which input is not; -1: it is none.
int moving_input(const Facts *f, const Node *n);

#endif
