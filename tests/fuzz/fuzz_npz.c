// fuzz_npz.c -- any bytes as a .npz file.

#include "npz.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const members[] = {NULL, "x"};
    for (int i = 0; i < 2; i++) {
        NnrtError e;
        NnrtTensor t;
        if (!nnrt_npz_parse("t.npz", bytes, size, members[i], &t, &e)) {
            require_error(&e);
            continue;
        }
        require_tensor(&t);
        nnrt_tensor_free(&t);
    }
    return 0;
}
