// quantize.h -- from a trained predict graph to one that computes in whole numbers.
//
// A quantized value is an i8 tensor q with a scale and a zero point, real = scale * (q - zero).
// Weights have a scale for each channel of the result and zero 0; all other values have one scale
// each, and a range that holds 0, so that padding is exact. Sums are i32, and brought to the scale
// of the result by a fixed-point multiplier (OP_requantize), as in Jacob et al. 2018, CVPR.
//
// What a scan adds up step by step is wide: an i32 of 16 bits with zero 0 (wide.c).
//
//   quantize_plan     which values become i8; what cannot stays f32
//   quantize_build    the integer graph, its weights and tables, from the ranges of those values
//
// In between the caller runs the plan's watch graph over examples and notes the ranges (range.h).

#ifndef NNC_QUANTIZE_H
#define NNC_QUANTIZE_H

#include "graph/graph.h"
#include "quantize/range.h"

// A value that is i8 in the integer graph; i32 of 16 bits where it is wide.
typedef struct QuantizedValue {
    const Node *real;  // in the plan's graph
    bool ranged;       // it has a range of its own: that of others follows from theirs
    int output;        // of the watch graphs; -1: views and the like are not worth watching
    int low, high;     // variables in which a training has left the range; -1: none
    bool wide;
    Range range;  // to be set before quantize_build, where it is ranged
    Range ends;   // likewise: all that it was, for what is wide and softmax
    Node *whole;  // in the integer graph
    Scale scale;
    Node *narrowed;  // what is wide as i8, where that is wanted
    Scale narrow;    // the scale of i8, wide or not
} QuantizedValue;

// Of a value as i8.
static inline Scale narrow_scale(const QuantizedValue *v)
{
    return v->wide ? v->narrow : v->scale;
}

// Of a value: which input of the model it is; -1: none.
static inline int quantized_input(const QuantizedValue *v)
{
    return v->real->op == OP_input ? v->real->attr.index : -1;
}

// A layer with operations that stay f32.
typedef struct RealLayer {
    Name path;
    bool formless;  // one of them has no form in whole numbers; else it is not worth it
    bool computes;  // one of them does more than move values
} RealLayer;

typedef struct QuantizePlan {
    Arena *arena;
    const Graph *graph;  // predict, the bodies of its scans among its nodes
    struct Flat *flat;
    Graph *watch;  // the predict graph with the quantized values as its outputs
    QuantizedValue *values;
    int value_count;
    RealLayer *real_layers;  // each once
    int real_count;
    struct Step *steps;  // by node id: how it is computed in whole numbers
    bool *need_real;     // by node id: its value is wanted as it was
} QuantizePlan;

// A variable that the integer graph reads, and its value. The names end in ".int8" and the like.
typedef struct QuantizedVariable {
    int variable;
    void *data;
} QuantizedVariable;

typedef struct Quantized {
    Graph *graph;  // same inputs and outputs as predict
    Graph *watch;  // the same with the values of the plan as its outputs, i8
    QuantizedVariable *variables;
    int variable_count, variable_capacity;
    size_t bytes_before, bytes_after;  // of the variables that the two graphs read
} Quantized;

// The plan for `predict`, which has been through the passes.
QuantizePlan *quantize_plan(Arena *a, const Graph *predict);

// `block` holds the variables of the predict graph. False with the reason in *why when a weight or
// a range is no finite number.
bool quantize_build(QuantizePlan *p, void *block, Quantized *out, const char **why);

// An input or output of the core.
typedef struct QuantizedEnd {
    bool whole;  // i8, in this scale; else as it was
    Scale scale;
} QuantizedEnd;

// `g`, the integer graph, with inputs and outputs of i8.
typedef struct QuantizedCore {
    Graph *graph;
    QuantizedEnd *inputs, *outputs;
} QuantizedCore;

// False: an input is read, or an output made, by a layer that stays f32.
bool quantize_core(const QuantizePlan *p, const Graph *g, QuantizedCore *core);

#endif
