// quantize.h -- --quantize int8: from weights and data to a model of whole numbers.

#ifndef NNC_DRIVER_QUANTIZE_H
#define NNC_DRIVER_QUANTIZE_H

#include "driver/job.h"
#include "safetensors.h"

// Whether what the file says of quantization is right; else that is reported.
bool quantize_check(Job *j);

// Quantizes the model by the training data, which has been read; predictions come from it then.
// False after a reported error.
bool job_quantize(Job *j, const NnrtTensorFile *file);

// The same for a command that has not read the data. Evaluate must have been compiled.
bool job_quantize_alone(Job *j, const NnrtTensorFile *file);

// Prints what was lost, on a part of the data: accuracy or mean squared error, bytes, and the
// error of every value.
bool quantize_report(Job *j, PartId part);

#endif
