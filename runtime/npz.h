// npz.h -- NumPy's .npz files: a zip archive of .npy files, stored or deflated.
//
// The directory says how many bytes a member has; exactly these are read, memory growing with what
// is really there, and the checksum must be right. Encrypted members and a name that is there twice
// are refused. What holds for .npy files holds for the members.

#ifndef NNRT_NPZ_H
#define NNRT_NPZ_H

#include "error.h"
#include "tensor.h"

// Reads one array of a file, or of `size` bytes that messages call `file`. `member` is the array's
// name, with or without ".npy"; NULL: the only one there is. The error for a name that is not there
// lists those that are. Limit: 16 GiB the file, and the member.
bool nnrt_npz_read(const char *file, const char *member, NnrtTensor *out, NnrtError *e);
bool nnrt_npz_parse(const char *file, const uint8_t *bytes, size_t size, const char *member,
                    NnrtTensor *out, NnrtError *e);

#endif
