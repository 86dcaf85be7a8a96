// oracle.h -- what a reader owes for any bytes: a correct load, or an error with a place.

#ifndef NNC_FUZZ_ORACLE_H
#define NNC_FUZZ_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "dataset.h"

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

// Every row of every field can be gathered, and class codes are below their count.
static inline void require_dataset(const NnrtDataset *d)
{
    for (int i = 0; i < d->field_count; i++) {
        const NnrtField *f = &d->fields[i];
        float *row = malloc((size_t)f->width * sizeof *row);
        require(row != NULL && f->rows == d->rows);
        for (uint32_t r = 0; r < f->rows; r++) {
            nnrt_gather(f, &r, 1, row);
            for (int64_t k = 0; f->class_count > 0 && k < f->width; k++)
                require(row[k] >= 0 && row[k] < (float)f->class_count);
        }
        free(row);
    }
}

#endif
