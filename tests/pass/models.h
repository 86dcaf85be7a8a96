// models.h -- small forward graphs, as the front end makes them, for the tests of passes.

#ifndef NNC_TEST_MODELS_H
#define NNC_TEST_MODELS_H

// Two dense layers, relu between, softmax, cross entropy with a class as the target, averaged over
// the batch. Variables w1, b1, w2, b2; inputs x, target; output loss.
extern const char model_softmax[];

// One dense layer, batch norm over the batch, tanh, one dense unit, sigmoid, binary cross entropy.
// Variables w, gamma, beta, v; inputs x, target; output loss.
extern const char model_batchnorm[];

// A dense layer and a batch norm as predict has it. Variables w, b, gamma, beta, mean, var; input
// x; output y.
extern const char model_predict[];

// Convolutions of scaled and shifted values, padded and not. Variables w, scale, shift, along;
// input x; outputs scaled, affine, padded, varying.
extern const char model_read[];

#endif
