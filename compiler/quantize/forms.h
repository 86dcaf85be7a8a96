// forms.h -- how the values of a graph are computed in whole numbers (inside quantize/ only).

#ifndef NNC_FORMS_H
#define NNC_FORMS_H

#include "graph/ops/ops.h"
#include "quantize/flat.h"
#include "quantize/quantize.h"

typedef enum Form {
    FORM_REAL,      // not at all
    FORM_DOOR,      // an input: real numbers are brought to whole ones
    FORM_CARRIED,   // from step to step of a scan
    FORM_STEP,      // a step of a fixed sequence
    FORM_KNOWN,     // fixed values, in a scale of their own
    FORM_MOVED,     // a view, a pad, a maximum: whole numbers of the operand's scale
    FORM_TABLE,     // a function of the elements of `root`: a table of 256 results
    FORM_ROWS,      // rows of a fixed table
    FORM_SOFTMAX,   // of `root`
    FORM_PRODUCT,   // clamp(gain * sum(root) + offset), the root a contraction with fixed weights
    FORM_PAIRED,    // the same, the root a contraction of two values
    FORM_SUM,       // the same, the root a sum along axes
    FORM_TOGETHER,  // the same, the root a sum or a difference of two values
    FORM_GATED,     // the same, the root a product of two values
    FORM_QUOTIENT,  // the same, the root a quotient of two values
    FORM_CHOSEN,    // the same, the root one of two values by a condition, or the larger or smaller
    FORM_STANDARD,  // the same, the root divided by the root of its mean square
    FORM_SCALED,    // the same, the root a value itself
    FORM_COUNT
} Form;

enum { MOST_OPERANDS = 6 };

// What a node is made of. From `node` lead clamps by constants to `top`, and from there additions
// and multiplications by fixed values to `root`.
typedef struct Step {
    Form form;
    Node *top, *root;
    double low, high;               // of the clamps
    Node *operands[MOST_OPERANDS];  // whole numbers
    int operand_count;
    int weights;         // PRODUCT: which input of the root is fixed
    Node *quotient;      // STANDARD: on the way to the root, where it is divided
    int quotient_input;  // which input of that is on the way
    Node *beside;        // a fixed value by which it is multiplied there; NULL: none
    const Node *mask;    // SOFTMAX: the where that hides places of the root; NULL: none
} Step;

typedef struct Facts {
    bool *fixed;   // by id: depends on constants and variables alone
    bool *kept;    // by id: fixed, and each example has the same elements
    Node **point;  // by id: the value of whose elements alone it is a function; else itself
    const Flat *flat;
} Facts;

Facts facts_of(Arena *a, const Flat *flat);
// How `n` may be computed when its operands are whole numbers.
Step form_of(const Facts *f, Node *n);

// By id: whether a value takes 16 bits (wide.c).
bool *wide_values(const QuantizePlan *p);

// Whether a condition compares whole numbers that were so before: classes, places.
bool compares_whole(const Node *n);

// The next node on the way from the top of a step to its root: which input of `n` it is.
int input_towards_root(const Facts *f, const Step *s, const Node *n);

// Of an operation by a fixed value: which input is not; -1: it is none.
int moving_input(const Facts *f, const Node *n);

#endif
