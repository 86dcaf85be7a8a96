// machine.c -- the peaks of one core: multiply-adds, and bytes at each level of memory.
//
// Caches are measured as what they do for blocks of growing size, each with the fastest of several
// ways to read and to write it: bounds that are made of these have to be such that nothing is
// faster. All rounds come before the next way, so that another program's work disturbs one at most.

#include "machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE_LINE 64  // vectors that lie across two take longer
#define ROUNDS 5
#define ROUND_BYTES (2 << 20)  // at the least: long enough for the clock

// Caches of processors and what lies between them.
const size_t machine_sizes[MEMORY_SIZES] = {16 << 10,  32 << 10,  64 << 10, 128 << 10,
                                            256 << 10, 512 << 10, 1 << 20,  2 << 20,
                                            8 << 20,   16 << 20,  32 << 20, 64 << 20};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// --- memory -------------------------------------------------------------------------------------

// One pass over a block; the bytes read and written.
typedef double (*Way)(const JitProbes *p, float *block, size_t bytes);

static double read_all(const JitProbes *p, float *block, size_t bytes)
{
    volatile float kept = p->sum(block, (int64_t)(bytes / sizeof(float)));
    (void)kept;
    return (double)bytes;
}

static double add_half(const JitProbes *p, float *block, size_t bytes)
{
    const size_t half = bytes / 2 / sizeof(float);
    p->add(block, block + half, (int64_t)half);
    return 1.5 * (double)bytes;
}

static double update_all(const JitProbes *p, float *block, size_t bytes)
{
    p->add(block, block, (int64_t)(bytes / sizeof(float)));
    return 2 * (double)bytes;
}

static double copy_half(const JitProbes *p, float *block, size_t bytes)
{
    (void)p;
    memcpy(block, (char *)block + bytes / 2, bytes / 2);
    return (double)bytes;
}

static double fill(const JitProbes *p, float *block, size_t bytes)
{
    (void)p;
    memset(block, 0, bytes);
    return (double)bytes;
}

static double rate(Way way, const JitProbes *p, float *block, size_t bytes)
{
    const int passes = 1 + (int)(ROUND_BYTES / bytes);
    double moved = 0;
    const double start = seconds();
    for (int i = 0; i < passes; i++)
        moved += way(p, block, bytes);
    return moved / (seconds() - start);
}

static double bandwidth(const JitProbes *p, float *block, size_t bytes)
{
    static const Way ways[] = {fill, read_all, add_half, update_all, copy_half};
    double best = 1;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (int round = 0; round < ROUNDS; round++) {
            const double r = rate(ways[w], p, block, bytes);
            best = r > best ? r : best;
        }
    return best;
}

static bool measure_memory(Machine *m, const JitProbes *p, const char **error)
{
    float *block = aligned_alloc(CACHE_LINE, machine_sizes[MEMORY_SIZES - 1]);
    if (!block) {
        *error = "there is no memory to measure";
        return false;
    }
    const double start = seconds();
    const uint64_t ticks = p->ticks();
    for (int i = 0; i < MEMORY_SIZES; i++)
        m->bytes[i] = fmax(m->bytes[i], bandwidth(p, block, machine_sizes[i]));
    for (int i = MEMORY_SIZES - 1; i > 0; i--)  // what is nearer is no slower
        m->bytes[i - 1] = fmax(m->bytes[i - 1], m->bytes[i]);
    m->tick = (seconds() - start) / (double)(p->ticks() - ticks);
    free(block);
    return true;
}

bool machine_measure(Machine *m, Jit *j, Arena *a, const char **error)
{
    JitProbes probes;
    if (!jit_probes(j, a, &probes, error))
        return false;
    m->flops = fmax(m->flops, probes.flops);
    return measure_memory(m, &probes, error);
}

// Of a block that is larger than a cache as much as fits can still be in it.
double machine_seconds(const Machine *m, KernelBytes bytes)
{
    double taken = 0, nearer = 0;
    for (int i = 0; i < MEMORY_SIZES && nearer < bytes.footprint; i++) {
        const bool last = i == MEMORY_SIZES - 1;
        const double size = last ? bytes.footprint : (double)machine_sizes[i];
        const double here = (size < bytes.footprint ? size : bytes.footprint) - nearer;
        taken += here / m->bytes[i];
        nearer += here;
    }
    return bytes.footprint > 0 ? taken * bytes.moved / bytes.footprint : 0;
}
