// measure.c -- runs a graph on made-up data on one thread and times each of its kernels.
//
// The bound of a kernel is the longer of what its FLOP take at the measured peak and what its bytes
// take where they can be at best: in the nearest caches, left there by a neighbour (machine.c).

#include "measure.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "machine.h"
#include "random.h"

// So many, unless they take longer than this.
#define RUNS 9
#define MOST_SECONDS 2.0
// Reading the counter and what the processor does meanwhile are a good part of less.
#define LEAST_SECONDS 5e-8

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

// The least of all runs, by kernel.
static uint64_t *least_ticks(Arena *a, Executable *x, RunArgs *args, int count)
{
    const uint64_t *total = jit_cycles(x);
    uint64_t *before = arena_array(a, uint64_t, (size_t)count + 1);
    uint64_t *least = arena_array(a, uint64_t, (size_t)count + 1);
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
    return least;
}

// Products of whole numbers are not bound by the peak of f32, for several go into one lane; their
// bytes alone would be a bound that says nothing.
static double flop_seconds(const Kernel *k, int64_t batch, const Machine *machine)
{
    const bool whole = k->kind == KERNEL_CONTRACT && k->node->type.dtype != DTYPE_F32;
    return whole ? NAN : kernel_flops(k, batch) / machine->flops;
}

static KernelTime *time_kernels(Arena *a, const Plan *p, const uint64_t *ticks, int64_t batch,
                                const Machine *machine)
{
    KernelTime *times = arena_array(a, KernelTime, (size_t)p->kernel_count + 1);
    for (int i = 0; i < p->kernel_count; i++) {
        const double taken = (double)ticks[i] * machine->tick;
        times[i] = (KernelTime){
            .measured = taken < LEAST_SECONDS ? 0 : taken,
            .compute = flop_seconds(p->kernels[i], batch, machine),
            .memory = machine_seconds(machine, kernel_bytes(p, p->kernels[i], batch)),
        };
    }
    return times;
}

static void print_machine(Text *out, const Machine *m)
{
    text_addf(out, "one core: at most %.3g GFLOP/s; GB/s in", m->flops / 1e9);
    for (int i = 0; i < MEMORY_SIZES; i++) {
        const size_t kb = machine_sizes[i] >> 10;
        text_addf(out, "%s %zu %s: %.3g", i ? "," : "", kb < 1024 ? kb : kb >> 10,
                  kb < 1024 ? "KB" : "MB", m->bytes[i] / 1e9);
    }
    text_add(out, "\n");
}

// The machine is measured before and after the kernels.
static bool run_and_print(NncModel *m, Jit *j, const Graph *g, int64_t batch, Text *out,
                          const char **error)
{
    Machine machine = {0};
    const bool measured = machine_measure(&machine, j, m->arena, error);
    Executable *x = measured ? jit_compile(j, m->arena, g, batch, error) : NULL;
    if (!x)
        return false;
    const Plan *p = jit_plan(x);
    RunArgs args = made_up_run(m->arena, g, batch, m->block);
    const uint64_t *ticks = least_ticks(m->arena, x, &args, p->kernel_count);
    const bool ok = machine_measure(&machine, j, m->arena, error);
    if (ok) {
        print_machine(out, &machine);
        plan_print(out, p, time_kernels(m->arena, p, ticks, batch, &machine));
    }
    executable_free(x);
    return ok;
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
