// fuzz_cifar10.c -- any bytes as a batch of CIFAR-10.

#include "cifar10.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NnrtError e;
    NnrtDataset d;
    if (!nnrt_cifar10_parse("t.bin", bytes, size, &d, &e)) {
        require_error(&e);
        return 0;
    }
    require_dataset(&d);
    nnrt_dataset_free(&d);
    return 0;
}
