// fuzz_image.c -- any bytes as an image, decoded as it is, as grey and as colour.

#include "image.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { PIXELS = 1 << 16 };
    static const int channels[] = {0, 1, 3};
    for (int i = 0; i < 3; i++) {
        NnrtError e;
        NnrtTensor t;
        if (!nnrt_image_parse("t.png", bytes, size, channels[i], PIXELS, &t, &e)) {
            require_error(&e);
            continue;
        }
        require_tensor(&t);
        nnrt_tensor_free(&t);
    }
    return 0;
}
