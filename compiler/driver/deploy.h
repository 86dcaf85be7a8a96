// deploy.h -- a trained model made ready to be written as a C header.

#ifndef NNC_DEPLOY_H
#define NNC_DEPLOY_H

#include "codegen/c/c_header.h"
#include "driver/job.h"
#include "safetensors.h"

typedef struct Deployment {
    NnrtTensorFile weights;
    CHeader header;
    NncPurpose purpose;  // what the header computes: NNC_PREDICT, or NNC_INT8
    const Graph *whole;  // that of predict_i8, or NULL
} Deployment;

// Loads and compiles the model, reads its weights and plans its kernels for one example. False
// after a reported error; either way free it.
bool deploy_prepare(Job *j, Deployment *d);
// Whether a header with the weights may be written to `path`, which must not hold the declarations
// of an object (emit_object.c); else that is said.
bool header_writable(const Job *j, const char *path);
// Whether the file's `deploy` block allows what a header of this plan takes; else that is reported,
// with what takes most.
bool deploy_fits(Job *j, const CHeader *h);
void deploy_free(Deployment *d);

#endif
