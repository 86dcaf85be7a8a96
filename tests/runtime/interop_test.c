// interop_test.c -- `interop_test write DIR` writes what interop.py reads with the libraries that
// own the formats; `interop_test read DIR` reads what it wrote with them.

#include <stdio.h>
#include <string.h>

#include "npy.h"
#include "safetensors.h"

static float weights[6] = {1, -2, 3.5f, 4, 5, 6};
static int32_t step[1] = {42};
static double moments[2] = {0.1, 1e300};
static char path[512];

static const char *in(const char *dir, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool write_all(const char *dir, NnrtError *e)
{
    NnrtTensor tensors[] = {
        {.name = (char[]){"w"}, .dtype = NNRT_F32, .rank = 2, .dims = {2, 3}, .data = weights},
        {.name = (char[]){"step"}, .dtype = NNRT_I32, .data = step},
        {.name = (char[]){"m"}, .dtype = NNRT_F64, .rank = 1, .dims = {2}, .data = moments},
    };
    NnrtMeta meta[] = {{(char[]){"classes"}, (char[]){"caf\xC3\xA9 \"quoted\"\n"}}};
    return nnrt_safetensors_write(in(dir, "c.safetensors"), &(NnrtTensorFile){tensors, 3, meta, 1},
                                  e) &&
           nnrt_npy_write(in(dir, "c.npy"), &tensors[0], e);
}

static bool same(const NnrtTensor *t, NnrtDtype dtype, int rank, const void *data, size_t bytes)
{
    return t && t->dtype == dtype && t->rank == rank && nnrt_tensor_bytes(t) == bytes &&
           memcmp(t->data, data, bytes) == 0;
}

static bool read_all(const char *dir, NnrtError *e)
{
    NnrtTensorFile f;
    NnrtTensor t;
    if (!nnrt_safetensors_read(in(dir, "p.safetensors"), &f, e) ||
        !nnrt_npy_read(in(dir, "p.npy"), &t, e))
        return false;
    const char *value = nnrt_safetensors_meta(&f, "classes");
    const bool ok = same(nnrt_safetensors_find(&f, "w"), NNRT_F32, 2, weights, sizeof weights) &&
                    same(nnrt_safetensors_find(&f, "step"), NNRT_I32, 0, step, sizeof step) &&
                    same(nnrt_safetensors_find(&f, "m"), NNRT_F64, 1, moments, sizeof moments) &&
                    same(&t, NNRT_F64, 1, moments, sizeof moments) && value &&
                    strcmp(value, "caf\xC3\xA9") == 0;
    nnrt_safetensors_free(&f);
    nnrt_tensor_free(&t);
    return ok || nnrt_fail(e, "what Python wrote is read as something else");
}

int main(int argc, char **argv)
{
    NnrtError e;
    const bool ok = argc == 3 && (strcmp(argv[1], "write") == 0 ? write_all(argv[2], &e)
                                                                : read_all(argv[2], &e));
    if (!ok)
        fprintf(stderr, "%s\n", argc == 3 ? e.message : "usage: interop_test write|read DIR");
    return ok ? 0 : 1;
}
