// fuzz_npy.c -- any bytes as a .npy file.

#include "npy.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NnrtError e;
    NnrtTensor t;
    if (!nnrt_npy_parse("t.npy", bytes, size, &t, &e)) {
        require_error(&e);
        return 0;
    }
    require_tensor(&t);
    nnrt_tensor_free(&t);
    return 0;
}
