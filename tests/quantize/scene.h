// scene.h -- a model from its text, with its initial weights, and examples for it.

#ifndef NNC_TEST_QUANTIZE_SCENE_H
#define NNC_TEST_QUANTIZE_SCENE_H

#include "nnc.h"

#define SCENE_BATCH 16

typedef struct Scene {
    NncModel m;
    const void **inputs;  // of predict, SCENE_BATCH examples
    bool fed;             // in this round of calibration
} Scene;

// `text`: an input and layers, between "model m {" and "}". Predict is compiled, the block made.
Scene scene_new(const char *text);
// The same of a file in examples/.
Scene scene_load(const char *example);
void scene_free(Scene *s);

// A parameter's numbers, by its path.
float *scene_weights(const Scene *s, const char *path, int64_t *count);

// False after a report, which is in the session's diagnostics.
bool scene_quantize(Scene *s, Calibration method);
NncCalibration scene_calibration(Scene *s, Calibration method);

// The outputs of a graph: of predict (in f32) or int8.
float *scene_run(Scene *s, NncPurpose purpose);
// By the interpreter, or by the JIT at a vector width.
float *scene_run_by(Scene *s, const Graph *g, int vector_width);
int64_t scene_output_count(const Scene *s);

#endif
