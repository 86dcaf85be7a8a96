// made_up.h -- inputs for a model whose data nobody has at hand.

#ifndef NNC_MADE_UP_H
#define NNC_MADE_UP_H

#include "driver/job.h"

// By input, `examples` of each as they would come: numbers around 0 as large as their scale, and
// small indices. They follow from the seed.
void **made_up_inputs(const Job *j, NncPurpose purpose, int64_t examples);

#endif
