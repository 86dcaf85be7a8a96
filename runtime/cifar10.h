// cifar10.h -- the binary batches of CIFAR-10 (Krizhevsky 2009).
//
//   record: label u8 (0 to 9) | red u8[32, 32] | green u8[32, 32] | blue u8[32, 32]
//
// A file is 3073-byte records and nothing else. Planes become pixels: [3, 32, 32] is kept as
// u8[32, 32, 3]. Limit: 1 GiB a file (a published batch has 30,730,000 bytes).

#ifndef NNRT_CIFAR10_H
#define NNRT_CIFAR10_H

#include "dataset.h"

// Reads the files one after the other, or `size` bytes that messages call `file`, into fields
// "input", u8[32, 32, 3], and "target", class codes with the published names.
bool nnrt_cifar10_read(const char *const *files, int count, NnrtDataset *out, NnrtError *e);
bool nnrt_cifar10_parse(const char *file, const uint8_t *bytes, size_t size, NnrtDataset *out,
                        NnrtError *e);

#endif
