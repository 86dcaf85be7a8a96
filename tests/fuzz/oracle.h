// oracle.h -- what a reader owes for any bytes: a correct load, or an error with a place.

#ifndef NNC_FUZZ_ORACLE_H
#define NNC_FUZZ_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline void require(bool condition)
{
    if (!condition)
        abort();
}

static inline void require_error(const NnrtError *e)
{
    require(e->message[0] != '\0' && e->message[sizeof e->message - 1] == '\0');
    require(e->file[0] != '\0');
}

// Every byte that the shape promises is there: AddressSanitizer sees the read.
static inline void require_tensor(const NnrtTensor *t)
{
    const size_t bytes = nnrt_tensor_bytes(t);
    uint8_t *copy = malloc(bytes + 1);
    require(copy != NULL);
    memcpy(copy, t->data, bytes);
    free(copy);
}

#endif
