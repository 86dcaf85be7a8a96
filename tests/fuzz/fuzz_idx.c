// fuzz_idx.c -- any bytes as a .idx file.

#include "idx.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NnrtError e;
    NnrtTensor t;
    if (!nnrt_idx_parse("t.idx", bytes, size, &t, &e)) {
        require_error(&e);
        return 0;
    }
    require_tensor(&t);
    nnrt_tensor_free(&t);
    return 0;
}
