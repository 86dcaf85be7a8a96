// measure.c -- runs a graph on made-up data on one thread and times each of its kernels.
//
// The bound of a kernel is the longer of what its FLOP take at the measured peak and what its bytes
// take at the bandwidth of memory that is as large as they are: of the cache that they fit in. A
// kernel whose operands a neighbour has left in a nearer cache may beat the second.

#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"

// So many, unless they take longer than this.
#define RUNS 9
#define MOST_SECONDS 2.0

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// --- the machine --------------------------------------------------------------------------------

// Bytes read and written in a second by copies within a block of memory of this size.
static double bandwidth(size_t bytes)
{
    const size_t half = bytes / 2;
    char *block = malloc(bytes);
    double best = 1;
    if (!block)
        return best;
    memset(block, 1, bytes);
    for (int round = 0; round < 5; round++) {
        const int copies = 1 + (int)((4 << 20) / bytes);
        const double start = seconds();
        for (int i = 0; i < copies; i++)
            memcpy(i % 2 ? block : block + half, i % 2 ? block + half : block, half);
        const double rate = 2.0 * (double)half * copies / (seconds() - start);
        best = rate > best ? rate : best;
    }
    free(block);
    return best;
}

enum { CACHE_SIZES = 5 };

typedef struct Machine {
    double flops;               // of one core, in a second
    double bytes[CACHE_SIZES];  // in a second, of as much memory as in `sizes`
} Machine;

static const size_t sizes[CACHE_SIZES] = {32 << 10, 512 << 10, 4 << 20, 24 << 20, 128 << 20};

static Machine measure_machine(Jit *j, Arena *a, const char **error)
{
    Machine m = {.flops = jit_peak(j, a, error)};
    for (int i = 0; i < CACHE_SIZES; i++)
        m.bytes[i] = bandwidth(sizes[i]);
    return m;
}

static double bytes_per_second(const Machine *m, double bytes)
{
    int i = 0;
    while (i < CACHE_SIZES - 1 && bytes > (double)sizes[i])
        i++;
    return m->bytes[i];
}

// --- a run --------------------------------------------------------------------------------------

// Numbers in [0, 1), and indices that any class, row or letter has: 0 and 1.
static void *made_up(Arena *a, const Type *t, int64_t batch)
{
    const size_t count = (size_t)(type_elements(t) * (type_batched(t) ? batch : 1));
    uint32_t *x = arena_calloc(a, count + 1, sizeof *x);
    for (size_t i = 0; i < count; i++) {
        const uint32_t u = nnrt_random_u32(1, 0, 0, i);
        const float f = (float)(u >> 8) * 0x1p-24f;
        if (t->dtype == DTYPE_F32)
            memcpy(&x[i], &f, sizeof f);
        else
            x[i] = t->dtype == DTYPE_I32 ? u & 1 : 0;
    }
    return x;
}

static RunArgs made_up_run(Arena *a, const Graph *g, int64_t batch, void *variables)
{
    const void **inputs = arena_array(a, const void *, (size_t)g->input_count + 1);
    void **outputs = arena_array(a, void *, (size_t)g->output_count + 1);
    for (int i = 0; i < g->input_count; i++)
        inputs[i] = made_up(a, &g->inputs[i].type, batch);
    for (int i = 0; i < g->output_count; i++)
        outputs[i] = made_up(a, &g->outputs[i].node->type, batch);
    return (RunArgs){
        .inputs = inputs, .outputs = outputs, .variables = variables, .batch = batch, .seed = 1};
}

// The least of all runs, by kernel, in ticks; *scale becomes the seconds of a tick.
static uint64_t *least_ticks(Arena *a, Executable *x, RunArgs *args, int count, double *scale)
{
    const uint64_t *total = jit_cycles(x);
    uint64_t *before = arena_array(a, uint64_t, (size_t)count + 1);
    uint64_t *least = arena_array(a, uint64_t, (size_t)count + 1), sum = 0;
    const double start = seconds();
    for (int run = 0; run < RUNS && (run < 2 || seconds() - start < MOST_SECONDS); run++) {
        args->step++;
        executable_run(x, args);
        for (int i = 0; i < count; i++) {
            const uint64_t ticks = total[i] - before[i];
            least[i] = run && least[i] < ticks ? least[i] : ticks;
            before[i] = total[i];
        }
    }
    const double taken = seconds() - start;
    for (int i = 0; i < count; i++)
        sum += total[i];
    *scale = sum ? taken / (double)sum : 0;
    return least;
}

static KernelTime *time_kernels(Arena *a, Executable *x, RunArgs *args, const Machine *machine)
{
    const Plan *p = jit_plan(x);
    KernelTime *times = arena_array(a, KernelTime, (size_t)p->kernel_count + 1);
    double scale;
    const uint64_t *ticks = least_ticks(a, x, args, p->kernel_count, &scale);
    for (int i = 0; i < p->kernel_count; i++) {
        const double bytes = kernel_bytes(p, p->kernels[i], args->batch);
        times[i] = (KernelTime){
            .measured = (double)ticks[i] * scale,
            .compute = kernel_flops(p, p->kernels[i], args->batch) / machine->flops,
            .memory = bytes / bytes_per_second(machine, bytes),
        };
    }
    return times;
}

static bool run_and_print(NncModel *m, Jit *j, const Graph *g, int64_t batch, Text *out,
                          const char **error)
{
    const Machine machine = measure_machine(j, m->arena, error);
    Executable *x = *error ? NULL : jit_compile(j, m->arena, g, batch, error);
    if (!x)
        return false;
    RunArgs args = made_up_run(m->arena, g, batch, m->block);
    text_addf(out, "one core: %.3g GFLOP/s at the most", machine.flops / 1e9);
    for (int i = 0; i < CACHE_SIZES; i++)
        text_addf(out, "%s %.3g GB/s in %zu KB", i ? "," : ";", machine.bytes[i] / 1e9,
                  sizes[i] >> 10);
    text_add(out, "\n");
    plan_print(out, jit_plan(x), time_kernels(m->arena, x, &args, &machine));
    executable_free(x);
    return true;
}

bool measure_print(NncModel *m, const Graph *g, int64_t batch, Text *out, const char **error)
{
    if (!m->block && !nnc_initialize(m, 1)) {
        *error = "there is no memory for its variables";
        return false;
    }
    Jit *j = jit_open(m->arena, &(JitOptions){.profile = true}, error);
    const bool ok = j && run_and_print(m, j, g, batch, out, error);
    jit_close(j);
    return ok;
}
