// augmentation.h -- the augmentations of a data block, applied to the batches of a training.
//
//   data { augment = [flip_horizontal, shift(0.1, fill = "zero")] }
//
// Inputs that are images, [height, width] or [height, width, channels] of numbers, are changed, all
// of an example alike; with `target = input` so is the target, but for what corrupts (noise,
// cutout): that is to be undone.

#ifndef NNC_AUGMENTATION_H
#define NNC_AUGMENTATION_H

#include "augment.h"
#include "nnc.h"

typedef struct Augmentation {
    NnrtAugmenter *augmenters;  // owned; one for each input of the graph, count 0: left as it is
    bool *targets;              // owned; which of them are targets
    int input_count;
    uint64_t seed;
} Augmentation;

// Whether there is anything to change.
bool augmentation_changes(const Augmentation *a);

// For batches of `capacity` examples for the inputs of `g`. False after a reported error: a name or
// an argument that there is not, a value out of range, a model without images.
bool augmentation_new(Augmentation *a, const NncModel *m, const Graph *g, int64_t capacity,
                      uint64_t seed);
void augmentation_free(Augmentation *a);

// Changes rows lo .. hi-1 of what has been gathered for a step (from 1): an NnrtChange, of an
// Augmentation. Nothing is allocated.
void augmentation_apply(void *augmentation, uint64_t step, const uint32_t *rows, int64_t lo,
                        int64_t hi, void *const *inputs);

// Adds what there is to say about an augmentation; false: there is none of this name.
bool augmentation_doc(const char *name, Text *out);

#endif
