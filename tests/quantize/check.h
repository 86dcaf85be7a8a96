// check.h -- a model in whole numbers beside itself in f32.

#ifndef NNC_TEST_QUANTIZE_CHECK_H
#define NNC_TEST_QUANTIZE_CHECK_H

#include "quantize/scene.h"

// Of signal to error: what 8 bits give is about 40 dB a layer, and a few layers lose some of it.
#define LEAST_DECIBELS 22

double decibels(const float *real, const float *whole, int64_t count);

// Near to f32; and where no layer stays real, the same bits on every engine, and no real number
// inside. `text` is for messages. Frees the scene.
void check_scene(Scene s, const char *text, int real_layers);
void check(const char *text, int real_layers);

#endif
