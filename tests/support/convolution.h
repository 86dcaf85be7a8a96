// convolution.h -- convolutions as the library writes them, of windows and contractions, and as
// loops; many of them.

#ifndef NNC_TEST_CONVOLUTION_H
#define NNC_TEST_CONVOLUTION_H

#include "graph/graph.h"

// Numbers by axis, of which there are one or two; where there is one the other's are 1 or 0.
typedef struct Convolution {
    const char *name;
    int axes;
    int size[2], kernel[2], stride[2], dilation[2];
    int groups, channels, filters;  // the latter two of each group
    bool same;                      // padded so that the result has ceil(size / stride) positions
    bool transposed;                // size is that of the smaller side
} Convolution;

extern const Convolution convolutions[];
extern const int convolution_count;

// x: f32[batch, size..., groups * channels], w: f32[kernel..., groups, channels, filters]
Type convolution_input(const Convolution *c);
Type convolution_weights(const Convolution *c);

// f32[batch, positions..., groups * filters]
Node *build_convolution(Builder *b, const Convolution *c, Node *x, Node *w);

// The same, by the definition of a convolution.
double *naive_convolution(Arena *a, const Convolution *c, int64_t batch, const double *x,
                          const double *w);

#endif
