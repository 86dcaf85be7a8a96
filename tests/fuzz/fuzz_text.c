// fuzz_text.c -- any bytes as a text; the first two say how long its windows are.

#include "oracle.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    NnrtError e;
    NnrtDataset d;
    const NnrtTextOptions o = {.length = bytes[0] % 16, .stride = bytes[1] % 16};
    if (!nnrt_text_parse("t.txt", (const char *)bytes + 2, size - 2, &o, &d, NULL, &e)) {
        require_error(&e);
        return 0;
    }
    require_dataset(&d);
    nnrt_dataset_free(&d);
    return 0;
}
