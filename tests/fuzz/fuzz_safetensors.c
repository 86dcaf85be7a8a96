// fuzz_safetensors.c -- any bytes as weights.

#include "oracle.h"
#include "safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    NnrtError e;
    NnrtTensorFile f;
    if (!nnrt_safetensors_parse("w.safetensors", bytes, size, &f, &e)) {
        require_error(&e);
        return 0;
    }
    size_t data = 0;
    for (int i = 0; i < f.tensor_count; i++) {
        require_tensor(&f.tensors[i]);
        require(nnrt_safetensors_find(&f, f.tensors[i].name) == &f.tensors[i]);
        data += nnrt_tensor_bytes(&f.tensors[i]);
    }
    require(data <= size);
    nnrt_safetensors_free(&f);
    return 0;
}
