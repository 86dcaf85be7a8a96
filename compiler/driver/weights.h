// weights.h -- MODEL.safetensors: parameters and states by path, and what a user of them needs.
//
// Metadata: nnc (version), model (name), model_hash, seed (of the data's shares too), classes,
// columns (of a csv), normalization (mean and std of each input): the last three are JSON.

#ifndef NNC_WEIGHTS_H
#define NNC_WEIGHTS_H

#include "driver/job.h"
#include "safetensors.h"

// Writes the model's variables; false after saying why. The file stays as it was then.
bool weights_save(Job *j, const char *path);

// What their data takes in that file.
size_t weights_bytes(const Job *j);

// Reads `path` (NULL: job_weights_path) into the model's block, which is made. Names and shapes
// must be the model's; all that differ are reported. *file stays for its metadata: free it.
bool weights_load(Job *j, const char *path, NnrtTensorFile *file);

// The two halves of it: the file, which may be asked for its metadata before the graphs are
// compiled, and the block.
bool weights_read(Job *j, const char *path, NnrtTensorFile *file);
bool weights_apply(Job *j, const char *path, const NnrtTensorFile *file);

// Reports what is no finite number in the block: an error where a model is deployed, which makes it
// false, else a warning. weights_apply has done so for what the file holds.
bool weights_finite(Job *j, const char *path);

// Copies what fits of `path` over the block's first values, for a training that goes on from there;
// says what began anew. False after a report: nothing fits, or a frozen parameter is not there.
bool weights_start(Job *j, const char *path);

// The seed that the weights were trained with; `otherwise` when they do not say.
uint64_t weights_seed(const NnrtTensorFile *file, uint64_t otherwise);

// Applies the normalization to a set's field for an input; true when there is none for it.
bool weights_normalize(Job *j, const NnrtTensorFile *file, const char *input, NnrtField *field);

// The statistics by which an input is normalized, in the model's arena, and how many; 0: by none,
// or by such as are not whole.
int64_t weights_statistics(Job *j, const NnrtTensorFile *file, const char *input,
                           const float **mean, const float **std);

// A list of texts in the metadata, in the model's arena; NULL: it is not there.
const char *const *weights_texts(Job *j, const NnrtTensorFile *file, const char *key, int *count);

#endif
